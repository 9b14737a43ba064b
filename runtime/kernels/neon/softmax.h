#ifndef LINNET_RUNTIME_KERNELS_NEON_SOFTMAX_H_
#define LINNET_RUNTIME_KERNELS_NEON_SOFTMAX_H_

#include <arm_neon.h>

#include "runtime/kernels/neon/math.h"

// What attention does to scores and results, whatever keys and values are kept in (attend_tiles.h).
namespace linnet::kernels::neon {
namespace {

struct Softmax {
  // p = cap * tanh(p / cap); what stands around [from, to) in the same vectors is no use to anybody.
  static void Cap(float* p, size_t from, size_t to, float cap) {
    const float32x4_t c = vdupq_n_f32(cap);
    for (size_t j = from / 4 * 4; j < to; j += 4) {
      vst1q_f32(p + j, vmulq_f32(Tanh4(vdivq_f32(vld1q_f32(p + j), c)), c));
    }
  }

  static float Highest(const float* p, size_t from, size_t to) {
    float32x4_t highest = vdupq_n_f32(p[from]);
    size_t j = from;
    for (; j + 4 <= to; j += 4) highest = vmaxq_f32(highest, vld1q_f32(p + j));
    for (; j < to; ++j) highest = vmaxq_f32(highest, vdupq_n_f32(p[j]));
    return vmaxvq_f32(highest);
  }

  // p = exp(p - top) in [from, to), zeros around it to whole groups of 16: adding those changes nothing.
  // Returns the sum.
  static float Weigh(float* p, size_t from, size_t to, float top) {
    const float32x4_t highest = vdupq_n_f32(top);
    for (size_t j = from / 4 * 4; j < to; j += 4)
      vst1q_f32(p + j, Exp4(vsubq_f32(vld1q_f32(p + j), highest)));
    for (size_t j = from / 16 * 16; j < from; ++j) p[j] = 0.0f;
    for (size_t j = to; j % 16 != 0; ++j) p[j] = 0.0f;
    float32x4_t sum[4] = {vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)};
    for (size_t j = from / 16 * 16; j < to; j += 16) {
      for (size_t i = 0; i < 4; ++i) sum[i] = vaddq_f32(sum[i], vld1q_f32(p + j + 4 * i));
    }
    return Tree(sum[0], sum[1], sum[2], sum[3]);
  }

  static float Exp(float x) { return vgetq_lane_f32(Exp4(vdupq_n_f32(x)), 0); }

  static void Scale(float* y, size_t n, float factor) {
    size_t i = 0;
    for (; i + 4 <= n; i += 4) vst1q_f32(y + i, vmulq_n_f32(vld1q_f32(y + i), factor));
    for (; i < n; ++i) y[i] = y[i] * factor;
  }
};

}  // namespace
}  // namespace linnet::kernels::neon

#endif  // LINNET_RUNTIME_KERNELS_NEON_SOFTMAX_H_
