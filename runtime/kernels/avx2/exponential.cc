#include <immintrin.h>

#include "runtime/kernels/avx2/math.h"
#include "runtime/kernels/ops.h"

namespace linnet::kernels::avx2 {

void Exp(const float* x, float* y, size_t n) {
  size_t i = 0;
  for (; i + 8 <= n; i += 8) _mm256_storeu_ps(y + i, Exp8(_mm256_loadu_ps(x + i)));
  if (i < n) {
    const __m256i mask = Mask(n - i);
    _mm256_maskstore_ps(y + i, mask, Exp8(_mm256_maskload_ps(x + i, mask)));
  }
}

void SwiGlu(const float* gate, const float* up, float* y, size_t n) {
  for (size_t i = 0; i < n; i += 8) {
    const __m256i mask = Mask(n - i < 8 ? n - i : 8);
    const __m256 silu = Silu8(_mm256_maskload_ps(gate + i, mask));
    _mm256_maskstore_ps(y + i, mask, _mm256_mul_ps(silu, _mm256_maskload_ps(up + i, mask)));
  }
}

}  // namespace linnet::kernels::avx2
