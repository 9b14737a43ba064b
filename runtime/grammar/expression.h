#ifndef LINNET_RUNTIME_GRAMMAR_EXPRESSION_H_
#define LINNET_RUNTIME_GRAMMAR_EXPRESSION_H_

#include <bitset>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/grammar/grammar.h"

namespace linnet::grammar {

// What an Expression is made of; for the compiler only.
struct Node {
  enum class Kind : uint8_t { kLiteral, kByte, kOneOf, kSequence, kRepeat };
  Kind kind = Kind::kLiteral;
  std::string text;               // kLiteral
  std::bitset<256> bytes;         // kByte: one byte of these
  std::vector<Expression> parts;  // kOneOf, kSequence; kRepeat has one
  uint32_t min = 0, max = 0;      // kRepeat
};

}  // namespace linnet::grammar

#endif  // LINNET_RUNTIME_GRAMMAR_EXPRESSION_H_
