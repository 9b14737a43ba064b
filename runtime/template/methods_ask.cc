// Methods of str that answer a question.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/template/call_args.h"
#include "runtime/template/methods.h"
#include "runtime/template/operations.h"
#include "runtime/template/unicode.h"

namespace linnet::jinja {
namespace {

// The bytes of self[start:end] as find and startswith take them.
struct Window {
  size_t begin = 0, end = 0;
  int64_t first_char = 0;
  bool valid = true;  // start is not beyond the end
};

std::optional<Window> WindowOf(Runtime& rt, const Value& self, const CallArgs& a) {
  rt.WorkBytes(self.text().size());
  const auto size = static_cast<int64_t>(CharCount(self.view()));
  const std::optional<SliceIndices> cut = IndicesOf(rt, size, a[1], a[2], Value());
  if (!cut) return std::nullopt;
  Window window;
  window.begin = ByteOffset(self.view(), static_cast<size_t>(cut->begin));
  window.end = ByteOffset(self.view(), static_cast<size_t>(std::max(cut->begin, cut->end)));
  window.first_char = cut->begin;
  const bool beyond = a[1].integral() && a[1].as_int() > size;
  window.valid = !beyond && cut->begin <= cut->end;
  return window;
}

// Index by characters; -1: absent; nullopt: failed.
std::optional<int64_t> Position(Runtime& rt, const Value& self, const Args& args, bool last) {
  CallArgs a(rt, "find", args, {"/sub", "/start", "/end"}, 1);
  const Text* needle = a.ok() ? a.Str(0, false) : nullptr;
  if (needle == nullptr) return std::nullopt;
  const std::optional<Window> window = WindowOf(rt, self, a);
  if (!window) return std::nullopt;
  if (!window->valid) return -1;
  const std::string_view text = self.view().substr(window->begin, window->end - window->begin);
  const size_t at = last ? FindLast(text, needle->view()) : Find(text, needle->view(), 0);
  if (at == std::string_view::npos) return -1;
  return window->first_char + static_cast<int64_t>(CharCount(text.substr(0, at)));
}

template <bool last, bool must>
Value FindIn(Runtime& rt, const Value& self, const Args& args) {
  const std::optional<int64_t> at = Position(rt, self, args, last);
  if (!at) return rt.Undefined("");
  if (must && *at < 0) return rt.Fail("substring not found");
  return Value::Int(*at);
}

Value Count(Runtime& rt, const Value& self, const Args& args) {
  CallArgs a(rt, "count", args, {"/sub", "/start", "/end"}, 1);
  const Text* needle = a.ok() ? a.Str(0, false) : nullptr;
  if (needle == nullptr) return rt.Undefined("");
  const std::optional<Window> window = WindowOf(rt, self, a);
  if (!window || !window->valid) return Value::Int(0);
  const std::string_view text = self.view().substr(window->begin, window->end - window->begin);
  if (needle->empty()) return Value::Int(static_cast<int64_t>(CharCount(text)) + 1);
  int64_t found = 0;
  for (size_t at = 0; (at = Find(text, needle->view(), at)) != std::string_view::npos; at += needle->size())
    ++found;
  return Value::Int(found);
}

template <bool ends>
Value HasAffix(Runtime& rt, const Value& self, const Args& args) {
  CallArgs a(rt, ends ? "endswith" : "startswith", args, {"/prefix", "/start", "/end"}, 1);
  if (!a.ok()) return rt.Undefined("");
  const std::optional<Window> window = WindowOf(rt, self, a);
  if (!window) return rt.Undefined("");
  const std::string_view text = self.view().substr(window->begin, window->end - window->begin);
  const std::vector<Value> affixes = a[0].Is(Value::Kind::kTuple) ? a[0].items() : std::vector<Value>{a[0]};
  for (const Value& affix : affixes) {
    if (!affix.string()) {
      return rt.Fail(absl::StrCat(ends ? "endswith" : "startswith",
                                  " first arg must be str or a tuple of str, not ",
                                  std::string(affix.TypeName())));
    }
    if (window->valid && (ends ? text.ends_with(affix.view()) : text.starts_with(affix.view()))) {
      return Value::Bool(true);
    }
  }
  return Value::Bool(false);
}

// Not empty, and `is` of all characters.
template <bool (*is)(uint32_t)>
Value All(Runtime& rt, const Value& self, const Args& args) {
  if (!CallArgs(rt, "method", args, {}, 0).ok() || !rt.WorkBytes(self.text().size() * 8)) return self;
  const std::string_view text = self.view();
  for (size_t at = 0; at < text.size(); at += CharSize(text[at])) {
    if (!is(DecodeChar(text, at))) return Value::Bool(false);
  }
  return Value::Bool(!text.empty());
}

bool IsAlnum(uint32_t code) { return code != '_' && IsWord(code); }
bool IsAsciiChar(uint32_t code) { return code < 0x80; }

// str.isupper and islower: letters of the one case and none of the other.
template <bool (*wanted)(uint32_t), bool (*refused)(uint32_t)>
Value OneCase(Runtime& rt, const Value& self, const Args& args) {
  if (!CallArgs(rt, "method", args, {}, 0).ok() || !rt.WorkBytes(self.text().size() * 8)) return self;
  bool any = false;
  const std::string_view text = self.view();
  for (size_t at = 0; at < text.size(); at += CharSize(text[at])) {
    const uint32_t code = DecodeChar(text, at);
    if (refused(code) || IsTitle(code)) return Value::Bool(false);
    any = any || wanted(code);
  }
  return Value::Bool(any);
}

Value IsTitleText(Runtime& rt, const Value& self, const Args& args) {
  if (!CallArgs(rt, "istitle", args, {}, 0).ok() || !rt.WorkBytes(self.text().size() * 8)) return self;
  bool any = false, inside = false;
  const std::string_view text = self.view();
  for (size_t at = 0; at < text.size(); at += CharSize(text[at])) {
    const uint32_t code = DecodeChar(text, at);
    const bool big = IsUpper(code) || IsTitle(code), small = IsLower(code);
    if ((big && inside) || (small && !inside)) return Value::Bool(false);
    inside = big || small;
    any = any || inside;
  }
  return Value::Bool(any);
}

Value IsAsciiText(Runtime& rt, const Value& self, const Args& args) {
  return self.text().empty() ? Value::Bool(true) : All<IsAsciiChar>(rt, self, args);
}

Value IsPrintableText(Runtime& rt, const Value& self, const Args& args) {
  return self.text().empty() ? Value::Bool(true) : All<IsPrintable>(rt, self, args);
}

Value IsIdentifierText(Runtime& rt, const Value& self, const Args& args) {
  const bool digit_first = !self.text().empty() && IsDecimal(DecodeChar(self.view(), 0));
  const Value words = All<IsWord>(rt, self, args);
  return rt.failed() ? words : Value::Bool(Truth(words) && !digit_first);
}

constexpr MethodRow kRows[] = {{"find", FindIn<false, false>},
                               {"rfind", FindIn<true, false>},
                               {"index", FindIn<false, true>},
                               {"rindex", FindIn<true, true>},
                               {"count", Count},
                               {"startswith", HasAffix<false>},
                               {"endswith", HasAffix<true>},
                               {"isalpha", All<IsAlpha>},
                               {"isalnum", All<IsAlnum>},
                               {"isdigit", All<IsDecimal>},
                               {"isdecimal", All<IsDecimal>},
                               {"isnumeric", All<IsDecimal>},
                               {"isspace", All<IsSpace>},
                               {"isprintable", IsPrintableText},
                               {"isascii", IsAsciiText},
                               {"isidentifier", IsIdentifierText},
                               {"istitle", IsTitleText},
                               {"isupper", OneCase<IsUpper, IsLower>},
                               {"islower", OneCase<IsLower, IsUpper>}};

}  // namespace

Method FindAskMethod(std::string_view name) {
  const auto* row =
      std::find_if(std::begin(kRows), std::end(kRows), [&](const MethodRow& r) { return r.name == name; });
  return row == std::end(kRows) ? nullptr : row->call;
}

}  // namespace linnet::jinja
