#ifndef LINNET_RUNTIME_ENGINE_PROMPT_LOOKUP_H_
#define LINNET_RUNTIME_ENGINE_PROMPT_LOOKUP_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/time/time.h"
#include "runtime/tokenizer/tokenizer.h"

namespace linnet::engine {

// Guesses what comes next: what came the last time the text went as it does now (prompt lookup decoding,
// Saxena 2023). Weights are read once for a token and the guesses after it, so right guesses save time, and
// wrong ones cost some. How much depends on the machine and the model, so it is measured, and where guessing
// does not pay it is tried ever more rarely. What is answered does not depend on it: who evaluates guesses
// keeps only those that would have been chosen anyway. Not thread-safe.
class PromptLookup {
 public:
  static constexpr size_t kMostGuesses = 7;  // with the token before them one group of the packed kernels

  // At most `most` tokens that may follow `tokens`, a part of them; empty: no idea, or guessing does not pay.
  std::span<const tokenizer::TokenId> Guess(std::span<const tokenizer::TokenId> tokens, size_t most);

  // How long a token alone took.
  void OnPlain(absl::Duration time);
  // How long a token with guesses took, and how many tokens that made: 1 when no guess was right.
  void OnGuessed(absl::Duration time, size_t tokens);

 private:
  absl::Duration plain_;  // of a token alone, lately
  uint32_t pause_ = 0;    // guesses left out after the last one that did not pay
  uint32_t to_pass_ = 0;  // of those, how many are left
};

}  // namespace linnet::engine

#endif  // LINNET_RUNTIME_ENGINE_PROMPT_LOOKUP_H_
