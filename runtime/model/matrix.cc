#include "runtime/model/matrix.h"

#include "runtime/base/status_macros.h"
#include "runtime/kernels/tiles.h"
#include "runtime/pack/planes.h"
#include "runtime/pack/tile_packer.h"
#include "runtime/quant/quant.h"

namespace linnet::model {

size_t SizeBytes(const Matrix& matrix) {
  if (!matrix.tiled) return matrix.rows * matrix.row_bytes;
  // Planes without what their rows' bounds take.
  return TiledBytes(*kernels::FindTileFormat(matrix.type), matrix.first_row + matrix.rows, matrix.cols);
}

Matrix RowsOf(const Matrix& matrix, size_t begin, size_t count) {
  Matrix out = matrix;
  out.rows = count;
  LINNET_CHECK(!matrix.planes);
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
  if (m.planes) {
    kernels::BlockQ8_0 blocks[kernels::kMostPlaneCols / kernels::kBlock];
    const auto joined = std::span(blocks).first(m.cols / kernels::kBlock);
    pack::JoinRow({m.data, m.rows, m.cols}, row, joined);
    return quant::DequantizeTo(m.type, std::as_bytes(joined), {out, m.cols});
  }
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
