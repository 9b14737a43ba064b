#ifndef LINNET_RUNTIME_MODEL_MATRIX_H_
#define LINNET_RUNTIME_MODEL_MATRIX_H_

#include <cstddef>

#include "runtime/kernels/types.h"

namespace linnet::model {

// A view into the file's mapping: [rows, cols], in the file's own type. Several matrices may be rows of one
// tensor (attn_qkv, ffn_up of phi3). rows == 0: the family has no such matrix.
struct Matrix {
  kernels::WeightType type = kernels::WeightType::kF32;
  const std::byte* data = nullptr;  // row-major, or tiles
  size_t rows = 0, cols = 0;
  size_t row_bytes = 0;  // of a row as GGUF has it
  bool tiled = false;    // packed: runtime/kernels/tiles.h
  size_t first_row = 0;  // rows of data's first tile that stand before this matrix; less than 16
  bool planes = false;   // packed in planes (runtime/kernels/planes.h): whole, of type Q8_0
};

// Bytes that a product with all of it reads.
size_t SizeBytes(const Matrix& matrix);

// `count` of its rows from `begin` on.
Matrix RowsOf(const Matrix& matrix, size_t begin, size_t count);

// Row `row` of m, as floats. scratch: [row_bytes]; out: [cols].
void CopyRow(const Matrix& m, size_t row, std::byte* scratch, float* out);
// Asks memory for it: rows of an embedding are rarely in a cache, and of a tile each touches all lines.
void FetchRow(const Matrix& m, size_t row);

}  // namespace linnet::model

#endif  // LINNET_RUNTIME_MODEL_MATRIX_H_
