#include "runtime/tokenizer/pieces.h"

#include <charconv>

#include "absl/strings/str_replace.h"
#include "runtime/base/string_view.h"
#include "runtime/tokenizer/byte_names.h"

namespace linnet::tokenizer {
namespace {

// "<0x0A>" is a byte, and space marks are spaces but in user-defined tokens.
void AppendSentencePiece(TokenType type, std::string_view text, std::string& out) {
  if (type == TokenType::kByte) {
    uint8_t byte = 0;
    if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return;
    const auto [end, error] = std::from_chars(text.data() + 3, text.data() + 5, byte, 16);
    if (error == std::errc() && end == text.data() + 5) out.push_back(static_cast<char>(byte));
  } else if (type == TokenType::kUserDefined) {
    out.append(text);
  } else {
    out.append(absl::StrReplaceAll(base::ToAbsl(text), {{base::ToAbsl(kSpaceMark), " "}}));
  }
}

}  // namespace

void AppendPiece(Kind kind, TokenType type, std::string_view text, std::string& out) {
  if (IsSpecialType(type)) return;
  switch (kind) {
    case Kind::kSpm:
    case Kind::kUnigram:
      AppendSentencePiece(type, text, out);
      break;
    case Kind::kBpe:
      if (type == TokenType::kUserDefined) {
        out.append(text);
      } else {
        AppendNamedBytes(out, text);
      }
      break;
    case Kind::kWordPiece:
      if (text.starts_with(kSpaceMark)) {
        out.push_back(' ');
        text.remove_prefix(kSpaceMark.size());
      }
      out.append(text);
      break;
  }
}

}  // namespace linnet::tokenizer
