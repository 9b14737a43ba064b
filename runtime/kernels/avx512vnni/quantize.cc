#include <immintrin.h>

#include "runtime/kernels/ops.h"

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

__m512 Magnitudes(const float* x) { return _mm512_abs_ps(_mm512_loadu_ps(x)); }

// 16 values as bytes, stored; their integers.
__m512i Quantize16(const float* x, __m512 inverse, int8_t* q) {
  const __m512i integers = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x), inverse));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(q), _mm512_cvtepi32_epi8(integers));
  return integers;
}

}  // namespace

void Quantize(const float* x, ActBlock* y, size_t blocks) {
  for (size_t b = 0; b < blocks; ++b, x += kBlock) {
    const Divisor divisor = DivisorOf(_mm512_max_ps(Magnitudes(x), Magnitudes(x + 16)));
    const __m512 inverse = _mm512_set1_ps(divisor.inverse);
    const __m512i low = Quantize16(x, inverse, y[b].q), high = Quantize16(x + 16, inverse, y[b].q + 16);
    y[b].d = divisor.d;
    y[b].sum = _mm512_reduce_add_epi32(_mm512_add_epi32(low, high));
  }
}

void Quantize256(const float* x, ActBlock256* y, size_t blocks) {
  for (size_t b = 0; b < blocks; ++b, x += kBlock256) {
    __m512 magnitudes = _mm512_setzero_ps();
    for (size_t i = 0; i < kBlock256; i += 16) magnitudes = _mm512_max_ps(magnitudes, Magnitudes(x + i));
    const Divisor divisor = DivisorOf(magnitudes);
    const __m512 inverse = _mm512_set1_ps(divisor.inverse);
    y[b].d = divisor.d;
    for (size_t i = 0; i < kBlock256; i += 16) {
      y[b].sums[i / 16] =
          static_cast<int16_t>(_mm512_reduce_add_epi32(Quantize16(x + i, inverse, y[b].q + i)));
    }
  }
}

}  // namespace linnet::kernels::avx512vnni
