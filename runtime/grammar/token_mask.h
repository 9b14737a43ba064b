#ifndef LINNET_RUNTIME_GRAMMAR_TOKEN_MASK_H_
#define LINNET_RUNTIME_GRAMMAR_TOKEN_MASK_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/tokenizer/tokenizer.h"

namespace linnet::grammar {

// A bit a token: set = allowed next.
class TokenMask {
 public:
  explicit TokenMask(int32_t vocabulary_size) : size_(vocabulary_size), words_((vocabulary_size + 63) / 64) {}
  void Allow(int32_t id) { words_[id >> 6] |= uint64_t{1} << (id & 63); }
  bool allowed(int32_t id) const { return (words_[id >> 6] >> (id & 63)) & 1; }
  int32_t size() const { return size_; }
  // Bit i % 64 of word i / 64 is that of token i; bits from size() on are clear.
  std::span<const uint64_t> words() const { return words_; }

 private:
  int32_t size_;
  std::vector<uint64_t> words_;
};

// Where a constrained generation stands. Made by a grammar (grammar.h) for one request; not thread-safe.
// The engine asks Allowed() before each sample and tells Accept() what was taken.
class Constraint {
 public:
  virtual ~Constraint() = default;
  // Tokens that keep the text a prefix of some text of the grammar; end tokens exactly where the text is
  // complete. Never empty: grammars are checked for dead ends when they are compiled. Stays until Accept.
  virtual const TokenMask& Allowed() = 0;
  // InvalidArgument when `id` was not allowed.
  virtual absl::Status Accept(tokenizer::TokenId id) = 0;
  // Complete, and nothing may follow.
  virtual bool Finished() const = 0;
  // Tokens that are forced from here (every other choice is disallowed), so that they are evaluated as one
  // batch and not sampled. May be empty. Does not move the state.
  virtual std::vector<tokenizer::TokenId> Forced() = 0;
};

}  // namespace linnet::grammar

#endif  // LINNET_RUNTIME_GRAMMAR_TOKEN_MASK_H_
