#ifndef LINNET_RUNTIME_SAMPLER_STAGES_H_
#define LINNET_RUNTIME_SAMPLER_STAGES_H_

// Inside runtime/sampler and its tests: one function a stage. `candidates` is not empty, before and after.

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "runtime/sampler/candidates.h"
#include "runtime/sampler/options.h"

namespace linnet::sampler {

// Lower the logits of tokens of the last repetition_window of `history`. penalties.cc
void Penalize(Candidates& candidates, std::span<const int32_t> history, const SamplingOptions& options);

// dry_sequence_breakers as tokens: a token that begins one -> the tokens that complete it, one list for each
// way; an empty list where the token holds a whole one.
using DryBreakers = std::map<int32_t, std::vector<std::vector<int32_t>>>;
// Lowers the logits of tokens that would go on with a sequence that `history` holds already. dry.cc
void PenalizeRepeats(Candidates& candidates, std::span<const int32_t> history, const DryBreakers& breakers,
                     const SamplingOptions& options);

// Each keeps some. top_n_sigma.cc, top_k.cc, typical_p.cc, top_p.cc, min_p.cc
void KeepTopNSigma(Candidates& candidates, double n);
void KeepTopK(Candidates& candidates, uint32_t k);
void KeepTypical(Candidates& candidates, double p);
void KeepTopP(Candidates& candidates, double p);
void KeepMinP(Candidates& candidates, double p);

// u: this position's random number in [0, 1). xtc.cc
void ExcludeTopChoices(Candidates& candidates, double probability, double threshold, double u);

// temperature.cc
void ApplyTemperature(Candidates& candidates, const SamplingOptions& options);

// The one in whose part of [0, total weight) u times the total lies: its place in the order. draw.cc
size_t Draw(Candidates& candidates, double u);

// Version 2 of mirostat. mirostat.cc
class Mirostat {
 public:
  Mirostat(double tau, double eta) : tau_(tau), eta_(eta), mu_(2.0 * tau) {}
  // Truncates, draws with u, and learns. Returns the place of the token in the order.
  size_t Choose(Candidates& candidates, double u);
  double mu() const { return mu_; }

 private:
  const double tau_, eta_;
  double mu_;
};

}  // namespace linnet::sampler

#endif  // LINNET_RUNTIME_SAMPLER_STAGES_H_
