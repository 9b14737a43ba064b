#include "runtime/sampler/stages.h"

namespace linnet::sampler {

// The fewest whose probabilities reach p (Holtzman et al., arXiv:1904.09751).
void KeepTopP(Candidates& candidates, double p) {
  const std::vector<double>& weights = candidates.Weights();
  const double wanted = candidates.TotalWeight() * p;
  double sum = 0.0;
  size_t keep = 0;
  while (keep < weights.size() && sum < wanted) sum += weights[keep++];
  candidates.Keep(keep);
}

}  // namespace linnet::sampler
