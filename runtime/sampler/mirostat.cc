#include "runtime/base/exact_math.h"
#include "runtime/sampler/stages.h"

namespace linnet::sampler {
namespace {

constexpr double kLn2 = 6.93147180559945309417e-01;

}  // namespace

// Basu et al., "Mirostat", arXiv:2007.14966, in the simpler form that its authors call 2.0: tokens more
// surprising than mu go, and mu follows the surprise of what is drawn (of what was left, as llama.cpp has
// it).
size_t Mirostat::Choose(Candidates& candidates, double u) {
  const std::vector<double>& weights = candidates.Weights();
  const double log_total = base::ExactLog(candidates.TotalWeight());
  const double most = mu_ * kLn2;
  size_t keep = 0;
  while (keep < weights.size() && log_total - (candidates[keep].logit - candidates[0].logit) <= most) ++keep;
  candidates.Keep(keep);
  const size_t chosen = Draw(candidates, u);
  const double nats =
      base::ExactLog(candidates.TotalWeight()) - (candidates[chosen].logit - candidates[0].logit);
  mu_ -= eta_ * (nats / kLn2 - tau_);
  return chosen;
}

}  // namespace linnet::sampler
