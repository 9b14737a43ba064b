#include "runtime/kernels/avx2/k_tiles.h"
#include "runtime/kernels/avx512vnni/zmm.h"

namespace linnet::kernels::avx512vnni {

using x86_tiles::Block256, x86_tiles::MatMul, x86_tiles::Zmm;

void TilesQ4_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  MatMul<Zmm, Block256<Zmm, WeightType::kQ4_K>>(w, x, y, rows, cols, tokens, y_stride);
}

void TilesQ5_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  MatMul<Zmm, Block256<Zmm, WeightType::kQ5_K>>(w, x, y, rows, cols, tokens, y_stride);
}

void TilesQ6_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  MatMul<Zmm, Block256<Zmm, WeightType::kQ6_K>>(w, x, y, rows, cols, tokens, y_stride);
}

}  // namespace linnet::kernels::avx512vnni
