#include <algorithm>

#include "runtime/base/exact_math.h"
#include "runtime/sampler/stages.h"

namespace linnet::sampler {
namespace {

// The temperature follows how undecided the model is: the least at entropy 0, the most where all candidates
// are equally likely (kalomaze; LostRuins/koboldcpp and llama.cpp pull request 4972).
double Dynamic(Candidates& candidates, const SamplingOptions& options) {
  const double temperature = options.temperature, range = options.dynatemp_range;
  const double least = std::max(0.0, temperature - range), most = temperature + range;
  const std::vector<double>& weights = candidates.Weights();
  const double total = candidates.TotalWeight();
  const double log_total = base::ExactLog(total);
  double entropy = 0.0;
  for (size_t i = 0; i < weights.size(); ++i) {
    entropy += weights[i] / total * (log_total - (candidates[i].logit - candidates[0].logit));
  }
  const double share = entropy / base::ExactLog(static_cast<double>(candidates.size()));
  if (!(share > 0.0)) return least;
  return least + (most - least) * base::ExactPow(share, options.dynatemp_exponent);
}

}  // namespace

void ApplyTemperature(Candidates& candidates, const SamplingOptions& options) {
  if (candidates.size() == 1) return;
  const double temperature =
      options.dynatemp_range > 0.0f ? Dynamic(candidates, options) : options.temperature;
  if (temperature > 0.0) {
    candidates.Divide(temperature);
  } else {
    candidates.SortHighest(1);
  }
}

}  // namespace linnet::sampler
