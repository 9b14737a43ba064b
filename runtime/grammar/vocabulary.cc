#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/grammar/grammar.h"

namespace linnet::grammar {

std::shared_ptr<const Vocabulary> Vocabulary::Build(const tokenizer::Tokenizer& tokenizer) {
  std::shared_ptr<Vocabulary> vocabulary(new Vocabulary(tokenizer));
  std::vector<std::pair<std::string_view, tokenizer::TokenId>> pieces;
  pieces.reserve(tokenizer.vocabulary_size());
  for (tokenizer::TokenId id = 0; id < tokenizer.vocabulary_size(); ++id) {
    // Control tokens write nothing; a token that ends the generation is no text either.
    if (tokenizer.IsControl(id) || tokenizer.IsEnd(id)) continue;
    const std::string_view piece = tokenizer.Piece(id);
    if (piece.empty()) continue;
    if (piece.size() == 1) vocabulary->single_bytes_.set(static_cast<uint8_t>(piece[0]));
    vocabulary->longest_ = std::max<uint32_t>(vocabulary->longest_, static_cast<uint32_t>(piece.size()));
    pieces.emplace_back(piece, id);
  }
  // std::string_view compares as unsigned bytes, so children come out in byte order.
  std::sort(pieces.begin(), pieces.end());

  // Breadth first, so that a node's children lie side by side. A range of `pieces` shares the first `depth`
  // bytes.
  struct Range {
    uint32_t node;
    size_t begin, end, depth;
  };
  vocabulary->nodes_.emplace_back();
  std::vector<Range> level = {{0, 0, pieces.size(), 0}}, below;
  while (!level.empty()) {
    below.clear();
    for (const Range& range : level) {
      size_t at = range.begin;
      TrieNode node = vocabulary->nodes_[range.node];
      node.first_token = static_cast<uint32_t>(vocabulary->tokens_.size());
      for (; at < range.end && pieces[at].first.size() == range.depth; ++at) {
        vocabulary->tokens_.push_back(pieces[at].second);
        ++node.tokens;
      }
      node.first_child = static_cast<uint32_t>(vocabulary->nodes_.size());
      while (at < range.end) {
        const char byte = pieces[at].first[range.depth];
        size_t end = at;
        while (end < range.end && pieces[end].first[range.depth] == byte) ++end;
        TrieNode child;
        child.byte = static_cast<uint8_t>(byte);
        below.push_back({static_cast<uint32_t>(vocabulary->nodes_.size()), at, end, range.depth + 1});
        vocabulary->nodes_.push_back(child);
        ++node.children;
        at = end;
      }
      vocabulary->nodes_[range.node] = node;
    }
    level.swap(below);
  }
  return vocabulary;
}

}  // namespace linnet::grammar
