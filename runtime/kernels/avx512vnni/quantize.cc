#include <immintrin.h>

#include "runtime/kernels/avx512vnni/math.h"
#include "runtime/kernels/ops.h"

// What is quantized stays in registers, whether it is read or made here.
namespace linnet::kernels::avx512vnni {
namespace {

struct Divisor {
  float d, inverse;
};

// Of values whose magnitudes are at most those of `magnitudes`' lanes.
Divisor DivisorOf(__m512 magnitudes) {
  const float d = _mm512_reduce_max_ps(magnitudes) / 127.0f;
  return d < 0x1p-126f ? Divisor{0.0f, 0.0f} : Divisor{d, 1.0f / d};
}

// 16 values as bytes, stored; their integers.
__m512i Quantize16(__m512 x, __m512 inverse, int8_t* q) {
  const __m512i integers = _mm512_cvtps_epi32(_mm512_mul_ps(x, inverse));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(q), _mm512_cvtepi32_epi8(integers));
  return integers;
}

// of(i): the 16 values from the i-th on, of n.
template <typename Of>
[[gnu::always_inline]] inline void QuantizeEach(Of of, ActBlock* y, size_t n) {
  for (size_t i = 0; i < n; i += kBlock, ++y) {
    const __m512 a = of(i), b = of(i + 16);
    const Divisor divisor = DivisorOf(_mm512_max_ps(_mm512_abs_ps(a), _mm512_abs_ps(b)));
    const __m512 inverse = _mm512_set1_ps(divisor.inverse);
    const __m512i low = Quantize16(a, inverse, y->q), high = Quantize16(b, inverse, y->q + 16);
    y->d = divisor.d;
    y->sum = _mm512_reduce_add_epi32(_mm512_add_epi32(low, high));
  }
}

template <typename Of>
[[gnu::always_inline]] inline void QuantizeEach256(Of of, ActBlock256* y, size_t n) {
  for (size_t i = 0; i < n; i += kBlock256, ++y) {
    __m512 values[kBlock256 / 16];
    __m512 magnitudes = _mm512_setzero_ps();
#pragma GCC unroll 16
    for (size_t j = 0; j < kBlock256 / 16; ++j) {
      values[j] = of(i + 16 * j);
      magnitudes = _mm512_max_ps(magnitudes, _mm512_abs_ps(values[j]));
    }
    const Divisor divisor = DivisorOf(magnitudes);
    const __m512 inverse = _mm512_set1_ps(divisor.inverse);
    y->d = divisor.d;
#pragma GCC unroll 16
    for (size_t j = 0; j < kBlock256 / 16; ++j) {
      y->sums[j] =
          static_cast<int16_t>(_mm512_reduce_add_epi32(Quantize16(values[j], inverse, y->q + 16 * j)));
    }
  }
}

struct Read {
  const float* x;
  __m512 operator()(size_t i) const { return _mm512_loadu_ps(x + i); }
};

struct Normalized {
  const float *x, *weight;
  __m512 factor;
  __m512 operator()(size_t i) const {
    return _mm512_mul_ps(_mm512_mul_ps(_mm512_loadu_ps(x + i), factor), _mm512_loadu_ps(weight + i));
  }
};

struct Gated {
  const float *gate, *up;
  __m512 operator()(size_t i) const {
    return _mm512_mul_ps(Silu16(_mm512_loadu_ps(gate + i)), _mm512_loadu_ps(up + i));
  }
};

}  // namespace

void Quantize(const float* x, ActBlock* y, size_t blocks) { QuantizeEach(Read{x}, y, blocks * kBlock); }

void Quantize256(const float* x, ActBlock256* y, size_t blocks) {
  QuantizeEach256(Read{x}, y, blocks * kBlock256);
}

void RmsNormQuantize(const float* x, const float* weight, ActBlock* y, size_t n, float epsilon) {
  if (n == 0) return;
  QuantizeEach(Normalized{x, weight, _mm512_set1_ps(RmsFactor(x, n, epsilon))}, y, n);
}

void RmsNormQuantize256(const float* x, const float* weight, ActBlock256* y, size_t n, float epsilon) {
  if (n == 0) return;
  QuantizeEach256(Normalized{x, weight, _mm512_set1_ps(RmsFactor(x, n, epsilon))}, y, n);
}

void SwiGluQuantize(const float* gate, const float* up, ActBlock* y, size_t n) {
  QuantizeEach(Gated{gate, up}, y, n);
}

void SwiGluQuantize256(const float* gate, const float* up, ActBlock256* y, size_t n) {
  QuantizeEach256(Gated{gate, up}, y, n);
}

}  // namespace linnet::kernels::avx512vnni
