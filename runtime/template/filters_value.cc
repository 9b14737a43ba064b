// Filters on values of any kind.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "runtime/template/call_args.h"
#include "runtime/template/filters.h"
#include "runtime/template/methods.h"
#include "runtime/template/operations.h"
#include "runtime/template/repr.h"
#include "runtime/template/unicode.h"

namespace linnet::jinja {
namespace {

Value Default(Runtime& rt, const Value& subject, const Args& args) {
  CallArgs a(rt, "default", args, {"default_value", "boolean"}, 0);
  if (!a.ok()) return subject;
  if (!subject.undefined() && !(a.Flag(1, false) && !Truth(subject))) return subject;
  return a.has(0) ? a[0] : rt.Str(Text());
}

Value LengthFilter(Runtime& rt, const Value& subject, const Args& args) {
  if (!CallArgs(rt, "length", args, {}, 0).ok()) return subject;
  const std::optional<int64_t> length = Length(rt, subject);
  if (!length)
    return rt.Fail(absl::StrCat("object of type '", std::string(subject.TypeName()), "' has no len()"));
  return Value::Int(*length);
}

// What int(text) and float(text) read: white space around, one _ between digits. Empty: not a number.
std::string Digits(const Text& text) {
  const Text stripped = Strip(text, nullptr, Side::kBoth);
  std::string out;
  char before = 0;
  for (const char c : stripped.view()) {
    const bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool was = (before >= '0' && before <= '9') || (before >= 'a' && before <= 'z') ||
                     (before >= 'A' && before <= 'Z');
    if ((c == '_' && !was) || (before == '_' && !alnum)) return "";
    if (c != '_') out.push_back(c);
    before = c;
  }
  return before == '_' ? "" : out;
}

std::optional<double> ParseFloat(const Text& text) {
  std::string digits = Digits(text);
  const bool sign = !digits.empty() && (digits[0] == '+' || digits[0] == '-');
  std::string word = digits.substr(sign ? 1 : 0);
  std::transform(word.begin(), word.end(), word.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const double factor = sign && digits[0] == '-' ? -1 : 1;
  if (word == "inf" || word == "infinity") return factor * HUGE_VAL;
  if (word == "nan") return std::nan("");
  if (word.empty() || word.find_first_not_of("0123456789.e+-") != std::string::npos) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (end != word.data() + word.size() || word[0] == '-' || word[0] == '+') return std::nullopt;
  if (error == std::errc::result_out_of_range) value = std::strtod(word.c_str(), nullptr);
  return factor * value;
}

enum class Parsed : uint8_t { kNo, kYes, kTooLarge };

Parsed ParseInt(const Text& text, int64_t base, int64_t* out) {
  std::string digits = Digits(text);
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.erase(0, 1);
  const auto prefixed = [&](char letter) {
    return digits.size() > 2 && digits[0] == '0' && (digits[1] | 32) == letter;
  };
  for (const auto& [letter, of] : {std::pair<char, int64_t>{'x', 16}, {'o', 8}, {'b', 2}}) {
    if (prefixed(letter) && (base == of || base == 0)) {
      digits.erase(0, 2);
      base = of;
    }
  }
  if (base == 0) base = 10;
  if (base < 2 || base > 36 || digits.empty() || digits[0] == '-') return Parsed::kNo;
  int64_t value = 0;
  if (negative) digits.insert(0, 1, '-');
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, static_cast<int>(base));
  if (end != digits.data() + digits.size()) return Parsed::kNo;
  if (error == std::errc::result_out_of_range) return Parsed::kTooLarge;
  *out = value;
  return Parsed::kYes;
}

Value Truncated(Runtime& rt, double value, bool trusted, const Value& otherwise) {
  if (std::isnan(value)) return otherwise;
  if (std::isinf(value)) return rt.Fail("cannot convert float infinity to integer");
  if (!(std::fabs(value) < 9.2e18)) return rt.Fail("integers beyond 64 bits are not supported");
  return Value::Int(static_cast<int64_t>(value), trusted);
}

Value IntFilter(Runtime& rt, const Value& subject, const Args& args) {
  CallArgs a(rt, "int", args, {"default", "base"}, 0);
  const std::optional<int64_t> base = a.ok() ? a.Int(1, 10) : std::nullopt;
  if (!base) return subject;
  if (subject.undefined()) return rt.Fail(subject.why());
  const Value otherwise = a.has(0) ? a[0] : Value::Int(0);
  if (subject.integral()) return Value::Int(subject.as_int(), subject.trusted());
  if (subject.Is(Value::Kind::kFloat)) return Truncated(rt, subject.as_float(), subject.trusted(), otherwise);
  if (!subject.string()) return otherwise;
  int64_t value = 0;
  const Parsed parsed = ParseInt(subject.text(), *base, &value);
  if (parsed == Parsed::kTooLarge) return rt.Fail("integers beyond 64 bits are not supported");
  if (parsed == Parsed::kYes) return Value::Int(value, subject.text().Trusted());
  const std::optional<double> real = ParseFloat(subject.text());
  return real ? Truncated(rt, *real, subject.text().Trusted(), otherwise) : otherwise;
}

Value FloatFilter(Runtime& rt, const Value& subject, const Args& args) {
  CallArgs a(rt, "float", args, {"default"}, 0);
  if (!a.ok()) return subject;
  if (subject.undefined()) return rt.Fail(subject.why());
  if (subject.number()) return Value::Float(subject.as_float(), subject.trusted());
  const std::optional<double> real = subject.string() ? ParseFloat(subject.text()) : std::nullopt;
  if (real) return Value::Float(*real, subject.text().Trusted());
  return a.has(0) ? a[0] : Value::Float(0);
}

Value Abs(Runtime& rt, const Value& subject, const Args& args) {
  if (!CallArgs(rt, "abs", args, {}, 0).ok()) return subject;
  if (subject.undefined()) return rt.Fail(subject.why());
  if (!subject.number())
    return rt.Fail(absl::StrCat("bad operand type for abs(): '", std::string(subject.TypeName()), "'"));
  if (subject.Is(Value::Kind::kFloat)) return Value::Float(std::fabs(subject.as_float()), subject.trusted());
  return subject.as_int() < 0 ? Negate(rt, subject) : Value::Int(subject.as_int(), subject.trusted());
}

// round(value, precision): to the nearest, ties to even, by decimal digits.
double RoundTo(double value, int64_t precision) {
  if (!std::isfinite(value) || precision > 330) return value;
  if (precision < -308) return std::copysign(0.0, value);
  if (precision >= 0) {
    char buffer[800];
    std::snprintf(buffer, sizeof buffer, "%.*f", static_cast<int>(precision), value);
    return std::strtod(buffer, nullptr);
  }
  const double unit = std::pow(10.0, static_cast<double>(-precision));
  return std::nearbyint(value / unit) * unit;
}

Value Round(Runtime& rt, const Value& subject, const Args& args) {
  CallArgs a(rt, "round", args, {"precision", "method"}, 0);
  const std::optional<int64_t> precision = a.ok() ? a.Int(0, 0) : std::nullopt;
  const Text* method = precision ? a.Str(1, false) : nullptr;
  if (!a.ok()) return subject;
  const std::string_view how = method == nullptr ? "common" : method->view();
  if (how != "common" && how != "ceil" && how != "floor")
    return rt.Fail("method must be common, ceil or floor");
  if (subject.undefined()) return rt.Fail(subject.why());
  if (!subject.number())
    return rt.Fail(
        absl::StrCat("type ", std::string(subject.TypeName()), " doesn't define __round__ method"));
  if (how == "common") {
    if (!subject.integral()) return Value::Float(RoundTo(subject.as_float(), *precision), subject.trusted());
    if (*precision >= 0) return Value::Int(subject.as_int(), subject.trusted());
    if (*precision < -18) return Value::Int(0, subject.trusted());
    int64_t unit = 1;
    for (int64_t i = *precision; i < 0; ++i) unit *= 10;
    const int64_t i = subject.as_int();
    int64_t down = i / unit;
    const int64_t rest = i % unit;
    const int64_t twice = 2 * (rest < 0 ? unit - (-rest) : rest);
    if (rest < 0) --down;
    if (twice > unit || (twice == unit && down % 2 != 0)) ++down;
    return Value::Int(down * unit, subject.trusted());
  }
  const double scale = std::pow(10.0, static_cast<double>(*precision));
  const double scaled = subject.as_float() * scale;
  return Value::Float((how == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale, subject.trusted());
}

Value ToJson(Runtime& rt, const Value& subject, const Args& args) {
  CallArgs a(rt, "tojson", args, {"ensure_ascii", "indent", "separators", "sort_keys"}, 0);
  if (!a.ok()) return subject;
  JsonStyle style;
  style.ensure_ascii = a.Flag(0, false);
  style.sort_keys = a.Flag(3, false);
  if (a.has(1) && !a[1].none()) {
    style.indented = true;
    style.item_separator.assign(1, ',');
    if (a[1].string()) {
      style.indent = std::string(a[1].view());
    } else {
      const std::optional<int64_t> width = a.Int(1, 0);
      if (!width) return subject;
      style.indent = std::string(static_cast<size_t>(std::clamp<int64_t>(*width, 0, 4096)), ' ');
    }
  }
  if (a.has(2) && !a[2].none()) {
    std::vector<Value> pair;
    if (!Collect(rt, a[2], &pair)) return subject;
    if (pair.size() != 2 || !pair[0].string() || !pair[1].string())
      return rt.Fail("separators are two strings");
    style.item_separator = std::string(pair[0].view());
    style.key_separator = std::string(pair[1].view());
  }
  Text out;
  AppendJson(rt, out, subject, style);
  return rt.Str(std::move(out));
}

Value AttributeFilter(Runtime& rt, const Value& subject, const Args& args) {
  CallArgs a(rt, "attr", args, {"name"}, 1);
  if (!a.ok()) return subject;
  if (subject.undefined()) return rt.Fail(subject.why());
  const Value name = AsString(rt, a[0]);
  // Attributes only: an entry of a dict is none.
  if (subject.dict() && !FindMethod(rt, subject, name.view())) return AbsentAttribute(rt, subject, name);
  return GetAttribute(rt, subject, name.view());
}

constexpr NamedRow<Filter> kRows[] = {{"default", Default},
                                      {"d", Default},
                                      {"length", LengthFilter},
                                      {"count", LengthFilter},
                                      {"int", IntFilter},
                                      {"float", FloatFilter},
                                      {"abs", Abs},
                                      {"round", Round},
                                      {"tojson", ToJson},
                                      {"attr", AttributeFilter}};

}  // namespace

Filter FindValueFilter(std::string_view name) { return FindRow(kRows, name); }

}  // namespace linnet::jinja
