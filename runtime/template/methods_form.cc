// Methods of str that give it another form.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/template/call_args.h"
#include "runtime/template/format.h"
#include "runtime/template/methods.h"
#include "runtime/template/operations.h"
#include "runtime/template/unicode.h"

namespace linnet::jinja {
namespace {

bool TakesNothing(Runtime& rt, const Args& args) { return CallArgs(rt, "method", args, {}, 0).ok(); }

template <Case to>
Value InCase(Runtime& rt, const Value& self, const Args& args) {
  if (!TakesNothing(rt, args) || !rt.WorkBytes(self.text().size() * 8)) return self;
  return rt.Str(MapCase(self.text(), to), self.markup());
}

Value Title(Runtime& rt, const Value& self, const Args& args) {
  if (!TakesNothing(rt, args) || !rt.WorkBytes(self.text().size() * 8)) return self;
  return rt.Str(TitleCase(self.text(), false), self.markup());
}

Value Capitalize(Runtime& rt, const Value& self, const Args& args) {
  if (!TakesNothing(rt, args) || !rt.WorkBytes(self.text().size() * 8)) return self;
  return rt.Str(TitleCase(self.text(), true), self.markup());
}

Value Swap(Runtime& rt, const Value& self, const Args& args) {
  if (!TakesNothing(rt, args) || !rt.WorkBytes(self.text().size() * 8)) return self;
  return rt.Str(SwapCase(self.text()), self.markup());
}

Value PadBy(Runtime& rt, const Value& self, const Args& args, Side text_side) {
  CallArgs a(rt, "center", args, {"/width", "/fillchar"}, 1);
  const std::optional<int64_t> width = a.ok() ? a.Int(0, 0) : std::nullopt;
  const Text* fill = width ? a.Str(1, false) : nullptr;
  if (!a.ok()) return self;
  if (fill != nullptr && CharCount(fill->view()) != 1) {
    return rt.Fail("The fill character must be exactly one character long");
  }
  return rt.Str(Pad(rt, self.text(), *width, fill != nullptr ? *fill : Text(" ", true), text_side),
                self.markup());
}

Value Center(Runtime& rt, const Value& self, const Args& args) { return PadBy(rt, self, args, Side::kBoth); }
Value JustifyLeft(Runtime& rt, const Value& self, const Args& args) {
  return PadBy(rt, self, args, Side::kLeft);
}
Value JustifyRight(Runtime& rt, const Value& self, const Args& args) {
  return PadBy(rt, self, args, Side::kRight);
}

Value ZeroFill(Runtime& rt, const Value& self, const Args& args) {
  CallArgs a(rt, "zfill", args, {"/width"}, 1);
  const std::optional<int64_t> width = a.ok() ? a.Int(0, 0) : std::nullopt;
  if (!width) return self;
  const size_t sign = self.view().starts_with('+') || self.view().starts_with('-') ? 1 : 0;
  Text out = self.text().Sub(0, sign);
  out.Append(Pad(rt, self.text().Sub(sign, self.text().size()), *width - static_cast<int64_t>(sign),
                 Text("0", true), Side::kRight));
  return rt.Str(std::move(out), self.markup());
}

Value ExpandTabs(Runtime& rt, const Value& self, const Args& args) {
  CallArgs a(rt, "expandtabs", args, {"tabsize"}, 0);
  const std::optional<int64_t> tab = a.ok() ? a.Int(0, 8) : std::nullopt;
  if (!tab) return self;
  Text out;
  int64_t column = 0;
  const std::string_view text = self.view();
  for (size_t at = 0; at < text.size() && !out.overflowed() && rt.Work(1); at += CharSize(text[at])) {
    if (text[at] == '\t') {
      const int64_t spaces = *tab <= 0 ? 0 : *tab - column % *tab;
      out.Append(Pad(rt, Text(), spaces, Text(" ", true), Side::kLeft));
      column += spaces;
      continue;
    }
    column = text[at] == '\n' || text[at] == '\r' ? 0 : column + 1;
    out.Append(self.text(), at, at + CharSize(text[at]));
  }
  return rt.Str(std::move(out), self.markup());
}

Value JoinItems(Runtime& rt, const Value& self, const Args& args) {
  CallArgs a(rt, "join", args, {"/iterable"}, 1);
  std::vector<Value> items;
  if (!a.ok() || !Collect(rt, a[0], &items)) return self;
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i].string()) continue;
    return rt.Fail(absl::StrCat("sequence item ", i, ": expected str instance, ",
                                std::string(items[i].TypeName()), " found"));
  }
  return Join(rt, self, items);
}

Value FormatBraces(Runtime& rt, const Value& self, const Args& args) {
  return rt.Str(FormatWithBraces(rt, self, args), self.markup());
}

Value FormatMap(Runtime& rt, const Value& self, const Args& args) {
  CallArgs a(rt, "format_map", args, {"/mapping"}, 1);
  if (!a.ok()) return self;
  if (!a[0].dict()) return rt.Fail("format_map() expected a mapping");
  Args named;
  for (const auto& [key, value] : a[0].entries().entries()) {
    if (key.string()) named.keywords.emplace_back(key.view(), value);
  }
  return FormatBraces(rt, self, named);
}

constexpr MethodRow kRows[] = {{"upper", InCase<Case::kUpper>},
                               {"lower", InCase<Case::kLower>},
                               {"casefold", InCase<Case::kFold>},
                               {"title", Title},
                               {"capitalize", Capitalize},
                               {"swapcase", Swap},
                               {"center", Center},
                               {"ljust", JustifyLeft},
                               {"rjust", JustifyRight},
                               {"zfill", ZeroFill},
                               {"expandtabs", ExpandTabs},
                               {"join", JoinItems},
                               {"format", FormatBraces},
                               {"format_map", FormatMap}};

}  // namespace

Method FindFormMethod(std::string_view name) {
  const auto* row =
      std::find_if(std::begin(kRows), std::end(kRows), [&](const MethodRow& r) { return r.name == name; });
  return row == std::end(kRows) ? nullptr : row->call;
}

Text Pad(Runtime& rt, const Text& text, int64_t width, const Text& fill, Side text_side) {
  const auto size = static_cast<int64_t>(CharCount(text.view()));
  const int64_t missing = std::max<int64_t>(0, width - size);
  // CPython's rule for odd numbers.
  const int64_t left = text_side == Side::kLeft    ? 0
                       : text_side == Side::kRight ? missing
                                                   : missing / 2 + (missing & width & 1);
  Text out;
  const auto append = [&](int64_t times) {
    for (int64_t i = 0; i < times && !out.overflowed() && rt.Work(1); ++i) out.Append(fill);
  };
  append(left);
  out.Append(text);
  append(missing - left);
  return out;
}

Value Join(Runtime& rt, const Value& separator, const std::vector<Value>& items) {
  Text out;
  bool first = true;
  for (const Value& item : items) {
    if (!rt.WorkBytes(item.text().size() + separator.text().size()) || out.overflowed()) break;
    if (!first) out.Append(separator.text());
    first = false;
    out.Append(separator.markup() && !item.markup() ? EscapedText(item.text()) : item.text());
  }
  return rt.Str(std::move(out), separator.markup());
}

}  // namespace linnet::jinja
