#include <arm_neon.h>

#include "runtime/kernels/neon/math.h"
#include "runtime/kernels/ops.h"

namespace linnet::kernels::neon {
namespace {

// y[i] = f(x[i]), four at a time.
template <typename F>
void Map(const float* x, float* y, size_t n, F f) {
  size_t i = 0;
  for (; i + 4 <= n; i += 4) vst1q_f32(y + i, f(vld1q_f32(x + i)));
  for (; i < n; ++i) y[i] = vgetq_lane_f32(f(vdupq_n_f32(x[i])), 0);
}

// The 16-lane sum of add_to(lanes so far, x).
template <typename AddTo>
float Sum16(const float* x, size_t n, AddTo add_to) {
  float32x4_t sum[4] = {vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)};
  size_t k = 0;
  for (; k + 16 <= n; k += 16) {
    for (size_t i = 0; i < 4; ++i) sum[i] = add_to(sum[i], vld1q_f32(x + k + 4 * i));
  }
  if (k < n) {
    float padded[16] = {};
    for (size_t i = 0; k + i < n; ++i) padded[i] = x[k + i];
    for (size_t i = 0; i < 4; ++i) sum[i] = add_to(sum[i], vld1q_f32(padded + 4 * i));
  }
  return Tree(sum[0], sum[1], sum[2], sum[3]);
}

}  // namespace

void LayerNorm(const float* x, const float* weight, const float* bias, float* y, size_t n, float epsilon) {
  if (n == 0) return;
  const float count = static_cast<float>(n);
  const float mean = Sum16(x, n, [](float32x4_t sum, float32x4_t v) { return vaddq_f32(sum, v); }) / count;
  Map(x, y, n, [m = vdupq_n_f32(mean)](float32x4_t v) { return vsubq_f32(v, m); });
  const float variance =
      Sum16(y, n, [](float32x4_t sum, float32x4_t v) { return vfmaq_f32(sum, v, v); }) / count;
  const float r = 1.0f / vget_lane_f32(vsqrt_f32(vdup_n_f32(variance + epsilon)), 0);
  size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    float32x4_t v = vmulq_f32(vmulq_n_f32(vld1q_f32(y + i), r), vld1q_f32(weight + i));
    if (bias != nullptr) v = vaddq_f32(v, vld1q_f32(bias + i));
    vst1q_f32(y + i, v);
  }
  for (; i < n; ++i) {
    y[i] = (y[i] * r) * weight[i];
    if (bias != nullptr) y[i] = y[i] + bias[i];
  }
}

void GeluTanh(const float* x, float* y, size_t n) {
  const float32x4_t one = vdupq_n_f32(1.0f);
  Map(x, y, n, [one](float32x4_t v) {
    const float32x4_t inner = vfmaq_f32(one, vmulq_f32(v, v), vdupq_n_f32(0.044715f));
    const float32x4_t u = vmulq_f32(vmulq_n_f32(v, 0.797884560802865356f), inner);
    return vmulq_f32(vmulq_n_f32(v, 0.5f), vaddq_f32(one, Tanh4(u)));
  });
}

void GeluErf(const float* x, float* y, size_t n) {
  Map(x, y, n, [](float32x4_t v) {
    return vmulq_f32(vmulq_n_f32(v, 0.5f), OnePlusErf4(vmulq_n_f32(v, 0.707106781186547524f)));
  });
}

void SoftCap(float* y, float cap, size_t n) {
  Map(y, y, n, [c = vdupq_n_f32(cap)](float32x4_t v) { return vmulq_f32(Tanh4(vdivq_f32(v, c)), c); });
}

void Scale(float* y, float factor, size_t n) {
  Map(y, y, n, [factor](float32x4_t v) { return vmulq_n_f32(v, factor); });
}

void Mul(float* y, const float* x, size_t n) {
  size_t i = 0;
  for (; i + 4 <= n; i += 4) vst1q_f32(y + i, vmulq_f32(vld1q_f32(y + i), vld1q_f32(x + i)));
  for (; i < n; ++i) y[i] = y[i] * x[i];
}

void MulAdd(float* y, const float* a, const float* b, size_t n) {
  size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    vst1q_f32(y + i, vfmaq_f32(vld1q_f32(y + i), vld1q_f32(a + i), vld1q_f32(b + i)));
  }
  for (; i < n; ++i) y[i] = __builtin_fmaf(a[i], b[i], y[i]);
}

void SsmStep(float* state, const float* x, const float* b, const float* c, float decay, float step,
             float skip, float* y, size_t channels, size_t n) {
  for (size_t p = 0; p < channels; ++p) {
    float* row = state + p * n;
    const float input = x[p] * step;
    float32x4_t sum[4] = {vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)};
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
      const float32x4_t next = vfmaq_n_f32(vmulq_n_f32(vld1q_f32(row + i), decay), vld1q_f32(b + i), input);
      vst1q_f32(row + i, next);
      sum[i / 4 % 4] = vfmaq_f32(sum[i / 4 % 4], next, vld1q_f32(c + i));
    }
    if (i < n) {
      float states[4] = {}, outputs[4] = {};
      for (size_t j = 0; i + j < n; ++j) {
        row[i + j] = __builtin_fmaf(b[i + j], input, row[i + j] * decay);
        states[j] = row[i + j];
        outputs[j] = c[i + j];
      }
      sum[i / 4 % 4] = vfmaq_f32(sum[i / 4 % 4], vld1q_f32(states), vld1q_f32(outputs));
    }
    y[p] = __builtin_fmaf(x[p], skip, Tree(sum[0], sum[1], sum[2], sum[3]));
  }
}

}  // namespace linnet::kernels::neon
