#include "runtime/pack/planes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <iostream>
#include <random>
#include <vector>

#include "runtime/base/status_macros.h"
#include "runtime/kernels/kernel_table.h"
#include "runtime/kernels/tiles.h"
#include "runtime/pack/tile_packer.h"
#include "runtime/quant/half.h"
#include "tests/support/packed_model.h"

// Planes are the same weights, and what a row says of its lower half holds for any activations.
namespace linnet::pack {
namespace {

using kernels::ActBlock;
using kernels::BlockQ8_0;
using kernels::kBlock;
using kernels::kTileRows;
using kernels::PlaneRow;
using kernels::TileFormat;
using kernels::WeightType;
using testing::AlignedBytes;

constexpr uint32_t kSeed = 20261130;

enum class Kind { kPlain, kExtreme, kTiny, kSmallIntegers };

std::vector<BlockQ8_0> RandomBlocks(size_t blocks, Kind kind, std::mt19937& random) {
  std::vector<BlockQ8_0> out(blocks);
  for (BlockQ8_0& block : out) {
    block.d = static_cast<uint16_t>(random());
    if (kind == Kind::kTiny) block.d &= 0x83ff;  // denormal halves
    if (kind == Kind::kPlain) block.d = static_cast<uint16_t>(0x2000 | (block.d & 0x81ff));
    if ((block.d & 0x7c00) == 0x7c00) block.d &= 0xbfff;
    for (int8_t& q : block.q) {
      q = static_cast<int8_t>(random());
      if (kind == Kind::kExtreme) q = random() % 2 == 0 ? int8_t{-128} : int8_t{127};
      if (kind == Kind::kSmallIntegers) q = static_cast<int8_t>(q % 3);
    }
  }
  return out;
}

std::vector<std::byte> Written(const std::vector<BlockQ8_0>& rows, size_t row_count, size_t cols) {
  std::vector<std::byte> out;
  const auto sink = [&](std::span<const std::byte> bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
    return absl::OkStatus();
  };
  LINNET_CHECK(WritePlanes(std::as_bytes(std::span(rows)), row_count, cols, sink).ok());
  EXPECT_EQ(out.size(), kernels::PlanesOf(row_count, cols).bytes);
  return out;
}

std::string_view Text(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(PackPlanesTest, TheWayBackGivesTheSameBytes) {
  std::mt19937 random(kSeed);
  for (const size_t rows : {1, 16, 23, 1030}) {
    for (const size_t blocks : {1, 2, 7}) {
      const auto whole = RandomBlocks(rows * blocks, Kind::kExtreme, random);
      const AlignedBytes bytes(Text(Written(whole, rows, blocks * kBlock)));
      const PlanesView view = {bytes.span().data(), rows, blocks * kBlock};
      std::vector<BlockQ8_0> row(blocks);
      for (size_t r = 0; r < rows; ++r) {
        JoinRow(view, r, row);
        ASSERT_EQ(std::memcmp(row.data(), &whole[r * blocks], blocks * sizeof(BlockQ8_0)), 0) << r;
      }
      EXPECT_EQ(FindWrongPlaneRow(view), rows);
    }
  }
}

TEST(PackPlanesTest, JoinedTheyAreTheTilesOfTheSameRows) {
  std::mt19937 random(kSeed);
  constexpr size_t kRows = 37, kBlocks = 3, kCols = kBlocks * kBlock;
  const TileFormat& format = *kernels::FindTileFormat(WeightType::kQ8_0);
  const auto whole = RandomBlocks(kRows * kBlocks, Kind::kPlain, random);
  const AlignedBytes planes(Text(Written(whole, kRows, kCols)));
  std::vector<std::byte> tiles(TiledBytes(format, kRows, kCols));
  PackTiles(WeightType::kQ8_0, std::as_bytes(std::span(whole)), kRows, kCols, tiles);
  for (const kernels::Variant& variant : kernels::Variants()) {
    if (!kernels::Supported(variant)) continue;
    std::vector<std::byte> storage(tiles.size() + kernels::kTileAlign);
    const auto address = reinterpret_cast<uintptr_t>(storage.data());
    std::byte* joined = storage.data() + (kernels::kTileAlign - address % kernels::kTileAlign);
    variant.ops.join_planes(planes.span().data(),
                            planes.span().data() + kernels::PlanesOf(kRows, kCols).lower_at, joined, 3,
                            kCols);
    // Rows beyond the last are -128 times a scale of 0 in one, and 0 in the other: no product has them.
    for (size_t r = 0; r < kRows; ++r) {
      std::vector<std::byte> a(kBlocks * sizeof(BlockQ8_0)), b(a.size());
      UnpackTileRow(WeightType::kQ8_0, tiles.data(), r, kCols, a);
      UnpackTileRow(WeightType::kQ8_0, joined, r, kCols, b);
      EXPECT_EQ(a, b) << variant.name << " row " << r;
    }
  }
}

TEST(PackPlanesTest, ARowThatSaysSomethingElseIsFound) {
  std::mt19937 random(kSeed);
  constexpr size_t kRows = 20, kCols = 64;
  const std::vector<std::byte> sound = Written(RandomBlocks(kRows * 2, Kind::kPlain, random), kRows, kCols);
  const kernels::Planes at = kernels::PlanesOf(kRows, kCols);
  for (const size_t byte : {at.rows_at + 4 * 7 + 2, at.lower_at + 7 * 32 + 3}) {
    std::vector<std::byte> wrong = sound;
    wrong[byte] ^= std::byte{0x10};
    const AlignedBytes bytes(Text(wrong));
    EXPECT_EQ(FindWrongPlaneRow({bytes.span().data(), kRows, kCols}), 7u) << byte;
  }
}

// The activations of a token: of a plain kind, or the worst for a row, as near as 8 bits come to it.
std::vector<ActBlock> Activations(size_t blocks, const BlockQ8_0* worst, double mean, std::mt19937& random) {
  std::vector<float> x(blocks * kBlock);
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(static_cast<int32_t>(random())) * 0x1p-31f;
    if (worst == nullptr) continue;
    const BlockQ8_0& block = worst[i / kBlock];
    const auto d = static_cast<double>(quant::HalfToFloat(block.d));
    x[i] = static_cast<float>(d * ((block.q[i % kBlock] + 128) % 16) - mean);
  }
  std::vector<ActBlock> act(blocks);
  kernels::scalar::Quantize(x.data(), act.data(), blocks);
  return act;
}

// What head_screen.cc computes with: of the whole product, what the upper half does not say.
TEST(PackPlanesTest, NoActivationsTakeALogitBeyondTheBound) {
  std::cout << "seed " << kSeed << "\n";
  std::mt19937 random(kSeed);
  double nearest = 0;
  for (const Kind kind : {Kind::kPlain, Kind::kExtreme, Kind::kTiny, Kind::kSmallIntegers}) {
    for (const size_t blocks : {1, 2, 18, 64, 120}) {
      for (int round = 0; round < 40; ++round) {
        const size_t cols = blocks * kBlock;
        const auto whole = RandomBlocks(kTileRows * blocks, kind, random);
        const AlignedBytes bytes(Text(Written(whole, kTileRows, cols)));
        PlaneRow rows[kTileRows];
        std::memcpy(rows, bytes.span().data() + kernels::PlanesOf(kTileRows, cols).rows_at, sizeof(rows));
        const size_t worst = random() % kTileRows;
        const auto act = Activations(blocks, round % 2 == 0 ? nullptr : &whole[worst * blocks],
                                     static_cast<double>(quant::Bf16ToFloat(rows[worst].mean)), random);
        float upper[kTileRows], logit[kTileRows];
        kernels::scalar::TilesQ4_0(bytes.span().data(), act.data(), upper, kTileRows, cols, 1, kTileRows);
        kernels::scalar::MatMulQ8_0(whole.data(), act.data(), logit, kTileRows, cols, 1, kTileRows);
        double norm = 0, sum = 0;
        for (const ActBlock& block : act) {
          for (const int8_t q : block.q) norm += std::pow(static_cast<double>(block.d) * q, 2);
          sum += static_cast<double>(block.d) * block.sum;
        }
        norm = std::sqrt(norm);
        for (size_t r = 0; r < kTileRows; ++r) {
          const double off = std::fabs(static_cast<double>(logit[r]) - 16 * static_cast<double>(upper[r]) -
                                       static_cast<double>(quant::Bf16ToFloat(rows[r].mean)) * sum);
          const double bound = static_cast<double>(quant::Bf16ToFloat(rows[r].error)) * norm;
          ASSERT_LE(off, bound + 1e-35) << "row " << r << ", " << blocks << " blocks";
          if (bound > 0) nearest = std::max(nearest, off / bound);
        }
      }
    }
  }
  // The bound is one that can be met.
  EXPECT_GT(nearest, 0.95);
}

}  // namespace
}  // namespace linnet::pack
