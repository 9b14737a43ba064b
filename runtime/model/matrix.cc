#include "runtime/model/matrix.h"

#include "runtime/base/status_macros.h"
#include "runtime/kernels/tiles.h"
#include "runtime/pack/planes.h"
#include "runtime/pack/tile_packer.h"
#include "runtime/quant/quant.h"

namespace linnet::model {
namespace {

void Fetch(const std::byte* data, size_t size) {
  for (size_t i = 0; i < size; i += 64) __builtin_prefetch(data + i);
}

}  // namespace

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

void CopyRow(const Matrix& m, size_t row, std::byte* scratch, float* out) {
  LINNET_CHECK(row < m.rows);
  std::span<const std::byte> bytes;
  if (m.planes) {
    kernels::BlockQ8_0 blocks[kernels::kMostPlaneCols / kernels::kBlock];
    const auto joined = std::span(blocks).first(m.cols / kernels::kBlock);
    pack::JoinRow({m.data, m.rows, m.cols}, row, joined);
    return quant::DequantizeTo(m.type, std::as_bytes(joined), {out, m.cols});
  }
  if (m.tiled) {
    const std::span<std::byte> unpacked(scratch, m.row_bytes);
    pack::UnpackTileRow(m.type, m.data, m.first_row + row, m.cols, unpacked);
    bytes = unpacked;
  } else {
    bytes = {m.data + row * m.row_bytes, m.row_bytes};
  }
  quant::DequantizeTo(m.type, bytes, {out, m.cols});
}

void FetchRow(const Matrix& m, size_t row) {
  if (!m.tiled) return Fetch(m.data + row * m.row_bytes, m.row_bytes);
  const kernels::WeightType type = m.planes ? kernels::WeightType::kQ4_0 : m.type;
  const size_t tile_bytes = TileBytes(*kernels::FindTileFormat(type), m.cols);
  Fetch(m.data + (m.first_row + row) / kernels::kTileRows * tile_bytes, tile_bytes);
  if (!m.planes) return;
  const size_t lower_bytes = m.cols / kernels::kBlock * kernels::kPlaneLowerBytes;
  Fetch(m.data + kernels::PlanesOf(m.rows, m.cols).lower_at + row * lower_bytes, lower_bytes);
}

}  // namespace linnet::model
