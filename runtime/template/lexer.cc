#include "runtime/template/lexer.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/template/text.h"
#include "runtime/template/unicode.h"

namespace linnet::jinja {
namespace {

// Line ends are \n; one at the very end does not count.
std::string Normalized(std::string_view source) {
  std::string out;
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
      out.push_back('\n');
    } else {
      out.push_back(source[i]);
    }
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

bool Digit(char c) { return c >= '0' && c <= '9'; }

class Lexer {
 public:
  explicit Lexer(std::string source) : source_(std::move(source)) {}

  absl::StatusOr<std::vector<Token>> Run() {
    while (at_ < source_.size()) LINNET_RETURN_IF_ERROR(Root());
    Add(TokenKind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  std::string_view Rest() const { return std::string_view(source_).substr(at_); }
  bool Starts(std::string_view what) const { return Rest().starts_with(what); }
  void Add(TokenKind kind, std::string text) { tokens_.push_back({kind, std::move(text), line_}); }
  absl::Status Error(std::string what) const {
    return absl::InvalidArgumentError(absl::StrCat("line ", line_, ": ", what));
  }

  // Jinja does not miss an end behind which there is nothing.
  absl::Status End(std::string what) const { return at_ < source_.size() ? Error(what) : absl::OkStatus(); }

  // Moves on, counting lines.
  void Skip(size_t bytes) {
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<ptrdiff_t>(at_),
                                         source_.begin() + static_cast<ptrdiff_t>(at_ + bytes), '\n'));
    at_ += bytes;
    line_starting_ = at_ > 0 && source_[at_ - 1] == '\n';
  }

  size_t SpacesAt(size_t at) const {
    size_t end = at;
    while (end < source_.size() && IsSpace(DecodeChar(source_, end))) end += CharSize(source_[end]);
    return end - at;
  }

  // The text before a tag, cut as the sign after the tag's opening asks.
  std::string_view Cut(std::string_view text, char sign, bool variable) const {
    const auto before = [&](size_t end) {
      do {
        --end;
      } while ((static_cast<uint8_t>(text[end]) & 0xc0) == 0x80);
      return end;
    };
    if (sign == '-') {
      size_t end = text.size();
      while (end > 0 && IsSpace(DecodeChar(text, before(end)))) end = before(end);
      return text.substr(0, end);
    }
    if (sign == '+' || variable) return text;
    const size_t begin = text.rfind('\n') + 1;  // 0 when there is none
    if (begin == 0 && !line_starting_) return text;
    size_t at = begin;
    while (at < text.size() && IsSpace(DecodeChar(text, at))) at += CharSize(text[at]);
    return at == text.size() ? text.substr(0, begin) : text;
  }

  // The end of a block or comment, closed by `close` ("%}"), at the current place: with -, the white space
  // after it goes too; without +, one line break does. nullopt: not here.
  std::optional<size_t> Closing(std::string_view close, size_t at) const {
    const std::string_view rest = std::string_view(source_).substr(at);
    const bool minus = rest.starts_with('-'), plus = rest.starts_with('+');
    if (!rest.substr(minus || plus ? 1 : 0).starts_with(close)) return std::nullopt;
    const size_t size = close.size() + (minus || plus ? 1 : 0);
    if (minus) return size + SpacesAt(at + size);
    return size + (!plus && rest.substr(size).starts_with('\n') ? 1 : 0);
  }

  // "{% raw %}" at `at`: its size, else 0.
  size_t RawBegin(size_t at, char sign) const {
    size_t end = at + 2 + (sign != 0 ? 1 : 0);
    end += SpacesAt(end);
    if (source_.compare(end, 3, "raw") != 0) return 0;
    end += 3;
    end += SpacesAt(end);
    if (source_.compare(end, 3, "-%}") == 0) return end + 3 + SpacesAt(end + 3) - at;
    return source_.compare(end, 2, "%}") == 0 ? end + 2 - at : 0;
  }

  absl::Status Root() {
    size_t tag = at_;
    while (true) {
      tag = source_.find('{', tag);
      if (tag == std::string::npos || tag + 1 >= source_.size()) {
        Add(TokenKind::kData, std::string(Rest()));
        Skip(source_.size() - at_);
        return absl::OkStatus();
      }
      const char next = source_[tag + 1];
      if (next == '%' || next == '{' || next == '#') break;
      ++tag;
    }
    const char what = source_[tag + 1];
    const char after = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
    const char sign = after == '-' || after == '+' ? after : '\0';
    const std::string_view text = Cut(Rest().substr(0, tag - at_), sign, what == '{');
    if (!text.empty()) Add(TokenKind::kData, std::string(text));
    Skip(tag - at_);
    if (const size_t raw = what == '%' ? RawBegin(at_, sign) : 0; raw > 0) {
      Skip(raw);
      return Raw();
    }
    if (what == '#') {
      Skip(2 + (sign != 0 ? 1 : 0));
      return Comment();
    }
    Add(what == '%' ? TokenKind::kBlockBegin : TokenKind::kVariableBegin, "");
    Skip(2 + (sign != 0 ? 1 : 0));
    return Tag(what == '%');
  }

  absl::Status Comment() {
    for (size_t at = at_; at < source_.size(); ++at) {
      if (const auto size = Closing("#}", at)) {
        Skip(at - at_ + *size);
        return absl::OkStatus();
      }
    }
    return End("Missing end of comment tag");
  }

  absl::Status Raw() {
    for (size_t at = at_; (at = source_.find("{%", at)) != std::string::npos; ++at) {
      size_t end = at + 2;
      const char sign =
          end < source_.size() && (source_[end] == '-' || source_[end] == '+') ? source_[end] : '\0';
      if (sign != 0) ++end;
      end += SpacesAt(end);
      if (source_.compare(end, 6, "endraw") != 0) continue;
      end += 6;
      end += SpacesAt(end);
      const auto close = end <= source_.size() ? Closing("%}", end) : std::nullopt;
      if (!close) continue;
      const std::string_view text = Cut(Rest().substr(0, at - at_), sign, false);
      if (!text.empty()) Add(TokenKind::kData, std::string(text));
      Skip(end + *close - at_);
      return absl::OkStatus();
    }
    return End("Missing end of raw directive");
  }

  // Tokens up to the end of the tag; inside brackets %} and }} are operators.
  absl::Status Tag(bool block) {
    while (true) {
      Skip(SpacesAt(at_));
      if (at_ >= source_.size()) return absl::OkStatus();  // the parser misses the end
      if (brackets_.empty()) {
        if (const auto size = block ? Closing("%}", at_) : std::nullopt) {
          Add(TokenKind::kBlockEnd, "");
          Skip(*size);
          return absl::OkStatus();
        }
        const bool minus = Starts("-}}");
        if (!block && (minus || Starts("}}"))) {
          Add(TokenKind::kVariableEnd, "");
          Skip(minus ? 3 + SpacesAt(at_ + 3) : 2);
          return absl::OkStatus();
        }
      }
      LINNET_RETURN_IF_ERROR(One());
    }
  }

  absl::Status One() {
    const char c = source_[at_];
    if (Digit(c)) return Number();
    if (c == '\'' || c == '"') return StringLiteral(c);
    size_t size = 0;
    while (at_ + size < source_.size() && IsWord(DecodeChar(source_, at_ + size)))
      size += CharSize(source_[at_ + size]);
    if (size > 0) {
      Add(TokenKind::kName, source_.substr(at_, size));
      Skip(size);
      return absl::OkStatus();
    }
    return OperatorToken();
  }

  // Digits with single _ between them, from `at`.
  size_t DigitsAt(size_t at) const {
    size_t end = at;
    while (end < source_.size() &&
           (Digit(source_[end]) ||
            (source_[end] == '_' && end > at && end + 1 < source_.size() && Digit(source_[end + 1])))) {
      ++end;
    }
    return end - at;
  }

  absl::Status Number() {
    const bool after_dot = at_ > 0 && source_[at_ - 1] == '.';
    const char letter = at_ + 1 < source_.size() ? static_cast<char>(source_[at_ + 1] | 32) : '\0';
    if (source_[at_] == '0' && (letter == 'x' || letter == 'o' || letter == 'b')) return Prefixed(letter);
    size_t end = at_ + DigitsAt(at_);
    bool real = false;
    if (!after_dot && source_.compare(end, 1, ".") == 0 && DigitsAt(end + 1) > 0) {
      end += 1 + DigitsAt(end + 1);
      real = true;
    }
    if (!after_dot && end < source_.size() && (source_[end] | 32) == 'e') {
      const size_t sign =
          end + 1 < source_.size() && (source_[end + 1] == '+' || source_[end + 1] == '-') ? 1 : 0;
      if (DigitsAt(end + 1 + sign) > 0) {
        end += 1 + sign + DigitsAt(end + 1 + sign);
        real = true;
      }
    }
    // A whole number begins with no zero, but for zero itself.
    if (!real && source_[at_] == '0') {
      end = at_;
      while (end < source_.size() &&
             (source_[end] == '0' || (source_[end] == '_' && source_.compare(end + 1, 1, "0") == 0)))
        ++end;
    }
    std::string digits = source_.substr(at_, end - at_);
    std::erase(digits, '_');
    Add(real ? TokenKind::kFloat : TokenKind::kInteger, digits);
    Skip(end - at_);
    return absl::OkStatus();
  }

  absl::Status Prefixed(char letter) {
    size_t end = at_ + 2;
    const std::string_view allowed = letter == 'x'   ? "0123456789abcdefABCDEF"
                                     : letter == 'o' ? "01234567"
                                                     : "01";
    while (end < source_.size() &&
           (allowed.find(source_[end]) != std::string_view::npos || source_[end] == '_'))
      ++end;
    std::string digits = source_.substr(at_, end - at_);
    std::erase(digits, '_');
    if (digits.size() < 3) digits.assign(1, '0');  // "0x" is a zero and a name
    Add(TokenKind::kInteger, digits);
    Skip(digits.size() < 3 ? 1 : end - at_);
    return absl::OkStatus();
  }

  absl::Status StringLiteral(char quote) {
    size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size())
      return Error(absl::StrCat("unexpected char ", quote == '"' ? "'\"'" : "\"'\""));
    LINNET_ASSIGN_OR_RETURN(std::string text,
                            Unescape(std::string_view(source_).substr(at_ + 1, end - at_ - 1), line_));
    Add(TokenKind::kString, std::move(text));
    Skip(end + 1 - at_);
    return absl::OkStatus();
  }

  absl::Status OperatorToken() {
    for (const std::string_view op :
         {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
          "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"}) {
      if (!Starts(op)) continue;
      const char c = op[0];
      if (c == '{' || c == '(' || c == '[') brackets_.push_back(c == '{' ? '}' : c == '(' ? ')' : ']');
      if (c == '}' || c == ')' || c == ']') {
        if (brackets_.empty()) return Error(absl::StrCat("unexpected '", std::string(op), "'"));
        if (brackets_.back() != c) {
          return Error(absl::StrCat("unexpected '", std::string(op), "', expected '",
                                    std::string(1, brackets_.back()), "'"));
        }
        brackets_.pop_back();
      }
      Add(TokenKind::kOperator, std::string(op));
      Skip(op.size());
      return absl::OkStatus();
    }
    return Error(
        absl::StrCat("unexpected char '", source_.substr(at_, CharSize(source_[at_])), "' at ", at_));
  }

  const std::string source_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
  std::string brackets_;  // the closing ones that are due
  std::vector<Token> tokens_;
};

}  // namespace

absl::StatusOr<std::vector<Token>> Tokenize(std::string_view source) {
  return Lexer(Normalized(source)).Run();
}

}  // namespace linnet::jinja
