#ifndef LINNET_RUNTIME_KERNELS_NEON_ROWS_H_
#define LINNET_RUNTIME_KERNELS_NEON_ROWS_H_

#include <arm_neon.h>

#include "runtime/kernels/ops.h"

// Products of block types, four rows at a time: lane = row, so that a float accumulator holds one output
// element and blocks are added in ascending order, as NUMERICS.md demands. Shared by neon and neon_dotprod,
// which give their own D: Add(sums, w, a) adds the 16 products w * a to four exact partial sums. Everything
// here has internal linkage: no copy of it may serve another instruction set.
namespace linnet::kernels::neon_rows {

constexpr int kRows = 4;

// The same block of kCount rows.
template <int kCount>
struct BlockOfRows {
  const char* first;
  size_t row_bytes;
  const uint8_t* operator[](int row) const {
    return reinterpret_cast<const uint8_t*>(first + static_cast<size_t>(row) * row_bytes);
  }
};

static inline float32x4_t ToFloat(const uint16_t* halves) {
  return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(halves)));
}

// The half at `offset` of each row's block, as floats.
template <int kCount>
static inline float32x4_t Halves(BlockOfRows<kCount> block, size_t offset) {
  uint16_t halves[kRows] = {};
  for (int r = 0; r < kCount; ++r) __builtin_memcpy(&halves[r], block[r] + offset, sizeof(halves[r]));
  return ToFloat(halves);
}

// Lane r = the sum of sum(r), four partial sums of row r, as a float.
template <int kCount, typename Sum>
static inline float32x4_t ExactSums(Sum sum) {
  int32x4_t v[kRows];
  for (int r = 0; r < kRows; ++r) v[r] = r < kCount ? sum(r) : vdupq_n_s32(0);
  return vcvtq_f32_s32(vpaddq_s32(vpaddq_s32(v[0], v[1]), vpaddq_s32(v[2], v[3])));
}

// W: kBytes and kValues of a block, Act, and Add(block of rows, act, sum): `sum` after the block's float
// steps.
template <typename W, int kCount>
static inline float32x4_t Dot(const char* w, size_t row_bytes, const typename W::Act* x, size_t blocks) {
  float32x4_t sum = vdupq_n_f32(0);
  for (size_t b = 0; b < blocks; ++b) {
    sum = W::Add(BlockOfRows<kCount>{w + b * W::kBytes, row_bytes}, x[b], sum);
  }
  return sum;
}

template <typename W>
static inline void MatMul(const void* w, const void* activations, float* y, size_t rows, size_t cols,
                          size_t tokens, size_t y_stride) {
  const size_t blocks = cols / W::kValues;
  const auto* x = static_cast<const typename W::Act*>(activations);
  const char* bytes = static_cast<const char*>(w);
  const size_t row_bytes = blocks * W::kBytes;
  size_t r = 0;
  for (; r + kRows <= rows; r += kRows) {
    for (size_t t = 0; t < tokens; ++t) {
      vst1q_f32(y + t * y_stride + r,
                Dot<W, kRows>(bytes + r * row_bytes, row_bytes, x + t * blocks, blocks));
    }
  }
  for (; r < rows; ++r) {
    for (size_t t = 0; t < tokens; ++t) {
      y[t * y_stride + r] =
          vgetq_lane_f32(Dot<W, 1>(bytes + r * row_bytes, row_bytes, x + t * blocks, blocks), 0);
    }
  }
}

// Codes of 32 elements.
struct Bytes {
  int8x16_t low, high;
};

template <typename D>
static inline int32x4_t Products(Bytes w, Bytes a) {
  return D::Add(D::Add(vdupq_n_s32(0), w.low, a.low), w.high, a.high);
}

static inline Bytes Load32(const void* p) {
  return {vreinterpretq_s8_u8(vld1q_u8(static_cast<const uint8_t*>(p))),
          vreinterpretq_s8_u8(vld1q_u8(static_cast<const uint8_t*>(p) + 16))};
}

static inline int8x16_t Signed(uint8x16_t codes) { return vreinterpretq_s8_u8(codes); }
static inline uint8x16_t Low4(uint8x16_t bytes) { return vandq_u8(bytes, vdupq_n_u8(15)); }
static inline uint8x16_t High4(uint8x16_t bytes) { return vshrq_n_u8(bytes, 4); }

}  // namespace linnet::kernels::neon_rows

#endif  // LINNET_RUNTIME_KERNELS_NEON_ROWS_H_
