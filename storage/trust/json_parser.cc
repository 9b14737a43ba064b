#include <cstdint>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "storage/trust/canonical_json.h"

namespace linnet::trust {
namespace {

// Appends `code` (a Unicode scalar value) as UTF-8.
void AppendUtf8(uint32_t code, std::string& out) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 63));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 63));
    out += static_cast<char>(0x80 | (code & 63));
  } else {
    out += static_cast<char>(0xF0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 63));
    out += static_cast<char>(0x80 | ((code >> 6) & 63));
    out += static_cast<char>(0x80 | (code & 63));
  }
}

// Length of the well-formed UTF-8 sequence at the front of `text` (Unicode 15, table 3-7); 0: there is none.
size_t Utf8Length(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto in = [&](size_t i, unsigned low, unsigned high) { return byte(i) >= low && byte(i) <= high; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return in(1, 0x80, 0xBF) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const unsigned low = first == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = first == 0xED ? 0x9F : 0xBF;
    return in(1, low, high) && in(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const unsigned low = first == 0xF0 ? 0x90 : 0x80;
    const unsigned high = first == 0xF4 ? 0x8F : 0xBF;
    return in(1, low, high) && in(2, 0x80, 0xBF) && in(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

class Parser {
 public:
  Parser(std::string_view text, const JsonLimits& limits) : text_(text), limits_(limits) {}

  absl::StatusOr<Json> Parse() {
    SkipSpace();
    LINNET_ASSIGN_OR_RETURN(Json value, Value(0));
    SkipSpace();
    if (at_ != text_.size()) return Bad("more bytes after the value");
    return value;
  }

 private:
  absl::Status Bad(std::string_view what) const {
    return absl::DataLossError(absl::StrCat("JSON, byte ", at_, ": ", std::string(what)));
  }
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool Take(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) return false;
    at_ += expected.size();
    return true;
  }
  void SkipSpace() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  // NOLINTNEXTLINE(misc-no-recursion): at most max_depth.
  absl::StatusOr<Json> Value(size_t depth) {
    if (++values_ > limits_.max_values) return Bad(absl::StrCat("more than ", limits_.max_values, " values"));
    switch (Peek()) {
      case '{':
        return ObjectAt(depth);
      case '[':
        return ArrayAt(depth);
      case '"': {
        LINNET_ASSIGN_OR_RETURN(std::string text, String());
        return Json(std::move(text));
      }
      case 't':
        if (Take("true")) return Json(true);
        break;
      case 'f':
        if (Take("false")) return Json(false);
        break;
      case 'n':
        if (Take("null")) return Json();
        break;
      case '\0':
        if (at_ == text_.size()) return Bad("it ends where a value is expected");
        break;
      default:
        if (Peek() == '-' || (Peek() >= '0' && Peek() <= '9')) return Integer();
    }
    return Bad("no value begins like this");
  }

  // NOLINTNEXTLINE(misc-no-recursion)
  absl::StatusOr<Json> ObjectAt(size_t depth) {
    if (depth >= limits_.max_depth) return Bad(absl::StrCat("deeper than ", limits_.max_depth));
    ++at_;
    Json::Object members;
    SkipSpace();
    if (Take("}")) return Json(std::move(members));
    while (true) {
      if (Peek() != '"') return Bad("a member's name is expected");
      LINNET_ASSIGN_OR_RETURN(std::string name, String());
      SkipSpace();
      if (!Take(":")) return Bad("':' is expected");
      SkipSpace();
      const auto [it, fresh] = members.try_emplace(std::move(name));
      if (!fresh) return Bad("a member is named twice");
      LINNET_ASSIGN_OR_RETURN(it->second, Value(depth + 1));
      SkipSpace();
      if (Take("}")) return Json(std::move(members));
      if (!Take(",")) return Bad("',' or '}' is expected");
      SkipSpace();
    }
  }

  // NOLINTNEXTLINE(misc-no-recursion)
  absl::StatusOr<Json> ArrayAt(size_t depth) {
    if (depth >= limits_.max_depth) return Bad(absl::StrCat("deeper than ", limits_.max_depth));
    ++at_;
    Json::Array elements;
    SkipSpace();
    if (Take("]")) return Json(std::move(elements));
    while (true) {
      LINNET_ASSIGN_OR_RETURN(Json element, Value(depth + 1));
      elements.push_back(std::move(element));
      SkipSpace();
      if (Take("]")) return Json(std::move(elements));
      if (!Take(",")) return Bad("',' or ']' is expected");
      SkipSpace();
    }
  }

  absl::StatusOr<Json> Integer() {
    const bool negative = Take("-");
    const size_t start = at_;
    uint64_t magnitude = 0;
    const uint64_t most = static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) + (negative ? 1 : 0);
    while (Peek() >= '0' && Peek() <= '9') {
      const auto digit = static_cast<uint64_t>(Peek() - '0');
      if (magnitude > (most - digit) / 10) return Bad("a number is not within 64 bits");
      magnitude = magnitude * 10 + digit;
      ++at_;
    }
    if (at_ == start) return Bad("a digit is expected");
    if (text_[start] == '0' && (at_ - start > 1 || negative)) return Bad("a number begins with 0");
    if (Peek() == '.' || Peek() == 'e' || Peek() == 'E') return Bad("a number is not an integer");
    return Json(static_cast<int64_t>(negative ? 0 - magnitude : magnitude));
  }

  absl::StatusOr<std::string> String() {
    ++at_;
    std::string out;
    while (true) {
      const size_t start = at_;
      while (at_ < text_.size()) {
        const auto c = static_cast<unsigned char>(text_[at_]);
        if (c < 0x20 || c == '"' || c == '\\') break;
        const size_t length = Utf8Length(text_.substr(at_));
        if (length == 0) return Bad("not UTF-8");
        at_ += length;
      }
      out.append(text_.substr(start, at_ - start));
      if (at_ == text_.size()) return Bad("a string does not end");
      if (Take("\"")) return out;
      if (text_[at_] != '\\') return Bad("a control character in a string");
      ++at_;
      LINNET_RETURN_IF_ERROR(Escape(out));
    }
  }

  absl::Status Escape(std::string& out) {
    static constexpr std::string_view kNames = "\"\\/bfnrt";
    static constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
    const char c = Peek();
    ++at_;
    if (const size_t i = kNames.find(c); i != std::string_view::npos && c != '\0') {
      out += kValues[i];
      return absl::OkStatus();
    }
    if (c != 'u') return Bad("an unknown escape");
    LINNET_ASSIGN_OR_RETURN(uint32_t code, Hex4());
    if (code >= 0xDC00 && code <= 0xDFFF) return Bad("a lone surrogate");
    if (code >= 0xD800 && code <= 0xDBFF) {
      if (!Take("\\u")) return Bad("a lone surrogate");
      LINNET_ASSIGN_OR_RETURN(const uint32_t low, Hex4());
      if (low < 0xDC00 || low > 0xDFFF) return Bad("a lone surrogate");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    AppendUtf8(code, out);
    return absl::OkStatus();
  }

  absl::StatusOr<uint32_t> Hex4() {
    uint32_t code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = Peek();
      uint32_t digit = 0;
      if (c >= '0' && c <= '9') {
        digit = static_cast<uint32_t>(c - '0');
      } else if (c >= 'a' && c <= 'f') {
        digit = static_cast<uint32_t>(c - 'a' + 10);
      } else if (c >= 'A' && c <= 'F') {
        digit = static_cast<uint32_t>(c - 'A' + 10);
      } else {
        return Bad("four hex digits are expected");
      }
      code = code * 16 + digit;
    }
    return code;
  }

  std::string_view text_;
  const JsonLimits& limits_;
  size_t at_ = 0;
  size_t values_ = 0;
};

}  // namespace

absl::StatusOr<Json> ParseJson(std::string_view text, const JsonLimits& limits) {
  return Parser(text, limits).Parse();
}

}  // namespace linnet::trust
