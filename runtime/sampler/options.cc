#include "runtime/sampler/options.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status_macros.h"

namespace linnet::sampler {
namespace {

constexpr size_t kMaxBreakers = 64;
constexpr size_t kMaxBreakerBytes = 40;  // as llama.cpp
constexpr size_t kMaxBiases = 4096;

// By the numbers of Stage.
constexpr std::array<std::string_view, 9> kNames = {
    "penalties", "dry", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "xtc", "temperature"};

struct Range {
  const char* name;
  float value;
  float least, most;
};

// What is a closed range of numbers. Written so that a NaN fails.
absl::Status CheckRanges(const SamplingOptions& o) {
  for (const Range& range : {Range{"temperature", o.temperature, 0, 10},
                             {"dynatemp_range", o.dynatemp_range, 0, 10},
                             {"top_n_sigma", o.top_n_sigma, 0, 100},
                             {"xtc_probability", o.xtc_probability, 0, 1},
                             {"xtc_threshold", o.xtc_threshold, 0, 1},
                             {"repetition_penalty", o.repetition_penalty, 1, 2},
                             {"frequency_penalty", o.frequency_penalty, -2, 2},
                             {"presence_penalty", o.presence_penalty, -2, 2},
                             {"dry_multiplier", o.dry_multiplier, 0, 1000},
                             {"dry_base", o.dry_base, 1, 100},
                             {"mirostat_tau", o.mirostat_tau, 0, 100},
                             {"mirostat_eta", o.mirostat_eta, 0, 1}}) {
    if (range.value >= range.least && range.value <= range.most) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(range.name, ": ", range.value, ", expected ", range.least, " to ", range.most));
  }
  return absl::OkStatus();
}

absl::Status Wrong(const char* name, double value, const char* expected) {
  return absl::InvalidArgumentError(absl::StrCat(name, ": ", value, ", expected ", expected));
}

absl::Status CheckBreakers(const std::vector<std::string>& breakers) {
  bool bad = breakers.size() > kMaxBreakers;
  for (const std::string& breaker : breakers) bad |= breaker.empty() || breaker.size() > kMaxBreakerBytes;
  if (!bad) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("dry_sequence_breakers: expected at most ", kMaxBreakers,
                                                 " texts of 1 to ", kMaxBreakerBytes, " bytes"));
}

absl::Status CheckBiases(const std::vector<std::pair<int32_t, float>>& biases) {
  if (biases.size() > kMaxBiases) {
    return absl::InvalidArgumentError(
        absl::StrCat("logit_bias: ", biases.size(), " tokens, expected at most ", kMaxBiases));
  }
  std::vector<int32_t> ids;
  for (const auto& [id, bias] : biases) {
    if (id < 0) return absl::InvalidArgumentError(absl::StrCat("logit_bias: token ", id, " does not exist"));
    if (!std::isfinite(bias) && bias != -std::numeric_limits<float>::infinity()) {
      return absl::InvalidArgumentError(
          absl::StrCat("logit_bias: token ", id, ": expected a finite number, or minus infinity"));
    }
    ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());
  const auto twice = std::adjacent_find(ids.begin(), ids.end());
  if (twice == ids.end()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("logit_bias: token ", *twice, " is there twice"));
}

absl::Status Twice(std::string_view name) {
  return absl::InvalidArgumentError(absl::StrCat("samplers: ", std::string(name), " is there twice"));
}

absl::Status CheckOrder(const std::vector<Stage>& order) {
  for (size_t i = 0; i < order.size(); ++i) {
    if (std::count(order.begin(), order.end(), order[i]) > 1) return Twice(Name(order[i]));
  }
  return absl::OkStatus();
}

}  // namespace

std::string_view Name(Stage stage) { return kNames[static_cast<size_t>(stage)]; }

std::vector<Stage> DefaultOrder() {
  std::vector<Stage> order;
  for (size_t i = 0; i < kNames.size(); ++i) order.push_back(static_cast<Stage>(i));
  return order;
}

std::vector<std::string> DefaultBreakers() { return {"\n", ":", "\"", "*"}; }

absl::Status Validate(const SamplingOptions& o) {
  LINNET_RETURN_IF_ERROR(CheckRanges(o));
  if (!(o.dynatemp_exponent > 0.0f && o.dynatemp_exponent <= 100.0f)) {
    return Wrong("dynatemp_exponent", o.dynatemp_exponent, "more than 0, up to 100");
  }
  if (!(o.top_p > 0.0f && o.top_p <= 1.0f)) return Wrong("top_p", o.top_p, "more than 0, up to 1");
  if (!(o.typical_p > 0.0f && o.typical_p <= 1.0f))
    return Wrong("typical_p", o.typical_p, "more than 0, up to 1");
  if (!(o.min_p >= 0.0f && o.min_p < 1.0f)) return Wrong("min_p", o.min_p, "0 to less than 1");
  if (o.mirostat != 0 && o.mirostat != 2)
    return Wrong("mirostat", o.mirostat, "0 or 2 (there is no version 1)");
  if (o.dry_penalty_last_n < -1) return Wrong("dry_penalty_last_n", o.dry_penalty_last_n, "-1 or more");
  LINNET_RETURN_IF_ERROR(CheckBreakers(o.dry_sequence_breakers));
  LINNET_RETURN_IF_ERROR(CheckBiases(o.logit_bias));
  return CheckOrder(o.order);
}

absl::StatusOr<std::vector<Stage>> ParseOrder(const std::vector<std::string>& names) {
  std::vector<Stage> order;
  for (const std::string& name : names) {
    const auto found = std::find(kNames.begin(), kNames.end(), name);
    if (found == kNames.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("samplers: \"", name.substr(0, 40), "\" is unknown; expected some of ",
                       absl::StrJoin(std::vector<std::string>(kNames.begin(), kNames.end()), ", ")));
    }
    const auto stage = static_cast<Stage>(found - kNames.begin());
    if (std::find(order.begin(), order.end(), stage) != order.end()) return Twice(name);
    order.push_back(stage);
  }
  return order;
}

}  // namespace linnet::sampler
