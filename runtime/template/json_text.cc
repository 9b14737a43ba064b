#include <algorithm>
#include <cmath>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "runtime/template/repr.h"

namespace linnet::jinja {
namespace {

void AppendUnit(std::string& out, uint32_t unit) {
  char escaped[16];
  std::snprintf(escaped, sizeof escaped, "\\u%04x", unit);
  out += escaped;
}

void AppendString(Text& out, const Text& text, bool ensure_ascii) {
  const std::string_view bytes = text.view();
  out.Append("\"", false);
  size_t plain = 0;  // begin of what needs no escape
  for (size_t at = 0; at < bytes.size(); at += CharSize(bytes[at])) {
    const uint32_t code = DecodeChar(bytes, at);
    if (code >= 0x20 && code != '"' && code != '\\' && (code < 0x7f || !ensure_ascii)) continue;
    std::string escaped;
    switch (code) {
      case '"':
      case '\\':
        escaped = {'\\', static_cast<char>(code)};
        break;
      case '\n':
        escaped = "\\n";
        break;
      case '\r':
        escaped = "\\r";
        break;
      case '\t':
        escaped = "\\t";
        break;
      case '\f':
        escaped = "\\f";
        break;
      case '\b':
        escaped = "\\b";
        break;
      default:
        if (code >= 0x10000) AppendUnit(escaped, 0xd800 + ((code - 0x10000) >> 10));
        AppendUnit(escaped, code >= 0x10000 ? 0xdc00 + ((code - 0x10000) & 0x3ff) : code);
    }
    out.Append(text, plain, at);
    out.Append(escaped, text.TrustedAt(at));
    plain = at + CharSize(bytes[at]);
  }
  out.Append(text, plain, bytes.size());
  out.Append("\"", false);
}

std::string FloatJson(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return FloatRepr(value);
}

struct Writer {
  Runtime& rt;
  Text& out;
  const JsonStyle& style;
  uint32_t level = 0;

  void Break() {
    if (!style.indented || !rt.WorkBytes(style.indent.size() * level)) return;
    std::string line(1, '\n');
    for (uint32_t i = 0; i < level; ++i) line += style.indent;
    out.Append(line, false);
  }

  // Between `open` and `close`, item by item.
  template <typename Items, typename Each>
  bool Container(std::string_view open, std::string_view close, const Items& items, Each each) {
    out.Append(open, false);
    ++level;
    bool first = true;
    for (const auto& item : items) {
      if (!first) out.Append(style.item_separator, false);
      first = false;
      Break();
      if (!each(item)) return false;
    }
    --level;
    if (!items.empty()) Break();
    out.Append(close, false);
    return true;
  }

  bool Key(const Value& key) {
    switch (key.kind()) {
      case Value::Kind::kString:
        AppendString(out, key.text(), style.ensure_ascii);
        return true;
      case Value::Kind::kNone:
        out.Append("\"null\"", false);
        return true;
      case Value::Kind::kBool:
        out.Append(key.as_bool() ? "\"true\"" : "\"false\"", false);
        return true;
      case Value::Kind::kInt:
        out.Append(absl::StrCat("\"", key.as_int(), "\""), false);
        return true;
      case Value::Kind::kFloat:
        out.Append(absl::StrCat("\"", FloatJson(key.as_float()), "\""), false);
        return true;
      default:
        rt.Fail(
            absl::StrCat("keys must be str, int, float, bool or None, not ", std::string(key.TypeName())));
        return false;
    }
  }

  bool Write(const Value& value) {
    if (!rt.Work(1)) return false;
    switch (value.kind()) {
      case Value::Kind::kNone:
        out.Append("null", true);
        return true;
      case Value::Kind::kBool:
        out.Append(value.as_bool() ? "true" : "false", true);
        return true;
      case Value::Kind::kInt:
        out.Append(std::to_string(value.as_int()), value.trusted());
        return true;
      case Value::Kind::kFloat:
        out.Append(FloatJson(value.as_float()), value.trusted());
        return true;
      case Value::Kind::kString:
        AppendString(out, value.text(), style.ensure_ascii);
        return true;
      case Value::Kind::kList:
      case Value::Kind::kTuple:
        return Container("[", "]", value.items(), [&](const Value& item) { return Write(item); });
      case Value::Kind::kDict: {
        auto entries = value.entries().entries();
        if (style.sort_keys) {
          for (const auto& [key, item] : entries) {
            if (key.string()) continue;
            rt.Fail("tojson with sort_keys sorts keys that are strings only");
            return false;
          }
          std::stable_sort(entries.begin(), entries.end(),
                           [](const auto& a, const auto& b) { return a.first.view() < b.first.view(); });
        }
        return Container("{", "}", entries, [&](const auto& entry) {
          if (!Key(entry.first)) return false;
          out.Append(style.key_separator, false);
          return Write(entry.second);
        });
      }
      default:
        rt.Fail(absl::StrCat("Object of type ", std::string(value.TypeName()), " is not JSON serializable"));
        return false;
    }
  }
};

}  // namespace

bool AppendJson(Runtime& rt, Text& out, const Value& value, const JsonStyle& style) {
  return Writer{rt, out, style}.Write(value);
}

}  // namespace linnet::jinja
