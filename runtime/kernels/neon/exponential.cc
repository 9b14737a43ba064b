#include <arm_neon.h>

#include "runtime/kernels/neon/math.h"
#include "runtime/kernels/ops.h"

namespace linnet::kernels::neon {
void Exp(const float* x, float* y, size_t n) {
  size_t i = 0;
  for (; i + 4 <= n; i += 4) vst1q_f32(y + i, Exp4(vld1q_f32(x + i)));
  for (; i < n; ++i) y[i] = vgetq_lane_f32(Exp4(vdupq_n_f32(x[i])), 0);
}

void SwiGlu(const float* gate, const float* up, float* y, size_t n) {
  size_t i = 0;
  for (; i + 4 <= n; i += 4) vst1q_f32(y + i, vmulq_f32(Silu4(vld1q_f32(gate + i)), vld1q_f32(up + i)));
  for (; i < n; ++i) y[i] = vgetq_lane_f32(Silu4(vdupq_n_f32(gate[i])), 0) * up[i];
}

}  // namespace linnet::kernels::neon
