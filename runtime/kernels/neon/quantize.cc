#include <arm_neon.h>

#include "runtime/kernels/ops.h"

namespace linnet::kernels::neon {
namespace {

// The largest magnitude of n values, n a multiple of 4.
float Largest(const float* x, size_t n) {
  float32x4_t m = vdupq_n_f32(0);
  for (size_t i = 0; i < n; i += 4) m = vmaxq_f32(m, vabsq_f32(vld1q_f32(x + i)));
  return vmaxvq_f32(m);
}

struct Divisor {
  float d, inverse;
};

Divisor DivisorOf(float amax) {
  const float d = amax / 127.0f;
  return d < 0x1p-126f ? Divisor{0.0f, 0.0f} : Divisor{d, 1.0f / d};
}

// 16 values as bytes: rounded to nearest, half to even.
int8x16_t Quantize16(const float* x, float inverse) {
  const int32x4_t i0 = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x), inverse));
  const int32x4_t i1 = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + 4), inverse));
  const int32x4_t i2 = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + 8), inverse));
  const int32x4_t i3 = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + 12), inverse));
  const int16x8_t low = vcombine_s16(vqmovn_s32(i0), vqmovn_s32(i1));
  const int16x8_t high = vcombine_s16(vqmovn_s32(i2), vqmovn_s32(i3));
  return vcombine_s8(vqmovn_s16(low), vqmovn_s16(high));
}

}  // namespace

void Quantize(const float* x, ActBlock* y, size_t blocks) {
  for (size_t b = 0; b < blocks; ++b, x += kBlock) {
    const Divisor divisor = DivisorOf(Largest(x, kBlock));
    const int8x16_t low = Quantize16(x, divisor.inverse), high = Quantize16(x + 16, divisor.inverse);
    y[b].d = divisor.d;
    y[b].sum = vaddlvq_s8(low) + vaddlvq_s8(high);
    vst1q_s8(y[b].q, low);
    vst1q_s8(y[b].q + 16, high);
  }
}

void Quantize256(const float* x, ActBlock256* y, size_t blocks) {
  for (size_t b = 0; b < blocks; ++b, x += kBlock256) {
    const Divisor divisor = DivisorOf(Largest(x, kBlock256));
    y[b].d = divisor.d;
    for (size_t i = 0; i < kBlock256; i += 16) {
      const int8x16_t bytes = Quantize16(x + i, divisor.inverse);
      y[b].sums[i / 16] = vaddlvq_s8(bytes);
      vst1q_s8(y[b].q + i, bytes);
    }
  }
}

}  // namespace linnet::kernels::neon
