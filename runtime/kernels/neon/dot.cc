#include <arm_neon.h>

#include "runtime/kernels/ops.h"

// Lanes 4i .. 4i + 3 of the 16-lane rule are register i; two rows at a time share the loads of x.
namespace linnet::kernels::neon {
namespace {

struct Lanes {
  float32x4_t v[4];
};

Lanes Zero() { return {{vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)}}; }

Lanes LoadFloats(const float* p) {
  return {{vld1q_f32(p), vld1q_f32(p + 4), vld1q_f32(p + 8), vld1q_f32(p + 12)}};
}

Lanes LoadTail(const float* p, size_t count) {
  float padded[16] = {};
  for (size_t i = 0; i < count; ++i) padded[i] = p[i];
  return LoadFloats(padded);
}

// Weights may stand at any address: they are loaded as bytes.
struct F32 {
  static constexpr size_t kBytes = 4;
  static Lanes Load(const char* p) {
    const uint8_t* b = reinterpret_cast<const uint8_t*>(p);
    return {{vreinterpretq_f32_u8(vld1q_u8(b)), vreinterpretq_f32_u8(vld1q_u8(b + 16)),
             vreinterpretq_f32_u8(vld1q_u8(b + 32)), vreinterpretq_f32_u8(vld1q_u8(b + 48))}};
  }
};

struct F16 {
  static constexpr size_t kBytes = 2;
  static Lanes Load(const char* p) {
    const uint8_t* b = reinterpret_cast<const uint8_t*>(p);
    const float16x8_t low = vreinterpretq_f16_u8(vld1q_u8(b)), high = vreinterpretq_f16_u8(vld1q_u8(b + 16));
    return {{vcvt_f32_f16(vget_low_f16(low)), vcvt_high_f32_f16(low), vcvt_f32_f16(vget_low_f16(high)),
             vcvt_high_f32_f16(high)}};
  }
};

struct BF16 {
  static constexpr size_t kBytes = 2;
  static Lanes Load(const char* p) {
    const uint8_t* b = reinterpret_cast<const uint8_t*>(p);
    const uint16x8_t low = vreinterpretq_u16_u8(vld1q_u8(b)), high = vreinterpretq_u16_u8(vld1q_u8(b + 16));
    return {{vreinterpretq_f32_u32(vshll_n_u16(vget_low_u16(low), 16)),
             vreinterpretq_f32_u32(vshll_high_n_u16(low, 16)),
             vreinterpretq_f32_u32(vshll_n_u16(vget_low_u16(high), 16)),
             vreinterpretq_f32_u32(vshll_high_n_u16(high, 16))}};
  }
};

template <typename W>
Lanes WeightTail(const char* p, size_t count) {
  char padded[64] = {};
  for (size_t i = 0; i < count * W::kBytes; ++i) padded[i] = p[i];
  return W::Load(padded);
}

float Tree(const Lanes& lanes) {
  const float32x4_t four = vaddq_f32(vaddq_f32(lanes.v[0], lanes.v[2]), vaddq_f32(lanes.v[1], lanes.v[3]));
  const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
  return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}

template <typename W, int R>
void Rows(const char* w, const float* x, float* y, size_t cols) {
  const size_t row_bytes = cols * W::kBytes;
  Lanes sum[R];
  for (int r = 0; r < R; ++r) sum[r] = Zero();
  size_t k = 0;
  for (; k + 16 <= cols; k += 16) {
    const Lanes a = LoadFloats(x + k);
    for (int r = 0; r < R; ++r) {
      const Lanes b = W::Load(w + r * row_bytes + k * W::kBytes);
      for (int i = 0; i < 4; ++i) sum[r].v[i] = vfmaq_f32(sum[r].v[i], b.v[i], a.v[i]);
    }
  }
  if (k < cols) {
    const Lanes a = LoadTail(x + k, cols - k);
    for (int r = 0; r < R; ++r) {
      const Lanes b = WeightTail<W>(w + r * row_bytes + k * W::kBytes, cols - k);
      for (int i = 0; i < 4; ++i) sum[r].v[i] = vfmaq_f32(sum[r].v[i], b.v[i], a.v[i]);
    }
  }
  for (int r = 0; r < R; ++r) y[r] = Tree(sum[r]);
}

template <typename W>
void MatMul(const void* w, const void* activations, float* y, size_t rows, size_t cols, size_t tokens,
            size_t y_stride) {
  const float* x = static_cast<const float*>(activations);
  const char* bytes = static_cast<const char*>(w);
  const size_t row_bytes = cols * W::kBytes;
  size_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    for (size_t t = 0; t < tokens; ++t)
      Rows<W, 4>(bytes + r * row_bytes, x + t * cols, y + t * y_stride + r, cols);
  }
  for (; r < rows; ++r) {
    for (size_t t = 0; t < tokens; ++t)
      Rows<W, 1>(bytes + r * row_bytes, x + t * cols, y + t * y_stride + r, cols);
  }
}

}  // namespace

void MatMulF32(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  MatMul<F32>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulF16(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  MatMul<F16>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulBF16(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  MatMul<BF16>(w, x, y, rows, cols, tokens, y_stride);
}

}  // namespace linnet::kernels::neon
