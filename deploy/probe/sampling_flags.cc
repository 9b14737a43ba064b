#include "deploy/probe/sampling_flags.h"

#include <CLI/CLI.hpp>
#include <limits>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/utf8.h"

namespace linnet::probe {
namespace {

constexpr std::string_view kKeep = "keep=";

}  // namespace

void SamplingFlags::Add(CLI::App* app) {
  const auto add = [app](const char* names, auto& value, const char* what) {
    app->add_option(names, value, what)->capture_default_str()->group("Sampling");
  };
  sampler::SamplingOptions& o = options;
  add("--temperature,--temp", o.temperature, "0: always the likeliest");
  add("--dynatemp-range", o.dynatemp_range, "temperature +- this, by the entropy; 0: off");
  add("--dynatemp-exponent,--dynatemp-exp", o.dynatemp_exponent, "how the temperature follows the entropy");
  add("--top-k", o.top_k, "0: off");
  add("--top-p", o.top_p, "1: off");
  add("--min-p", o.min_p, "0: off");
  add("--typical-p,--typical", o.typical_p, "1: off");
  add("--top-n-sigma,--top-nsigma", o.top_n_sigma, "0: off");
  add("--xtc-probability", o.xtc_probability, "0: off");
  add("--xtc-threshold", o.xtc_threshold, "above 0.5: off");
  add("--repetition-penalty,--repeat-penalty", o.repetition_penalty, "1: off");
  add("--frequency-penalty", o.frequency_penalty, "0: off");
  add("--presence-penalty", o.presence_penalty, "0: off");
  add("--repetition-window,--repeat-last-n", o.repetition_window, "tokens that these three look back");
  add("--dry-multiplier", o.dry_multiplier, "0: off");
  add("--dry-base", o.dry_base, "how the penalty grows with the length of a repeat");
  add("--dry-allowed-length", o.dry_allowed_length, "tokens of a repeat that are free");
  add("--dry-penalty-last-n", o.dry_penalty_last_n, "tokens that DRY looks back; -1: all");
  app->add_option("--dry-sequence-breaker", o.dry_sequence_breakers,
                  "no repeat reaches over it; may be repeated, replaces newline, colon, quote and star")
      ->allow_extra_args(false)
      ->group("Sampling");
  add("--mirostat", o.mirostat, "2: on, in place of the stages from top_n_sigma to xtc");
  add("--mirostat-tau,--mirostat-ent", o.mirostat_tau, "surprise aimed at, in bits");
  add("--mirostat-eta,--mirostat-lr", o.mirostat_eta, "how fast it learns");
  app->add_option("--logit-bias", logit_biases, "ID=BIAS, or ID=never; may be repeated")
      ->allow_extra_args(false)
      ->group("Sampling");
  app->add_option("--samplers", samplers,
                  "stages in their order, separated by ';'; one that is not named does not run. Default: "
                  "penalties;dry;top_n_sigma;top_k;typ_p;top_p;min_p;xtc;temperature")
      ->group("Sampling");
  add("--seed,-s", o.seed, "of the generator");
}

absl::StatusOr<sampler::SamplingOptions> SamplingFlags::Parse() const {
  sampler::SamplingOptions parsed = options;
  for (const std::string& text : logit_biases) {
    const std::vector<std::string> parts = absl::StrSplit(text, '=');
    auto& [id, bias] = parsed.logit_bias.emplace_back();
    const bool never = parts.size() == 2 && parts[1] == "never";
    if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &id) ||
        (!never && !absl::SimpleAtof(parts[1], &bias))) {
      return absl::InvalidArgumentError(absl::StrCat("--logit-bias: \"", base::OneLine(text, 40),
                                                     "\", expected ID=BIAS, as 42=-1.5 or 42=never"));
    }
    if (never) bias = -std::numeric_limits<float>::infinity();
  }
  if (!samplers.empty()) {
    LINNET_ASSIGN_OR_RETURN(parsed.order,
                            sampler::ParseOrder(absl::StrSplit(samplers, ';', absl::SkipEmpty())));
  }
  LINNET_RETURN_IF_ERROR(sampler::Validate(parsed));
  return parsed;
}

absl::StatusOr<std::optional<uint32_t>> ParseContextShift(const std::string& text) {
  if (text.empty()) return std::nullopt;
  uint32_t keep = 0;
  const std::string_view value = text.starts_with(kKeep) ? std::string_view(text).substr(kKeep.size()) : "";
  if (value == "all") return UINT32_MAX;
  if (!absl::SimpleAtoi(std::string(value), &keep)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--context-shift: \"", base::OneLine(text, 40), "\", expected keep=N or keep=all"));
  }
  return keep;
}

}  // namespace linnet::probe
