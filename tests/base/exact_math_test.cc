#include "runtime/base/exact_math.h"

#include <gtest/gtest.h>

#include <cmath>

namespace linnet::base {
namespace {

TEST(ExactMathTest, ExpAndLogAreAccurate) {
  for (double x = -699.5; x < 700; x += 0.37) {
    EXPECT_NEAR(ExactExp(x) / std::exp(x), 1.0, 2e-15) << x;
  }
  EXPECT_EQ(ExactExp(0.0), 1.0);
  EXPECT_EQ(ExactExp(-701.0), 0.0);
  EXPECT_EQ(ExactExp(800.0), ExactExp(700.0));
  for (double x = 1e-310; x < 1e300; x *= 1.7) {
    EXPECT_NEAR(ExactLog(x), std::log(x), 1e-15 * std::max(1.0, std::fabs(std::log(x)))) << x;
  }
  EXPECT_EQ(ExactLog(1.0), 0.0);
}

// Against long double, 64 bits of mantissa or more: the errors that exact_math.h states.
TEST(ExactMathTest, ErrorsAreAsStated) {
  for (double x = -50; x < 50; x += 0.00731) {
    const long double exp = std::exp(static_cast<long double>(x));
    EXPECT_LE(std::fabs((static_cast<long double>(ExactExp(x)) - exp) / exp), 2e-15L) << x;
  }
  for (double x = 1e-9; x < 1e9; x *= 1.00371) {
    const long double log = std::log(static_cast<long double>(x));
    EXPECT_LE(std::fabs((static_cast<long double>(ExactLog(x)) - log) / log), 2e-15L) << x;
  }
  for (double d = 1e-3; d > 1e-15; d *= 0.77) {  // next to 1, where the logarithm is small
    for (const double x : {1.0 + d, 1.0 - d}) {
      const long double log = std::log(static_cast<long double>(x));
      EXPECT_LE(std::fabs((static_cast<long double>(ExactLog(x)) - log) / log), 2e-15L) << x;
    }
  }
}

TEST(ExactMathTest, PowMakesRopeFrequencies) {
  for (const double base : {10000.0, 500000.0, 1000000.0}) {
    for (int i = 0; i < 64; ++i) {
      const double exponent = -2.0 * i / 128;
      EXPECT_NEAR(ExactPow(base, exponent) / std::pow(base, exponent), 1.0, 1e-14);
    }
  }
}

TEST(ExactMathTest, SinCosStayAccurateFarOut) {
  for (double magnitude = 0; magnitude < 3e6; magnitude = magnitude * 1.01 + 0.013) {
    for (const double x : {magnitude, -magnitude}) {
      double s = 0, c = 0;
      ExactSinCos(x, &s, &c);
      EXPECT_NEAR(s, std::sin(x), 2e-15) << x;
      EXPECT_NEAR(c, std::cos(x), 2e-15) << x;
    }
  }
}

}  // namespace
}  // namespace linnet::base
