#include "runtime/pack/tile_packer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "runtime/kernels/kernel_table.h"
#include "runtime/kernels/tiles.h"
#include "runtime/kernels/weight_types.h"

// Packing moves bytes and changes none.
namespace linnet::pack {
namespace {

using kernels::ActBlock;
using kernels::ActBlock256;
using kernels::TileFormat;
using kernels::WeightType;

constexpr uint32_t kSeed = 20260203;

// Any bytes, but halves that are finite and of a moderate size.
std::vector<std::byte> RandomRows(const kernels::WeightTypeInfo& info, size_t blocks, std::mt19937& random) {
  std::vector<std::byte> bytes(blocks * info.block_bytes);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  for (size_t at = 0; at < bytes.size(); at += info.block_bytes) {
    for (size_t s = 0; s < info.scales; ++s) bytes[at + info.scale_offset + 2 * s + 1] &= std::byte{0xb7};
  }
  return bytes;
}

// [TiledBytes], at a multiple of 64.
struct Tiles {
  Tiles(const TileFormat& format, size_t rows, size_t cols)
      : size(TiledBytes(format, rows, cols)), storage(size + kernels::kTileAlign, std::byte{0x5a}) {
    const auto address = reinterpret_cast<uintptr_t>(storage.data());
    data = storage.data() + (kernels::kTileAlign - address % kernels::kTileAlign) % kernels::kTileAlign;
  }
  std::span<std::byte> span() { return {data, size}; }
  size_t size;
  std::vector<std::byte> storage;
  std::byte* data;
};

TEST(TilePackerTest, TheWayBackGivesTheSameBytes) {
  std::mt19937 random(kSeed);
  std::cout << "seed " << kSeed << "\n";
  for (const TileFormat& format : kernels::kTileFormats) {
    const kernels::WeightTypeInfo& info = kernels::InfoOf(format.type);
    for (const size_t row_count : {1, 15, 16, 17, 40}) {
      for (const size_t blocks : {1, 2, 3, 7}) {
        const size_t cols = blocks * info.block, row_bytes = blocks * info.block_bytes;
        const std::vector<std::byte> rows = RandomRows(info, row_count * blocks, random);
        Tiles tiles(format, row_count, cols);
        PackTiles(format.type, rows, row_count, cols, tiles.span());
        for (size_t r = 0; r < row_count; ++r) {
          std::vector<std::byte> row(row_bytes);
          UnpackTileRow(format.type, tiles.data, r, cols, row);
          ASSERT_EQ(std::memcmp(row.data(), &rows[r * row_bytes], row_bytes), 0)
              << info.name << " row " << r << " of " << row_count << ", " << cols << " columns";
        }
      }
    }
  }
}

TEST(TilePackerTest, ProductsOfTilesAreThoseOfRows) {
  std::mt19937 random(kSeed);
  constexpr size_t kRows = 37, kTokens = 3;
  for (const TileFormat& format : kernels::kTileFormats) {
    const kernels::WeightTypeInfo& info = kernels::InfoOf(format.type);
    const size_t cols = 3 * info.block;
    const std::vector<std::byte> rows = RandomRows(info, kRows * 3, random);
    Tiles tiles(format, kRows, cols);
    PackTiles(format.type, rows, kRows, cols, tiles.span());
    std::vector<float> x(kTokens * cols);
    for (float& f : x) f = static_cast<float>(static_cast<int32_t>(random())) * 0x1p-31f;
    std::vector<ActBlock> act(x.size() / kernels::kBlock);
    std::vector<ActBlock256> act256(x.size() / kernels::kBlock256);
    for (const kernels::Variant& variant : kernels::Variants()) {
      if (!kernels::Supported(variant)) continue;
      variant.ops.quantize(x.data(), act.data(), act.size());
      variant.ops.quantize_256(x.data(), act256.data(), act256.size());
      const void* input =
          info.block == kernels::kBlock ? static_cast<const void*>(act.data()) : act256.data();
      std::vector<float> of_rows(kTokens * kRows), of_tiles(kTokens * kRows);
      variant.ops.matmul[format.type](rows.data(), input, of_rows.data(), kRows, cols, kTokens, kRows);
      variant.ops.tile_matmul[format.type](tiles.data, input, of_tiles.data(), kRows, cols, kTokens, kRows);
      EXPECT_EQ(std::memcmp(of_rows.data(), of_tiles.data(), of_rows.size() * sizeof(float)), 0)
          << info.name << " on " << variant.name;
    }
  }
}

TEST(TilePackerTest, RowsBeyondTheLastAreZeros) {
  const TileFormat& format = *kernels::FindTileFormat(WeightType::kQ8_0);
  std::vector<std::byte> row(sizeof(kernels::BlockQ8_0), std::byte{0x11});
  Tiles tiles(format, 1, 32);
  PackTiles(WeightType::kQ8_0, row, 1, 32, tiles.span());
  size_t set = 0;
  for (const std::byte byte : tiles.span()) set += byte != std::byte{0} ? 1 : 0;
  EXPECT_EQ(set, row.size());
}

// Places written down by hand from the words of tiles.h.
TEST(TilePackerTest, TheLayoutIsAsWritten) {
  const TileFormat& format = *kernels::FindTileFormat(WeightType::kQ4_0);
  std::vector<std::byte> rows(2 * sizeof(kernels::BlockQ4_0));
  const auto block = [&](size_t row) { return rows.data() + row * sizeof(kernels::BlockQ4_0); };
  block(1)[0] = std::byte{0x34};  // d of row 1
  block(1)[1] = std::byte{0x12};
  block(1)[2 + 6] = std::byte{0xa7};  // columns 6 and 22
  Tiles tiles(format, 2, 32);
  PackTiles(WeightType::kQ4_0, rows, 2, 32, tiles.span());
  std::vector<std::byte> expected(32 + 256 + 32);  // and what fills up to a multiple of 64
  expected[2] = std::byte{0x34};
  expected[3] = std::byte{0x12};
  expected[32 + 64 * 1 + 4 * 1 + 2] = std::byte{0xa7};  // vector 1, row 1, byte 2
  EXPECT_EQ(std::memcmp(tiles.data, expected.data(), expected.size()), 0);
}

}  // namespace
}  // namespace linnet::pack
