#ifndef LINNET_RUNTIME_ENGINE_GENERATION_H_
#define LINNET_RUNTIME_ENGINE_GENERATION_H_

#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/engine/engine.h"
#include "runtime/engine/kv_slots.h"
#include "runtime/engine/prompt_lookup.h"
#include "runtime/engine/stop_filter.h"
#include "runtime/model/transformer.h"
#include "runtime/sampler/sampler.h"
#include "runtime/tokenizer/tokenizer.h"

namespace linnet::engine {

// One request on its way through the model, which is its owner's: Prepare; while tokens are pending, a Part
// of them is evaluated, with those of other requests or alone (Evaluated); then Choose, and again. Engine's
// thread only.
class Generation {
 public:
  // Everything outlives it. `slot` holds a beginning of the prompt, at least its last token short. Its keys
  // and values may reach farther than its tokens when this one is over. `vocabulary`: of the model's logits.
  Generation(uint32_t vocabulary, const tokenizer::Tokenizer& tokenizer, KvSlot& slot,
             GenerateRequest& request, const OnDelta& on_delta, bool speculate);

  // Takes tokens that the constraint forces and those that were guessed, and makes room in a context that is
  // full. A reason: the answer is complete. May be called again at any time.
  absl::StatusOr<std::optional<FinishReason>> Prepare();

  // How many tokens are to be evaluated before the next can be chosen.
  size_t pending() const { return window_.size() - slot_.tokens.size(); }
  // The next of them, at most `most` (>= 1), with logits after the last if nothing is pending then. `alone`:
  // guesses of what comes may follow, within `most`. It is valid until Evaluated or GaveUp, one of which has
  // to be next.
  model::Segment Part(size_t most, bool alone);
  // Room of one's own for the logits of a part.
  std::span<float> Rows(size_t rows);
  // What the model's pass took, all that went through it.
  struct PassCost {
    absl::Duration time;
    uint64_t barriers;
    model::HeadUse head;
  };
  // The model has evaluated it. `logits`: [rows, vocabulary], to stay until the next token was chosen, those
  // of guesses until the next Evaluated.
  void Evaluated(std::span<const float> logits, const PassCost& cost);
  // The model has not: the same tokens are pending still.
  void GaveUp() { guesses_.clear(); }

  // Chooses the next token when none is pending. A reason: the answer ends with it.
  absl::StatusOr<std::optional<FinishReason>> Choose();
  // What it is chosen from: [the tokenizer's vocabulary].
  std::span<const float> logits() const;

  // Others ran meanwhile, and this one not.
  void Waited(absl::Duration time) { paused_ += time; }
  // The answer; nothing may follow.
  GenerateResult Finish(FinishReason reason);

 private:
  // What the next choices are made of.
  model::Wanted Wanted() const;
  absl::StatusOr<std::optional<FinishReason>> Force();
  void TakeGuesses();
  // Adds a token to the answer. A reason: the answer ends with it.
  std::optional<FinishReason> Take(tokenizer::TokenId id);
  void Show(std::string_view text);
  // Makes room in a context that is full.
  void Shift();

  const size_t vocabulary_;
  const tokenizer::Tokenizer& tokenizer_;
  KvSlot& slot_;
  GenerateRequest& request_;
  const OnDelta& on_delta_;

  sampler::Sampler sampler_;
  tokenizer::Utf8Stream utf8_;
  StopFilter stop_;
  std::string whole_, shown_;               // of a token, between the two and the caller
  std::vector<tokenizer::TokenId> tokens_;  // prompt and answer
  std::vector<tokenizer::TokenId> window_;  // what the model sees of them; slot_.tokens is a beginning of it
  bool forced_ = false;                     // what the constraint forces now is taken
  PromptLookup lookup_;
  const bool speculate_;
  std::vector<tokenizer::TokenId> part_;     // the tokens of a part with guesses
  size_t part_pending_ = 0;                  // of a part, how many were pending
  bool plain_ = false;                       // it is a token of the answer by itself
  std::vector<tokenizer::TokenId> guesses_;  // that are evaluated, after slot_.tokens as they were then
  size_t right_ = 0;                         // of those, how many have come
  absl::Duration guess_time_;
  std::vector<float> own_rows_;
  std::span<const float> logits_;  // [1 + guesses, vocabulary]; row right_ is of what is next
  GenerateResult result_;
  const absl::Time start_;
  absl::Duration paused_;
};

}  // namespace linnet::engine

#endif  // LINNET_RUNTIME_ENGINE_GENERATION_H_
