#include "runtime/quant/half.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace linnet::quant {
namespace {

// The definition, by arithmetic instead of bits.
double ValueOf(uint16_t half) {
  const double sign = (half & 0x8000) != 0 ? -1 : 1;
  const int exponent = half >> 10 & 0x1f;
  const int mantissa = half & 0x3ff;
  return sign * (exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25));
}

bool IsFinite(uint16_t half) { return (half >> 10 & 0x1f) != 0x1f; }

TEST(HalfTest, EveryHalfIsItsDefinition) {
  for (uint32_t h = 0; h < 65536; ++h) {
    const auto half = static_cast<uint16_t>(h);
    if (!IsFinite(half)) continue;
    ASSERT_EQ(HalfToFloat(half), ValueOf(half)) << h;
    ASSERT_EQ(std::signbit(HalfToFloat(half)), (half & 0x8000) != 0) << h;
  }
}

TEST(HalfTest, InfinitiesAndNansKeepTheirKind) {
  EXPECT_EQ(HalfToFloat(0x7c00), std::numeric_limits<float>::infinity());
  EXPECT_EQ(HalfToFloat(0xfc00), -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(HalfToFloat(0x7c01)));
  EXPECT_TRUE(std::isnan(HalfToFloat(0xffff)));
  EXPECT_EQ(FloatToHalf(std::numeric_limits<float>::infinity()), 0x7c00);
  EXPECT_EQ(FloatToHalf(-std::numeric_limits<float>::infinity()), 0xfc00);
  const uint16_t nan = FloatToHalf(std::numeric_limits<float>::quiet_NaN());
  EXPECT_EQ(nan & 0x7c00, 0x7c00);
  EXPECT_NE(nan & 0x3ff, 0);
}

TEST(HalfTest, EveryHalfSurvivesTheRoundTrip) {
  for (uint32_t h = 0; h < 65536; ++h) {
    const auto half = static_cast<uint16_t>(h);
    if (!IsFinite(half)) continue;
    ASSERT_EQ(FloatToHalf(HalfToFloat(half)), half) << h;
  }
}

// Between neighbours: the nearer, and in the exact middle the even one.
TEST(HalfTest, RoundsToNearestWithTiesToEven) {
  for (uint32_t h = 0; h < 0x7bff; ++h) {
    const auto low = static_cast<uint16_t>(h);
    const auto high = static_cast<uint16_t>(h + 1);
    const auto middle = static_cast<float>((ValueOf(low) + ValueOf(high)) / 2);  // exact in float
    const uint16_t even = (low & 1) == 0 ? low : high;
    ASSERT_EQ(FloatToHalf(middle), even) << h;
    ASSERT_EQ(FloatToHalf(-middle), even | 0x8000) << h;
    ASSERT_EQ(FloatToHalf(std::nextafter(middle, 0.0F)), low) << h;
    ASSERT_EQ(FloatToHalf(std::nextafter(middle, 1e9F)), high) << h;
  }
}

TEST(HalfTest, TheLastMiddleOverflowsToInfinity) {
  EXPECT_EQ(FloatToHalf(65504.0F), 0x7bff);
  EXPECT_EQ(FloatToHalf(std::nextafter(65520.0F, 0.0F)), 0x7bff);
  EXPECT_EQ(FloatToHalf(65520.0F), 0x7c00);
  EXPECT_EQ(FloatToHalf(3e38F), 0x7c00);
}

TEST(HalfTest, BelowHalfOfTheLeastDenormalIsZero) {
  EXPECT_EQ(FloatToHalf(0x1p-25F), 0);  // a tie, and 0 is even
  EXPECT_EQ(FloatToHalf(std::nextafter(0x1p-25F, 1.0F)), 1);
  EXPECT_EQ(FloatToHalf(-0x1p-26F), 0x8000);
  EXPECT_EQ(FloatToHalf(std::numeric_limits<float>::denorm_min()), 0);
}

}  // namespace
}  // namespace linnet::quant
