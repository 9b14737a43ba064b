#include "agent/update/probe_verdict.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "storage/trust/release_suite.h"

namespace linnet::update {
namespace {

// Of a suite, as the probe says it; nothing where it says nothing.
struct Score {
  uint64_t passed = 0, cases = 0;
};
Score ScoreOf(const nlohmann::json& said) {
  const auto suite = said.find("suite");
  if (suite == said.end() || !suite->is_object()) return {};
  const auto count = [&](const char* name) {
    const auto it = suite->find(name);
    return it != suite->end() && it->is_number_unsigned() ? it->get<uint64_t>() : uint64_t{0};
  };
  return {count("passed"), count("cases")};
}

std::string Percent(uint32_t ppm) { return absl::StrCat(static_cast<double>(ppm) / 10'000, " %"); }

}  // namespace

absl::Status JudgeProbe(std::string_view json, const repo::UpdateAttempt& attempt) {
  const nlohmann::json said = nlohmann::json::parse(json, nullptr, false);
  const bool ok =
      said.is_object() && said.contains("ok") && said["ok"].is_boolean() && said["ok"].get<bool>();
  if (!ok) {
    return absl::FailedPreconditionError(
        absl::StrCat(attempt.model_target, ": the self-check did not say \"ok\""));
  }
  if (attempt.suite_json.empty()) return absl::OkStatus();
  const Score score = ScoreOf(said);
  const trust::SuiteRule rule{.sha256 = "", .least_ppm = attempt.suite_least_ppm};
  if (rule.Passes(score.passed, score.cases)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(attempt.model_target, ": ", score.passed, " of ",
                                                    score.cases, " answers are what its suite expects; ",
                                                    Percent(rule.least_ppm), " must be"));
}

}  // namespace linnet::update
