#include "runtime/pack/tile_packer.h"

#include <cstring>

#include "runtime/base/status_macros.h"
#include "runtime/kernels/tiles.h"
#include "runtime/kernels/weight_types.h"
#include "runtime/pack/block_parts.h"

namespace linnet::pack {
namespace {

using kernels::kBlock;
using kernels::kTileRows;
using kernels::TileFormat;
using kernels::WeightType;

constexpr size_t kVector = 4 * kTileRows;  // bytes

// What a type's tiles have beside d and nibbles.
template <WeightType type>
struct Has {
  static constexpr bool kK = kernels::FindTileFormat(type)->block == kernels::kBlock256;
  static constexpr bool kMin = type == WeightType::kQ4_1 || type == WeightType::kQ5_1 ||
                               type == WeightType::kQ4_K || type == WeightType::kQ5_K;
  static constexpr bool kFifthBit =
      type == WeightType::kQ5_0 || type == WeightType::kQ5_1 || type == WeightType::kQ5_K;
  static constexpr bool kSixBits = type == WeightType::kQ6_K;
  static constexpr bool kBytes = type == WeightType::kQ8_0;
  static constexpr size_t kSubs = kK ? (kSixBits ? 16 : 8) : 0;
  static constexpr size_t kBytesOf32 = (kBytes ? 8 : 4 + kFifthBit + 2 * kSixBits) * kVector;
};

// Where byte i of a row stands in a vector.
size_t At(size_t vector, size_t row, size_t column) { return vector * kVector + 4 * row + column % 4; }

// Calls visit(byte, shift, mask, q shift, column): (q[column] >> q shift & mask) stands in bits from `shift`
// on.
template <WeightType type, typename Visit>
void ForBits(size_t row, Visit visit) {
  for (size_t c = 0; c < kBlock; ++c) {
    if constexpr (Has<type>::kBytes) {
      visit(At(c / 4, row, c), 0, 255, 0, c);
    } else {
      visit(At(c % 16 / 4, row, c), c / 16 * 4, 15, 0, c);
      if constexpr (Has<type>::kFifthBit) visit(At(4, row, c), c / 4, 1, 4, c);
      if constexpr (Has<type>::kSixBits) visit(At(4 + c / 16, row, c), c % 16 / 4 * 2, 3, 4, c);
    }
  }
}

template <WeightType type>
void PutBlock(const BlockParts& parts, size_t row, uint8_t* head) {
  constexpr size_t kColumns = kernels::FindTileFormat(type)->block;
  uint8_t* quants = head + kernels::FindTileFormat(type)->head_bytes;
  for (size_t h = 0; h < 1 + Has<type>::kMin; ++h) {
    std::memcpy(head + 2 * (h * kTileRows + row), &parts.halves[h], 2);
  }
  uint8_t* scales = head + 2 * kTileRows * (1 + Has<type>::kMin);
  for (size_t j = 0; j < Has<type>::kSubs; ++j) {
    scales[j * kTileRows + row] = static_cast<uint8_t>(parts.scales[j]);
    if constexpr (Has<type>::kMin) scales[(Has<type>::kSubs + j) * kTileRows + row] = parts.mins[j];
  }
  for (size_t c = 0; c < kColumns; c += kBlock, quants += Has<type>::kBytesOf32) {
    ForBits<type>(row, [&](size_t at, size_t shift, int mask, int from, size_t column) {
      quants[at] = static_cast<uint8_t>(quants[at] | (parts.q[c + column] >> from & mask) << shift);
    });
  }
}

template <WeightType type>
BlockParts GetBlock(size_t row, const uint8_t* head) {
  constexpr size_t kColumns = kernels::FindTileFormat(type)->block;
  const uint8_t* quants = head + kernels::FindTileFormat(type)->head_bytes;
  BlockParts parts;
  for (size_t h = 0; h < 1 + Has<type>::kMin; ++h) {
    std::memcpy(&parts.halves[h], head + 2 * (h * kTileRows + row), 2);
  }
  const uint8_t* scales = head + 2 * kTileRows * (1 + Has<type>::kMin);
  for (size_t j = 0; j < Has<type>::kSubs; ++j) {
    parts.scales[j] = static_cast<int8_t>(scales[j * kTileRows + row]);
    if constexpr (Has<type>::kMin) parts.mins[j] = scales[(Has<type>::kSubs + j) * kTileRows + row];
  }
  for (size_t c = 0; c < kColumns; c += kBlock, quants += Has<type>::kBytesOf32) {
    ForBits<type>(row, [&](size_t at, size_t shift, int mask, int from, size_t column) {
      uint8_t& q = parts.q[c + column];
      q = static_cast<uint8_t>(q | (quants[at] >> shift & mask) << from);
    });
  }
  return parts;
}

template <WeightType type, typename Block>
void Pack(const std::byte* rows, size_t row_count, size_t cols, uint8_t* tiles) {
  constexpr TileFormat kFormat = *kernels::FindTileFormat(type);
  const size_t blocks = cols / kFormat.block, tile_bytes = TileBytes(kFormat, cols);
  for (size_t r = 0; r < row_count; ++r) {
    uint8_t* tile = tiles + r / kTileRows * tile_bytes;
    for (size_t b = 0; b < blocks; ++b) {
      Block block;
      std::memcpy(&block, rows + (r * blocks + b) * sizeof(Block), sizeof(Block));
      PutBlock<type>(TakeApart(block), r % kTileRows, tile + b * BlockBytes(kFormat));
    }
  }
}

template <WeightType type, typename Block>
void Unpack(const uint8_t* tiles, size_t row, size_t cols, std::byte* out) {
  constexpr TileFormat kFormat = *kernels::FindTileFormat(type);
  const uint8_t* tile = tiles + row / kTileRows * TileBytes(kFormat, cols);
  for (size_t b = 0; b < cols / kFormat.block; ++b) {
    Block block;
    PutTogether(GetBlock<type>(row % kTileRows, tile + b * BlockBytes(kFormat)), block);
    std::memcpy(out + b * sizeof(Block), &block, sizeof(Block));
  }
}

// Calls run.operator()<type, Block>().
template <typename Run>
void ForType(WeightType type, Run run) {
  switch (type) {
    case WeightType::kQ4_0:
      return run.template operator()<WeightType::kQ4_0, kernels::BlockQ4_0>();
    case WeightType::kQ4_1:
      return run.template operator()<WeightType::kQ4_1, kernels::BlockQ4_1>();
    case WeightType::kQ5_0:
      return run.template operator()<WeightType::kQ5_0, kernels::BlockQ5_0>();
    case WeightType::kQ5_1:
      return run.template operator()<WeightType::kQ5_1, kernels::BlockQ5_1>();
    case WeightType::kQ8_0:
      return run.template operator()<WeightType::kQ8_0, kernels::BlockQ8_0>();
    case WeightType::kQ4_K:
      return run.template operator()<WeightType::kQ4_K, kernels::BlockQ4_K>();
    case WeightType::kQ5_K:
      return run.template operator()<WeightType::kQ5_K, kernels::BlockQ5_K>();
    case WeightType::kQ6_K:
      return run.template operator()<WeightType::kQ6_K, kernels::BlockQ6_K>();
    case WeightType::kIQ4_NL:
      return run.template operator()<WeightType::kIQ4_NL, kernels::BlockIQ4_NL>();
    default:
      LINNET_CHECK(kernels::FindTileFormat(type) != nullptr);
  }
}

}  // namespace

void PackTiles(WeightType type, std::span<const std::byte> rows, size_t row_count, size_t cols,
               std::span<std::byte> tiles) {
  const kernels::WeightTypeInfo& info = kernels::InfoOf(type);
  LINNET_CHECK(cols % info.block == 0 && rows.size() == row_count * (cols / info.block) * info.block_bytes);
  ForType(type, [&]<WeightType kType, typename Block>() {
    LINNET_CHECK(tiles.size() == TiledBytes(*kernels::FindTileFormat(kType), row_count, cols));
    std::memset(tiles.data(), 0, tiles.size());
    Pack<kType, Block>(rows.data(), row_count, cols, reinterpret_cast<uint8_t*>(tiles.data()));
  });
}

void UnpackTileRow(WeightType type, const std::byte* tiles, size_t row, size_t cols,
                   std::span<std::byte> out) {
  const kernels::WeightTypeInfo& info = kernels::InfoOf(type);
  LINNET_CHECK(cols % info.block == 0 && out.size() == cols / info.block * info.block_bytes);
  ForType(type, [&]<WeightType kType, typename Block>() {
    Unpack<kType, Block>(reinterpret_cast<const uint8_t*>(tiles), row, cols, out.data());
  });
}

}  // namespace linnet::pack
