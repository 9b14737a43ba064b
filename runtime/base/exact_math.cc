#include "runtime/base/exact_math.h"

#include <bit>
#include <cstdint>

namespace linnet::base {
namespace {

// Parts of ln 2 and pi / 2 whose trailing bits are zero, so that n * part is exact for the n that occur
// (values: fdlibm e_exp.c and e_rem_pio2.c).
constexpr double kLn2High = 6.93147180369123816490e-01;
constexpr double kLn2Low = 1.90821492927058770002e-10;
constexpr double kHalfPi1 = 1.57079632673412561417e+00;
constexpr double kHalfPi2 = 6.07710050630396597660e-11;
constexpr double kHalfPi3 = 2.02226624871116645580e-21;

// The nearest integer; |x| < 2^51.
double Nearest(double x) {
  constexpr double kShift = 6755399441055744.0;  // 1.5 * 2^52
  return (x + kShift) - kShift;
}

double PowerOfTwo(int64_t n) { return std::bit_cast<double>(static_cast<uint64_t>(n + 1023) << 52); }

}  // namespace

double ExactExp(double x) {
  if (x < -700.0) return 0.0;
  if (x > 700.0) x = 700.0;
  const double n = Nearest(x * 1.44269504088896338700);
  const double r = (x - n * kLn2High) - n * kLn2Low;
  // Taylor to r^14 / 14!, |r| <= 0.35.
  double p = 1.0;
  for (int i = 14; i >= 1; --i) p = 1.0 + p * r / static_cast<double>(i);
  return p * PowerOfTwo(static_cast<int64_t>(n));
}

double ExactLog(double x) {
  uint64_t bits = std::bit_cast<uint64_t>(x);
  int64_t exponent = 0;
  if (bits < uint64_t{1} << 52) {  // subnormal
    bits = std::bit_cast<uint64_t>(x * 0x1p54);
    exponent = -54;
  }
  exponent += static_cast<int64_t>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0xfffffffffffffULL) | 0x3ff0000000000000ULL);
  if (m > 1.41421356237309504880) {
    m *= 0.5;
    ++exponent;
  }
  // log m = 2 (s + s^3/3 + s^5/5 + ...), s = (m - 1) / (m + 1), |s| <= 0.172.
  const double s = (m - 1.0) / (m + 1.0);
  const double s2 = s * s;
  double p = 0.0;
  for (int i = 23; i >= 1; i -= 2) p = 1.0 / static_cast<double>(i) + s2 * p;
  const double n = static_cast<double>(exponent);
  return n * kLn2High + (2.0 * s * p + n * kLn2Low);
}

double ExactPow(double base, double exponent) { return ExactExp(exponent * ExactLog(base)); }

void ExactSinCos(double x, double* sine, double* cosine) {
  const double n = Nearest(x * 6.36619772367581382433e-01);
  const double r = ((x - n * kHalfPi1) - n * kHalfPi2) - n * kHalfPi3;
  const double r2 = r * r;
  // Taylor, |r| <= 0.79: sine to r^19 / 19!, cosine to r^18 / 18!.
  double s = 1.0;
  for (int i = 18; i >= 2; i -= 2) s = 1.0 - s * r2 / static_cast<double>(i * (i + 1));
  s *= r;
  double c = 1.0;
  for (int i = 18; i >= 2; i -= 2) c = 1.0 - c * r2 / static_cast<double>((i - 1) * i);
  switch (static_cast<int64_t>(n) & 3) {
    case 0:
      *sine = s, *cosine = c;
      break;
    case 1:
      *sine = c, *cosine = -s;
      break;
    case 2:
      *sine = -s, *cosine = -c;
      break;
    default:
      *sine = -c, *cosine = s;
      break;
  }
}

}  // namespace linnet::base
