#include "runtime/engine/prompt_lookup.h"

#include <algorithm>

namespace linnet::engine {
namespace {

using tokenizer::TokenId;

constexpr size_t kAlike = 3;  // so many tokens have to be those before the guess
constexpr uint32_t kLongestPause = 64;

}  // namespace

std::span<const TokenId> PromptLookup::Guess(std::span<const TokenId> tokens, size_t most) {
  most = std::min(most, kMostGuesses);
  if (most == 0 || tokens.size() <= kAlike || plain_ == absl::ZeroDuration()) return {};
  const auto now = tokens.last(kAlike);
  // The latest place is the likeliest.
  for (size_t end = tokens.size() - 1; end >= kAlike; --end) {
    if (!std::equal(now.begin(), now.end(), tokens.begin() + static_cast<std::ptrdiff_t>(end - kAlike)))
      continue;
    if (to_pass_ > 0) {
      --to_pass_;
      return {};
    }
    return tokens.subspan(end, std::min(most, tokens.size() - end));
  }
  return {};
}

void PromptLookup::OnPlain(absl::Duration time) {
  plain_ = plain_ == absl::ZeroDuration() ? time : (3 * plain_ + time) / 4;
}

void PromptLookup::OnGuessed(absl::Duration time, size_t tokens) {
  const bool paid = time < plain_ * static_cast<double>(tokens);
  pause_ = paid ? 0 : std::clamp<uint32_t>(2 * pause_, 1, kLongestPause);
  to_pass_ = pause_;
}

}  // namespace linnet::engine
