#ifndef LINNET_RUNTIME_KERNELS_AVX512VNNI_MATH_H_
#define LINNET_RUNTIME_KERNELS_AVX512VNNI_MATH_H_

#include <immintrin.h>

#include <cstddef>

// The steps of scalar/math.h, sixteen at a time. Internal linkage: no copy of these reaches the linker.
namespace linnet::kernels::avx512vnni {

// Lanes below `count`.
static inline __mmask16 Mask(size_t count) {
  return static_cast<__mmask16>(count >= 16 ? 0xffffu : (1u << count) - 1u);
}

static inline __m512 Negative(__m512 x) {
  return _mm512_castsi512_ps(
      _mm512_xor_si512(_mm512_castps_si512(x), _mm512_set1_epi32(static_cast<int>(0x80000000))));
}

static inline __m512 Step16(__m512 p, __m512 z, float c) { return _mm512_fmadd_ps(p, z, _mm512_set1_ps(c)); }

static inline __m512 Exp16(__m512 x) {
  const __m512 round = _mm512_set1_ps(12582912.0f);
  const __m512 clamped = _mm512_min_ps(_mm512_set1_ps(88.0f), x);
  const __m512 shifted = _mm512_fmadd_ps(clamped, _mm512_set1_ps(1.44269504088896341f), round);
  const __m512 n = _mm512_sub_ps(shifted, round);
  __m512 r = _mm512_fmadd_ps(n, _mm512_set1_ps(-0.693359375f), clamped);
  r = _mm512_fmadd_ps(n, _mm512_set1_ps(2.12194440e-4f), r);
  __m512 p = _mm512_set1_ps(1.9875691500e-4f);
  p = Step16(p, r, 1.3981999507e-3f);
  p = Step16(p, r, 8.3334519073e-3f);
  p = Step16(p, r, 4.1665795894e-2f);
  p = Step16(p, r, 1.6666665459e-1f);
  p = Step16(p, r, 5.0000001201e-1f);
  const __m512 e = _mm512_add_ps(_mm512_fmadd_ps(p, _mm512_mul_ps(r, r), r), _mm512_set1_ps(1.0f));
  const __m512i power =
      _mm512_slli_epi32(_mm512_add_epi32(_mm512_castps_si512(shifted), _mm512_set1_epi32(127)), 23);
  const __mmask16 inside = _mm512_cmp_ps_mask(x, _mm512_set1_ps(-87.0f), _CMP_NLT_UQ);
  return _mm512_maskz_mul_ps(inside, e, _mm512_castsi512_ps(power));
}

static inline __m512 Tanh16(__m512 x) {
  const __m512 one = _mm512_set1_ps(1.0f);
  const __m512 magnitude = _mm512_abs_ps(x);
  const __m512 z = _mm512_mul_ps(x, x);
  __m512 p = _mm512_set1_ps(-5.70498872745e-3f);
  p = Step16(p, z, 2.06390887954e-2f);
  p = Step16(p, z, -5.37397155531e-2f);
  p = Step16(p, z, 1.33314422036e-1f);
  p = Step16(p, z, -3.33332819422e-1f);
  const __m512 small = _mm512_fmadd_ps(_mm512_mul_ps(p, z), x, x);
  const __m512 e = _mm512_add_ps(Exp16(_mm512_add_ps(magnitude, magnitude)), one);
  const __m512 large = _mm512_sub_ps(one, _mm512_div_ps(_mm512_set1_ps(2.0f), e));
  const __m512 sign = _mm512_and_ps(_mm512_set1_ps(-0.0f), x);
  const __mmask16 below = _mm512_cmp_ps_mask(magnitude, _mm512_set1_ps(0.625f), _CMP_LT_OQ);
  return _mm512_mask_blend_ps(below, _mm512_or_ps(_mm512_abs_ps(large), sign), small);
}

// The sum of the lanes, as NUMERICS.md's tree has it.
static inline float Tree(__m512 sixteen) {
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(sixteen), _mm512_extractf32x8_ps(sixteen, 1));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

// RMSNorm's factor of n elements.
static inline float RmsFactor(const float* x, size_t n, float epsilon) {
  __m512 squares = _mm512_setzero_ps();
  for (size_t i = 0; i < n; i += 16) {
    const __m512 v = _mm512_maskz_loadu_ps(Mask(n - i), x + i);
    squares = _mm512_fmadd_ps(v, v, squares);
  }
  const float mean = Tree(squares) / static_cast<float>(n);
  return 1.0f / _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(mean + epsilon)));
}

static inline __m512 Silu16(__m512 x) {
  return _mm512_div_ps(x, _mm512_add_ps(_mm512_set1_ps(1.0f), Exp16(Negative(x))));
}

}  // namespace linnet::kernels::avx512vnni

#endif  // LINNET_RUNTIME_KERNELS_AVX512VNNI_MATH_H_
