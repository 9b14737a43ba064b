#include <cmath>
#include <cstring>

#include "runtime/kernels/ops.h"
#include "runtime/kernels/scalar/half.h"

// The types of 256-weight blocks. Written to be obviously right: this is the specification.
namespace linnet::kernels::scalar {
namespace {

// Elements of Q2_K, Q3_K and TQ2_0: 128 h + 32 s + i is bits 2 s, 2 s + 1 of byte 32 h + i.
int32_t TwoBits(const uint8_t* q, size_t e) { return q[e / 128 * 32 + e % 32] >> e % 128 / 32 * 2 & 3; }

// Elements of Q4_K and Q5_K: 64 h + i is the low, 64 h + 32 + i the high nibble of byte 32 h + i.
int32_t FourBits(const uint8_t* q, size_t e) { return q[e / 64 * 32 + e % 32] >> e % 64 / 32 * 4 & 15; }

// Bit s of byte i belongs to element 32 s + i.
int32_t Bit(const uint8_t* high, size_t e) { return high[e % 32] >> e / 32 & 1; }

// The six-bit scales and mins of Q4_K and Q5_K.
int32_t ScaleK4(const uint8_t* s, size_t j) {
  return j < 4 ? s[j] & 63 : (s[j + 4] & 15) | s[j - 4] >> 6 << 4;
}
int32_t MinK4(const uint8_t* s, size_t j) { return j < 4 ? s[j + 4] & 63 : s[j + 4] >> 4 | s[j] >> 6 << 4; }

// For each type: weights of a sub-block, the integer of element e, the integer scale of sub-block j, and of
// those with mins, the integer min.
struct Q2_K : BlockQ2_K {
  static constexpr size_t kSub = 16;
  int32_t Value(size_t e) const { return TwoBits(q, e); }
  int32_t Scale(size_t j) const { return scales[j] & 15; }
  int32_t Min(size_t j) const { return scales[j] >> 4; }
};

struct Q3_K : BlockQ3_K {
  static constexpr size_t kSub = 16;
  int32_t Value(size_t e) const { return (TwoBits(q, e) | Bit(high, e) << 2) - 4; }
  int32_t Scale(size_t j) const {
    const int32_t low = scales[j % 8] >> j / 8 * 4 & 15;
    return (low | (scales[8 + j % 4] >> j / 4 * 2 & 3) << 4) - 32;
  }
};

struct Q4_K : BlockQ4_K {
  static constexpr size_t kSub = 32;
  int32_t Value(size_t e) const { return FourBits(q, e); }
  int32_t Scale(size_t j) const { return ScaleK4(scales, j); }
  int32_t Min(size_t j) const { return MinK4(scales, j); }
};

struct Q5_K : BlockQ5_K {
  static constexpr size_t kSub = 32;
  int32_t Value(size_t e) const { return FourBits(q, e) | Bit(high, e) << 4; }
  int32_t Scale(size_t j) const { return ScaleK4(scales, j); }
  int32_t Min(size_t j) const { return MinK4(scales, j); }
};

struct Q6_K : BlockQ6_K {
  static constexpr size_t kSub = 16;
  int32_t Value(size_t e) const {
    const size_t h = e / 128, s = e % 128 / 32, i = e % 32;
    return ((low[64 * h + 32 * (s % 2) + i] >> s / 2 * 4 & 15) | TwoBits(high, e) << 4) - 32;
  }
  int32_t Scale(size_t j) const { return scales[j]; }
};

struct IQ4_XS : BlockIQ4_XS {
  static constexpr size_t kSub = 32;
  int32_t Value(size_t e) const { return kIq4Values[nibbles[e / 32 * 16 + e % 16] >> e % 32 / 16 * 4 & 15]; }
  int32_t Scale(size_t j) const {
    return ((scales_low[j / 2] >> j % 2 * 4 & 15) | (scales_high >> j * 2 & 3) << 4) - 32;
  }
};

struct TQ1_0 : BlockTQ1_0 {
  static constexpr size_t kSub = 256;
  int32_t Value(size_t e) const {
    constexpr uint32_t kPowers[] = {1, 3, 9, 27, 81};
    const uint32_t byte = e < 160 ? q[e % 32] : e < 240 ? q[32 + e % 16] : high[e % 4];
    const size_t digit = e < 160 ? e / 32 : e < 240 ? (e - 160) / 16 : (e - 240) / 4;
    return static_cast<int32_t>((byte * kPowers[digit] & 255) * 3 >> 8) - 1;
  }
  int32_t Scale(size_t /*j*/) const { return 1; }
};

struct TQ2_0 : BlockTQ2_0 {
  static constexpr size_t kSub = 256;
  int32_t Value(size_t e) const { return TwoBits(q, e) - 1; }
  int32_t Scale(size_t /*j*/) const { return 1; }
};

template <typename Block>
void MatMul(const void* w, const void* activations, float* y, size_t rows, size_t cols, size_t tokens,
            size_t y_stride) {
  const size_t blocks = cols / kBlock256;
  for (size_t t = 0; t < tokens; ++t) {
    const ActBlock256* x = static_cast<const ActBlock256*>(activations) + t * blocks;
    for (size_t r = 0; r < rows; ++r) {
      float sum = 0.0f;
      for (size_t b = 0; b < blocks; ++b) {
        Block block;
        std::memcpy(&block, static_cast<const char*>(w) + (r * blocks + b) * sizeof(Block), sizeof(Block));
        int32_t exact = 0, mins = 0;
        for (size_t j = 0; j < kBlock256 / Block::kSub; ++j) {
          int32_t dot = 0;
          for (size_t e = j * Block::kSub; e < (j + 1) * Block::kSub; ++e) dot += block.Value(e) * x[b].q[e];
          exact += block.Scale(j) * dot;
          if constexpr (requires { block.Min(j); }) {
            for (size_t s = j * Block::kSub / 16; s < (j + 1) * Block::kSub / 16; ++s) {
              mins += block.Min(j) * x[b].sums[s];
            }
          }
        }
        sum = std::fma(static_cast<float>(exact), HalfToFloat(block.d) * x[b].d, sum);
        if constexpr (requires { block.Min(0); }) {
          sum = std::fma(static_cast<float>(-mins), HalfToFloat(block.dmin) * x[b].d, sum);
        }
      }
      y[t * y_stride + r] = sum;
    }
  }
}

}  // namespace

void MatMulQ2_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  MatMul<Q2_K>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ3_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  MatMul<Q3_K>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ4_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  MatMul<Q4_K>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ5_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  MatMul<Q5_K>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ6_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  MatMul<Q6_K>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulIQ4_XS(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                  size_t y_stride) {
  MatMul<IQ4_XS>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulTQ1_0(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                 size_t y_stride) {
  MatMul<TQ1_0>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulTQ2_0(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                 size_t y_stride) {
  MatMul<TQ2_0>(w, x, y, rows, cols, tokens, y_stride);
}

}  // namespace linnet::kernels::scalar
