#include "runtime/template/methods.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "runtime/template/call_args.h"
#include "runtime/template/objects.h"
#include "runtime/template/operations.h"

namespace linnet::jinja {
namespace {

Value DictGet(Runtime& rt, const Value& self, const Args& args) {
  CallArgs a(rt, "get", args, {"/key", "/default"}, 1);
  if (!a.ok()) return rt.Undefined("");
  const std::optional<std::string> hash = HashKey(a[0]);
  if (!hash) return rt.Fail(absl::StrCat("unhashable type: '", std::string(a[0].TypeName()), "'"));
  if (const Value* found = self.entries().Find(*hash)) return *found;
  return a.has(1) ? a[1] : Value::None();
}

template <DictView::Kind kind>
Value DictViewOf(Runtime& rt, const Value& self, const Args& args) {
  if (!CallArgs(rt, "items", args, {}, 0).ok()) return rt.Undefined("");
  return rt.NewObject(std::make_shared<DictView>(self, kind), self.depth());
}

Value Copy(Runtime& rt, const Value& self, const Args& args) {
  CallArgs(rt, "copy", args, {}, 0);
  return self;  // nothing can change it
}

Value IndexOf(Runtime& rt, const Value& self, const Args& args) {
  CallArgs a(rt, "index", args, {"/value", "/start", "/stop"}, 1);
  if (!a.ok()) return rt.Undefined("");
  const auto cut = IndicesOf(rt, static_cast<int64_t>(self.items().size()), a[1], a[2], Value());
  if (!cut) return rt.Undefined("");
  for (int64_t i = cut->begin; i < cut->end && !rt.failed(); ++i) {
    if (Equal(rt, self.items()[static_cast<size_t>(i)], a[0])) return Value::Int(i);
  }
  return rt.Fail("the value is not in the list");
}

Value CountOf(Runtime& rt, const Value& self, const Args& args) {
  CallArgs a(rt, "count", args, {"/value"}, 1);
  int64_t count = 0;
  for (const Value& item : self.items()) {
    if (a.ok() && Equal(rt, item, a[0])) ++count;
  }
  return Value::Int(count);
}

Value IsInteger(Runtime& rt, const Value& self, const Args& args) {
  CallArgs(rt, "is_integer", args, {}, 0);
  return Value::Bool(std::isfinite(self.as_float()) && std::floor(self.as_float()) == self.as_float());
}

Value BitLength(Runtime& rt, const Value& self, const Args& args) {
  CallArgs(rt, "bit_length", args, {}, 0);
  const int64_t i = self.as_int();
  const uint64_t magnitude = i < 0 ? uint64_t{0} - static_cast<uint64_t>(i) : static_cast<uint64_t>(i);
  return Value::Int(64 - (magnitude == 0 ? 64 : __builtin_clzll(magnitude)));
}

Method Find(const Value& self, std::string_view name) {
  switch (self.kind()) {
    case Value::Kind::kString:
      if (const Method method = FindCutMethod(name)) return method;
      if (const Method method = FindFormMethod(name)) return method;
      return FindAskMethod(name);
    case Value::Kind::kDict:
      if (name == "get") return DictGet;
      if (name == "items") return DictViewOf<DictView::Kind::kItems>;
      if (name == "keys") return DictViewOf<DictView::Kind::kKeys>;
      if (name == "values") return DictViewOf<DictView::Kind::kValues>;
      if (name == "copy") return Copy;
      return nullptr;
    case Value::Kind::kList:
      if (name == "copy") return Copy;
      [[fallthrough]];
    case Value::Kind::kTuple:
      if (name == "index") return IndexOf;
      if (name == "count") return CountOf;
      return nullptr;
    case Value::Kind::kFloat:
      return name == "is_integer" ? IsInteger : nullptr;
    case Value::Kind::kBool:
    case Value::Kind::kInt:
      return name == "bit_length" ? BitLength : nullptr;
    default:
      return nullptr;
  }
}

// Methods that change their object: what transformers' sandbox calls unsafe.
bool Changes(const Value& self, std::string_view name) {
  const bool both = name == "clear" || name == "pop";
  if (self.dict()) return both || name == "popitem" || name == "setdefault" || name == "update";
  return self.Is(Value::Kind::kList) && (both || name == "append" || name == "extend" || name == "insert" ||
                                         name == "remove" || name == "reverse" || name == "sort");
}

}  // namespace

std::optional<Value> FindMethod(Runtime& rt, const Value& self, std::string_view name) {
  if (Changes(self, name)) {
    return rt.Undefined(absl::StrCat("access to attribute '", std::string(name), "' of '",
                                     std::string(self.TypeName()),
                                     "' object is unsafe: values of a template cannot be changed"));
  }
  if (self.number() && (name == "real" || name == "imag")) {
    return name == "real" ? self : self.Is(Value::Kind::kFloat) ? Value::Float(0) : Value::Int(0);
  }
  if (self.Is(Value::Kind::kTuple) && static_cast<const List&>(*self.heap()).group) {
    if (name == "grouper") return self.items()[0];
    if (name == "list") return self.items()[1];
  }
  const Method method = Find(self, name);
  if (method == nullptr) return std::nullopt;
  auto body = [self, method](Runtime& r, const Args& args) { return method(r, self, args); };
  return rt.NewObject(std::make_shared<Function>(std::string(name), std::move(body)), self.depth());
}

}  // namespace linnet::jinja
