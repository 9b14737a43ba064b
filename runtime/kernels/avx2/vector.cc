#include <immintrin.h>

#include "runtime/kernels/avx2/math.h"
#include "runtime/kernels/ops.h"

namespace linnet::kernels::avx2 {

void RmsNorm(const float* x, const float* weight, float* y, size_t n, float epsilon) {
  if (n == 0) return;
  const float r = RmsFactor(x, n, epsilon);
  const __m256 factor = _mm256_set1_ps(r);
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256 scaled = _mm256_mul_ps(_mm256_loadu_ps(x + i), factor);
    _mm256_storeu_ps(y + i, _mm256_mul_ps(scaled, _mm256_loadu_ps(weight + i)));
  }
  for (; i < n; ++i) y[i] = (x[i] * r) * weight[i];
}

void RopeInterleaved(float* x, const float* cos_sin, size_t heads, size_t head_dim, size_t pairs) {
  for (size_t h = 0; h < heads; ++h) {
    float* head = x + h * head_dim;
    size_t i = 0;
    for (; i + 4 <= pairs; i += 4) {
      const __m256 v = _mm256_loadu_ps(head + 2 * i);
      const __m128 c = _mm_loadu_ps(cos_sin + i), s = _mm_loadu_ps(cos_sin + pairs + i);
      const __m256 cc = _mm256_set_m128(_mm_unpackhi_ps(c, c), _mm_unpacklo_ps(c, c));
      const __m256 ss = _mm256_set_m128(_mm_unpackhi_ps(s, s), _mm_unpacklo_ps(s, s));
      // Even lanes x0 c - x1 s, odd lanes x1 c + x0 s.
      const __m256 swapped = _mm256_permute_ps(v, 0xb1);
      _mm256_storeu_ps(head + 2 * i, _mm256_addsub_ps(_mm256_mul_ps(v, cc), _mm256_mul_ps(swapped, ss)));
    }
    for (; i < pairs; ++i) {
      const float c = cos_sin[i], s = cos_sin[pairs + i], x0 = head[2 * i], x1 = head[2 * i + 1];
      head[2 * i] = x0 * c - x1 * s;
      head[2 * i + 1] = x1 * c + x0 * s;
    }
  }
}

void RopeHalf(float* x, const float* cos_sin, size_t heads, size_t head_dim, size_t pairs) {
  for (size_t h = 0; h < heads; ++h) {
    float* head = x + h * head_dim;
    size_t i = 0;
    for (; i + 8 <= pairs; i += 8) {
      const __m256 c = _mm256_loadu_ps(cos_sin + i), s = _mm256_loadu_ps(cos_sin + pairs + i);
      const __m256 x0 = _mm256_loadu_ps(head + i), x1 = _mm256_loadu_ps(head + pairs + i);
      _mm256_storeu_ps(head + i, _mm256_sub_ps(_mm256_mul_ps(x0, c), _mm256_mul_ps(x1, s)));
      _mm256_storeu_ps(head + pairs + i, _mm256_add_ps(_mm256_mul_ps(x1, c), _mm256_mul_ps(x0, s)));
    }
    for (; i < pairs; ++i) {
      const float c = cos_sin[i], s = cos_sin[pairs + i], x0 = head[i], x1 = head[pairs + i];
      head[i] = x0 * c - x1 * s;
      head[pairs + i] = x1 * c + x0 * s;
    }
  }
}

void Add(float* y, const float* x, size_t n) {
  size_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm256_storeu_ps(y + i, _mm256_add_ps(_mm256_loadu_ps(y + i), _mm256_loadu_ps(x + i)));
  for (; i < n; ++i) y[i] = y[i] + x[i];
}

}  // namespace linnet::kernels::avx2
