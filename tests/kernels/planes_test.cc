#include "runtime/kernels/planes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "runtime/kernels/kernel_table.h"
#include "tests/support/guarded_buffer.h"

// Every set joins planes as the scalar set does, reads no byte that is not theirs and writes every byte of
// the tiles.
namespace linnet::kernels {
namespace {

using ::linnet::testing::GuardedBuffer;

constexpr uint32_t kSeed = 20261130;

void Fill(GuardedBuffer<uint8_t>& bytes, std::mt19937& random) {
  for (uint8_t& byte : bytes.span()) byte = static_cast<uint8_t>(random());
}

TEST(PlanesTest, JoinedBySetsAsByScalar) {
  std::cout << "seed " << kSeed << ", sets:";
  for (const Variant& variant : Variants()) std::cout << (Supported(variant) ? " " : " -") << variant.name;
  std::cout << "\n";
  std::mt19937 random(kSeed);
  const TileFormat &half = *FindTileFormat(WeightType::kQ4_0), &whole = *FindTileFormat(WeightType::kQ8_0);
  for (const size_t tiles : {0, 1, 2, 5}) {
    for (const size_t blocks : {0, 1, 2, 3, 5, 18, 120}) {
      const size_t cols = blocks * kBlock;
      GuardedBuffer<uint8_t> upper(tiles * TileBytes(half, cols));
      GuardedBuffer<uint8_t> lower(tiles * kTileRows * blocks * kPlaneLowerBytes);
      GuardedBuffer<uint8_t> expected(tiles * TileBytes(whole, cols));
      Fill(upper, random);
      Fill(lower, random);
      scalar::JoinPlanes(upper.data(), lower.data(), expected.data(), tiles, cols);
      for (const Variant& variant : Variants()) {
        if (!Supported(variant)) continue;
        GuardedBuffer<uint8_t> found(expected.size());
        Fill(found, random);
        variant.ops.join_planes(upper.data(), lower.data(), found.data(), tiles, cols);
        EXPECT_TRUE(found.Intact());
        EXPECT_TRUE(std::ranges::equal(found.span(), expected.span()))
            << variant.name << ", " << tiles << " tiles of " << cols << " columns";
      }
    }
  }
}

// The sums of lower halves of scattered rows, of scales of any kind; and near to what they are in double.
TEST(PlanesTest, LowerHalvesAddUpInSetsAsInScalar) {
  std::mt19937 random(kSeed);
  std::normal_distribution<float> normal;
  const TileFormat& half = *FindTileFormat(WeightType::kQ4_0);
  constexpr size_t kTiles = 3;
  const std::vector<uint32_t> rows = {0, 5, 15, 16, 33, 47};
  for (const size_t blocks : {1, 2, 7, 8, 9, 18, 28, 120}) {
    const size_t cols = blocks * kBlock;
    GuardedBuffer<uint8_t> upper(kTiles * TileBytes(half, cols));
    GuardedBuffer<uint8_t> lower(kTiles * kTileRows * blocks * kPlaneLowerBytes);
    Fill(upper, random);
    Fill(lower, random);
    for (size_t tile = 0; tile < kTiles; ++tile) {
      for (size_t i = 0; i < blocks * kTileRows; ++i) {
        const auto scale = static_cast<uint16_t>(random() % 0x7c00);  // from denormals to the largest
        std::memcpy(upper.data() + tile * TileBytes(half, cols) + i / kTileRows * BlockBytes(half) +
                        2 * (i % kTileRows),
                    &scale, sizeof(scale));
      }
    }
    GuardedBuffer<ActBlock> x(blocks);
    std::vector<float> values(cols);
    for (float& value : values) value = normal(random);
    scalar::Quantize(values.data(), x.data(), blocks);
    std::vector<LowerSums> expected(rows.size());
    scalar::SumLower(upper.data(), lower.data(), rows.data(), rows.size(), cols, x.data(), expected.data());
    for (size_t i = 0; i < rows.size(); ++i) {
      double product = 0, magnitude = 0, squares = 0;
      for (size_t b = 0; b < blocks; ++b) {
        uint16_t bits;
        std::memcpy(&bits,
                    upper.data() + rows[i] / kTileRows * TileBytes(half, cols) + b * BlockBytes(half) +
                        2 * (rows[i] % kTileRows),
                    sizeof(bits));
        const double d =
            std::ldexp((bits >> 10) != 0 ? 1024 + (bits & 1023) : bits & 1023, std::max(1, bits >> 10) - 25);
        squares += d * d;
        for (size_t c = 0; c < kBlock; ++c) {
          const uint8_t pair = lower[(rows[i] * blocks + b) * kPlaneLowerBytes + c % 16];
          const double term = d * x[b].d * (c < 16 ? pair & 15 : pair >> 4) * x[b].q[c];
          product += term;
          magnitude += std::fabs(term);
        }
      }
      EXPECT_NEAR(expected[i].product, product, magnitude * static_cast<double>(blocks + 4) * 0x1p-24);
      EXPECT_NEAR(expected[i].squares, squares, squares * 0x1p-20);
    }
    for (const Variant& variant : Variants()) {
      if (!Supported(variant)) continue;
      GuardedBuffer<LowerSums> found(rows.size());
      variant.ops.sum_lower(upper.data(), lower.data(), rows.data(), rows.size(), cols, x.data(),
                            found.data());
      EXPECT_EQ(std::memcmp(found.data(), expected.data(), rows.size() * sizeof(LowerSums)), 0)
          << variant.name << ", " << blocks << " blocks";
    }
  }
}

// A byte found by hand: column 21 of row 19 is the high nibble of byte 5 in either plane.
TEST(PlanesTest, TheScalarSetReadsTheLayoutAsWritten) {
  const TileFormat &half = *FindTileFormat(WeightType::kQ4_0), &whole = *FindTileFormat(WeightType::kQ8_0);
  constexpr size_t kCols = 64;
  GuardedBuffer<uint8_t> upper(2 * TileBytes(half, kCols)), lower(2 * kTileRows * 2 * kPlaneLowerBytes);
  GuardedBuffer<uint8_t> out(2 * TileBytes(whole, kCols));
  std::ranges::fill(upper.span(), uint8_t{0});
  std::ranges::fill(lower.span(), uint8_t{0});
  // In the second tile and block: vector 1 of the upper plane, byte 4 * 3 + 1; block 19 * 2 + 1 of the lower.
  upper[TileBytes(half, kCols) + 288 + 32 + 64 + 4 * 3 + 1] = 0x90;
  lower[(19 * 2 + 1) * 16 + 5] = 0x70;
  scalar::JoinPlanes(upper.data(), lower.data(), out.data(), 2, kCols);
  for (size_t i = 0; i < TileBytes(whole, kCols); ++i) {
    ASSERT_EQ(out[i], i % 544 < 32 ? 0 : 0x80);  // -128: all zeros
  }
  const size_t at = TileBytes(whole, kCols) + 544 + 32 + 64 * 5 + 4 * 3 + 1;
  EXPECT_EQ(static_cast<int8_t>(out[at]), 0x97 - 128);
}

TEST(PlanesTest, TakeAsManyBytesAsTilesAndFourARow) {
  const TileFormat& whole = *FindTileFormat(WeightType::kQ8_0);
  for (const size_t rows : {1, 16, 17, 1000}) {
    for (const size_t cols : {32, 64, 96, 576}) {
      const size_t padded = (rows + kTileRows - 1) / kTileRows * kTileRows;
      const Planes planes = PlanesOf(rows, cols);
      EXPECT_EQ(planes.bytes, TiledBytes(whole, rows, cols) + 4 * padded);
      EXPECT_EQ(planes.rows_at % kTileAlign, 0u);
      EXPECT_EQ(planes.lower_at % kTileAlign, 0u);
    }
  }
}

}  // namespace
}  // namespace linnet::kernels
