#include "runtime/kernels/avx2/block_tiles.h"
#include "runtime/kernels/avxvnni/products.h"

namespace linnet::kernels::avxvnni {

using x86_tiles::Block32, x86_tiles::MatMul, x86_tiles::AvxVnni;

void TilesQ4_0(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  MatMul<AvxVnni, Block32<AvxVnni, WeightType::kQ4_0>>(w, x, y, rows, cols, tokens, y_stride);
}

void TilesQ4_1(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  MatMul<AvxVnni, Block32<AvxVnni, WeightType::kQ4_1>>(w, x, y, rows, cols, tokens, y_stride);
}

void TilesQ5_0(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  MatMul<AvxVnni, Block32<AvxVnni, WeightType::kQ5_0>>(w, x, y, rows, cols, tokens, y_stride);
}

void TilesQ5_1(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  MatMul<AvxVnni, Block32<AvxVnni, WeightType::kQ5_1>>(w, x, y, rows, cols, tokens, y_stride);
}

void TilesQ8_0(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  MatMul<AvxVnni, Block32<AvxVnni, WeightType::kQ8_0>>(w, x, y, rows, cols, tokens, y_stride);
}

void TilesIQ4_NL(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                 size_t y_stride) {
  MatMul<AvxVnni, Block32<AvxVnni, WeightType::kIQ4_NL>>(w, x, y, rows, cols, tokens, y_stride);
}

}  // namespace linnet::kernels::avxvnni
