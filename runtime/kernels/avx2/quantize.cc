#include <immintrin.h>

#include "runtime/kernels/ops.h"

namespace linnet::kernels::avx2 {
namespace {

// The largest magnitude of n values, n a multiple of 8.
float Largest(const float* x, size_t n) {
  const __m256 magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
  __m256 m = _mm256_setzero_ps();
  for (size_t i = 0; i < n; i += 8) m = _mm256_max_ps(m, _mm256_and_ps(_mm256_loadu_ps(x + i), magnitude));
  __m128 four = _mm_max_ps(_mm256_castps256_ps128(m), _mm256_extractf128_ps(m, 1));
  four = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(four, _mm_movehdup_ps(four)));
}

struct Divisor {
  float d, inverse;
};

Divisor DivisorOf(float amax) {
  const float d = amax / 127.0f;
  return d < 0x1p-126f ? Divisor{0.0f, 0.0f} : Divisor{d, 1.0f / d};
}

// 32 values as bytes.
__m256i Quantize32(const float* x, __m256 inverse) {
  const __m256i i0 = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x), inverse));
  const __m256i i1 = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + 8), inverse));
  const __m256i i2 = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + 16), inverse));
  const __m256i i3 = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + 24), inverse));
  const __m256i bytes = _mm256_packs_epi16(_mm256_packs_epi32(i0, i1), _mm256_packs_epi32(i2, i3));
  // The packs work within halves of the register: put the eight groups of four back in order.
  return _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

// The sums of bytes 0 .. 15 and 16 .. 31, in lanes 0 and 2 of 64 bits.
__m256i SumsOf16(__m256i bytes) {
  // Sums of absolute differences are of unsigned bytes: 128 is added to each, and taken off the sums.
  const __m256i eights =
      _mm256_sad_epu8(_mm256_xor_si256(bytes, _mm256_set1_epi8(-128)), _mm256_setzero_si256());
  const __m256i sums = _mm256_add_epi64(eights, _mm256_srli_si256(eights, 8));
  return _mm256_sub_epi32(sums, _mm256_set1_epi32(16 * 128));
}

}  // namespace

void Quantize(const float* x, ActBlock* y, size_t blocks) {
  for (size_t b = 0; b < blocks; ++b, x += kBlock) {
    const Divisor divisor = DivisorOf(Largest(x, kBlock));
    const __m256i bytes = Quantize32(x, _mm256_set1_ps(divisor.inverse));
    const __m256i sums = SumsOf16(bytes);
    y[b].d = divisor.d;
    y[b].sum = _mm256_extract_epi32(sums, 0) + _mm256_extract_epi32(sums, 4);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y[b].q), bytes);
  }
}

void Quantize256(const float* x, ActBlock256* y, size_t blocks) {
  for (size_t b = 0; b < blocks; ++b, x += kBlock256) {
    const Divisor divisor = DivisorOf(Largest(x, kBlock256));
    y[b].d = divisor.d;
    for (size_t i = 0; i < kBlock256; i += 32) {
      const __m256i bytes = Quantize32(x + i, _mm256_set1_ps(divisor.inverse));
      const __m256i sums = SumsOf16(bytes);
      y[b].sums[i / 16] = static_cast<int16_t>(_mm256_extract_epi32(sums, 0));
      y[b].sums[i / 16 + 1] = static_cast<int16_t>(_mm256_extract_epi32(sums, 4));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(y[b].q + i), bytes);
    }
  }
}

}  // namespace linnet::kernels::avx2
