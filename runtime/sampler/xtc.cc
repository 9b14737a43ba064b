#include "runtime/sampler/stages.h"

namespace linnet::sampler {

// "Exclude top choices": with this probability, of the tokens that have at least the threshold's probability
// all but the least likely go (p-e-w, oobabooga/text-generation-webui pull request 6335). A threshold above
// one half excludes nothing: two tokens cannot both reach it.
void ExcludeTopChoices(Candidates& candidates, double probability, double threshold, double u) {
  if (threshold > 0.5 || candidates.size() < 2 || u >= probability) return;
  const std::vector<double>& weights = candidates.Weights();
  const double least = candidates.TotalWeight() * threshold;
  size_t above = 0;
  while (above < weights.size() && weights[above] >= least) ++above;
  if (above > 1) candidates.Drop(above - 1);
}

}  // namespace linnet::sampler
