#include "runtime/sampler/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "runtime/base/status_macros.h"
#include "runtime/sampler/philox.h"

namespace linnet::sampler {
namespace {

absl::Status NoCandidate() {
  return absl::DataLossError("no allowed token has a finite logit: the model's weights are damaged");
}

bool Allowed(const grammar::TokenMask* mask, int32_t id) {
  return mask == nullptr || (id < mask->size() && mask->allowed(id));
}

// The highest finite one; minus infinity if there is none. Each lane for itself, so that a compiler may
// compute them side by side.
float HighestOf(std::span<const float> logits) {
  constexpr size_t kLanes = 16;
  float lanes[kLanes];
  std::fill_n(lanes, kLanes, -std::numeric_limits<float>::infinity());
  const size_t whole = logits.size() / kLanes * kLanes;
  const auto higher = [](float logit, float than) {
    return logit > than && logit <= std::numeric_limits<float>::max() ? logit : than;
  };
  for (size_t i = 0; i < whole; i += kLanes) {
    for (size_t j = 0; j < kLanes; ++j) lanes[j] = higher(logits[i + j], lanes[j]);
  }
  for (size_t i = whole; i < logits.size(); ++i) lanes[0] = higher(logits[i], lanes[0]);
  return *std::max_element(lanes, lanes + kLanes);
}

// The first of the highest, where all are allowed. Only the stretch that has it is looked through one by one.
absl::StatusOr<int32_t> Highest(std::span<const float> logits) {
  constexpr size_t kStretch = 1024;
  size_t best = logits.size();
  float highest = -std::numeric_limits<float>::infinity();
  for (size_t begin = 0; begin < logits.size(); begin += kStretch) {
    const float here = HighestOf(logits.subspan(begin, std::min(kStretch, logits.size() - begin)));
    if (!(here > highest)) continue;
    highest = here;
    best = begin;
  }
  if (best == logits.size()) return NoCandidate();
  return static_cast<int32_t>(
      std::find(logits.begin() + static_cast<ptrdiff_t>(best), logits.end(), highest) - logits.begin());
}

// The common case without a copy of the logits.
absl::StatusOr<int32_t> Highest(std::span<const float> logits, const grammar::TokenMask* mask) {
  if (mask == nullptr) return Highest(logits);
  int32_t best = -1;
  float highest = 0.0f;
  for (int32_t id = 0; id < static_cast<int32_t>(logits.size()); ++id) {
    const float logit = logits[static_cast<size_t>(id)];
    if ((best >= 0 && !(logit > highest)) || !std::isfinite(logit) || !Allowed(mask, id)) continue;
    best = id;
    highest = logit;
  }
  if (best < 0) return NoCandidate();
  return best;
}

// Stages that never remove or change the highest.
bool KeepsHighest(Stage stage) {
  return stage == Stage::kTopNSigma || stage == Stage::kTopK || stage == Stage::kTopP ||
         stage == Stage::kMinP || stage == Stage::kTemperature;
}

}  // namespace

Sampler::Sampler(SamplingOptions options, DryBreakers breakers)
    : options_(std::move(options)),
      breakers_(std::move(breakers)),
      mirostat_(options_.mirostat_tau, options_.mirostat_eta) {
  std::copy_if(options_.order.begin(), options_.order.end(), std::back_inserter(chain_),
               [this](Stage stage) { return Works(stage); });
  const bool greedy = options_.temperature == 0.0f && options_.dynatemp_range == 0.0f &&
                      std::find(chain_.begin(), chain_.end(), Stage::kTemperature) != chain_.end();
  highest_ = greedy && options_.logit_bias.empty() && std::all_of(chain_.begin(), chain_.end(), KeepsHighest);
  for (const auto& [id, bias] : options_.logit_bias) {
    const auto at = static_cast<size_t>(id);
    if (biases_.size() <= at) biases_.resize(at + 1, 0.0f);
    biases_[at] = bias;
  }
}

bool Sampler::Works(Stage stage) const {
  const SamplingOptions& o = options_;
  if (o.mirostat == 2 && stage >= Stage::kTopNSigma && stage <= Stage::kXtc) return false;
  switch (stage) {
    case Stage::kPenalties:
      return o.repetition_window > 0 &&
             (o.repetition_penalty != 1.0f || o.frequency_penalty != 0.0f || o.presence_penalty != 0.0f);
    case Stage::kDry:
      return o.dry_multiplier > 0.0f && o.dry_penalty_last_n != 0;
    case Stage::kTopNSigma:
      return o.top_n_sigma > 0.0f;
    case Stage::kTopK:
      return o.top_k > 0;
    case Stage::kTypicalP:
      return o.typical_p < 1.0f;
    case Stage::kTopP:
      return o.top_p < 1.0f;
    case Stage::kMinP:
      return o.min_p > 0.0f;
    case Stage::kXtc:
      return o.xtc_probability > 0.0f && o.xtc_threshold <= 0.5f;
    case Stage::kTemperature:
      return true;
  }
  return true;
}

uint32_t Sampler::Decisive() const {
  if (highest_) return 1;
  // What stands before top_k may need others: for their spread, or because it changes them.
  const bool first = !chain_.empty() && chain_.front() == Stage::kTopK;
  return first && options_.logit_bias.empty() ? options_.top_k : 0;
}

absl::StatusOr<int32_t> Sampler::Sample(std::span<const float> logits, const grammar::TokenMask* mask,
                                        std::span<const int32_t> history, uint64_t position) {
  if (highest_) return Highest(logits, mask);
  LINNET_RETURN_IF_ERROR(Collect(logits, mask));
  for (const Stage stage : chain_) Run(stage, history, position);
  const double u = Uniform(options_.seed, position, Purpose::kDraw);
  const size_t chosen = options_.mirostat == 2 ? mirostat_.Choose(candidates_, u) : Draw(candidates_, u);
  return candidates_[chosen].id;
}

absl::Status Sampler::Collect(std::span<const float> logits, const grammar::TokenMask* mask) {
  candidates_.Clear();
  bool forbidden = false;
  for (size_t i = 0; i < logits.size(); ++i) {
    const auto id = static_cast<int32_t>(i);
    if (!std::isfinite(logits[i]) || !Allowed(mask, id)) continue;
    const float bias = i < biases_.size() ? biases_[i] : 0.0f;
    if (std::isfinite(bias)) {
      candidates_.Add(id, static_cast<double>(logits[i]) + static_cast<double>(bias));
    } else {
      forbidden = true;
    }
  }
  if (!candidates_.empty()) return absl::OkStatus();
  if (!forbidden) return NoCandidate();
  return absl::InvalidArgumentError("logit_bias: forbids every token that may come next");
}

void Sampler::Run(Stage stage, std::span<const int32_t> history, uint64_t position) {
  switch (stage) {
    case Stage::kPenalties:
      return Penalize(candidates_, history, options_);
    case Stage::kDry:
      return PenalizeRepeats(candidates_, history, breakers_, options_);
    case Stage::kTopNSigma:
      return KeepTopNSigma(candidates_, options_.top_n_sigma);
    case Stage::kTopK:
      return KeepTopK(candidates_, options_.top_k);
    case Stage::kTypicalP:
      return KeepTypical(candidates_, options_.typical_p);
    case Stage::kTopP:
      return KeepTopP(candidates_, options_.top_p);
    case Stage::kMinP:
      return KeepMinP(candidates_, options_.min_p);
    case Stage::kXtc:
      return ExcludeTopChoices(candidates_, options_.xtc_probability, options_.xtc_threshold,
                               Uniform(options_.seed, position, Purpose::kXtc));
    case Stage::kTemperature:
      return ApplyTemperature(candidates_, options_);
  }
}

}  // namespace linnet::sampler
