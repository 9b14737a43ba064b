#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "runtime/base/file_system.h"
#include "runtime/quant/half.h"
#include "runtime/quant/quant.h"
#include "tests/quant/random_blocks.h"

// Floats to stored blocks.
namespace linnet::quant {
namespace {

using kernels::kBlock;
using kernels::WeightType;

template <typename Block>
Block Packed(WeightType type, const std::vector<float>& x) {
  const std::string bytes = Quantize(type, x);
  Block block;
  EXPECT_EQ(bytes.size(), sizeof(block));
  std::memcpy(&block, bytes.data(), sizeof(block));
  return block;
}

std::vector<float> RoundTrip(WeightType type, const std::vector<float>& x,
                             std::span<const float> importance = {}) {
  return Dequantize(type, base::AsBytes(Quantize(type, x, importance)));
}

TEST(PackTest, Q8HoldsMinus127To127TimesTheScale) {
  std::vector<float> x(kBlock, 0.0F);
  x[0] = 127.0F;
  x[1] = -127.0F;
  x[2] = 0.5F;  // ties go away from zero
  x[3] = -0.5F;
  x[4] = 0.49F;
  x[31] = 1.0F;
  const auto block = Packed<kernels::BlockQ8_0>(WeightType::kQ8_0, x);
  EXPECT_EQ(block.d, FloatToHalf(1.0F));
  EXPECT_EQ(block.q[0], 127);
  EXPECT_EQ(block.q[1], -127);
  EXPECT_EQ(block.q[2], 1);
  EXPECT_EQ(block.q[3], -1);
  EXPECT_EQ(block.q[4], 0);
  EXPECT_EQ(block.q[31], 1);
}

TEST(PackTest, ADenormalScaleIsKept) {
  std::vector<float> x(kBlock, 0.0F);
  x[7] = 127 * 0x1p-24F;  // d is the least half
  EXPECT_EQ(RoundTrip(WeightType::kQ8_0, x)[7], x[7]);
}

TEST(PackTest, TheLargestMagnitudeIsExactWithItsSign) {
  for (const float largest : {8.0F, -8.0F}) {
    std::vector<float> x(kBlock, 1.0F);
    x[20] = largest;
    EXPECT_EQ(HalfToFloat(Packed<kernels::BlockQ4_0>(WeightType::kQ4_0, x).d), largest / -8);
    EXPECT_EQ(RoundTrip(WeightType::kQ4_0, x)[20], largest);
    EXPECT_EQ(RoundTrip(WeightType::kQ4_0, x)[0], 1.0F);
    EXPECT_EQ(RoundTrip(WeightType::kQ5_0, x)[20], largest);
  }
}

TEST(PackTest, TheOppositeExtremeIsCutTo15) {
  std::vector<float> x(kBlock, 0.0F);
  x[0] = -8.0F;
  x[1] = 8.0F;  // would be 16.5
  const auto block = Packed<kernels::BlockQ4_0>(WeightType::kQ4_0, x);
  EXPECT_EQ(block.nibbles[0] & 0xf, 0);
  EXPECT_EQ(block.nibbles[1] & 0xf, 15);
  EXPECT_EQ(block.nibbles[2] & 0xf, 8);
}

TEST(PackTest, TernaryWeightsAreExact) {
  std::vector<float> x(256);
  SplitMix random(3);
  for (float& v : x) v = static_cast<float>(static_cast<int>(random.Next() % 3) - 1) * 0.125F;
  EXPECT_EQ(RoundTrip(WeightType::kTQ1_0, x), x);
  EXPECT_EQ(RoundTrip(WeightType::kTQ2_0, x), x);
}

TEST(PackTest, BrainFloatsRoundHalfToEven) {
  const std::vector<float> x = {1.0F, 0x1.01p0F, 0x1.03p0F, 0x1.010002p0F, std::numeric_limits<float>::max()};
  EXPECT_EQ(RoundTrip(WeightType::kBF16, x),
            (std::vector<float>{1.0F, 1.0F, 0x1.04p0F, 0x1.02p0F, std::numeric_limits<float>::infinity()}));
  EXPECT_TRUE(std::isnan(RoundTrip(WeightType::kBF16, {std::nanf("")})[0]));
}

TEST(PackTest, ZerosStayZeros) {
  const std::vector<float> zeros(256, 0.0F);
  for (const WeightType type : AllTypes()) EXPECT_EQ(RoundTrip(type, zeros), zeros) << TypeName(type);
}

TEST(PackTest, ExtremeInputNeverBreaksABlock) {
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float tiny = std::numeric_limits<float>::denorm_min();
  const float huge = std::numeric_limits<float>::max();
  for (const WeightType type : AllTypes()) {
    for (const float extreme : {inf, -inf, nan, tiny, -tiny, huge, -huge}) {
      std::vector<float> x(256);
      for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 32) - 15.5F;
      x[3] = extreme;
      const std::string bytes = Quantize(type, x);
      EXPECT_EQ(bytes.size(), SizeBytes(type, x.size()));
      EXPECT_EQ(Dequantize(type, base::AsBytes(bytes)).size(), x.size());
      // What no scale can hold is not written as something else without a sign of it. (MXFP4's can hold all
      // but infinity, which it cuts.)
      const bool too_large =
          std::fabs(extreme) > 1e30F && type != WeightType::kF32 && type != WeightType::kMXFP4;
      if (too_large && !(type == WeightType::kBF16 && std::isfinite(extreme))) {
        EXPECT_TRUE(FindNonFinite(type, base::AsBytes(bytes)).has_value())
            << TypeName(type) << " " << extreme;
      }
      Quantize(type, std::vector<float>(256, extreme));
    }
  }
}

TEST(PackTest, SizesAreTheFormats) {
  EXPECT_EQ(SizeBytes(WeightType::kF32, 256), 1024U);
  EXPECT_EQ(SizeBytes(WeightType::kBF16, 256), 512U);
  EXPECT_EQ(SizeBytes(WeightType::kQ8_0, 256), 272U);
  EXPECT_EQ(SizeBytes(WeightType::kQ4_K, 512), 288U);
  EXPECT_EQ(SizeBytes(WeightType::kTQ1_0, 256), 54U);
  EXPECT_TRUE(Quantize(WeightType::kQ4_K, {}).empty());
  EXPECT_TRUE(Dequantize(WeightType::kF32, {}).empty());
}

}  // namespace
}  // namespace linnet::quant
