#ifndef LINNET_RUNTIME_TEMPLATE_LEXER_H_
#define LINNET_RUNTIME_TEMPLATE_LEXER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace linnet::jinja {

enum class TokenKind : uint8_t {
  kData,           // text between tags, white space already cut as trim_blocks, lstrip_blocks and -/+ ask
  kBlockBegin,     // {%
  kBlockEnd,       // %}
  kVariableBegin,  // {{
  kVariableEnd,    // }}
  kName,
  kString,  // unescaped
  kInteger,
  kFloat,
  kOperator,
  kEnd
};

struct Token {
  TokenKind kind;
  std::string text;  // of data, names, strings, operators; of numbers without _
  int line;
};

// A template's tokens, as Jinja's lexer cuts them with trim_blocks and lstrip_blocks; comments are gone, raw
// blocks are data. The last token is kEnd. InvalidArgument, "line N: what".
absl::StatusOr<std::vector<Token>> Tokenize(std::string_view source);

// A string literal's contents with its escapes resolved; errors as above.
absl::StatusOr<std::string> Unescape(std::string_view literal, int line);

}  // namespace linnet::jinja

#endif  // LINNET_RUNTIME_TEMPLATE_LEXER_H_
