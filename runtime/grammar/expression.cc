#include "runtime/grammar/expression.h"

#include <memory>
#include <utility>

namespace linnet::grammar {
namespace {

std::bitset<256> Range(int first, int last) {
  std::bitset<256> bytes;
  for (int b = first; b <= last; ++b) bytes.set(b);
  return bytes;
}

std::shared_ptr<Node> NewNode(Node::Kind kind) {
  auto node = std::make_shared<Node>();
  node->kind = kind;
  return node;
}

}  // namespace

Expression Expression::Literal(std::string_view text) {
  auto node = NewNode(Node::Kind::kLiteral);
  node->text = std::string(text);
  return Expression(std::move(node));
}

Expression Expression::OneOf(std::vector<Expression> alternatives) {
  auto node = NewNode(Node::Kind::kOneOf);
  node->parts = std::move(alternatives);
  return Expression(std::move(node));
}

Expression Expression::OneOfTexts(const std::vector<std::string>& texts) {
  std::vector<Expression> alternatives;
  alternatives.reserve(texts.size());
  for (const std::string& text : texts) alternatives.push_back(Literal(text));
  return OneOf(std::move(alternatives));
}

Expression Expression::Sequence(std::vector<Expression> parts) {
  auto node = NewNode(Node::Kind::kSequence);
  node->parts = std::move(parts);
  return Expression(std::move(node));
}

Expression Expression::Repeat(Expression part, uint32_t min, uint32_t max) {
  auto node = NewNode(Node::Kind::kRepeat);
  node->parts.push_back(std::move(part));
  node->min = min;
  node->max = max;
  return Expression(std::move(node));
}

Expression Expression::List(Expression part, std::string_view separator, uint32_t min, uint32_t max) {
  if (max == 0) return Literal("");
  const Expression more = Sequence({Literal(separator), part});
  const uint32_t more_min = min > 0 ? min - 1 : 0;
  const uint32_t more_max = max == kUnbounded ? kUnbounded : max - 1;
  Expression list = Sequence({part, Repeat(more, more_min, more_max)});
  return min == 0 ? Repeat(std::move(list), 0, 1) : list;
}

// UTF-8 by RFC 3629, section 4: no overlong forms, no surrogates, nothing beyond U+10FFFF.
Expression Expression::Character(const std::bitset<128>& ascii, bool beyond_ascii) {
  const auto byte = [](const std::bitset<256>& bytes) {
    auto node = NewNode(Node::Kind::kByte);
    node->bytes = bytes;
    return Expression(std::move(node));
  };
  std::bitset<256> single;
  for (size_t b = 0; b < 128; ++b) single[b] = ascii[b];
  std::vector<Expression> forms;
  if (single.any()) forms.push_back(byte(single));
  if (beyond_ascii) {
    const Expression tail = byte(Range(0x80, 0xBF));
    forms.push_back(Sequence({byte(Range(0xC2, 0xDF)), tail}));
    forms.push_back(Sequence({byte(Range(0xE0, 0xE0)), byte(Range(0xA0, 0xBF)), tail}));
    forms.push_back(Sequence({byte(Range(0xE1, 0xEC) | Range(0xEE, 0xEF)), tail, tail}));
    forms.push_back(Sequence({byte(Range(0xED, 0xED)), byte(Range(0x80, 0x9F)), tail}));
    forms.push_back(Sequence({byte(Range(0xF0, 0xF0)), byte(Range(0x90, 0xBF)), tail, tail}));
    forms.push_back(Sequence({byte(Range(0xF1, 0xF3)), tail, tail, tail}));
    forms.push_back(Sequence({byte(Range(0xF4, 0xF4)), byte(Range(0x80, 0x8F)), tail, tail}));
  }
  return OneOf(std::move(forms));
}

Expression Expression::JsonCharacter(std::string_view without) {
  std::bitset<128> ascii;
  for (size_t b = 0x20; b < 0x7F; ++b) ascii.set(b);
  ascii.reset('"');
  ascii.reset('\\');
  for (const char c : without) {
    if (static_cast<unsigned char>(c) < 128) ascii.reset(static_cast<unsigned char>(c));
  }
  return Character(ascii, true);
}

Expression Expression::JsonContent(uint32_t min_characters, uint32_t max_characters) {
  const Expression escape = Sequence({Literal("\\"), OneOfTexts({"\"", "\\", "/", "b", "f", "n", "r", "t"})});
  return Repeat(OneOf({JsonCharacter(), escape}), min_characters, max_characters);
}

}  // namespace linnet::grammar
