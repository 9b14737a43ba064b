#include <algorithm>
#include <numeric>

#include "runtime/base/exact_math.h"
#include "runtime/sampler/stages.h"

namespace linnet::sampler {

// Those whose surprise is nearest to the expected one, until their probabilities exceed p (Meister et al.,
// "Locally typical sampling", arXiv:2202.00666). Of equally near ones the likelier first.
void KeepTypical(Candidates& candidates, double p) {
  const std::vector<double>& weights = candidates.Weights();
  const double total = candidates.TotalWeight();
  const double log_total = base::ExactLog(total);
  std::vector<double> distance(weights.size());  // the surprise at first, in nats
  double entropy = 0.0;
  for (size_t i = 0; i < weights.size(); ++i) {
    distance[i] = log_total - (candidates[i].logit - candidates[0].logit);
    entropy += weights[i] / total * distance[i];
  }
  for (double& d : distance) d = d > entropy ? d - entropy : entropy - d;

  std::vector<size_t> nearest(weights.size());
  std::iota(nearest.begin(), nearest.end(), size_t{0});
  std::sort(nearest.begin(), nearest.end(), [&](size_t a, size_t b) {
    return distance[a] < distance[b] || (distance[a] == distance[b] && a < b);
  });
  std::vector<char> keep(weights.size(), 0);
  double sum = 0.0;
  for (const size_t i : nearest) {
    keep[i] = 1;
    sum += weights[i];
    if (sum > p * total) break;
  }
  candidates.KeepIf(keep);
}

}  // namespace linnet::sampler
