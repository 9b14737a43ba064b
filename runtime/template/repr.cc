#include "runtime/template/repr.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "runtime/template/limits.h"
#include "runtime/template/unicode.h"

namespace linnet::jinja {
namespace {

void AppendStringRepr(Text& out, const Text& text) {
  const std::string_view bytes = text.view();
  const bool single = bytes.find('\'') == std::string_view::npos || bytes.find('"') != std::string_view::npos;
  const char quote = single ? '\'' : '"';
  out.Append(std::string_view(&quote, 1), false);
  for (size_t at = 0; at < bytes.size(); at += CharSize(bytes[at])) {
    const uint32_t code = DecodeChar(bytes, at);
    char escaped[16];
    if (code == static_cast<uint32_t>(quote) || code == '\\') {
      std::snprintf(escaped, sizeof escaped, "\\%c", static_cast<char>(code));
    } else if (code == '\n' || code == '\r' || code == '\t') {
      std::snprintf(escaped, sizeof escaped, "\\%c", code == '\n' ? 'n' : code == '\r' ? 'r' : 't');
    } else if (IsPrintable(code)) {
      out.Append(text, at, at + CharSize(bytes[at]));
      continue;
    } else {
      std::snprintf(escaped, sizeof escaped,
                    code < 0x100     ? "\\x%02x"
                    : code < 0x10000 ? "\\u%04x"
                                     : "\\U%08x",
                    code);
    }
    out.Append(escaped, text.TrustedAt(at));
  }
  out.Append(std::string_view(&quote, 1), false);
}

void AppendItems(Text& out, const std::vector<Value>& items, uint32_t depth) {
  bool first = true;
  for (const Value& item : items) {
    if (!first) out.Append(", ", false);
    first = false;
    AppendRepr(out, item, depth + 1);
  }
}

}  // namespace

std::string FloatRepr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  std::string text(buffer, end);
  const size_t e = text.find('e');
  const int exponent = std::atoi(text.c_str() + e + 1);
  std::string digits = text.substr(0, e);
  if (exponent < -4 || exponent >= 16) {
    char tail[16];
    std::snprintf(tail, sizeof tail, "e%c%02d", exponent < 0 ? '-' : '+', std::abs(exponent));
    return digits + tail;
  }
  const bool negative = digits[0] == '-';
  if (negative) digits.erase(0, 1);
  if (digits.size() > 1) digits.erase(1, 1);  // the point
  if (exponent < 0) {
    digits.insert(0, static_cast<size_t>(-exponent - 1), '0').insert(0, 1, '.').insert(0, 1, '0');
  } else {
    const auto whole = static_cast<size_t>(exponent) + 1;
    if (digits.size() < whole) digits.append(whole - digits.size(), '0');
    if (digits.size() == whole) digits.push_back('0');
    digits.insert(whole, 1, '.');
  }
  if (negative) digits.insert(0, 1, '-');
  return digits;
}

void AppendRepr(Text& out, const Value& value, uint32_t depth) {
  if (depth > 2 * Limits::kNesting) out.SetOverflowed();
  if (out.overflowed()) return;
  switch (value.kind()) {
    case Value::Kind::kMissing:
    case Value::Kind::kUndefined:
      return out.Append("Undefined", false);
    case Value::Kind::kNone:
      return out.Append("None", true);
    case Value::Kind::kBool:
      return out.Append(value.as_bool() ? "True" : "False", true);
    case Value::Kind::kInt:
      return out.Append(std::to_string(value.as_int()), value.trusted());
    case Value::Kind::kFloat:
      return out.Append(FloatRepr(value.as_float()), value.trusted());
    case Value::Kind::kString:
      if (value.markup()) out.Append("Markup(", false);
      AppendStringRepr(out, value.text());
      if (value.markup()) out.Append(")", false);
      return;
    case Value::Kind::kList:
    case Value::Kind::kTuple: {
      const bool tuple = value.kind() == Value::Kind::kTuple;
      out.Append(tuple ? "(" : "[", false);
      AppendItems(out, value.items(), depth);
      if (tuple && value.items().size() == 1) out.Append(",", false);
      return out.Append(tuple ? ")" : "]", false);
    }
    case Value::Kind::kDict: {
      out.Append("{", false);
      bool first = true;
      for (const auto& [key, item] : value.entries().entries()) {
        if (!first) out.Append(", ", false);
        first = false;
        AppendRepr(out, key, depth + 1);
        out.Append(": ", false);
        AppendRepr(out, item, depth + 1);
      }
      return out.Append("}", false);
    }
    case Value::Kind::kObject:
      return value.object().Repr(out, depth);
  }
}

Text StrOf(const Value& value) {
  if (value.string()) return value.text();
  Text out;
  if (!value.undefined() && !value.missing()) AppendRepr(out, value, 0);
  return out;
}

}  // namespace linnet::jinja
