#include <algorithm>
#include <cmath>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "runtime/template/format.h"
#include "runtime/template/methods.h"
#include "runtime/template/repr.h"

namespace linnet::jinja {
namespace {

constexpr int64_t kMostPrecision = 400;

std::string InBase(uint64_t value, unsigned base, bool upper) {
  std::string digits;
  do {
    const auto digit = static_cast<char>(value % base);
    digits.push_back(static_cast<char>(digit < 10 ? '0' + digit : (upper ? 'A' : 'a') + digit - 10));
    value /= base;
  } while (value > 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

void AddCommas(std::string& digits) {
  const size_t whole = std::min(digits.find_first_not_of("0123456789"), digits.size());
  for (size_t at = whole; at > 3; at -= 3) digits.insert(at - 3, 1, ',');
}

std::string Magnitude(double value, const FormatSpec& spec) {
  const double magnitude = std::fabs(value);
  const bool upper = spec.type >= 'A' && spec.type <= 'Z';
  if (!std::isfinite(value)) {
    return std::string(std::isnan(value) ? (upper ? "NAN" : "nan") : (upper ? "INF" : "inf")) +
           (spec.type == '%' ? "%" : "");
  }
  if (spec.type == 0 && spec.precision < 0) return FloatRepr(magnitude);
  const int precision = static_cast<int>(spec.precision < 0 ? 6 : spec.precision);
  const char type = spec.type == 0 || spec.type == 'n' ? 'g' : spec.type == '%' ? 'f' : spec.type;
  const char format[] = {'%',
                         spec.alternate ? '#' : '.',
                         spec.alternate ? '.' : '*',
                         spec.alternate ? '*' : type,
                         spec.alternate ? type : '\0',
                         '\0'};
  char buffer[1024];
  std::snprintf(buffer, sizeof buffer, format, precision, spec.type == '%' ? magnitude * 100 : magnitude);
  std::string text = buffer;
  // format(x, '.3') without a type keeps a digit behind the point.
  if (spec.type == 0 && text.find_first_of(".en") == std::string::npos) text += ".0";
  return spec.type == '%' ? text + "%" : text;
}

Text Padded(Runtime& rt, Text body, const FormatSpec& spec, char own_align, bool trusted) {
  const char align = spec.align == 0 ? own_align : spec.align;
  const Text fill(spec.fill, trusted);
  return Pad(rt, body, spec.width, fill,
             align == '<'   ? Side::kLeft
             : align == '^' ? Side::kBoth
                            : Side::kRight);
}

Text Number(Runtime& rt, bool negative, std::string prefix, std::string digits, const FormatSpec& spec,
            bool trusted) {
  if (spec.comma) AddCommas(digits);
  std::string sign = negative ? "-" : spec.sign == '-' ? "" : std::string(1, spec.sign);
  if (spec.align != '=') return Padded(rt, Text(sign + prefix + digits, trusted), spec, '>', trusted);
  FormatSpec rest = spec;
  rest.align = '>';
  rest.width -= static_cast<int64_t>(sign.size() + prefix.size());
  Text out(sign + prefix, trusted);
  out.Append(Padded(rt, Text(digits, trusted), rest, '>', trusted));
  return out;
}

}  // namespace

Text FormatValue(Runtime& rt, const Value& value, const FormatSpec& spec) {
  const auto refuse = [&] {
    rt.Fail(absl::StrCat("Unknown format code '", std::string(1, spec.type), "' for object of type '",
                         std::string(value.TypeName()), "'"));
    return Text();
  };
  if (spec.precision > kMostPrecision && !value.string()) {
    rt.Fail("precision too big");
    return Text();
  }
  const bool whole = spec.type == 0 || std::string_view("bcdoxXn").find(spec.type) != std::string_view::npos;
  const bool plain_bool = value.Is(Value::Kind::kBool) && spec.type == 0;
  if (value.integral() && whole && !plain_bool) {
    if (spec.precision >= 0) {
      rt.Fail("Precision not allowed in integer format specifier");
      return Text();
    }
    const int64_t i = value.as_int();
    if (spec.type == 'c') {
      std::string character;
      if (i < 0 || i > 0x10ffff || (i >= 0xd800 && i < 0xe000)) return refuse();
      EncodeChar(character, static_cast<uint32_t>(i));
      return Padded(rt, Text(character, value.trusted()), spec, '<', value.trusted());
    }
    const uint64_t magnitude = i < 0 ? uint64_t{0} - static_cast<uint64_t>(i) : static_cast<uint64_t>(i);
    const bool hex = spec.type == 'x' || spec.type == 'X';
    const unsigned base = hex ? 16 : spec.type == 'o' ? 8 : spec.type == 'b' ? 2 : 10;
    const std::string prefix = spec.alternate && base != 10 ? std::string("0") + spec.type : "";
    return Number(rt, i < 0, prefix, InBase(magnitude, base, spec.type == 'X'), spec, value.trusted());
  }
  const bool real = spec.type == 0 || std::string_view("eEfFgGn%").find(spec.type) != std::string_view::npos;
  if (value.number() && real && !plain_bool) {
    const double f = value.as_float();
    return Number(rt, std::signbit(f) && !std::isnan(f), "", Magnitude(f, spec), spec, value.trusted());
  }
  if (spec.type != 0 && (spec.type != 's' || !value.string())) return refuse();
  if (value.string() || plain_bool) {
    Text text = StrOf(value);
    if (spec.precision >= 0) text = text.Sub(0, ByteOffset(text.view(), static_cast<size_t>(spec.precision)));
    return Padded(rt, std::move(text), spec, '<', true);
  }
  if (spec.width > 0 || spec.precision >= 0 || spec.align != 0) {
    rt.Fail(
        absl::StrCat("unsupported format string passed to ", std::string(value.TypeName()), ".__format__"));
  }
  return StrOf(value);
}

}  // namespace linnet::jinja
