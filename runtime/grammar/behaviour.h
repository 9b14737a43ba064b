#ifndef LINNET_RUNTIME_GRAMMAR_BEHAVIOUR_H_
#define LINNET_RUNTIME_GRAMMAR_BEHAVIOUR_H_

#include <cstdint>
#include <vector>

#include "runtime/grammar/automaton.h"

namespace linnet::grammar {

// [states] -> class, so that two states of a class allow the same strings of up to `depth` bytes and agree on
// whether they accept. They then have the same mask for tokens of that length: in a text of at most 1,000
// characters nearly all positions are one class. Moore's refinement, stopped after `depth` rounds.
std::vector<uint32_t> StatesByBehaviour(const Automaton& automaton, uint32_t depth);

}  // namespace linnet::grammar

#endif  // LINNET_RUNTIME_GRAMMAR_BEHAVIOUR_H_
