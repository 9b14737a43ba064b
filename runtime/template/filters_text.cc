// Filters on strings.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/template/call_args.h"
#include "runtime/template/filters.h"
#include "runtime/template/format.h"
#include "runtime/template/methods.h"
#include "runtime/template/operations.h"
#include "runtime/template/repr.h"
#include "runtime/template/unicode.h"

namespace linnet::jinja {
namespace {

template <Case to>
Value InCase(Runtime& rt, const Value& subject, const Args& args) {
  const Value text = AsString(rt, subject);
  if (!CallArgs(rt, "filter", args, {}, 0).ok() || !rt.WorkBytes(text.text().size() * 8)) return text;
  return rt.Str(MapCase(text.text(), to), text.markup());
}

Value Capitalize(Runtime& rt, const Value& subject, const Args& args) {
  const Value text = AsString(rt, subject);
  if (!CallArgs(rt, "capitalize", args, {}, 0).ok() || !rt.WorkBytes(text.text().size() * 8)) return text;
  return rt.Str(TitleCase(text.text(), true), text.markup());
}

// Jinja's own: words begin after white space, hyphens and opening brackets only.
Value Title(Runtime& rt, const Value& subject, const Args& args) {
  const Value value = AsString(rt, subject);
  if (!CallArgs(rt, "title", args, {}, 0).ok() || !rt.WorkBytes(value.text().size() * 8)) return value;
  const Text& text = value.text();
  const auto parts_words = [&](size_t at) {
    const uint32_t code = DecodeChar(text.view(), at);
    return IsSpace(code) ||
           (code < 0x80 && std::string_view("-({[<").find(static_cast<char>(code)) != std::string_view::npos);
  };
  Text out;
  for (size_t at = 0; at < text.size();) {
    const bool between = parts_words(at);
    size_t end = at + CharSize(text.view()[at]);
    out.Append(between ? text.Sub(at, end) : MapCase(text.Sub(at, end), Case::kUpper));
    at = end;
    while (end < text.size() && parts_words(end) == between) end += CharSize(text.view()[end]);
    out.Append(between ? text.Sub(at, end) : MapCase(text.Sub(at, end), Case::kLower));
    at = end;
  }
  return rt.Str(std::move(out));
}

Value Trim(Runtime& rt, const Value& subject, const Args& args) {
  CallArgs a(rt, "trim", args, {"chars"}, 0);
  const Value text = AsString(rt, subject);
  const Text* chars = a.ok() ? a.Str(0) : nullptr;
  if (!rt.WorkBytes(text.text().size())) return text;
  return rt.Str(Strip(text.text(), chars, Side::kBoth), text.markup());
}

Value ReplaceFilter(Runtime& rt, const Value& subject, const Args& args) {
  CallArgs a(rt, "replace", args, {"old", "new", "count"}, 2);
  if (!a.ok()) return rt.Undefined("");
  const std::optional<int64_t> count = a[2].none() ? -1 : a.Int(2, -1);
  if (!count) return rt.Undefined("");
  return rt.Str(Replace(rt, StrOf(subject), StrOf(a[0]), StrOf(a[1]), *count));
}

Value CenterFilter(Runtime& rt, const Value& subject, const Args& args) {
  CallArgs a(rt, "center", args, {"width"}, 0);
  const std::optional<int64_t> width = a.ok() ? a.Int(0, 80) : std::nullopt;
  const Value text = AsString(rt, subject);
  return width ? rt.Str(Pad(rt, text.text(), *width, Text(" ", true), Side::kBoth), text.markup()) : text;
}

Value Indent(Runtime& rt, const Value& subject, const Args& args) {
  CallArgs a(rt, "indent", args, {"width", "first", "blank"}, 0);
  if (!a.ok()) return rt.Undefined("");
  if (!subject.string()) {
    return rt.Fail(absl::StrCat("indent() expected a string, found '", std::string(subject.TypeName()), "'"));
  }
  Text indent;
  if (a.has(0) && a[0].string()) {
    indent = a[0].text();
  } else {
    const std::optional<int64_t> width = a.Int(0, 4);
    if (!width) return rt.Undefined("");
    indent = Pad(rt, Text(), *width, Text(" ", true), Side::kLeft);
  }
  Text text = subject.text();
  text.Append("\n", true);  // so that a last line break counts
  const std::vector<Text> lines = SplitLines(text, false);
  const bool blank = a.Flag(2, false);
  Text out = a.Flag(1, false) ? indent : Text();
  for (size_t i = 0; i < lines.size() && !out.overflowed() && rt.WorkBytes(indent.size()); ++i) {
    if (i > 0) out.Append("\n", true);
    if (i > 0 && (blank || !lines[i].empty())) out.Append(indent);
    out.Append(lines[i]);
  }
  return rt.Str(std::move(out), subject.markup());
}

Value Truncate(Runtime& rt, const Value& subject, const Args& args) {
  CallArgs a(rt, "truncate", args, {"length", "killwords", "end", "leeway"}, 0);
  if (!a.ok()) return rt.Undefined("");
  if (!subject.string()) return rt.Fail("truncate() expected a string");
  const std::optional<int64_t> length = a.Int(0, 255);
  const std::optional<int64_t> leeway = a[3].none() ? 5 : a.Int(3, 5);
  const Text* given_end = a.Str(2, false);
  if (!length || !leeway || rt.failed()) return rt.Undefined("");
  const Text end = given_end != nullptr ? *given_end : Text("...", true);
  const auto end_size = static_cast<int64_t>(CharCount(end.view()));
  if (*length < end_size) return rt.Fail(absl::StrCat("expected length >= ", end_size, ", got ", *length));
  if (*leeway < 0) return rt.Fail(absl::StrCat("expected leeway >= 0, got ", *leeway));
  const Text& text = subject.text();
  const auto size = static_cast<int64_t>(CharCount(text.view()));
  if (size - *leeway <= *length) return subject;
  Text out = text.Sub(0, ByteOffset(text.view(), static_cast<size_t>(*length - end_size)));
  const size_t space = out.view().rfind(' ');
  if (!a.Flag(1, false) && space != std::string_view::npos) out = out.Sub(0, space);
  out.Append(end);
  return rt.Str(std::move(out), subject.markup());
}

Value WordCount(Runtime& rt, const Value& subject, const Args& args) {
  const Value value = AsString(rt, subject);
  if (!CallArgs(rt, "wordcount", args, {}, 0).ok() || !rt.WorkBytes(value.text().size() * 8)) return value;
  int64_t words = 0;
  bool inside = false;
  const std::string_view text = value.view();
  for (size_t at = 0; at < text.size(); at += CharSize(text[at])) {
    const bool word = IsWord(DecodeChar(text, at));
    if (word && !inside) ++words;
    inside = word;
  }
  return Value::Int(words);
}

Value FormatFilter(Runtime& rt, const Value& subject, const Args& args) {
  if (!args.positional.empty() && !args.keywords.empty()) {
    return rt.Fail("can't handle positional and keyword arguments at the same time");
  }
  std::vector<std::pair<Value, Value>> named;
  for (const auto& [name, value] : args.keywords) named.emplace_back(rt.Trusted(name), value);
  const Value arguments = named.empty() ? rt.NewTuple(args.positional) : rt.NewDict(named);
  return FormatPercent(rt, AsString(rt, subject), arguments);
}

Value Escape(Runtime& rt, const Value& subject, const Args& args) {
  if (!CallArgs(rt, "escape", args, {}, 0).ok() || (subject.string() && subject.markup())) return subject;
  return rt.Str(EscapedText(StrOf(subject)), true);
}

Value ForceEscape(Runtime& rt, const Value& subject, const Args& args) {
  if (!CallArgs(rt, "forceescape", args, {}, 0).ok()) return subject;
  return rt.Str(EscapedText(StrOf(subject)), true);
}

Value Safe(Runtime& rt, const Value& subject, const Args& args) {
  if (!CallArgs(rt, "safe", args, {}, 0).ok()) return subject;
  return rt.Str(StrOf(subject), true);
}

Value StringFilter(Runtime& rt, const Value& subject, const Args& args) {
  return CallArgs(rt, "string", args, {}, 0).ok() ? AsString(rt, subject) : subject;
}

// urllib's quote: "/" stays, in a query it does not and a space is "+".
Text Quoted(const Text& text, bool query) {
  Text out;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text.view()[at];
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       std::string_view("_.-~").find(c) != std::string_view::npos || (c == '/' && !query);
    if (plain) {
      out.Append(text, at, at + 1);
    } else if (c == ' ' && query) {
      out.Append("+", text.TrustedAt(at));
    } else {
      static constexpr char kHex[] = "0123456789ABCDEF";
      const auto byte = static_cast<uint8_t>(c);
      const char escaped[] = {'%', kHex[byte >> 4], kHex[byte & 15]};
      out.Append(std::string_view(escaped, 3), text.TrustedAt(at));
    }
  }
  return out;
}

Value UrlEncode(Runtime& rt, const Value& subject, const Args& args) {
  if (!CallArgs(rt, "urlencode", args, {}, 0).ok()) return subject;
  const bool pairs = subject.dict() || subject.sequence() || subject.Is(Value::Kind::kObject);
  if (!pairs) return rt.Str(Quoted(StrOf(subject), false));
  std::vector<Value> items;
  Text out;
  if (subject.dict()) {
    for (const auto& [key, value] : subject.entries().entries()) items.push_back(rt.NewTuple({key, value}));
  } else if (!Collect(rt, subject, &items)) {
    return subject;
  }
  for (const Value& item : items) {
    std::vector<Value> pair;
    if (!Collect(rt, item, &pair) || !rt.WorkBytes(64)) return subject;
    if (pair.size() != 2) return rt.Fail("urlencode() expected pairs");
    if (!out.empty()) out.Append("&", true);
    out.Append(Quoted(StrOf(pair[0]), true));
    out.Append("=", true);
    out.Append(Quoted(StrOf(pair[1]), true));
  }
  return rt.Str(std::move(out));
}

constexpr NamedRow<Filter> kRows[] = {{"upper", InCase<Case::kUpper>},
                                      {"lower", InCase<Case::kLower>},
                                      {"capitalize", Capitalize},
                                      {"title", Title},
                                      {"trim", Trim},
                                      {"replace", ReplaceFilter},
                                      {"center", CenterFilter},
                                      {"indent", Indent},
                                      {"truncate", Truncate},
                                      {"wordcount", WordCount},
                                      {"format", FormatFilter},
                                      {"e", Escape},
                                      {"escape", Escape},
                                      {"forceescape", ForceEscape},
                                      {"safe", Safe},
                                      {"string", StringFilter},
                                      {"urlencode", UrlEncode}};

}  // namespace

Filter FindTextFilter(std::string_view name) { return FindRow(kRows, name); }

}  // namespace linnet::jinja
