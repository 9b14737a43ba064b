#include "runtime/kernels/neon/block_types.h"
#include "runtime/kernels/neon/k_types.h"

namespace linnet::kernels::neon_dotprod {
namespace {

// The dot product extension: four products a lane.
struct DotProduct {
  static int32x4_t Add(int32x4_t sums, int8x16_t w, int8x16_t a) { return vdotq_s32(sums, w, a); }
};

}  // namespace

void MatMulQ8_0(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  neon_rows::MatMul<neon_rows::Q8_0<DotProduct>>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ4_0(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  neon_rows::MatMul<neon_rows::Q4_0<DotProduct>>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ4_1(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  neon_rows::MatMul<neon_rows::Q4_1<DotProduct>>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ5_0(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  neon_rows::MatMul<neon_rows::Q5_0<DotProduct>>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ5_1(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  neon_rows::MatMul<neon_rows::Q5_1<DotProduct>>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulIQ4_NL(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                  size_t y_stride) {
  neon_rows::MatMul<neon_rows::IQ4_NL<DotProduct>>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulMXFP4(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                 size_t y_stride) {
  neon_rows::MatMul<neon_rows::MXFP4<DotProduct>>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ4_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  neon_rows::MatMul<neon_rows::Q4_K<DotProduct>>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ5_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  neon_rows::MatMul<neon_rows::Q5_K<DotProduct>>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ6_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  neon_rows::MatMul<neon_rows::Q6_K<DotProduct>>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ2_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  neon_rows::MatMul<neon_rows::Q2_K<DotProduct>>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ3_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  neon_rows::MatMul<neon_rows::Q3_K<DotProduct>>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulIQ4_XS(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                  size_t y_stride) {
  neon_rows::MatMul<neon_rows::IQ4_XS<DotProduct>>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulTQ2_0(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                 size_t y_stride) {
  neon_rows::MatMul<neon_rows::TQ2_0<DotProduct>>(w, x, y, rows, cols, tokens, y_stride);
}

}  // namespace linnet::kernels::neon_dotprod
