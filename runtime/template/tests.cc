// What stands behind "is".
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/template/call_args.h"
#include "runtime/template/filters.h"
#include "runtime/template/objects.h"
#include "runtime/template/operations.h"
#include "runtime/template/repr.h"
#include "runtime/template/unicode.h"

namespace linnet::jinja {
namespace {

template <Value::Kind kind>
bool IsKind(Runtime&, const Value& v, const Args&) {
  return v.Is(kind);
}

bool Defined(Runtime&, const Value& v, const Args&) { return !v.undefined(); }
bool True(Runtime&, const Value& v, const Args&) { return v.Is(Value::Kind::kBool) && v.as_bool(); }
bool False(Runtime&, const Value& v, const Args&) { return v.Is(Value::Kind::kBool) && !v.as_bool(); }
bool IsNumber(Runtime&, const Value& v, const Args&) { return v.number(); }

bool Iterable(Runtime&, const Value& v, const Args&) {
  if (v.Is(Value::Kind::kObject)) {
    return v.object().TypeName() != "Namespace" && !v.object().Callable();
  }
  return v.undefined() || v.string() || v.sequence() || v.dict();
}

bool Sequence(Runtime&, const Value& v, const Args&) {
  if (v.Is(Value::Kind::kObject)) return dynamic_cast<Range*>(&v.object()) != nullptr;
  return v.undefined() || v.string() || v.sequence() || v.dict();
}

bool Callable(Runtime&, const Value& v, const Args&) {
  return v.undefined() || (v.Is(Value::Kind::kObject) && v.object().Callable());
}

// value % divisor == 0, with % 's errors.
bool Divides(Runtime& rt, const Value& value, const Value& divisor, int64_t rest) {
  return Equal(rt, Binary(rt, Operator::kMod, value, divisor), Value::Int(rest));
}

bool Even(Runtime& rt, const Value& v, const Args&) { return Divides(rt, v, Value::Int(2), 0); }
bool Odd(Runtime& rt, const Value& v, const Args&) { return Divides(rt, v, Value::Int(2), 1); }

bool DivisibleBy(Runtime& rt, const Value& v, const Args& args) {
  CallArgs a(rt, "divisibleby", args, {"num"}, 1);
  return a.ok() && Divides(rt, v, a[0], 0);
}

bool Eq(Runtime& rt, const Value& v, const Args& args) {
  CallArgs a(rt, "eq", args, {"/other"}, 1);
  return a.ok() && Equal(rt, v, a[0]);
}

bool Ne(Runtime& rt, const Value& v, const Args& args) {
  CallArgs a(rt, "ne", args, {"/other"}, 1);
  return a.ok() && !Equal(rt, v, a[0]);
}

bool Lt(Runtime& rt, const Value& v, const Args& args) {
  CallArgs a(rt, "lt", args, {"/other"}, 1);
  return a.ok() && Less(rt, v, a[0]);
}

bool Gt(Runtime& rt, const Value& v, const Args& args) {
  CallArgs a(rt, "gt", args, {"/other"}, 1);
  return a.ok() && Less(rt, a[0], v);
}

bool Le(Runtime& rt, const Value& v, const Args& args) {
  CallArgs a(rt, "le", args, {"/other"}, 1);
  return a.ok() && (Less(rt, v, a[0]) || Equal(rt, v, a[0]));
}

bool Ge(Runtime& rt, const Value& v, const Args& args) {
  CallArgs a(rt, "ge", args, {"/other"}, 1);
  return a.ok() && (Less(rt, a[0], v) || Equal(rt, v, a[0]));
}

bool In(Runtime& rt, const Value& v, const Args& args) {
  CallArgs a(rt, "in", args, {"seq"}, 1);
  return a.ok() && Contains(rt, a[0], v);
}

bool SameAs(Runtime& rt, const Value& v, const Args& args) {
  CallArgs a(rt, "sameas", args, {"other"}, 1);
  if (!a.ok() || v.kind() != a[0].kind()) return false;
  // Containers and objects are the same when they are one; of the rest, what is equal is.
  if (v.sequence() || v.dict() || v.Is(Value::Kind::kObject)) return v.heap() == a[0].heap();
  return Equal(rt, v, a[0]);
}

template <bool (*wanted)(uint32_t), bool (*refused)(uint32_t)>
bool InCase(Runtime& rt, const Value& v, const Args&) {
  const Text text = StrOf(v);
  rt.WorkBytes(text.size() * 8);
  bool any = false;
  for (size_t at = 0; at < text.size(); at += CharSize(text.view()[at])) {
    const uint32_t code = DecodeChar(text.view(), at);
    if (refused(code) || IsTitle(code)) return false;
    any = any || wanted(code);
  }
  return any;
}

template <auto find>
bool Known(Runtime&, const Value& v, const Args&) {
  return v.string() && find(v.view()) != nullptr;
}

bool Escaped(Runtime&, const Value& v, const Args&) { return v.string() && v.markup(); }

constexpr NamedRow<Test> kRows[] = {{"defined", Defined},
                                    {"undefined", IsKind<Value::Kind::kUndefined>},
                                    {"none", IsKind<Value::Kind::kNone>},
                                    {"boolean", IsKind<Value::Kind::kBool>},
                                    {"true", True},
                                    {"false", False},
                                    {"integer", IsKind<Value::Kind::kInt>},
                                    {"float", IsKind<Value::Kind::kFloat>},
                                    {"number", IsNumber},
                                    {"string", IsKind<Value::Kind::kString>},
                                    {"mapping", IsKind<Value::Kind::kDict>},
                                    {"iterable", Iterable},
                                    {"sequence", Sequence},
                                    {"callable", Callable},
                                    {"even", Even},
                                    {"odd", Odd},
                                    {"divisibleby", DivisibleBy},
                                    {"eq", Eq},
                                    {"==", Eq},
                                    {"equalto", Eq},
                                    {"ne", Ne},
                                    {"!=", Ne},
                                    {"lt", Lt},
                                    {"<", Lt},
                                    {"lessthan", Lt},
                                    {"gt", Gt},
                                    {">", Gt},
                                    {"greaterthan", Gt},
                                    {"le", Le},
                                    {"<=", Le},
                                    {"ge", Ge},
                                    {">=", Ge},
                                    {"in", In},
                                    {"sameas", SameAs},
                                    {"lower", InCase<IsLower, IsUpper>},
                                    {"upper", InCase<IsUpper, IsLower>},
                                    {"escaped", Escaped},
                                    {"filter", Known<FindFilter>},
                                    {"test", Known<FindTest>}};

}  // namespace

Test FindTest(std::string_view name) { return FindRow(kRows, name); }

}  // namespace linnet::jinja
