#include <cmath>

#include "runtime/sampler/stages.h"

namespace linnet::sampler {

// Those at most n standard deviations of the logits below the highest (Tang et al., arXiv:2411.07641).
void KeepTopNSigma(Candidates& candidates, double n) {
  candidates.Sort();
  const auto count = static_cast<double>(candidates.size());
  double mean = 0.0;
  for (size_t i = 0; i < candidates.size(); ++i) mean += candidates[i].logit;
  mean /= count;
  double squares = 0.0;
  for (size_t i = 0; i < candidates.size(); ++i) {
    squares += (candidates[i].logit - mean) * (candidates[i].logit - mean);
  }
  const double least = candidates[0].logit - n * std::sqrt(squares / count);
  size_t keep = 0;
  while (keep < candidates.size() && candidates[keep].logit >= least) ++keep;
  candidates.Keep(keep);
}

}  // namespace linnet::sampler
