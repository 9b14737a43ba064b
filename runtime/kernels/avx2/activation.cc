#include <immintrin.h>

#include "runtime/kernels/avx2/math.h"
#include "runtime/kernels/ops.h"

namespace linnet::kernels::avx2 {
namespace {

// y[i] = f(x[i]), eight at a time.
template <typename F>
void Map(const float* x, float* y, size_t n, F f) {
  size_t i = 0;
  for (; i + 8 <= n; i += 8) _mm256_storeu_ps(y + i, f(_mm256_loadu_ps(x + i)));
  if (i < n) {
    const __m256i mask = Mask(n - i);
    _mm256_maskstore_ps(y + i, mask, f(_mm256_maskload_ps(x + i, mask)));
  }
}

// The 16-lane sum of add(lanes so far, x).
template <typename AddTo>
float Sum16(const float* x, size_t n, AddTo add_to) {
  __m256 low = _mm256_setzero_ps(), high = _mm256_setzero_ps();
  size_t k = 0;
  for (; k + 16 <= n; k += 16) {
    low = add_to(low, _mm256_loadu_ps(x + k));
    high = add_to(high, _mm256_loadu_ps(x + k + 8));
  }
  if (k < n) {
    const size_t rest = n - k;
    low = add_to(low, _mm256_maskload_ps(x + k, Mask(rest < 8 ? rest : 8)));
    if (rest > 8) high = add_to(high, _mm256_maskload_ps(x + k + 8, Mask(rest - 8)));
  }
  return Tree(low, high);
}

}  // namespace

void LayerNorm(const float* x, const float* weight, const float* bias, float* y, size_t n, float epsilon) {
  if (n == 0) return;
  const float count = static_cast<float>(n);
  const float mean = Sum16(x, n, [](__m256 sum, __m256 v) { return _mm256_add_ps(sum, v); }) / count;
  Map(x, y, n, [m = _mm256_set1_ps(mean)](__m256 v) { return _mm256_sub_ps(v, m); });
  const float variance = Sum16(y, n, [](__m256 sum, __m256 v) { return _mm256_fmadd_ps(v, v, sum); }) / count;
  const float r = 1.0f / _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(variance + epsilon)));
  const __m256 factor = _mm256_set1_ps(r);
  for (size_t i = 0; i < n; i += 8) {
    const __m256i mask = Mask(n - i < 8 ? n - i : 8);
    const __m256 scaled = _mm256_mul_ps(_mm256_maskload_ps(y + i, mask), factor);
    __m256 v = _mm256_mul_ps(scaled, _mm256_maskload_ps(weight + i, mask));
    if (bias != nullptr) v = _mm256_add_ps(v, _mm256_maskload_ps(bias + i, mask));
    _mm256_maskstore_ps(y + i, mask, v);
  }
}

void GeluTanh(const float* x, float* y, size_t n) {
  const __m256 one = _mm256_set1_ps(1.0f);
  Map(x, y, n, [one](__m256 v) {
    const __m256 inner = _mm256_fmadd_ps(_mm256_mul_ps(v, v), _mm256_set1_ps(0.044715f), one);
    const __m256 u = _mm256_mul_ps(_mm256_mul_ps(v, _mm256_set1_ps(0.797884560802865356f)), inner);
    return _mm256_mul_ps(_mm256_mul_ps(_mm256_set1_ps(0.5f), v), _mm256_add_ps(one, Tanh8(u)));
  });
}

void GeluErf(const float* x, float* y, size_t n) {
  Map(x, y, n, [](__m256 v) {
    const __m256 e = OnePlusErf8(_mm256_mul_ps(v, _mm256_set1_ps(0.707106781186547524f)));
    return _mm256_mul_ps(_mm256_mul_ps(_mm256_set1_ps(0.5f), v), e);
  });
}

void SoftCap(float* y, float cap, size_t n) {
  Map(y, y, n, [c = _mm256_set1_ps(cap)](__m256 v) { return _mm256_mul_ps(Tanh8(_mm256_div_ps(v, c)), c); });
}

void Scale(float* y, float factor, size_t n) {
  Map(y, y, n, [f = _mm256_set1_ps(factor)](__m256 v) { return _mm256_mul_ps(v, f); });
}

void Mul(float* y, const float* x, size_t n) {
  size_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm256_storeu_ps(y + i, _mm256_mul_ps(_mm256_loadu_ps(y + i), _mm256_loadu_ps(x + i)));
  for (; i < n; ++i) y[i] = y[i] * x[i];
}

void MulAdd(float* y, const float* a, const float* b, size_t n) {
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    _mm256_storeu_ps(y + i,
                     _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), _mm256_loadu_ps(y + i)));
  }
  for (; i < n; ++i) y[i] = __builtin_fmaf(a[i], b[i], y[i]);
}

void SsmStep(float* state, const float* x, const float* b, const float* c, float decay, float step,
             float skip, float* y, size_t channels, size_t n) {
  const __m256 keep = _mm256_set1_ps(decay);
  for (size_t p = 0; p < channels; ++p) {
    float* row = state + p * n;
    const __m256 input = _mm256_set1_ps(x[p] * step);
    __m256 sum[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    for (size_t i = 0; i < n; i += 8) {
      const __m256i mask = Mask(n - i < 8 ? n - i : 8);
      const __m256 kept = _mm256_mul_ps(_mm256_maskload_ps(row + i, mask), keep);
      const __m256 next = _mm256_fmadd_ps(_mm256_maskload_ps(b + i, mask), input, kept);
      _mm256_maskstore_ps(row + i, mask, next);
      __m256& half = sum[i / 8 % 2];
      half = _mm256_fmadd_ps(_mm256_maskload_ps(row + i, mask), _mm256_maskload_ps(c + i, mask), half);
    }
    y[p] = __builtin_fmaf(x[p], skip, Tree(sum[0], sum[1]));
  }
}

}  // namespace linnet::kernels::avx2
