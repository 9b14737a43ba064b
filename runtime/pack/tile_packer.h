#ifndef LINNET_RUNTIME_PACK_TILE_PACKER_H_
#define LINNET_RUNTIME_PACK_TILE_PACKER_H_

#include <cstddef>
#include <span>

#include "runtime/kernels/types.h"

namespace linnet::pack {

// Rearranges rows of GGUF blocks into tiles (runtime/kernels/tiles.h has the type's format, or the call is a
// mistake, checked). No integer and no scale changes: products are the same bits.
// rows: [row_count, cols] of the type, row-major; cols is a whole number of its blocks. tiles: TiledBytes of
// it; every byte is written. Neither needs alignment.
void PackTiles(kernels::WeightType type, std::span<const std::byte> rows, size_t row_count, size_t cols,
               std::span<std::byte> tiles);

// The way back, one row: out is [cols] of the type as GGUF has it, the bytes that were packed (of Q4_K and
// Q5_K too: their scales are six bits).
void UnpackTileRow(kernels::WeightType type, const std::byte* tiles, size_t row, size_t cols,
                   std::span<std::byte> out);

}  // namespace linnet::pack

#endif  // LINNET_RUNTIME_PACK_TILE_PACKER_H_
