#include <arm_neon.h>

#include "runtime/kernels/neon/math.h"
#include "runtime/kernels/ops.h"

// What is quantized stays in registers, or on the stack, whether it is read or made here.
namespace linnet::kernels::neon {
namespace {

struct Divisor {
  float d, inverse;
};

Divisor DivisorOf(float amax) {
  const float d = amax / 127.0f;
  return d < 0x1p-126f ? Divisor{0.0f, 0.0f} : Divisor{d, 1.0f / d};
}

// 16 values.
struct Values {
  float32x4_t v[4];
};

float32x4_t Magnitudes(const Values& x) {
  return vmaxq_f32(vmaxq_f32(vabsq_f32(x.v[0]), vabsq_f32(x.v[1])),
                   vmaxq_f32(vabsq_f32(x.v[2]), vabsq_f32(x.v[3])));
}

// 16 values as bytes: rounded to nearest, half to even.
int8x16_t Quantize16(const Values& x, float inverse) {
  const int32x4_t i0 = vcvtnq_s32_f32(vmulq_n_f32(x.v[0], inverse));
  const int32x4_t i1 = vcvtnq_s32_f32(vmulq_n_f32(x.v[1], inverse));
  const int32x4_t i2 = vcvtnq_s32_f32(vmulq_n_f32(x.v[2], inverse));
  const int32x4_t i3 = vcvtnq_s32_f32(vmulq_n_f32(x.v[3], inverse));
  const int16x8_t low = vcombine_s16(vqmovn_s32(i0), vqmovn_s32(i1));
  const int16x8_t high = vcombine_s16(vqmovn_s32(i2), vqmovn_s32(i3));
  return vcombine_s8(vqmovn_s16(low), vqmovn_s16(high));
}

// of(i): the 4 values from the i-th on.
template <typename Of>
[[gnu::always_inline]] inline Values ValuesOf(Of of, size_t i) {
  return {{of(i), of(i + 4), of(i + 8), of(i + 12)}};
}

// of: of n values.
template <typename Of>
[[gnu::always_inline]] inline void QuantizeEach(Of of, ActBlock* y, size_t n) {
  for (size_t i = 0; i < n; i += kBlock, ++y) {
    const Values a = ValuesOf(of, i), b = ValuesOf(of, i + 16);
    const Divisor divisor = DivisorOf(vmaxvq_f32(vmaxq_f32(Magnitudes(a), Magnitudes(b))));
    const int8x16_t low = Quantize16(a, divisor.inverse), high = Quantize16(b, divisor.inverse);
    y->d = divisor.d;
    y->sum = vaddlvq_s8(low) + vaddlvq_s8(high);
    vst1q_s8(y->q, low);
    vst1q_s8(y->q + 16, high);
  }
}

template <typename Of>
[[gnu::always_inline]] inline void QuantizeEach256(Of of, ActBlock256* y, size_t n) {
  for (size_t i = 0; i < n; i += kBlock256, ++y) {
    Values values[kBlock256 / 16];
    float32x4_t magnitudes = vdupq_n_f32(0);
    for (size_t j = 0; j < kBlock256 / 16; ++j) {
      values[j] = ValuesOf(of, i + 16 * j);
      magnitudes = vmaxq_f32(magnitudes, Magnitudes(values[j]));
    }
    const Divisor divisor = DivisorOf(vmaxvq_f32(magnitudes));
    y->d = divisor.d;
    for (size_t j = 0; j < kBlock256 / 16; ++j) {
      const int8x16_t bytes = Quantize16(Of::kCheap ? ValuesOf(of, i + 16 * j) : values[j], divisor.inverse);
      y->sums[j] = vaddlvq_s8(bytes);
      vst1q_s8(y->q + 16 * j, bytes);
    }
  }
}

struct Read {
  static constexpr bool kCheap = true;  // as cheap as from the stack
  const float* x;
  float32x4_t operator()(size_t i) const { return vld1q_f32(x + i); }
};

struct Normalized {
  static constexpr bool kCheap = false;
  const float *x, *weight;
  float factor;
  float32x4_t operator()(size_t i) const {
    return vmulq_f32(vmulq_n_f32(vld1q_f32(x + i), factor), vld1q_f32(weight + i));
  }
};

struct Gated {
  static constexpr bool kCheap = false;
  const float *gate, *up;
  float32x4_t operator()(size_t i) const { return vmulq_f32(Silu4(vld1q_f32(gate + i)), vld1q_f32(up + i)); }
};

}  // namespace

void Quantize(const float* x, ActBlock* y, size_t blocks) { QuantizeEach(Read{x}, y, blocks * kBlock); }

void Quantize256(const float* x, ActBlock256* y, size_t blocks) {
  QuantizeEach256(Read{x}, y, blocks * kBlock256);
}

void RmsNormQuantize(const float* x, const float* weight, ActBlock* y, size_t n, float epsilon) {
  if (n == 0) return;
  QuantizeEach(Normalized{x, weight, RmsFactor(x, n, epsilon)}, y, n);
}

void RmsNormQuantize256(const float* x, const float* weight, ActBlock256* y, size_t n, float epsilon) {
  if (n == 0) return;
  QuantizeEach256(Normalized{x, weight, RmsFactor(x, n, epsilon)}, y, n);
}

void SwiGluQuantize(const float* gate, const float* up, ActBlock* y, size_t n) {
  QuantizeEach(Gated{gate, up}, y, n);
}

void SwiGluQuantize256(const float* gate, const float* up, ActBlock256* y, size_t n) {
  QuantizeEach256(Gated{gate, up}, y, n);
}

}  // namespace linnet::kernels::neon
