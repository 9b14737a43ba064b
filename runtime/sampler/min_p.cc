#include "runtime/sampler/stages.h"

namespace linnet::sampler {

// Those at least p times as likely as the likeliest (Nguyen et al., arXiv:2407.01082).
void KeepMinP(Candidates& candidates, double p) {
  const std::vector<double>& weights = candidates.Weights();
  size_t keep = 0;
  while (keep < weights.size() && weights[keep] >= p) ++keep;
  candidates.Keep(keep);
}

}  // namespace linnet::sampler
