#include "runtime/sampler/stages.h"

namespace linnet::sampler {

size_t Draw(Candidates& candidates, double u) {
  const std::vector<double>& weights = candidates.Weights();
  const double target = u * candidates.TotalWeight();
  double sum = 0.0;
  for (size_t i = 0; i < weights.size(); ++i) {
    sum += weights[i];
    if (target < sum) return i;
  }
  return weights.size() - 1;
}

}  // namespace linnet::sampler
