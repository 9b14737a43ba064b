#include "absl/strings/str_cat.h"
#include "runtime/template/lexer.h"
#include "runtime/template/text.h"

namespace linnet::jinja {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 32);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// The characters of \a, \b, ...; 0 for letters that escape nothing.
char Control(char letter) {
  switch (letter) {
    case 'a':
      return '\a';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'v':
      return '\v';
    default:
      return 0;
  }
}

}  // namespace

absl::StatusOr<std::string> Unescape(std::string_view literal, int line) {
  const auto error = [&](std::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat("line ", line, ": ", std::string(what), " in a string literal"));
  };
  std::string out;
  for (size_t at = 0; at < literal.size();) {
    if (literal[at] != '\\' || at + 1 == literal.size()) {
      out.push_back(literal[at++]);
      continue;
    }
    const char letter = literal[at + 1];
    at += 2;
    uint32_t code = 0;
    if (letter == 'x' || letter == 'u' || letter == 'U') {
      const size_t digits = letter == 'x' ? 2 : letter == 'u' ? 4 : 8;
      if (literal.size() - at < digits) return error("truncated escape");
      for (size_t i = 0; i < digits; ++i) {
        const int digit = HexDigit(literal[at + i]);
        if (digit < 0) return error("truncated escape");
        code = code << 4 | static_cast<uint32_t>(digit);
      }
      if (code > 0x10ffff) return error("illegal Unicode character");
      if (code >= 0xd800 && code < 0xe000) return error("a surrogate, which no UTF-8 text can hold,");
      at += digits;
      EncodeChar(out, code);
    } else if (letter >= '0' && letter <= '7') {
      code = static_cast<uint32_t>(letter - '0');
      for (int i = 0; i < 2 && at < literal.size() && literal[at] >= '0' && literal[at] <= '7'; ++i) {
        code = code * 8 + static_cast<uint32_t>(literal[at++] - '0');
      }
      EncodeChar(out, code);
    } else if (letter == 'N') {
      return error("\\N{name}, which is not supported,");
    } else if (letter == '\\' || letter == '\'' || letter == '"') {
      out.push_back(letter);
    } else if (Control(letter) != 0) {
      out.push_back(Control(letter));
    } else if (letter != '\n') {  // an escaped line break is nothing
      out.push_back('\\');
      --at;  // what follows may be the first byte of a longer character
    }
  }
  return out;
}

}  // namespace linnet::jinja
