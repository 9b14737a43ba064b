#include "runtime/template/format.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/string_view.h"
#include "runtime/template/operations.h"
#include "runtime/template/repr.h"

namespace linnet::jinja {
namespace {

constexpr int64_t kMostWidth = 1 << 20;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Digits at `at`; fails for a number beyond what anybody formats.
int64_t ReadNumber(Runtime& rt, std::string_view text, size_t& at) {
  int64_t number = 0;
  for (; at < text.size() && IsDigit(text[at]); ++at) {
    number = number * 10 + (text[at] - '0');
    if (number > kMostWidth) {
      rt.FailLimit("a width or precision in a format is too large");
      return 0;
    }
  }
  return number;
}

bool ReadSpec(Runtime& rt, std::string_view text, FormatSpec* spec) {
  size_t at = 0;
  const auto is_align = [](char c) { return c == '<' || c == '>' || c == '^' || c == '='; };
  const size_t first = text.empty() ? 0 : CharSize(text[0]);
  if (first < text.size() && is_align(text[first])) {
    spec->fill = std::string(text.substr(0, first));
    spec->align = text[first];
    at = first + 1;
  } else if (!text.empty() && is_align(text[0])) {
    spec->align = text[at++];
  }
  const auto next = [&](char c) { return at < text.size() && text[at] == c && (++at, true); };
  if (next('+'))
    spec->sign = '+';
  else if (next(' '))
    spec->sign = ' ';
  else
    next('-');
  spec->alternate = next('#');
  if (at < text.size() && text[at] == '0' && spec->align == 0) {
    spec->fill.assign(1, '0');
    spec->align = '=';
    ++at;
  }
  spec->width = ReadNumber(rt, text, at);
  spec->comma = next(',');
  if (next('.')) spec->precision = ReadNumber(rt, text, at);
  if (at < text.size()) spec->type = text[at++];
  if (at == text.size()) return !rt.failed();
  rt.Fail("Invalid format specifier");
  return false;
}

// One replacement field's value: a number or name, then .attribute and [item].
Value FieldValue(Runtime& rt, std::string_view field, const Args& args, size_t& automatic) {
  const size_t end = std::min(field.find_first_of(".["), field.size());
  const std::string_view name = field.substr(0, end);
  Value value;
  size_t index = 0;
  if (name.empty() || absl::SimpleAtoi(base::ToAbsl(name), &index)) {
    if (name.empty()) index = automatic++;
    if (index >= args.positional.size()) {
      return rt.Fail(absl::StrCat("Replacement index ", index, " out of range for positional args tuple"));
    }
    value = args.positional[index];
  } else {
    for (const auto& [key, given] : args.keywords) {
      if (key == name) value = given;
    }
    if (value.missing()) return rt.Fail(absl::StrCat("KeyError: '", std::string(name), "'"));
  }
  for (std::string_view rest = field.substr(end); !rest.empty() && !rt.failed();) {
    const bool item = rest[0] == '[';
    const size_t stop = item ? rest.find(']') : std::min(rest.find_first_of(".[", 1), rest.size());
    if (stop == std::string_view::npos) return rt.Fail("Missing ']' in format string");
    const std::string_view key = rest.substr(1, stop - 1);
    int64_t number = 0;
    value = !item                                          ? GetAttribute(rt, value, key)
            : absl::SimpleAtoi(base::ToAbsl(key), &number) ? GetItem(rt, value, Value::Int(number))
                                                           : GetItem(rt, value, rt.Trusted(key));
    rest.remove_prefix(std::min(stop + (item ? 1 : 0), rest.size()));
  }
  return value;
}

}  // namespace

Text FormatWithBraces(Runtime& rt, const Value& format, const Args& args) {
  const std::string_view text = format.view();
  Text out;
  size_t automatic = 0;
  for (size_t at = 0; at < text.size() && !out.overflowed() && rt.Work(1);) {
    const size_t brace = std::min(text.find_first_of("{}", at), text.size());
    out.Append(format.text(), at, brace);
    at = brace;
    if (at == text.size()) break;
    if (at + 1 < text.size() && text[at + 1] == text[at]) {
      out.Append(format.text(), at, at + 1);
      at += 2;
      continue;
    }
    const size_t end = text[at] == '{' ? text.find('}', at) : std::string_view::npos;
    if (end == std::string_view::npos) {
      rt.Fail(text[at] == '{' ? "expected '}' before end of string"
                              : "Single '}' encountered in format string");
      break;
    }
    std::string_view field = text.substr(at + 1, end - at - 1);
    if (field.find('{') != std::string_view::npos) {
      rt.Fail("nested fields in format strings are not supported");
      break;
    }
    at = end + 1;
    const size_t colon = field.find(':');
    const std::string_view spec_text = colon == std::string_view::npos ? "" : field.substr(colon + 1);
    field = field.substr(0, colon);
    char conversion = 0;
    if (field.size() >= 2 && field[field.size() - 2] == '!') {
      conversion = field.back();
      field.remove_suffix(2);
    }
    Value value = FieldValue(rt, field, args, automatic);
    FormatSpec spec;
    if (rt.failed() || !ReadSpec(rt, spec_text, &spec)) break;
    if (conversion == 's') value = rt.Str(StrOf(value));
    if (conversion == 'r') {
      Text shown;
      AppendRepr(shown, value, 0);
      value = rt.Str(std::move(shown));
    }
    const Text shown = FormatValue(rt, value, spec);
    out.Append(format.markup() && !(value.string() && value.markup()) ? EscapedText(shown) : shown);
  }
  return out;
}

Value FormatPercent(Runtime& rt, const Value& format, const Value& arguments) {
  const std::string_view text = format.view();
  const bool tuple = arguments.Is(Value::Kind::kTuple);
  size_t used = 0;
  bool by_name = false;
  Text out;
  for (size_t at = 0; at < text.size() && !out.overflowed() && rt.Work(1);) {
    const size_t percent = std::min(text.find('%', at), text.size());
    out.Append(format.text(), at, percent);
    at = percent + 1;
    if (percent == text.size()) break;
    Value value;
    if (at < text.size() && text[at] == '(') {
      const size_t close = text.find(')', at);
      if (close == std::string_view::npos) return rt.Fail("incomplete format key");
      if (!arguments.dict()) return rt.Fail("format requires a mapping");
      by_name = true;
      const Value* found = arguments.entries().FindString(text.substr(at + 1, close - at - 1));
      if (found == nullptr) return rt.Fail("KeyError in a format");
      value = *found;
      at = close + 1;
    }
    FormatSpec spec;
    spec.align = '>';
    for (; at < text.size() && std::string_view("#0- +").find(text[at]) != std::string_view::npos; ++at) {
      if (text[at] == '#') spec.alternate = true;
      if (text[at] == '-') spec.align = '<';
      if (text[at] == '0' && spec.align != '<') spec.align = '=';
      if (text[at] == '+' || (text[at] == ' ' && spec.sign != '+')) spec.sign = text[at];
    }
    const bool zeros = spec.align == '=';
    spec.width = ReadNumber(rt, text, at);
    if (at < text.size() && text[at] == '.') spec.precision = ReadNumber(rt, text, ++at);
    if (rt.failed()) return rt.Undefined("");
    if (at == text.size()) return rt.Fail("incomplete format");
    spec.type = text[at++];
    if (spec.type == '%') {
      out.Append("%", format.text().TrustedAt(at - 1));
      continue;
    }
    if (value.missing()) {
      if (tuple ? used >= arguments.items().size() : used > 0)
        return rt.Fail("not enough arguments for format string");
      value = tuple ? arguments.items()[used] : arguments;
      ++used;
    }
    if (spec.type == 's' || spec.type == 'r' || spec.type == 'a') {
      Text shown;
      if (spec.type == 's')
        shown = StrOf(value);
      else
        AppendRepr(shown, value, 0);
      if (format.markup() && !(value.string() && value.markup())) shown = EscapedText(shown);
      value = rt.Str(std::move(shown));
      spec.align = zeros ? '>' : spec.align;
      spec.type = 's';
    } else {
      if (!value.number() && (spec.type != 'c' || !value.string())) {
        return rt.Fail(absl::StrCat("%", std::string(1, spec.type),
                                    " format: a real number is required, not ",
                                    std::string(value.TypeName())));
      }
      if (spec.type == 'i' || spec.type == 'u') spec.type = 'd';
      if (spec.type == 'c' && value.string()) spec.type = 's';
      if (spec.type == 'd' && value.Is(Value::Kind::kFloat)) {
        if (!(std::fabs(value.as_float()) < 9e18)) return rt.Fail("cannot convert the float to an integer");
        value = Value::Int(static_cast<int64_t>(value.as_float()));
      }
      if (zeros) spec.fill.assign(1, '0');
      if (std::string_view("cs").find(spec.type) == std::string_view::npos && value.Is(Value::Kind::kBool)) {
        value = Value::Int(value.as_int());
      }
    }
    out.Append(FormatValue(rt, value, spec));
  }
  const bool mapping =
      arguments.dict() || arguments.Is(Value::Kind::kList) || arguments.undefined() || by_name;
  if (!rt.failed() && !mapping && used < (tuple ? arguments.items().size() : 1)) {
    return rt.Fail("not all arguments converted during string formatting");
  }
  return rt.Str(std::move(out), format.markup());
}

}  // namespace linnet::jinja
