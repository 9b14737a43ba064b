#include "runtime/template/operations.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "runtime/template/objects.h"

namespace linnet::jinja {
namespace {

const Range* AsRange(const Value& value) {
  return value.Is(Value::Kind::kObject) ? dynamic_cast<const Range*>(&value.object()) : nullptr;
}

// -1, 0, 1; integers exactly.
int CompareNumbers(const Value& a, const Value& b) {
  if (a.integral() && b.integral()) return a.as_int() < b.as_int() ? -1 : a.as_int() > b.as_int() ? 1 : 0;
  return a.as_float() < b.as_float() ? -1 : a.as_float() > b.as_float() ? 1 : 0;
}

bool IsNan(const Value& value) { return value.Is(Value::Kind::kFloat) && std::isnan(value.as_float()); }

bool EqualItems(Runtime& rt, const std::vector<Value>& a, const std::vector<Value>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!Equal(rt, a[i], b[i])) return false;
  }
  return true;
}

bool EqualDicts(Runtime& rt, const Dict& a, const Dict& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [key, value] : a.entries()) {
    const Value* other = b.Find(HashKey(key).value_or(""));
    if (other == nullptr || !Equal(rt, value, *other)) return false;
  }
  return true;
}

}  // namespace

bool Truth(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kMissing:
    case Value::Kind::kUndefined:
    case Value::Kind::kNone:
      return false;
    case Value::Kind::kBool:
    case Value::Kind::kInt:
      return value.as_int() != 0;
    case Value::Kind::kFloat:
      return value.as_float() != 0;
    case Value::Kind::kString:
      return !value.text().empty();
    case Value::Kind::kList:
    case Value::Kind::kTuple:
      return !value.items().empty();
    case Value::Kind::kDict:
      return value.entries().size() > 0;
    case Value::Kind::kObject:
      return value.object().Truth();
  }
  return false;
}

bool Equal(Runtime& rt, const Value& a, const Value& b) {
  if (!rt.Work(1)) return false;
  if (a.number() && b.number()) return CompareNumbers(a, b) == 0 && !IsNan(a) && !IsNan(b);
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Value::Kind::kString:
      return rt.WorkBytes(std::min(a.text().size(), b.text().size())) && a.view() == b.view();
    case Value::Kind::kList:
    case Value::Kind::kTuple:
      return EqualItems(rt, a.items(), b.items());
    case Value::Kind::kDict:
      return EqualDicts(rt, a.entries(), b.entries());
    case Value::Kind::kObject:
      if (AsRange(a) != nullptr && AsRange(b) != nullptr) return AsRange(a)->Same(*AsRange(b));
      return &a.object() == &b.object();
    default:
      return true;  // None; and all that is undefined is equal
  }
}

bool Less(Runtime& rt, const Value& a, const Value& b) {
  if (!rt.Work(1)) return false;
  if (a.number() && b.number()) return CompareNumbers(a, b) < 0;
  if (a.string() && b.string()) {
    return rt.WorkBytes(std::min(a.text().size(), b.text().size())) && a.view() < b.view();
  }
  if (a.sequence() && a.kind() == b.kind()) {
    const size_t common = std::min(a.items().size(), b.items().size());
    for (size_t i = 0; i < common; ++i) {
      if (!Equal(rt, a.items()[i], b.items()[i])) return Less(rt, a.items()[i], b.items()[i]);
    }
    return a.items().size() < b.items().size();
  }
  if (a.undefined() || b.undefined()) {
    rt.Fail(a.undefined() ? a.why() : b.why());
  } else {
    rt.Fail(absl::StrCat("'<' not supported between instances of '", std::string(a.TypeName()), "' and '",
                         std::string(b.TypeName()), "'"));
  }
  return false;
}

bool Contains(Runtime& rt, const Value& container, const Value& item) {
  if (container.string()) {
    if (!item.string()) {
      rt.Fail(
          absl::StrCat("'in <string>' requires string as left operand, not ", std::string(item.TypeName())));
      return false;
    }
    return rt.WorkBytes(container.text().size()) &&
           Find(container.view(), item.view(), 0) != std::string_view::npos;
  }
  const auto* view =
      container.Is(Value::Kind::kObject) ? dynamic_cast<DictView*>(&container.object()) : nullptr;
  const bool keys = view != nullptr && view->kind() == DictView::Kind::kKeys;
  if (container.dict() || keys) {
    const std::optional<std::string> hash = HashKey(item);
    if (!hash) {
      rt.Fail(absl::StrCat("unhashable type: '", std::string(item.TypeName()), "'"));
      return false;
    }
    return (keys ? view->dict() : container).entries().Find(*hash) != nullptr;
  }
  const NextFn next = Iterate(rt, container);
  if (next == nullptr) return false;
  for (Value element; !rt.failed() && next(&element);) {
    if (Equal(rt, element, item)) return true;
  }
  return false;
}

NextFn Iterate(Runtime& rt, const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kUndefined:
      return [](Value*) { return false; };
    case Value::Kind::kString:
      return [&rt, value, at = size_t{0}](Value* out) mutable {
        if (at >= value.text().size()) return false;
        const size_t end = at + CharSize(value.view()[at]);
        *out = rt.Str(value.text().Sub(at, end), value.markup());
        at = end;
        return true;
      };
    case Value::Kind::kList:
    case Value::Kind::kTuple:
      return [value, i = size_t{0}](Value* out) mutable {
        if (i >= value.items().size()) return false;
        *out = value.items()[i++];
        return true;
      };
    case Value::Kind::kDict:
      return [value, i = size_t{0}](Value* out) mutable {
        if (i >= value.entries().size()) return false;
        *out = value.entries().entries()[i++].first;
        return true;
      };
    case Value::Kind::kObject:
      if (NextFn next = value.object().Iterate(rt)) {
        // Holds the object for as long as it is asked.
        return [value, next = std::move(next)](Value* out) { return next(out); };
      }
      break;
    default:
      break;
  }
  rt.Fail(absl::StrCat("'", std::string(value.TypeName()), "' object is not iterable"));
  return nullptr;
}

bool Collect(Runtime& rt, const Value& value, std::vector<Value>* out) {
  const NextFn next = Iterate(rt, value);
  if (next == nullptr) return false;
  for (Value element; rt.Work(1) && next(&element);) out->push_back(element);
  return !rt.failed();
}

std::optional<int64_t> Length(Runtime& rt, const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kUndefined:
      return 0;
    case Value::Kind::kString:
      rt.WorkBytes(value.text().size());
      return static_cast<int64_t>(CharCount(value.view()));
    case Value::Kind::kList:
    case Value::Kind::kTuple:
      return static_cast<int64_t>(value.items().size());
    case Value::Kind::kDict:
      return static_cast<int64_t>(value.entries().size());
    case Value::Kind::kObject:
      return value.object().Length(rt);
    default:
      return std::nullopt;
  }
}

}  // namespace linnet::jinja
