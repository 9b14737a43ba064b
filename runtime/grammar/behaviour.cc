#include "runtime/grammar/behaviour.h"

#include <algorithm>
#include <unordered_map>

namespace linnet::grammar {
namespace {

uint32_t ClassOf(const std::vector<uint32_t>& classes, uint32_t state) {
  return state == Automaton::kDead ? UINT32_MAX : classes[state];
}

}  // namespace

std::vector<uint32_t> StatesByBehaviour(const Automaton& automaton, uint32_t depth) {
  const uint32_t n = automaton.states();
  const uint32_t width = automaton.classes;
  // Whether the strings are *allowed* counts, not whether they are accepted on the way; accepting matters at
  // the state itself only. So rounds refine `allowed`, and accepting is joined at the end.
  std::vector<uint32_t> now(n, 0), refined(n);
  uint32_t count = 1;
  for (uint32_t round = 0; round < depth; ++round) {
    std::unordered_map<uint64_t, std::vector<uint32_t>> by_hash;  // -> one state of each class
    uint32_t fresh = 0;
    for (uint32_t s = 0; s < n; ++s) {
      const uint32_t* row = &automaton.next[size_t{s} * width];
      uint64_t hash = now[s];
      for (uint32_t c = 0; c < width; ++c) {
        hash = (hash ^ ClassOf(now, row[c])) * 0x9E3779B97F4A7C15ull;
        hash ^= hash >> 29;
      }
      auto& same_hash = by_hash[hash];
      bool found = false;
      for (const uint32_t other : same_hash) {
        const uint32_t* other_row = &automaton.next[size_t{other} * width];
        bool same = now[other] == now[s];
        for (uint32_t c = 0; same && c < width; ++c)
          same = ClassOf(now, other_row[c]) == ClassOf(now, row[c]);
        if (same) {
          refined[s] = refined[other];
          found = true;
          break;
        }
      }
      if (!found) {
        same_hash.push_back(s);
        refined[s] = fresh++;
      }
    }
    now.swap(refined);
    if (fresh == count) break;
    count = fresh;
  }
  for (uint32_t s = 0; s < n; ++s) now[s] = now[s] * 2 + (automaton.accepting[s] ? 1 : 0);
  return now;
}

}  // namespace linnet::grammar
