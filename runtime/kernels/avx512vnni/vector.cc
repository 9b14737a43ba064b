#include <immintrin.h>

#include "runtime/kernels/avx512vnni/math.h"
#include "runtime/kernels/ops.h"

namespace linnet::kernels::avx512vnni {

void RmsNorm(const float* x, const float* weight, float* y, size_t n, float epsilon) {
  if (n == 0) return;
  const __m512 factor = _mm512_set1_ps(RmsFactor(x, n, epsilon));
  for (size_t i = 0; i < n; i += 16) {
    const __mmask16 mask = Mask(n - i);
    const __m512 scaled = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, x + i), factor);
    _mm512_mask_storeu_ps(y + i, mask, _mm512_mul_ps(scaled, _mm512_maskz_loadu_ps(mask, weight + i)));
  }
}

void Exp(const float* x, float* y, size_t n) {
  for (size_t i = 0; i < n; i += 16) {
    const __mmask16 mask = Mask(n - i);
    _mm512_mask_storeu_ps(y + i, mask, Exp16(_mm512_maskz_loadu_ps(mask, x + i)));
  }
}

void SwiGlu(const float* gate, const float* up, float* y, size_t n) {
  for (size_t i = 0; i < n; i += 16) {
    const __mmask16 mask = Mask(n - i);
    const __m512 silu = Silu16(_mm512_maskz_loadu_ps(mask, gate + i));
    _mm512_mask_storeu_ps(y + i, mask, _mm512_mul_ps(silu, _mm512_maskz_loadu_ps(mask, up + i)));
  }
}

void GeluTanh(const float* x, float* y, size_t n) {
  const __m512 one = _mm512_set1_ps(1.0f);
  for (size_t i = 0; i < n; i += 16) {
    const __mmask16 mask = Mask(n - i);
    const __m512 v = _mm512_maskz_loadu_ps(mask, x + i);
    const __m512 inner = _mm512_fmadd_ps(_mm512_mul_ps(v, v), _mm512_set1_ps(0.044715f), one);
    const __m512 u = _mm512_mul_ps(_mm512_mul_ps(v, _mm512_set1_ps(0.797884560802865356f)), inner);
    const __m512 half = _mm512_mul_ps(_mm512_set1_ps(0.5f), v);
    _mm512_mask_storeu_ps(y + i, mask, _mm512_mul_ps(half, _mm512_add_ps(one, Tanh16(u))));
  }
}

void Mul(float* y, const float* x, size_t n) {
  for (size_t i = 0; i < n; i += 16) {
    const __mmask16 mask = Mask(n - i);
    const __m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, y + i), _mm512_maskz_loadu_ps(mask, x + i));
    _mm512_mask_storeu_ps(y + i, mask, v);
  }
}

void Add(float* y, const float* x, size_t n) {
  for (size_t i = 0; i < n; i += 16) {
    const __mmask16 mask = Mask(n - i);
    const __m512 sum = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, y + i), _mm512_maskz_loadu_ps(mask, x + i));
    _mm512_mask_storeu_ps(y + i, mask, sum);
  }
}

}  // namespace linnet::kernels::avx512vnni
