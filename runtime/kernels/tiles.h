#ifndef LINNET_RUNTIME_KERNELS_TILES_H_
#define LINNET_RUNTIME_KERNELS_TILES_H_

#include "runtime/kernels/types.h"

// How a packed matrix lies in memory: one layout for every instruction set, so that one packed file serves
// all.
//
// Sixteen rows are a tile, and lie interleaved: a vector register holds the same columns of several rows, so
// a product needs no sum across its lanes. A tile of [16, cols] starts at a multiple of 64, and is read from
// front to back, as a matrix of tiles is: one stream. It has, block after block,
//
//   head     head_bytes: what the block has beside its weights
//   quants   quant_bytes: the weights' integers
//
// and then zeros to a multiple of 64. Rows beyond the matrix's last are zeros. A head is, in this order, of
// the things that the type has:
//   d[16]                 halves, the rows' scales
//   m[16]                 halves, the rows' mins (Q4_1, Q5_1: m; Q4_K, Q5_K: dmin)
//   scales[subs][16]      int8, the sub-blocks' scales (K types; those of Q4_K and Q5_K expanded from six
//   bits) mins[subs][16]        uint8, the sub-blocks' mins (Q4_K, Q5_K)
//
// Quants are, for each 32 columns, vectors of 64 bytes; byte 4 r + i belongs to row r. Columns count from 0
// within the 32:
//   nibbles  4 vectors; vector v: low nibble column 4 v + i, high nibble column 16 + 4 v + i
//   bits     1 vector (Q5_0, Q5_1, Q5_K): bit g is the fifth bit of column 4 g + i
//   pairs    2 vectors (Q6_K); vector u: bits 2 j, 2 j + 1 are the upper two of column 16 u + 4 j + i
//   bytes    8 vectors (Q8_0): vector g: column 4 g + i, signed
// Integers are those of the GGUF blocks (types.h), unsigned with the same offset: 8 (Q4_0), 16 (Q5_0),
// 32 (Q6_K), 0 (Q4_1, Q5_1, Q4_K, Q5_K); IQ4_NL has the indices of its table.
namespace linnet::kernels {

inline constexpr size_t kTileRows = 16;
inline constexpr size_t kTileAlign = 64;

struct TileFormat {
  WeightType type;
  uint16_t block;        // columns of a block: 32 or 256
  uint16_t head_bytes;   // of 16 rows x one block
  uint16_t quant_bytes;  // of 16 rows x one block
};

// Internal linkage, here and below: kernel sets include this.
constexpr TileFormat kTileFormats[] = {
    {WeightType::kQ4_0, 32, 32, 256},
    {WeightType::kQ4_1, 32, 64, 256},
    {WeightType::kQ5_0, 32, 32, 320},
    {WeightType::kQ5_1, 32, 64, 320},
    {WeightType::kQ8_0, 32, 32, 512},
    {WeightType::kQ4_K, 256, 64 + 8 * 16 + 8 * 16, 8 * 256},
    {WeightType::kQ5_K, 256, 64 + 8 * 16 + 8 * 16, 8 * 320},
    {WeightType::kQ6_K, 256, 32 + 16 * 16, 8 * 384},
    {WeightType::kIQ4_NL, 32, 32, 256},
};

// The row of the type, or nullptr when its matrices are not packed (kernels read their rows as GGUF has
// them).
static constexpr const TileFormat* FindTileFormat(WeightType type) {
  for (const TileFormat& format : kTileFormats) {
    if (format.type == type) return &format;
  }
  return nullptr;
}

// Of 16 rows x one block.
static constexpr size_t BlockBytes(const TileFormat& format) {
  return size_t{format.head_bytes} + format.quant_bytes;
}
// Bytes from a tile's start to the next. cols is a whole number of blocks.
static constexpr size_t TileBytes(const TileFormat& format, size_t cols) {
  return (cols / format.block * BlockBytes(format) + kTileAlign - 1) / kTileAlign * kTileAlign;
}
// Of a whole matrix.
static constexpr size_t TiledBytes(const TileFormat& format, size_t rows, size_t cols) {
  return (rows + kTileRows - 1) / kTileRows * TileBytes(format, cols);
}

}  // namespace linnet::kernels

#endif  // LINNET_RUNTIME_KERNELS_TILES_H_
