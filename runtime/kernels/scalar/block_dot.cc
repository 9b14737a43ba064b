#include <bit>
#include <cmath>
#include <cstring>

#include "runtime/kernels/ops.h"
#include "runtime/kernels/scalar/half.h"

// The types of 32-weight blocks. Written to be obviously right: this is the specification.
namespace linnet::kernels::scalar {
namespace {

constexpr size_t kHalf = kBlock / 2;

int32_t Nibble(const uint8_t* nibbles, size_t i) {
  return i < kHalf ? nibbles[i] & 15 : nibbles[i - kHalf] >> 4;
}

int32_t FiveBits(const uint8_t* nibbles, const uint8_t* high, size_t i) {
  return Nibble(nibbles, i) | (high[i / 8] >> i % 8 & 1) << 4;
}

// The integer of weight i.
int32_t Value(const BlockQ4_0& b, size_t i) { return Nibble(b.nibbles, i) - 8; }
int32_t Value(const BlockQ4_1& b, size_t i) { return Nibble(b.nibbles, i); }
int32_t Value(const BlockQ5_0& b, size_t i) { return FiveBits(b.nibbles, b.high, i) - 16; }
int32_t Value(const BlockQ5_1& b, size_t i) { return FiveBits(b.nibbles, b.high, i); }
int32_t Value(const BlockQ8_0& b, size_t i) { return b.q[i]; }
int32_t Value(const BlockIQ4_NL& b, size_t i) { return kIq4Values[Nibble(b.nibbles, i)]; }
int32_t Value(const BlockMXFP4& b, size_t i) { return kMxfp4Values[Nibble(b.nibbles, i)]; }

template <typename Block>
float ScaleOf(const Block& b) {
  return HalfToFloat(b.d);
}

// 2^(e - 128); the two least are denormal.
float ScaleOf(const BlockMXFP4& b) {
  return std::bit_cast<float>(b.e < 2 ? 0x00200000u << b.e : static_cast<uint32_t>(b.e - 1) << 23);
}

template <typename Block>
void MatMul(const void* w, const void* activations, float* y, size_t rows, size_t cols, size_t tokens,
            size_t y_stride) {
  const size_t blocks = cols / kBlock;
  for (size_t t = 0; t < tokens; ++t) {
    const ActBlock* x = static_cast<const ActBlock*>(activations) + t * blocks;
    for (size_t r = 0; r < rows; ++r) {
      float sum = 0.0f;
      for (size_t b = 0; b < blocks; ++b) {
        Block block;
        std::memcpy(&block, static_cast<const char*>(w) + (r * blocks + b) * sizeof(Block), sizeof(Block));
        int32_t exact = 0;
        for (size_t i = 0; i < kBlock; ++i) exact += Value(block, i) * x[b].q[i];
        sum = std::fma(static_cast<float>(exact), ScaleOf(block) * x[b].d, sum);
        if constexpr (requires { block.m; }) {
          sum = std::fma(static_cast<float>(x[b].sum), HalfToFloat(block.m) * x[b].d, sum);
        }
      }
      y[t * y_stride + r] = sum;
    }
  }
}

}  // namespace

void MatMulQ4_0(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  MatMul<BlockQ4_0>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ4_1(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  MatMul<BlockQ4_1>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ5_0(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  MatMul<BlockQ5_0>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ5_1(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  MatMul<BlockQ5_1>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ8_0(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  MatMul<BlockQ8_0>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulIQ4_NL(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                  size_t y_stride) {
  MatMul<BlockIQ4_NL>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulMXFP4(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                 size_t y_stride) {
  MatMul<BlockMXFP4>(w, x, y, rows, cols, tokens, y_stride);
}

}  // namespace linnet::kernels::scalar
