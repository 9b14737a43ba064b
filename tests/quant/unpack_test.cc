#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "runtime/base/file_system.h"
#include "runtime/kernels/weight_types.h"
#include "runtime/quant/half.h"
#include "runtime/quant/quant.h"
#include "tests/quant/random_blocks.h"

// Stored blocks to floats: against an independent reading of the formats, and by hand at the extremes.
namespace linnet::quant {

using kernels::WeightType;

std::string RandomBlocks(WeightType type, size_t count) {
  const kernels::WeightTypeInfo& info = kernels::InfoOf(type);
  SplitMix random(1);
  std::string bytes;
  for (size_t b = 0; b < count; ++b) {
    std::string block;
    for (size_t i = 0; i < info.block_bytes; ++i) block += static_cast<char>(random.Next() >> 56);
    if (b < 2) block.assign(info.block_bytes, b == 0 ? '\0' : '\xff');
    for (size_t s = 0; s < info.scales; ++s) {
      char& high = block[info.scale_offset + 2 * s + 1];
      if ((high & 0x7c) == 0x7c) high = static_cast<char>(high & 0xbf);
    }
    bytes += block;
  }
  return bytes;
}

namespace {

struct Vector {
  WeightType type;
  uint64_t digest;
};

// Printed by make_vectors.py; ggml's dequantize_row_* (d99724f2, without contraction) gives the same.
constexpr Vector kVectors[] = {
    {WeightType::kQ4_0, 0x53d554363c12cb0a},   {WeightType::kQ4_1, 0x7fc48f8e15770a87},
    {WeightType::kQ5_0, 0x1bad586ed3e35c09},   {WeightType::kQ5_1, 0xf366850398bd70d6},
    {WeightType::kQ8_0, 0xe5b593981e3ca4c7},   {WeightType::kQ2_K, 0x58dd21e19f4d49d9},
    {WeightType::kQ3_K, 0x4a79ee3f9e7a6e7f},   {WeightType::kQ4_K, 0x0591e5aaf60d0c93},
    {WeightType::kQ5_K, 0x2e6ac37fd8ed0edb},   {WeightType::kQ6_K, 0x56d6f5745b2c285c},
    {WeightType::kIQ4_NL, 0x6f3438ea68645de2}, {WeightType::kIQ4_XS, 0x5ed69cd267ef4dee},
    {WeightType::kTQ1_0, 0x0137d8c4d5153300},  {WeightType::kTQ2_0, 0x7a96f2a13ded38c2},
    {WeightType::kMXFP4, 0x6dc830a65c5e7c00},
};

TEST(UnpackTest, EveryBlockTypeIsReadAsItsFormatSays) {
  size_t block_types = 0;
  for (const WeightType type : AllTypes()) block_types += BlockValues(type) > 1 ? 1 : 0;
  EXPECT_EQ(std::size(kVectors), block_types);
  for (const Vector& vector : kVectors) {
    const std::string bytes = RandomBlocks(vector.type, 64);
    const std::vector<float> values = Dequantize(vector.type, base::AsBytes(bytes));
    ASSERT_EQ(values.size(), 64 * BlockValues(vector.type));
    EXPECT_EQ(Fnv1a(values.data(), values.size() * sizeof(float)), vector.digest) << TypeName(vector.type);
  }
}

template <typename Block>
std::vector<float> Values(WeightType type, const Block& block) {
  EXPECT_EQ(sizeof(block), SizeBytes(type, BlockValues(type)));
  return Dequantize(type, {reinterpret_cast<const std::byte*>(&block), sizeof(block)});
}

TEST(UnpackTest, TheSmallestAndTheLargestScaleAreExact) {
  kernels::BlockQ8_0 block{};
  block.q[0] = -128;  // no writer makes it
  block.q[31] = 127;
  for (const uint16_t d : {uint16_t{0x0001}, uint16_t{0x8001}, uint16_t{0x7bff}, uint16_t{0xfbff}}) {
    block.d = d;
    const double scale = (d & 0x7fff) == 1 ? 0x1p-24 : 65504.0;
    const double sign = (d & 0x8000) != 0 ? -1 : 1;
    const auto y = Values(WeightType::kQ8_0, block);
    EXPECT_EQ(y[0], -128 * scale * sign);
    EXPECT_EQ(y[31], 127 * scale * sign);
  }
}

TEST(UnpackTest, LowNibblesAreTheFirstHalf) {
  kernels::BlockQ4_0 block{FloatToHalf(2.0F), {}};
  block.nibbles[0] = 0xf0;
  block.nibbles[15] = 0x1f;
  const auto y = Values(WeightType::kQ4_0, block);
  EXPECT_EQ(y[0], -16.0F);
  EXPECT_EQ(y[16], 14.0F);
  EXPECT_EQ(y[15], 14.0F);
  EXPECT_EQ(y[31], -14.0F);
}

TEST(UnpackTest, TheMinIsAddedInTheSmallAndTakenInTheLargeTypes) {
  kernels::BlockQ5_1 small{FloatToHalf(0.5F), FloatToHalf(-3.0F), {0x01, 0, 0, 0x80}, {}};
  small.nibbles[0] = 0x0f;
  small.nibbles[15] = 0xf0;
  const auto y = Values(WeightType::kQ5_1, small);
  EXPECT_EQ(y[0], 31 * 0.5F - 3.0F);
  EXPECT_EQ(y[1], -3.0F);
  EXPECT_EQ(y[31], 31 * 0.5F - 3.0F);

  kernels::BlockQ4_K large{FloatToHalf(0.25F), FloatToHalf(2.0F), {}, {}};
  large.scales[0] = 63;         // scale 0
  large.scales[4] = 63 | 0x80;  // min 0; above it, the top bits of min 4 are not here but in byte 4 of scale
  large.q[0] = 15;
  const auto z = Values(WeightType::kQ4_K, large);
  EXPECT_EQ(z[0], 0.25F * 63 * 15 - 2.0F * 63);
  EXPECT_EQ(z[1], -2.0F * 63);
  EXPECT_EQ(z[32], 0.0F);
  EXPECT_EQ(z[4 * 32], -2.0F * 32);  // min 4: nibble 0 of byte 8, and bits 6 and 7 of byte 4
}

TEST(UnpackTest, EveryCodeOfTheTables) {
  // OCP microscaling formats 1.0, E2M1: sign, two bits of exponent, one of mantissa.
  constexpr float kE2M1[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
  kernels::BlockMXFP4 fp4{127, {}};  // 2^0
  for (size_t i = 0; i < 16; ++i) fp4.nibbles[i] = static_cast<uint8_t>(i);
  for (const int e : {0, 1, 2, 127, 253}) {
    fp4.e = static_cast<uint8_t>(e);
    const auto y = Values(WeightType::kMXFP4, fp4);
    for (size_t i = 0; i < 16; ++i) {
      EXPECT_EQ(y[i], std::ldexp(kE2M1[i % 8], e - 127) * (i < 8 ? 1.0F : -1.0F)) << e << " " << i;
    }
  }
  constexpr float kIq4[] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  kernels::BlockIQ4_NL iq4{FloatToHalf(-1.0F), {}};
  for (size_t i = 0; i < 16; ++i) iq4.nibbles[i] = static_cast<uint8_t>(i << 4);
  const auto z = Values(WeightType::kIQ4_NL, iq4);
  for (size_t i = 0; i < 16; ++i) {
    EXPECT_EQ(z[i], 127.0F);
    EXPECT_EQ(z[16 + i], -kIq4[i]);
  }
}

TEST(UnpackTest, TheExtremeScalesOfTheLargeTypes) {
  kernels::BlockQ6_K six{};
  six.d = FloatToHalf(1.0F);
  six.scales[0] = -128;
  six.scales[15] = 127;
  std::memset(six.low, 0xff, sizeof(six.low));
  std::memset(six.high, 0xff, sizeof(six.high));
  const auto y = Values(WeightType::kQ6_K, six);
  EXPECT_EQ(y[0], -128.0F * 31);
  EXPECT_EQ(y[255], 127.0F * 31);
  EXPECT_EQ(y[100], 0.0F);

  kernels::BlockQ3_K three{};  // all zero bytes: scale -32, codes -4
  three.d = FloatToHalf(0.5F);
  EXPECT_EQ(Values(WeightType::kQ3_K, three), std::vector<float>(256, 0.5F * -32 * -4));

  kernels::BlockIQ4_XS xs{};
  xs.d = FloatToHalf(1.0F);
  xs.scales_high = 0xffff;
  std::memset(xs.scales_low, 0xff, sizeof(xs.scales_low));
  EXPECT_EQ(Values(WeightType::kIQ4_XS, xs), std::vector<float>(256, 31.0F * -127));
}

TEST(UnpackTest, BrainFloatsAreTheUpperHalf) {
  const uint16_t words[] = {0x3f80, 0xc000, 0x0001, 0x8000, 0x7f7f};
  const auto y = Dequantize(WeightType::kBF16, std::as_bytes(std::span(words)));
  EXPECT_EQ(y, (std::vector<float>{1.0F, -2.0F, 0x1p-133F, -0.0F, 0x1.fep127F}));
  EXPECT_TRUE(std::signbit(y[3]));
}

TEST(UnpackTest, AScaleThatIsNoNumberIsFound) {
  constexpr size_t kCount = 5;
  for (const WeightType type : AllTypes()) {
    const kernels::WeightTypeInfo& info = kernels::InfoOf(type);
    const bool words = type == WeightType::kF16 || type == WeightType::kBF16;
    std::string bytes =
        info.block == 1 ? std::string(kCount * info.block_bytes, '\x11') : RandomBlocks(type, kCount);
    if (type == WeightType::kMXFP4) bytes[info.block_bytes] = 0;  // the block of all ones
    EXPECT_EQ(FindNonFinite(type, base::AsBytes(bytes)), std::nullopt) << info.name;
    EXPECT_EQ(FindNonFinite(type, {}), std::nullopt) << info.name;
    for (const uint16_t bad : {0x7c00, 0xfc00, 0x7e00, 0xffff, 0x7f80, 0xff80, 0x7fc0}) {
      const bool is_bad = (bad & 0x7f80) == 0x7f80 || (info.scales > 0 || type == WeightType::kF16);
      if (!is_bad) continue;
      const size_t places = std::max<size_t>(info.scales, 1);
      for (size_t place = 0; place < places; ++place) {
        std::string broken = bytes;
        size_t at = 3 * info.block_bytes + info.scale_offset + 2 * place;
        if (type == WeightType::kF32) at += 2;
        if (type == WeightType::kMXFP4) {
          broken[at] = '\xff';
        } else {
          std::memcpy(&broken[at], &bad, sizeof(bad));
        }
        EXPECT_EQ(FindNonFinite(type, base::AsBytes(broken)), 3U) << info.name << " " << bad << " " << words;
      }
    }
  }
}

TEST(TypesTest, NamesAreGgmls) {
  for (const WeightType type : AllTypes()) {
    EXPECT_EQ(ParseType(TypeName(type)), type);
    EXPECT_EQ(&kernels::InfoOf(type), kernels::FindWeightType(static_cast<uint32_t>(type)));
  }
  EXPECT_EQ(ParseType("q4_k"), WeightType::kQ4_K);
  EXPECT_EQ(ParseType("Q4_K_M"), std::nullopt);
  EXPECT_EQ(ParseType("IQ2_XXS"), std::nullopt);
  EXPECT_EQ(ParseType(""), std::nullopt);
  EXPECT_EQ(kernels::FindWeightType(16), nullptr);
  EXPECT_EQ(AllTypes().size(), 18U);
}

}  // namespace
}  // namespace linnet::quant
