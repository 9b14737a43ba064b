#include <cmath>

#include "absl/strings/str_cat.h"
#include "runtime/template/format.h"
#include "runtime/template/operations.h"

namespace linnet::jinja {
namespace {

const char* Symbol(Operator op) {
  switch (op) {
    case Operator::kAdd:
      return "+";
    case Operator::kSub:
      return "-";
    case Operator::kMul:
      return "*";
    case Operator::kDiv:
      return "/";
    case Operator::kFloorDiv:
      return "//";
    case Operator::kMod:
      return "%";
    case Operator::kPow:
      return "** or pow()";
  }
  return "?";
}

Value Unsupported(Runtime& rt, Operator op, const Value& a, const Value& b) {
  if (a.undefined() || b.undefined()) return rt.Fail(a.undefined() ? a.why() : b.why());
  return rt.Fail(absl::StrCat("unsupported operand type(s) for ", Symbol(op), ": '",
                              std::string(a.TypeName()), "' and '", std::string(b.TypeName()), "'"));
}

Value TooLarge(Runtime& rt) { return rt.Fail("integers beyond 64 bits are not supported"); }

int64_t FloorDivide(int64_t a, int64_t b) {
  const int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

Value IntegerPower(Runtime& rt, int64_t base, int64_t exponent, bool trusted) {
  if (exponent < 0) {
    if (base == 0) return rt.Fail("0.0 cannot be raised to a negative power");
    return Value::Float(std::pow(static_cast<double>(base), static_cast<double>(exponent)), trusted);
  }
  int64_t result = 1;
  for (; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) return TooLarge(rt);
    if (exponent > 1 && __builtin_mul_overflow(base, base, &base)) return TooLarge(rt);
  }
  return Value::Int(result, trusted);
}

Value Integers(Runtime& rt, Operator op, int64_t a, int64_t b, bool trusted) {
  int64_t result = 0;
  const bool divides = op == Operator::kDiv || op == Operator::kFloorDiv || op == Operator::kMod;
  if (divides && b == 0) {
    return rt.Fail(op == Operator::kDiv ? "division by zero" : "integer division or modulo by zero");
  }
  if (divides && a == INT64_MIN && b == -1) {
    return op == Operator::kDiv   ? Value::Float(-static_cast<double>(a), trusted)
           : op == Operator::kMod ? Value::Int(0, trusted)
                                  : TooLarge(rt);
  }
  switch (op) {
    case Operator::kAdd:
      return __builtin_add_overflow(a, b, &result) ? TooLarge(rt) : Value::Int(result, trusted);
    case Operator::kSub:
      return __builtin_sub_overflow(a, b, &result) ? TooLarge(rt) : Value::Int(result, trusted);
    case Operator::kMul:
      return __builtin_mul_overflow(a, b, &result) ? TooLarge(rt) : Value::Int(result, trusted);
    case Operator::kDiv:
      return Value::Float(static_cast<double>(static_cast<long double>(a) / static_cast<long double>(b)),
                          trusted);
    case Operator::kFloorDiv:
      return Value::Int(FloorDivide(a, b), trusted);
    case Operator::kMod:
      return Value::Int(a - FloorDivide(a, b) * b, trusted);
    case Operator::kPow:
      return IntegerPower(rt, a, b, trusted);
  }
  return Value::None();
}

// Python's float modulo has the divisor's sign.
double FloatModulo(double a, double b) {
  double rest = std::fmod(a, b);
  if (rest == 0) return std::copysign(0.0, b);
  return (rest < 0) != (b < 0) ? rest + b : rest;
}

double FloatFloorDivide(double a, double b) {
  const double quotient = (a - FloatModulo(a, b)) / b;
  const double floored = std::floor(quotient);
  return quotient - floored > 0.5 ? floored + 1 : floored;
}

Value Floats(Runtime& rt, Operator op, double a, double b, bool trusted) {
  switch (op) {
    case Operator::kAdd:
      return Value::Float(a + b, trusted);
    case Operator::kSub:
      return Value::Float(a - b, trusted);
    case Operator::kMul:
      return Value::Float(a * b, trusted);
    case Operator::kDiv:
      return b == 0 ? rt.Fail("float division by zero") : Value::Float(a / b, trusted);
    case Operator::kFloorDiv:
      return b == 0 ? rt.Fail("float floor division by zero") : Value::Float(FloatFloorDivide(a, b), trusted);
    case Operator::kMod:
      return b == 0 ? rt.Fail("float modulo") : Value::Float(FloatModulo(a, b), trusted);
    case Operator::kPow: {
      if (a == 0 && b < 0) return rt.Fail("0.0 cannot be raised to a negative power");
      const double power = std::pow(a, b);
      if (a < 0 && b != std::floor(b)) return rt.Fail("complex numbers are not supported");
      if (std::isinf(power) && std::isfinite(a) && std::isfinite(b))
        return rt.Fail("Numerical result out of range");
      return Value::Float(power, trusted);
    }
  }
  return Value::None();
}

Value Repeat(Runtime& rt, const Value& value, int64_t times) {
  if (value.string()) {
    Text out;
    const bool grows = value.text().size() > 0;
    for (int64_t i = 0; grows && i < times && !out.overflowed() && rt.WorkBytes(value.text().size()); ++i) {
      out.Append(value.text());
    }
    return rt.Str(std::move(out), value.markup());
  }
  std::vector<Value> items;
  const bool grows = !value.items().empty();
  for (int64_t i = 0; grows && i < times && rt.Work(value.items().size()); ++i) {
    items.insert(items.end(), value.items().begin(), value.items().end());
  }
  return value.Is(Value::Kind::kList) ? rt.NewList(std::move(items)) : rt.NewTuple(std::move(items));
}

}  // namespace

Value Binary(Runtime& rt, Operator op, const Value& a, const Value& b) {
  if (a.number() && b.number()) {
    const bool trusted = a.trusted() && b.trusted();
    if (a.integral() && b.integral()) return Integers(rt, op, a.as_int(), b.as_int(), trusted);
    return Floats(rt, op, a.as_float(), b.as_float(), trusted);
  }
  if (op == Operator::kAdd && a.string() && b.string()) return ConcatStrings(rt, a, b);
  if (op == Operator::kAdd && a.sequence() && a.kind() == b.kind()) {
    std::vector<Value> items = a.items();
    items.insert(items.end(), b.items().begin(), b.items().end());
    return a.Is(Value::Kind::kList) ? rt.NewList(std::move(items)) : rt.NewTuple(std::move(items));
  }
  if (op == Operator::kMul) {
    const bool left = a.string() || a.sequence();
    const bool right = b.string() || b.sequence();
    if (left && b.integral()) return Repeat(rt, a, b.as_int());
    if (right && a.integral()) return Repeat(rt, b, a.as_int());
  }
  if (op == Operator::kMod && a.string()) return FormatPercent(rt, a, b);
  return Unsupported(rt, op, a, b);
}

Value Negate(Runtime& rt, const Value& value) {
  if (value.Is(Value::Kind::kFloat)) return Value::Float(-value.as_float(), value.trusted());
  if (value.integral()) {
    return value.as_int() == INT64_MIN ? TooLarge(rt) : Value::Int(-value.as_int(), value.trusted());
  }
  if (value.undefined()) return rt.Fail(value.why());
  return rt.Fail(absl::StrCat("bad operand type for unary -: '", std::string(value.TypeName()), "'"));
}

Value Positive(Runtime& rt, const Value& value) {
  if (value.Is(Value::Kind::kFloat)) return value;
  if (value.integral()) return Value::Int(value.as_int(), value.trusted());
  if (value.undefined()) return rt.Fail(value.why());
  return rt.Fail(absl::StrCat("bad operand type for unary +: '", std::string(value.TypeName()), "'"));
}

Text EscapedText(const Text& text) {
  Text out;
  size_t plain = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const char* entity = nullptr;
    switch (text.view()[at]) {
      case '&':
        entity = "&amp;";
        break;
      case '<':
        entity = "&lt;";
        break;
      case '>':
        entity = "&gt;";
        break;
      case '\'':
        entity = "&#39;";
        break;
      case '"':
        entity = "&#34;";
        break;
      default:
        continue;
    }
    out.Append(text, plain, at);
    out.Append(entity, text.TrustedAt(at));
    plain = at + 1;
  }
  out.Append(text, plain, text.size());
  return out;
}

Value ConcatStrings(Runtime& rt, const Value& a, const Value& b) {
  const bool markup = a.markup() || b.markup();
  Text out = markup && !a.markup() ? EscapedText(a.text()) : a.text();
  out.Append(markup && !b.markup() ? EscapedText(b.text()) : b.text());
  return rt.Str(std::move(out), markup);
}

}  // namespace linnet::jinja
