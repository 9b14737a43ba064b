#include "runtime/kernels/neon/block_types.h"
#include "runtime/kernels/neon/k_types.h"

namespace linnet::kernels::neon {
namespace {

// Two products of at most 128 * 127 fit 16 bits, then they are widened.
struct Widening {
  static int32x4_t Add(int32x4_t sums, int8x16_t w, int8x16_t a) {
    return vpadalq_s16(sums, vmlal_high_s8(vmull_s8(vget_low_s8(w), vget_low_s8(a)), w, a));
  }
};

}  // namespace

void MatMulQ8_0(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  neon_rows::MatMul<neon_rows::Q8_0<Widening>>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ4_0(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  neon_rows::MatMul<neon_rows::Q4_0<Widening>>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ4_1(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  neon_rows::MatMul<neon_rows::Q4_1<Widening>>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ5_0(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  neon_rows::MatMul<neon_rows::Q5_0<Widening>>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ5_1(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  neon_rows::MatMul<neon_rows::Q5_1<Widening>>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulIQ4_NL(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                  size_t y_stride) {
  neon_rows::MatMul<neon_rows::IQ4_NL<Widening>>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulMXFP4(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                 size_t y_stride) {
  neon_rows::MatMul<neon_rows::MXFP4<Widening>>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ4_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  neon_rows::MatMul<neon_rows::Q4_K<Widening>>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ5_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  neon_rows::MatMul<neon_rows::Q5_K<Widening>>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ6_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  neon_rows::MatMul<neon_rows::Q6_K<Widening>>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ2_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  neon_rows::MatMul<neon_rows::Q2_K<Widening>>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ3_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  neon_rows::MatMul<neon_rows::Q3_K<Widening>>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulIQ4_XS(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                  size_t y_stride) {
  neon_rows::MatMul<neon_rows::IQ4_XS<Widening>>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulTQ2_0(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                 size_t y_stride) {
  neon_rows::MatMul<neon_rows::TQ2_0<Widening>>(w, x, y, rows, cols, tokens, y_stride);
}

}  // namespace linnet::kernels::neon
