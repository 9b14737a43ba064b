#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/template/methods.h"
#include "runtime/template/objects.h"
#include "runtime/template/operations.h"
#include "runtime/template/repr.h"

namespace linnet::jinja {
namespace {

// value[index] by itself; nullopt where Python raises TypeError or LookupError.
std::optional<Value> PlainItem(Runtime& rt, const Value& value, const Value& index) {
  switch (value.kind()) {
    case Value::Kind::kDict: {
      const std::optional<std::string> hash = HashKey(index);
      const Value* found = hash ? value.entries().Find(*hash) : nullptr;
      return found == nullptr ? std::nullopt : std::optional<Value>(*found);
    }
    case Value::Kind::kList:
    case Value::Kind::kTuple: {
      if (!index.integral()) return std::nullopt;
      const auto size = static_cast<int64_t>(value.items().size());
      const int64_t i = index.as_int() < 0 ? index.as_int() + size : index.as_int();
      if (i < 0 || i >= size) return std::nullopt;
      return value.items()[static_cast<size_t>(i)];
    }
    case Value::Kind::kString: {
      if (!index.integral()) return std::nullopt;
      const std::string_view text = value.view();
      rt.WorkBytes(text.size());
      int64_t i = index.as_int();
      if (i < 0) i += static_cast<int64_t>(CharCount(text));
      if (i < 0) return std::nullopt;
      const size_t at = ByteOffset(text, static_cast<size_t>(i));
      if (at >= text.size()) return std::nullopt;
      return rt.Str(value.text().Sub(at, at + CharSize(text[at])), value.markup());
    }
    case Value::Kind::kObject:
      return value.object().Item(rt, index);
    default:
      return std::nullopt;
  }
}

std::optional<Value> PlainAttribute(Runtime& rt, const Value& value, std::string_view name) {
  if (name.starts_with('_')) return std::nullopt;  // private: the sandbox does not see it
  if (value.Is(Value::Kind::kObject)) return value.object().Attribute(rt, name);
  return FindMethod(rt, value, name);
}

}  // namespace

Value AbsentAttribute(Runtime& rt, const Value& value, const Value& name) {
  const std::string type =
      value.none() ? "None" : absl::StrCat("'", std::string(value.TypeName()), " object'");
  if (name.string()) {
    return rt.Undefined(absl::StrCat(value.none() ? "'None'" : type, " has no attribute '",
                                     std::string(name.view().substr(0, 200)), "'"));
  }
  Text shown;
  AppendRepr(shown, name, 0);
  return rt.Undefined(absl::StrCat(type, " has no element ", std::string(shown.view().substr(0, 200))));
}

Value GetAttribute(Runtime& rt, const Value& value, std::string_view name) {
  if (value.undefined()) return rt.Fail(value.why());
  if (std::optional<Value> found = PlainAttribute(rt, value, name)) return *std::move(found);
  if (value.dict()) {
    if (const Value* found = value.entries().FindString(name)) return *found;
  }
  return AbsentAttribute(rt, value, rt.Trusted(name));
}

Value GetItem(Runtime& rt, const Value& value, const Value& index) {
  if (value.undefined()) return rt.Fail(value.why());
  if (std::optional<Value> found = PlainItem(rt, value, index)) return *std::move(found);
  if (index.string()) {
    if (std::optional<Value> found = PlainAttribute(rt, value, index.view())) return *std::move(found);
  }
  return AbsentAttribute(rt, value, index);
}

std::optional<SliceIndices> IndicesOf(Runtime& rt, int64_t size, const Value& begin, const Value& end,
                                      const Value& step) {
  const auto given = [](const Value& v) { return !v.missing() && !v.none(); };
  for (const Value* v : {&begin, &end, &step}) {
    if (!given(*v) || v->integral()) continue;
    rt.Fail("slice indices must be integers or None or have an __index__ method");
    return std::nullopt;
  }
  // A longer stride ends as this one does, and cannot overflow.
  const int64_t stride = given(step) ? std::clamp(step.as_int(), -size - 1, size + 1) : 1;
  if (stride == 0) {
    rt.Fail("slice step cannot be zero");
    return std::nullopt;
  }
  const int64_t low = stride < 0 ? -1 : 0;
  const int64_t high = stride < 0 ? size - 1 : size;
  const auto clamp = [&](const Value& v, int64_t otherwise) {
    if (!given(v)) return otherwise;
    const int64_t i = v.as_int();
    return i < 0 ? std::max(i + size, low) : std::min(i, high);
  };
  return SliceIndices{clamp(begin, stride < 0 ? high : low), clamp(end, stride < 0 ? low : high), stride};
}

Value GetSlice(Runtime& rt, const Value& value, const Value& begin, const Value& end, const Value& step) {
  if (value.undefined()) return rt.Fail(value.why());
  auto* range = value.Is(Value::Kind::kObject) ? dynamic_cast<Range*>(&value.object()) : nullptr;
  if (!value.string() && !value.sequence() && range == nullptr) {
    return rt.Fail(absl::StrCat("'", std::string(value.TypeName()), "' object is not subscriptable"));
  }
  const int64_t size = *Length(rt, value);
  const std::optional<SliceIndices> cut = IndicesOf(rt, size, begin, end, step);
  if (!cut) return rt.Undefined("");
  if (range != nullptr) return range->Slice(rt, cut->begin, cut->end, cut->step);
  const auto more = [&](int64_t i) { return cut->step > 0 ? i < cut->end : i > cut->end; };
  if (value.string()) {
    const std::string_view text = value.view();
    if (cut->step == 1) {
      const size_t from = ByteOffset(text, static_cast<size_t>(cut->begin));
      const size_t to = ByteOffset(text, static_cast<size_t>(std::max(cut->begin, cut->end)));
      return rt.Str(value.text().Sub(from, to), value.markup());
    }
    std::vector<size_t> starts;
    for (size_t at = 0; at < text.size(); at += CharSize(text[at])) starts.push_back(at);
    Text out;
    for (int64_t i = cut->begin; more(i) && rt.Work(1); i += cut->step) {
      const size_t at = starts[static_cast<size_t>(i)];
      out.Append(value.text(), at, at + CharSize(text[at]));
    }
    return rt.Str(std::move(out), value.markup());
  }
  std::vector<Value> items;
  for (int64_t i = cut->begin; more(i) && rt.Work(1); i += cut->step) {
    items.push_back(value.items()[static_cast<size_t>(i)]);
  }
  return value.Is(Value::Kind::kList) ? rt.NewList(std::move(items)) : rt.NewTuple(std::move(items));
}

}  // namespace linnet::jinja
