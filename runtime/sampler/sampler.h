#ifndef LINNET_RUNTIME_SAMPLER_SAMPLER_H_
#define LINNET_RUNTIME_SAMPLER_SAMPLER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/grammar/token_mask.h"
#include "runtime/sampler/candidates.h"
#include "runtime/sampler/options.h"
#include "runtime/sampler/stages.h"

namespace linnet::sampler {

// Chooses tokens by the options' chain (options.h). Keeps scratch memory and, with mirostat, what it learned
// of its own choices: so one a session; not thread-safe. The choice depends on the options and the calls so
// far alone.
class Sampler {
 public:
  // Options that Validate accepts. `breakers`: the options' as tokens; used by stage dry only.
  explicit Sampler(SamplingOptions options, DryBreakers breakers = {});

  // How many of the highest allowed logits decide every choice (of equals those of the lower ids); the others
  // may be minus infinity. 0: all do.
  uint32_t Decisive() const;

  // logits: [vocabulary]. mask: null for none. history: the tokens so far, of prompt and generation.
  // position: how many tokens came before. DataLoss when no allowed token has a finite logit;
  // InvalidArgument when logit_bias forbids all of those that have.
  absl::StatusOr<int32_t> Sample(std::span<const float> logits, const grammar::TokenMask* mask,
                                 std::span<const int32_t> history, uint64_t position);

 private:
  // Whether the stage does anything with these options.
  bool Works(Stage stage) const;
  absl::Status Collect(std::span<const float> logits, const grammar::TokenMask* mask);
  void Run(Stage stage, std::span<const int32_t> history, uint64_t position);

  const SamplingOptions options_;
  const DryBreakers breakers_;
  std::vector<Stage> chain_;  // of the options' order those that do anything
  bool highest_ = false;      // the chain always ends with the highest logit
  Mirostat mirostat_;
  Candidates candidates_;
  std::vector<float> biases_;  // by id, up to the highest biased
};

}  // namespace linnet::sampler

#endif  // LINNET_RUNTIME_SAMPLER_SAMPLER_H_
