#ifndef LINNET_RUNTIME_KERNELS_PLANES_H_
#define LINNET_RUNTIME_KERNELS_PLANES_H_

#include "runtime/kernels/tiles.h"

// How an output head of type Q8_0 lies in a packed file: in two planes, so that a product can read the upper
// halves of the weights alone and say of most rows that they are out of the question. With u = q + 128, the
// unsigned form of a weight's integer:
//
//   upper    tiles of type Q4_0 (tiles.h): the rows' scales, and u / 16. As such a weight is worth
//            d (u / 16 - 8), a sixteenth of what the row is worth without its lower half
//   rows     [rows] PlaneRow, what the lower half may add
//   lower    [rows][blocks] of 16 bytes, row by row: u % 16, nibbles in the order of a Q4_0 block in GGUF
//
// Each begins at a multiple of 64; rows count up to a whole tile, and those beyond the matrix's last are
// zeros. In all it is as many bytes as tiles of Q8_0 are, and four more a row.
namespace linnet::kernels {

inline constexpr size_t kPlaneLowerBytes = kBlock / 2;  // of a row's block

// Matrices of fewer rows have nothing to gain; wider ones are not of models that are meant here, and who
// joins planes may rely on a row and a tile being small.
inline constexpr size_t kLeastPlaneRows = 256;
inline constexpr size_t kMostPlaneCols = 3840;

// Two bfloat16. A row of the weights w = d q, and its activations x: |w x - 16 (upper half's product) -
// mean * sum(x)| <= error * ||x||, all roundings of the float products of NUMERICS.md included
// (runtime/pack/planes.cc has the proof).
struct PlaneRow {
  uint16_t mean, error;
};
static_assert(sizeof(PlaneRow) == 4);

// Bytes from the matrix's start to its parts, and of all of it.
struct Planes {
  size_t rows_at, lower_at, bytes;
};

static constexpr Planes PlanesOf(size_t rows, size_t cols) {
  const size_t whole = (rows + kTileRows - 1) / kTileRows * kTileRows;
  const size_t rows_at = TiledBytes(*FindTileFormat(WeightType::kQ4_0), rows, cols);
  const size_t lower_at = rows_at + whole * sizeof(PlaneRow);
  return {rows_at, lower_at, lower_at + whole * (cols / kBlock) * kPlaneLowerBytes};
}

}  // namespace linnet::kernels

#endif  // LINNET_RUNTIME_KERNELS_PLANES_H_
