#ifndef LINNET_RUNTIME_GRAMMAR_AUTOMATON_H_
#define LINNET_RUNTIME_GRAMMAR_AUTOMATON_H_

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/grammar/grammar.h"

namespace linnet::grammar {

// A deterministic automaton over bytes. Bytes that no state tells apart share a class, so that a row is
// short. Invariant: from every state an accepting one can be reached.
struct Automaton {
  static constexpr uint32_t kDead = UINT32_MAX;

  std::array<uint8_t, 256> byte_class = {};
  uint32_t classes = 0;
  uint32_t start = 0;
  std::vector<uint32_t> next;      // [states, classes], kDead where the byte is not allowed
  std::vector<uint8_t> accepting;  // [states]
  std::vector<uint8_t> has_next;   // [states]: some byte is allowed
  std::vector<int16_t> only_byte;  // [states]: the one allowed byte, or -1

  uint32_t states() const { return static_cast<uint32_t>(accepting.size()); }
  uint32_t Next(uint32_t state, uint8_t byte) const {
    return next[size_t{state} * classes + byte_class[byte]];
  }
  // kDead when `text` leaves the language.
  uint32_t Walk(uint32_t state, std::string_view text) const;
};

// Thompson's construction, then subsets (Aho, Sethi, Ullman, 3.7), then states that reach no end are removed.
// Errors: see Grammar::Compile.
absl::StatusOr<Automaton> BuildAutomaton(const Expression& expression, const GrammarLimits& limits);

}  // namespace linnet::grammar

#endif  // LINNET_RUNTIME_GRAMMAR_AUTOMATON_H_
