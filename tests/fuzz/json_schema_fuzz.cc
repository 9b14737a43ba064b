// The input is a JSON schema that nobody vouches for: it is refused or becomes a grammar within its limits
// that has a text, and each text's beginning is a beginning.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/status_macros.h"
#include "runtime/grammar/automaton.h"
#include "runtime/grammar/json_schema.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using linnet::grammar::Automaton;
  linnet::grammar::GrammarLimits limits;
  limits.max_states = 2000;
  const std::string_view schema(reinterpret_cast<const char*>(data), size);
  const auto grammar = linnet::grammar::CompileSchema(schema, limits);
  if (!grammar.ok()) {
    LINNET_CHECK(!grammar.status().message().empty());
    return 0;
  }
  LINNET_CHECK(grammar->states() <= limits.max_states);
  // Every state goes on or may end.
  const Automaton& automaton = *grammar->automaton();
  std::string text;
  uint32_t state = automaton.start;
  for (int steps = 0; steps < 200; ++steps) {
    LINNET_CHECK(automaton.has_next[state] || automaton.accepting[state]);
    LINNET_CHECK(grammar->MatchesPrefix(text));
    if (!automaton.has_next[state]) break;
    // A different way at each step, the same for the same input.
    const int turn = size == 0 ? 0 : data[static_cast<size_t>(steps) % size];
    for (int i = 0; i < 256; ++i) {
      const auto byte = static_cast<uint8_t>(turn + i);
      if (automaton.Next(state, byte) == Automaton::kDead) continue;
      state = automaton.Next(state, byte);
      text += static_cast<char>(byte);
      break;
    }
  }
  return 0;
}
