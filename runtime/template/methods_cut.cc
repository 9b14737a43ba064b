// Methods of str that take texts apart.
#include <algorithm>

#include "runtime/template/call_args.h"
#include "runtime/template/methods.h"
#include "runtime/template/operations.h"
#include "runtime/template/unicode.h"

namespace linnet::jinja {
namespace {

Value StripBy(Runtime& rt, const Value& self, const Args& args, Side side) {
  CallArgs a(rt, "strip", args, {"/chars"}, 0);
  const Text* chars = a.ok() ? a.Str(0) : nullptr;
  if (!rt.WorkBytes(self.text().size())) return self;
  return rt.Str(Strip(self.text(), chars, side), self.markup());
}

Value StripBoth(Runtime& rt, const Value& self, const Args& args) {
  return StripBy(rt, self, args, Side::kBoth);
}
Value StripLeft(Runtime& rt, const Value& self, const Args& args) {
  return StripBy(rt, self, args, Side::kLeft);
}
Value StripRight(Runtime& rt, const Value& self, const Args& args) {
  return StripBy(rt, self, args, Side::kRight);
}

bool SpaceAt(std::string_view text, size_t at) { return IsSpace(DecodeChar(text, at)); }

size_t CharBefore(std::string_view text, size_t at) {
  do {
    --at;
  } while ((static_cast<uint8_t>(text[at]) & 0xc0) == 0x80);
  return at;
}

// Byte ranges between runs of white space, at most `most` cuts from the left or the right.
std::vector<std::pair<size_t, size_t>> Words(std::string_view text, int64_t most, bool from_right) {
  std::vector<std::pair<size_t, size_t>> words;
  if (!from_right) {
    for (size_t at = 0;;) {
      while (at < text.size() && SpaceAt(text, at)) at += CharSize(text[at]);
      if (at == text.size()) return words;
      size_t end = at;
      if (most >= 0 && static_cast<int64_t>(words.size()) == most) {
        end = text.size();
      } else {
        while (end < text.size() && !SpaceAt(text, end)) end += CharSize(text[end]);
      }
      words.emplace_back(at, end);
      at = most >= 0 && static_cast<int64_t>(words.size()) > most ? text.size() : end;
    }
  }
  for (size_t at = text.size();;) {
    while (at > 0 && SpaceAt(text, CharBefore(text, at))) at = CharBefore(text, at);
    if (at == 0) break;
    size_t begin = at;
    if (most >= 0 && static_cast<int64_t>(words.size()) == most) {
      begin = 0;
    } else {
      while (begin > 0 && !SpaceAt(text, CharBefore(text, begin))) begin = CharBefore(text, begin);
    }
    words.emplace_back(begin, at);
    at = most >= 0 && static_cast<int64_t>(words.size()) > most ? 0 : begin;
  }
  std::reverse(words.begin(), words.end());
  return words;
}

// Ditto, between separators.
std::vector<std::pair<size_t, size_t>> Pieces(std::string_view text, std::string_view separator, int64_t most,
                                              bool from_right) {
  std::vector<size_t> cuts;
  for (size_t at = 0; (at = Find(text, separator, at)) != std::string_view::npos; at += separator.size()) {
    if (!from_right && most >= 0 && static_cast<int64_t>(cuts.size()) == most) break;
    cuts.push_back(at);
  }
  if (from_right) {
    // From the right other cuts may be found: "aaa" by "aa".
    cuts.clear();
    std::string_view rest = text;
    const std::string mirrored(rest.rbegin(), rest.rend()), wanted(separator.rbegin(), separator.rend());
    for (size_t at = 0; (at = Find(mirrored, wanted, at)) != std::string_view::npos; at += wanted.size()) {
      if (most >= 0 && static_cast<int64_t>(cuts.size()) == most) break;
      cuts.push_back(text.size() - at - separator.size());
    }
    std::reverse(cuts.begin(), cuts.end());
  }
  std::vector<std::pair<size_t, size_t>> pieces;
  size_t begin = 0;
  for (const size_t cut : cuts) {
    pieces.emplace_back(begin, cut);
    begin = cut + separator.size();
  }
  pieces.emplace_back(begin, text.size());
  return pieces;
}

Value SplitBy(Runtime& rt, const Value& self, const Args& args, bool from_right) {
  CallArgs a(rt, "split", args, {"sep", "maxsplit"}, 0);
  const Text* separator = a.ok() ? a.Str(0) : nullptr;
  const std::optional<int64_t> most = a.ok() ? a.Int(1, -1) : std::nullopt;
  if (!most || !rt.WorkBytes(self.text().size())) return rt.Undefined("");
  if (separator != nullptr && separator->empty()) return rt.Fail("empty separator");
  std::vector<Value> parts;
  for (const auto& [begin, end] : separator == nullptr
                                      ? Words(self.view(), *most, from_right)
                                      : Pieces(self.view(), separator->view(), *most, from_right)) {
    if (!rt.Work(1)) break;
    parts.push_back(rt.Str(self.text().Sub(begin, end), self.markup()));
  }
  return rt.NewList(std::move(parts));
}

Value Split(Runtime& rt, const Value& self, const Args& args) { return SplitBy(rt, self, args, false); }
Value SplitRight(Runtime& rt, const Value& self, const Args& args) { return SplitBy(rt, self, args, true); }

Value SplitIntoLines(Runtime& rt, const Value& self, const Args& args) {
  CallArgs a(rt, "splitlines", args, {"keepends"}, 0);
  std::vector<Value> lines;
  for (Text& line : SplitLines(self.text(), a.ok() && a.Flag(0, false))) {
    if (!rt.Work(1)) break;
    lines.push_back(rt.Str(std::move(line), self.markup()));
  }
  return rt.NewList(std::move(lines));
}

Value PartitionBy(Runtime& rt, const Value& self, const Args& args, bool from_right) {
  CallArgs a(rt, "partition", args, {"/sep"}, 1);
  const Text* separator = a.ok() ? a.Str(0, false) : nullptr;
  if (separator == nullptr || !rt.WorkBytes(self.text().size())) return rt.Undefined("");
  if (separator->empty()) return rt.Fail("empty separator");
  const Text& text = self.text();
  const size_t at =
      from_right ? FindLast(text.view(), separator->view()) : Find(text.view(), separator->view(), 0);
  const Value none = rt.Str(Text(), self.markup());
  if (at == std::string_view::npos) {
    return from_right ? rt.NewTuple({none, none, self}) : rt.NewTuple({self, none, none});
  }
  const size_t end = at + separator->size();
  return rt.NewTuple({rt.Str(text.Sub(0, at), self.markup()), rt.Str(text.Sub(at, end), self.markup()),
                      rt.Str(text.Sub(end, text.size()), self.markup())});
}

Value Partition(Runtime& rt, const Value& self, const Args& args) {
  return PartitionBy(rt, self, args, false);
}
Value PartitionRight(Runtime& rt, const Value& self, const Args& args) {
  return PartitionBy(rt, self, args, true);
}

Value ReplaceIn(Runtime& rt, const Value& self, const Args& args) {
  CallArgs a(rt, "replace", args, {"/old", "/new", "/count"}, 2);
  const Text* old = a.ok() ? a.Str(0, false) : nullptr;
  const Text* with = old != nullptr ? a.Str(1, false) : nullptr;
  const std::optional<int64_t> count = with != nullptr ? a.Int(2, -1) : std::nullopt;
  if (!count) return rt.Undefined("");
  const Text escaped = self.markup() && !a[1].markup() ? EscapedText(*with) : *with;
  return rt.Str(Replace(rt, self.text(), *old, escaped, *count), self.markup());
}

Value RemovePrefix(Runtime& rt, const Value& self, const Args& args) {
  CallArgs a(rt, "removeprefix", args, {"/prefix"}, 1);
  const Text* prefix = a.ok() ? a.Str(0, false) : nullptr;
  if (prefix == nullptr || !self.view().starts_with(prefix->view())) return self;
  return rt.Str(self.text().Sub(prefix->size(), self.text().size()), self.markup());
}

Value RemoveSuffix(Runtime& rt, const Value& self, const Args& args) {
  CallArgs a(rt, "removesuffix", args, {"/suffix"}, 1);
  const Text* suffix = a.ok() ? a.Str(0, false) : nullptr;
  if (suffix == nullptr || !self.view().ends_with(suffix->view())) return self;
  return rt.Str(self.text().Sub(0, self.text().size() - suffix->size()), self.markup());
}

constexpr MethodRow kRows[] = {{"strip", StripBoth},          {"lstrip", StripLeft},
                               {"rstrip", StripRight},        {"split", Split},
                               {"rsplit", SplitRight},        {"splitlines", SplitIntoLines},
                               {"partition", Partition},      {"rpartition", PartitionRight},
                               {"replace", ReplaceIn},        {"removeprefix", RemovePrefix},
                               {"removesuffix", RemoveSuffix}};

}  // namespace

Method FindCutMethod(std::string_view name) {
  const auto* row =
      std::find_if(std::begin(kRows), std::end(kRows), [&](const MethodRow& r) { return r.name == name; });
  return row == std::end(kRows) ? nullptr : row->call;
}

Text Strip(const Text& text, const Text* chars, Side side) {
  const std::string_view bytes = text.view();
  std::vector<uint32_t> set;
  for (size_t at = 0; chars != nullptr && at < chars->size(); at += CharSize(chars->view()[at])) {
    set.push_back(DecodeChar(chars->view(), at));
  }
  std::sort(set.begin(), set.end());
  const auto goes = [&](size_t at) {
    if (chars == nullptr) return SpaceAt(bytes, at);
    return std::binary_search(set.begin(), set.end(), DecodeChar(bytes, at));
  };
  size_t begin = 0, end = bytes.size();
  if (side != Side::kRight) {
    while (begin < end && goes(begin)) begin += CharSize(bytes[begin]);
  }
  if (side != Side::kLeft) {
    while (end > begin && goes(CharBefore(bytes, end))) end = CharBefore(bytes, end);
  }
  return text.Sub(begin, end);
}

Text Replace(Runtime& rt, const Text& text, const Text& old, const Text& with, int64_t count) {
  Text out;
  size_t done = 0;
  rt.WorkBytes(text.size());
  for (int64_t made = 0; (count < 0 || made < count) && !out.overflowed() && rt.WorkBytes(with.size());
       ++made) {
    if (old.empty()) {
      // Before each character, and at the end.
      if (made > 0 && done == text.size()) break;
      const size_t next = made == 0 ? 0 : done + CharSize(text.view()[done]);
      out.Append(text, done, next);
      done = next;
    } else {
      const size_t at = Find(text.view(), old.view(), done);
      if (at == std::string_view::npos) break;
      out.Append(text, done, at);
      done = at + old.size();
    }
    out.Append(with);
  }
  out.Append(text, done, text.size());
  return out;
}

std::vector<Text> SplitLines(const Text& text, bool keep_ends) {
  std::vector<Text> lines;
  const std::string_view bytes = text.view();
  size_t begin = 0;
  for (size_t at = 0; at < bytes.size();) {
    const uint32_t code = DecodeChar(bytes, at);
    const size_t next = at + CharSize(bytes[at]);
    const bool ends = (code >= 10 && code <= 13) || (code >= 0x1c && code <= 0x1e) || code == 0x85 ||
                      code == 0x2028 || code == 0x2029;
    if (!ends) {
      at = next;
      continue;
    }
    const size_t after = code == '\r' && next < bytes.size() && bytes[next] == '\n' ? next + 1 : next;
    lines.push_back(text.Sub(begin, keep_ends ? after : at));
    begin = at = after;
  }
  if (begin < bytes.size()) lines.push_back(text.Sub(begin, bytes.size()));
  return lines;
}

}  // namespace linnet::jinja
