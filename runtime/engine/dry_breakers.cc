#include "runtime/engine/dry_breakers.h"

#include <algorithm>
#include <string_view>

namespace linnet::engine {
namespace {

constexpr size_t kMaxTail = 20;

}  // namespace

sampler::DryBreakers DryBreakersOf(const tokenizer::Tokenizer& tokenizer,
                                   const std::vector<std::string>& texts) {
  sampler::DryBreakers breakers;
  for (const std::string& text : texts) {
    // tails[n]: the tokens after the first n bytes.
    std::vector<std::vector<tokenizer::TokenId>> tails(text.size());
    for (size_t n = 1; n < text.size(); ++n) {
      tails[n] = tokenizer.Encode(text.substr(n), {.add_special = false, .parse_special = false});
      tails[n].resize(std::min(tails[n].size(), kMaxTail));
    }
    for (tokenizer::TokenId id = 0; id < tokenizer.vocabulary_size(); ++id) {
      const std::string_view piece = tokenizer.Piece(id);
      std::vector<std::vector<int32_t>> found;
      if (piece.find(text) != std::string_view::npos) {
        found.emplace_back();
      } else {
        for (size_t n = 1; n < text.size(); ++n) {
          if (piece.ends_with(std::string_view(text).substr(0, n))) found.push_back(tails[n]);
        }
      }
      if (found.empty()) continue;
      auto& known = breakers[id];
      for (auto& tail : found) {
        if (std::find(known.begin(), known.end(), tail) == known.end()) known.push_back(std::move(tail));
      }
    }
  }
  return breakers;
}

}  // namespace linnet::engine
