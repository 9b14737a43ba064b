#include "runtime/model/matrix.h"

#include "runtime/base/status_macros.h"
#include "runtime/kernels/tiles.h"
#include "runtime/pack/tile_packer.h"
#include "runtime/quant/quant.h"

namespace linnet::model {

Matrix RowsOf(const Matrix& matrix, size_t begin, size_t count) {
  Matrix out = matrix;
  out.rows = count;
  if (matrix.tiled) {
    const size_t row = matrix.first_row + begin;
    out.data += row / kernels::kTileRows * TileBytes(*kernels::FindTileFormat(matrix.type), matrix.cols);
    out.first_row = row % kernels::kTileRows;
  } else {
    out.data += begin * matrix.row_bytes;
  }
  return out;
}

void CopyRow(const Matrix& m, size_t row, std::vector<std::byte>& scratch, float* out) {
  LINNET_CHECK(row < m.rows);
  std::span<const std::byte> bytes;
  if (m.tiled) {
    scratch.resize(m.row_bytes);
    pack::UnpackTileRow(m.type, m.data, m.first_row + row, m.cols, scratch);
    bytes = scratch;
  } else {
    bytes = {m.data + row * m.row_bytes, m.row_bytes};
  }
  quant::DequantizeTo(m.type, bytes, {out, m.cols});
}

}  // namespace linnet::model
