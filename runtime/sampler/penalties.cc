#include <algorithm>

#include "runtime/sampler/stages.h"

namespace linnet::sampler {
namespace {

constexpr size_t kUsualWindow = 1024;

}  // namespace

// Repetition: divides positive and multiplies negative logits (CTRL, arXiv:1909.05858, which only divides: a
// negative logit would rise). Frequency and presence: subtracts f * count + p (OpenAI's API reference). In
// this order, as llama.cpp has them; prompt and answer count alike.
void Penalize(Candidates& candidates, std::span<const int32_t> history, const SamplingOptions& options) {
  const auto window = history.last(std::min<size_t>(options.repetition_window, history.size()));
  std::vector<int32_t>& recent = candidates.ScratchIds();
  if (recent.capacity() < window.size()) {  // which grows by one a token
    recent.reserve(std::max(2 * window.size(), std::min<size_t>(options.repetition_window, kUsualWindow)));
  }
  recent.assign(window.begin(), window.end());
  std::sort(recent.begin(), recent.end());
  const double penalty = options.repetition_penalty;
  candidates.Change([&](Candidate& c) {
    const auto [begin, end] = std::equal_range(recent.begin(), recent.end(), c.id);
    if (begin == end) return;
    c.logit = c.logit > 0.0 ? c.logit / penalty : c.logit * penalty;
    c.logit -= static_cast<double>(end - begin) * static_cast<double>(options.frequency_penalty) +
               static_cast<double>(options.presence_penalty);
  });
}

}  // namespace linnet::sampler
