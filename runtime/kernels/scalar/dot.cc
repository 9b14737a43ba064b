#include <bit>
#include <cmath>
#include <cstring>

#include "runtime/kernels/ops.h"
#include "runtime/kernels/scalar/half.h"

// Written to be obviously right: this is the specification.
namespace linnet::kernels::scalar {
namespace {

constexpr size_t kLanes = 16;

float LoadF32(const void* w, size_t i) {
  float value;
  std::memcpy(&value, static_cast<const char*>(w) + i * sizeof(float), sizeof(float));
  return value;
}

uint16_t Load16(const void* w, size_t i) {
  uint16_t value;
  std::memcpy(&value, static_cast<const char*>(w) + i * sizeof(uint16_t), sizeof(uint16_t));
  return value;
}

float LoadF16(const void* w, size_t i) { return HalfToFloat(Load16(w, i)); }

float LoadBF16(const void* w, size_t i) {
  return std::bit_cast<float>(static_cast<uint32_t>(Load16(w, i)) << 16);
}

// The 16-lane rule. The last group is padded with zeros.
template <float (*kLoad)(const void*, size_t)>
void MatMul(const void* w, const void* activations, float* y, size_t rows, size_t cols, size_t tokens,
            size_t y_stride) {
  for (size_t t = 0; t < tokens; ++t) {
    const float* x = static_cast<const float*>(activations) + t * cols;
    for (size_t r = 0; r < rows; ++r) {
      float lane[kLanes] = {};
      for (size_t k = 0; k < cols; k += kLanes) {
        for (size_t j = 0; j < kLanes; ++j) {
          const bool in = k + j < cols;
          lane[j] = std::fma(in ? kLoad(w, r * cols + k + j) : 0.0f, in ? x[k + j] : 0.0f, lane[j]);
        }
      }
      for (size_t half = kLanes / 2; half >= 1; half /= 2) {
        for (size_t j = 0; j < half; ++j) lane[j] = lane[j] + lane[j + half];
      }
      y[t * y_stride + r] = lane[0];
    }
  }
}

}  // namespace

void MatMulF32(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  MatMul<LoadF32>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulF16(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  MatMul<LoadF16>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulBF16(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  MatMul<LoadBF16>(w, x, y, rows, cols, tokens, y_stride);
}

}  // namespace linnet::kernels::scalar
