#ifndef LINNET_RUNTIME_TOKENIZER_MERGE_H_
#define LINNET_RUNTIME_TOKENIZER_MERGE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <queue>
#include <vector>

namespace linnet::tokenizer {

// A piece of text on its way to a token; size 0 once its left neighbour has swallowed it.
struct Symbol {
  size_t begin;
  size_t size;
  int32_t id;
  size_t previous;  // kNone at the ends
  size_t next;
};
inline constexpr size_t kNone = ~size_t{0};

// Joins neighbours, always the pair of the least rank and of equal ones the leftmost, until no pair can be
// joined; n log n. find(left, right) gives std::optional<Merged<Rank>>. What remains are the symbols of
// size > 0. `symbols` are linked in order.
template <typename Rank>
struct Merged {
  Rank rank;
  int32_t id;
};

template <typename Rank, typename Find>
void MergeAll(std::vector<Symbol>& symbols, Find find) {
  struct Pair {
    Rank rank;
    size_t left, right;
    size_t size;
    int32_t id;
    bool operator<(const Pair& other) const {  // a max-heap: the best is the greatest
      return other.rank < rank || (!(rank < other.rank) && other.left < left);
    }
  };
  std::priority_queue<Pair> queue;
  const auto add = [&](size_t left, size_t right) {
    if (left == kNone || right == kNone) return;
    const std::optional<Merged<Rank>> merged = find(symbols[left], symbols[right]);
    if (!merged) return;
    queue.push({merged->rank, left, right, symbols[left].size + symbols[right].size, merged->id});
  };
  for (size_t i = 1; i < symbols.size(); ++i) add(i - 1, i);
  while (!queue.empty()) {
    const Pair pair = queue.top();
    queue.pop();
    Symbol& left = symbols[pair.left];
    Symbol& right = symbols[pair.right];
    // Either has changed since: another pair, if any, stands for them.
    if (left.size == 0 || right.size == 0 || left.size + right.size != pair.size) continue;
    left.size = pair.size;
    left.id = pair.id;
    right.size = 0;
    left.next = right.next;
    if (right.next != kNone) symbols[right.next].previous = pair.left;
    add(left.previous, pair.left);
    add(pair.left, left.next);
  }
}

}  // namespace linnet::tokenizer

#endif  // LINNET_RUNTIME_TOKENIZER_MERGE_H_
