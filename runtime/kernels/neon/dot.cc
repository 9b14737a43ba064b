#include <arm_neon.h>

#include "runtime/kernels/float_product.h"
#include "runtime/kernels/ops.h"

// Lanes 4i .. 4i + 3 of the 16-lane rule are register i.
namespace linnet::kernels::neon {
namespace {

struct Unit {
  using Vector = float32x4_t;
  static constexpr int kLanes = 4;
  // 24 sums, the rows' weights and the values of a token in the 32 registers.
  static constexpr int kRows = 2, kTokens = 3, kRowsOfOne = 4;
  static constexpr bool kLoadsFirst = true;
  static constexpr size_t kPanelFrom = 24;

  static Vector Zero() { return vdupq_n_f32(0); }
  static Vector Fma(Vector a, Vector b, Vector c) { return vfmaq_f32(c, a, b); }
  // Weights may stand at any address: they are loaded as bytes.
  static Vector Load(F32, const char* p) { return vreinterpretq_f32_u8(vld1q_u8(Bytes(p))); }
  static Vector Load(F16, const char* p) { return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(Bytes(p)))); }
  static Vector Load(BF16, const char* p) {
    return vreinterpretq_f32_u32(vshll_n_u16(vreinterpret_u16_u8(vld1_u8(Bytes(p))), 16));
  }
  static void Keep(Vector& v) { asm("" : "+w"(v)); }
  static void Store(float* p, Vector v) { vst1q_f32(p, v); }

  template <int kRowCount, int kTokenCount>
  [[gnu::always_inline]] static void Finish(const Lanes<Unit> (&sums)[kRowCount * kTokenCount], float* y,
                                            size_t y_stride) {
    float results[kRowCount * kTokenCount];
#pragma GCC unroll 8
    for (int i = 0; i < kRowCount * kTokenCount; ++i) results[i] = Tree(sums[i]);
    StoreResults<kRowCount, kTokenCount>(results, y, y_stride);
  }

 private:
  static const uint8_t* Bytes(const char* p) { return reinterpret_cast<const uint8_t*>(p); }
  static float Tree(const Lanes<Unit>& sum) {
    const float32x4_t four =
        vaddq_f32(vaddq_f32(sum.part[0], sum.part[2]), vaddq_f32(sum.part[1], sum.part[3]));
    const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
  }
};

}  // namespace

void MatMulF32(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  MatMulOfFloats<Unit, F32>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulF16(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  MatMulOfFloats<Unit, F16>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulBF16(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  MatMulOfFloats<Unit, BF16>(w, x, y, rows, cols, tokens, y_stride);
}

}  // namespace linnet::kernels::neon
