#include <arm_neon.h>

#include "runtime/kernels/neon/math.h"
#include "runtime/kernels/ops.h"

namespace linnet::kernels::neon {

void RmsNorm(const float* x, const float* weight, float* y, size_t n, float epsilon) {
  if (n == 0) return;
  const float r = RmsFactor(x, n, epsilon);
  size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    vst1q_f32(y + i, vmulq_f32(vmulq_n_f32(vld1q_f32(x + i), r), vld1q_f32(weight + i)));
  }
  for (; i < n; ++i) y[i] = (x[i] * r) * weight[i];
}

void RopeInterleaved(float* x, const float* cos_sin, size_t heads, size_t head_dim, size_t pairs) {
  for (size_t h = 0; h < heads; ++h) {
    float* head = x + h * head_dim;
    size_t i = 0;
    for (; i + 4 <= pairs; i += 4) {
      const float32x4x2_t v = vld2q_f32(head + 2 * i);
      const float32x4_t c = vld1q_f32(cos_sin + i), s = vld1q_f32(cos_sin + pairs + i);
      float32x4x2_t turned;
      turned.val[0] = vsubq_f32(vmulq_f32(v.val[0], c), vmulq_f32(v.val[1], s));
      turned.val[1] = vaddq_f32(vmulq_f32(v.val[1], c), vmulq_f32(v.val[0], s));
      vst2q_f32(head + 2 * i, turned);
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
    for (; i + 4 <= pairs; i += 4) {
      const float32x4_t c = vld1q_f32(cos_sin + i), s = vld1q_f32(cos_sin + pairs + i);
      const float32x4_t x0 = vld1q_f32(head + i), x1 = vld1q_f32(head + pairs + i);
      vst1q_f32(head + i, vsubq_f32(vmulq_f32(x0, c), vmulq_f32(x1, s)));
      vst1q_f32(head + pairs + i, vaddq_f32(vmulq_f32(x1, c), vmulq_f32(x0, s)));
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
  for (; i + 4 <= n; i += 4) vst1q_f32(y + i, vaddq_f32(vld1q_f32(y + i), vld1q_f32(x + i)));
  for (; i < n; ++i) y[i] = y[i] + x[i];
}

}  // namespace linnet::kernels::neon
