#ifndef LINNET_RUNTIME_GRAMMAR_NFA_H_
#define LINNET_RUNTIME_GRAMMAR_NFA_H_

#include <bitset>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/grammar/grammar.h"

namespace linnet::grammar {

// A nondeterministic automaton: a state has either one step over a set of bytes or any number of empty steps.
struct Nfa {
  struct State {
    uint32_t bytes = UINT32_MAX;  // index into byte_sets; UINT32_MAX: none
    uint32_t next = 0;
    std::vector<uint32_t> empty;
  };
  std::vector<State> states;
  std::vector<std::bitset<256>> byte_sets;  // each once
  uint32_t start = 0, end = 0;
};

// Errors: see Grammar::Compile.
absl::StatusOr<Nfa> BuildNfa(const Expression& expression, uint32_t max_states);

}  // namespace linnet::grammar

#endif  // LINNET_RUNTIME_GRAMMAR_NFA_H_
