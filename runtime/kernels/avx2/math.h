#ifndef LINNET_RUNTIME_KERNELS_AVX2_MATH_H_
#define LINNET_RUNTIME_KERNELS_AVX2_MATH_H_

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

// The steps of scalar/math.h, eight at a time. Internal linkage: no copy of these reaches the linker.
namespace linnet::kernels::avx2 {

alignas(32) constexpr int32_t kMask[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

// Lanes below `count` (<= 8).
static inline __m256i Mask(size_t count) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kMask + 8 - count));
}

static inline __m256 Exp8(__m256 x) {
  const __m256 round = _mm256_set1_ps(12582912.0f);
  const __m256 clamped = _mm256_min_ps(_mm256_set1_ps(88.0f), x);
  const __m256 shifted = _mm256_fmadd_ps(clamped, _mm256_set1_ps(1.44269504088896341f), round);
  const __m256 n = _mm256_sub_ps(shifted, round);
  __m256 r = _mm256_fmadd_ps(n, _mm256_set1_ps(-0.693359375f), clamped);
  r = _mm256_fmadd_ps(n, _mm256_set1_ps(2.12194440e-4f), r);
  __m256 p = _mm256_set1_ps(1.9875691500e-4f);
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.3981999507e-3f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(8.3334519073e-3f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(4.1665795894e-2f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.6666665459e-1f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(5.0000001201e-1f));
  const __m256 e = _mm256_add_ps(_mm256_fmadd_ps(p, _mm256_mul_ps(r, r), r), _mm256_set1_ps(1.0f));
  const __m256i power =
      _mm256_slli_epi32(_mm256_add_epi32(_mm256_castps_si256(shifted), _mm256_set1_epi32(127)), 23);
  const __m256 below = _mm256_cmp_ps(x, _mm256_set1_ps(-87.0f), _CMP_LT_OQ);
  return _mm256_andnot_ps(below, _mm256_mul_ps(e, _mm256_castsi256_ps(power)));
}

static inline float Tree(__m256 low, __m256 high) {
  const __m256 eight = _mm256_add_ps(low, high);
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

// RMSNorm's factor of n elements.
static inline float RmsFactor(const float* x, size_t n, float epsilon) {
  __m256 low = _mm256_setzero_ps(), high = _mm256_setzero_ps();
  size_t k = 0;
  for (; k + 16 <= n; k += 16) {
    const __m256 a = _mm256_loadu_ps(x + k), b = _mm256_loadu_ps(x + k + 8);
    low = _mm256_fmadd_ps(a, a, low);
    high = _mm256_fmadd_ps(b, b, high);
  }
  if (k < n) {
    const size_t rest = n - k;
    const __m256 a = _mm256_maskload_ps(x + k, Mask(rest < 8 ? rest : 8));
    const __m256 b = rest > 8 ? _mm256_maskload_ps(x + k + 8, Mask(rest - 8)) : _mm256_setzero_ps();
    low = _mm256_fmadd_ps(a, a, low);
    high = _mm256_fmadd_ps(b, b, high);
  }
  const float mean = Tree(low, high) / static_cast<float>(n);
  return 1.0f / _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(mean + epsilon)));
}

static inline __m256 Silu8(__m256 x) {
  const __m256 e = Exp8(_mm256_xor_ps(x, _mm256_set1_ps(-0.0f)));
  return _mm256_div_ps(x, _mm256_add_ps(_mm256_set1_ps(1.0f), e));
}

// The trees of four sums, from their second step on.
static inline __m128 Trees(__m256 a, __m256 b, __m256 c, __m256 d) {
  const __m128 a4 = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  const __m128 b4 = _mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
  const __m128 c4 = _mm_add_ps(_mm256_castps256_ps128(c), _mm256_extractf128_ps(c, 1));
  const __m128 d4 = _mm_add_ps(_mm256_castps256_ps128(d), _mm256_extractf128_ps(d, 1));
  const __m128 ab = _mm_add_ps(_mm_movelh_ps(a4, b4), _mm_movehl_ps(b4, a4));
  const __m128 cd = _mm_add_ps(_mm_movelh_ps(c4, d4), _mm_movehl_ps(d4, c4));
  return _mm_hadd_ps(ab, cd);
}

static inline __m256 Magnitude8(__m256 x) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x); }

static inline __m256 Step8(__m256 p, __m256 z, float c) { return _mm256_fmadd_ps(p, z, _mm256_set1_ps(c)); }

static inline __m256 Tanh8(__m256 x) {
  const __m256 one = _mm256_set1_ps(1.0f);
  const __m256 magnitude = Magnitude8(x);
  const __m256 z = _mm256_mul_ps(x, x);
  __m256 p = _mm256_set1_ps(-5.70498872745e-3f);
  p = Step8(p, z, 2.06390887954e-2f);
  p = Step8(p, z, -5.37397155531e-2f);
  p = Step8(p, z, 1.33314422036e-1f);
  p = Step8(p, z, -3.33332819422e-1f);
  const __m256 small = _mm256_fmadd_ps(_mm256_mul_ps(p, z), x, x);
  const __m256 e = _mm256_add_ps(Exp8(_mm256_add_ps(magnitude, magnitude)), one);
  const __m256 large = _mm256_sub_ps(one, _mm256_div_ps(_mm256_set1_ps(2.0f), e));
  const __m256 sign = _mm256_and_ps(_mm256_set1_ps(-0.0f), x);
  const __m256 below = _mm256_cmp_ps(magnitude, _mm256_set1_ps(0.625f), _CMP_LT_OQ);
  return _mm256_blendv_ps(_mm256_or_ps(Magnitude8(large), sign), small, below);
}

static inline __m256 OnePlusErf8(__m256 x) {
  const __m256 one = _mm256_set1_ps(1.0f);
  const __m256 magnitude = Magnitude8(x);
  const __m256 z = _mm256_mul_ps(x, x);
  __m256 t = _mm256_set1_ps(7.853861353153693e-5f);
  t = Step8(t, z, -8.010193625184903e-4f);
  t = Step8(t, z, 5.188327685732524e-3f);
  t = Step8(t, z, -2.685381193529856e-2f);
  t = Step8(t, z, 1.128358514861418e-1f);
  t = Step8(t, z, -3.761262582423300e-1f);
  t = Step8(t, z, 1.128379165726710f);
  const __m256 inner = _mm256_add_ps(one, _mm256_mul_ps(t, x));
  const __m256 q = _mm256_div_ps(one, magnitude);
  const __m256 w = _mm256_mul_ps(q, q);
  __m256 near = _mm256_set1_ps(2.326819970068386e-2f);
  near = Step8(near, w, -1.387039388740657e-1f);
  near = Step8(near, w, 3.687424674597105e-1f);
  near = Step8(near, w, -5.824733027278666e-1f);
  near = Step8(near, w, 6.210004621745983e-1f);
  near = Step8(near, w, -4.944515323274145e-1f);
  near = Step8(near, w, 3.404879937665872e-1f);
  near = Step8(near, w, -2.741127028184656e-1f);
  near = Step8(near, w, 5.638259427386472e-1f);
  __m256 far = _mm256_set1_ps(-1.047766399936249e+1f);
  far = Step8(far, w, 1.297719955372516e+1f);
  far = Step8(far, w, -7.495518717768503f);
  far = Step8(far, w, 2.921019019210786f);
  far = Step8(far, w, -1.015265279202700f);
  far = Step8(far, w, 4.218463358204948e-1f);
  far = Step8(far, w, -2.820767439740514e-1f);
  far = Step8(far, w, 5.641895067754075e-1f);
  const __m256 below2 = _mm256_cmp_ps(magnitude, _mm256_set1_ps(2.0f), _CMP_LT_OQ);
  const __m256 decay = _mm256_mul_ps(Exp8(_mm256_xor_ps(z, _mm256_set1_ps(-0.0f))), q);
  const __m256 tail = _mm256_mul_ps(decay, _mm256_blendv_ps(far, near, below2));
  const __m256 negative = _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_LT_OQ);
  const __m256 outer = _mm256_blendv_ps(_mm256_sub_ps(_mm256_set1_ps(2.0f), tail), tail, negative);
  return _mm256_blendv_ps(outer, inner, _mm256_cmp_ps(magnitude, one, _CMP_LT_OQ));
}

}  // namespace linnet::kernels::avx2

#endif  // LINNET_RUNTIME_KERNELS_AVX2_MATH_H_
