#include "runtime/kernels/avx2/k_tiles.h"
#include "runtime/kernels/avxvnni/products.h"

namespace linnet::kernels::avxvnni {

using x86_tiles::Block256, x86_tiles::MatMul, x86_tiles::AvxVnni;

void TilesQ4_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  MatMul<AvxVnni, Block256<AvxVnni, WeightType::kQ4_K>>(w, x, y, rows, cols, tokens, y_stride);
}

void TilesQ5_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  MatMul<AvxVnni, Block256<AvxVnni, WeightType::kQ5_K>>(w, x, y, rows, cols, tokens, y_stride);
}

void TilesQ6_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  MatMul<AvxVnni, Block256<AvxVnni, WeightType::kQ6_K>>(w, x, y, rows, cols, tokens, y_stride);
}

}  // namespace linnet::kernels::avxvnni
