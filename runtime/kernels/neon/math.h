#ifndef LINNET_RUNTIME_KERNELS_NEON_MATH_H_
#define LINNET_RUNTIME_KERNELS_NEON_MATH_H_

#include <arm_neon.h>

#include <cstddef>

// The steps of scalar/math.h, four at a time. Internal linkage: no copy of these reaches the linker.
namespace linnet::kernels::neon {

static inline float32x4_t Exp4(float32x4_t x) {
  const float32x4_t round = vdupq_n_f32(12582912.0f);
  const float32x4_t clamped = vminq_f32(x, vdupq_n_f32(88.0f));
  const float32x4_t shifted = vfmaq_f32(round, clamped, vdupq_n_f32(1.44269504088896341f));
  const float32x4_t n = vsubq_f32(shifted, round);
  float32x4_t r = vfmaq_f32(clamped, n, vdupq_n_f32(-0.693359375f));
  r = vfmaq_f32(r, n, vdupq_n_f32(2.12194440e-4f));
  float32x4_t p = vdupq_n_f32(1.9875691500e-4f);
  p = vfmaq_f32(vdupq_n_f32(1.3981999507e-3f), p, r);
  p = vfmaq_f32(vdupq_n_f32(8.3334519073e-3f), p, r);
  p = vfmaq_f32(vdupq_n_f32(4.1665795894e-2f), p, r);
  p = vfmaq_f32(vdupq_n_f32(1.6666665459e-1f), p, r);
  p = vfmaq_f32(vdupq_n_f32(5.0000001201e-1f), p, r);
  const float32x4_t e = vaddq_f32(vfmaq_f32(r, p, vmulq_f32(r, r)), vdupq_n_f32(1.0f));
  const uint32x4_t power = vshlq_n_u32(vaddq_u32(vreinterpretq_u32_f32(shifted), vdupq_n_u32(127)), 23);
  const uint32x4_t below = vcltq_f32(x, vdupq_n_f32(-87.0f));
  const float32x4_t value = vmulq_f32(e, vreinterpretq_f32_u32(power));
  return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(value), below));
}

static inline float Tree(float32x4_t a, float32x4_t b, float32x4_t c, float32x4_t d) {
  const float32x4_t four = vaddq_f32(vaddq_f32(a, c), vaddq_f32(b, d));
  const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
  return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}

// RMSNorm's factor of n elements.
static inline float RmsFactor(const float* x, size_t n, float epsilon) {
  float32x4_t sum[4] = {vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)};
  size_t k = 0;
  for (; k + 16 <= n; k += 16) {
    for (size_t i = 0; i < 4; ++i) {
      const float32x4_t v = vld1q_f32(x + k + 4 * i);
      sum[i] = vfmaq_f32(sum[i], v, v);
    }
  }
  if (k < n) {
    float padded[16] = {};
    for (size_t i = 0; k + i < n; ++i) padded[i] = x[k + i];
    for (size_t i = 0; i < 4; ++i) {
      const float32x4_t v = vld1q_f32(padded + 4 * i);
      sum[i] = vfmaq_f32(sum[i], v, v);
    }
  }
  const float mean = Tree(sum[0], sum[1], sum[2], sum[3]) / static_cast<float>(n);
  return 1.0f / vget_lane_f32(vsqrt_f32(vdup_n_f32(mean + epsilon)), 0);
}

static inline float32x4_t Silu4(float32x4_t x) {
  return vdivq_f32(x, vaddq_f32(vdupq_n_f32(1.0f), Exp4(vnegq_f32(x))));
}

static inline float32x4_t Step4(float32x4_t p, float32x4_t z, float c) {
  return vfmaq_f32(vdupq_n_f32(c), p, z);
}

static inline float32x4_t Tanh4(float32x4_t x) {
  const float32x4_t one = vdupq_n_f32(1.0f);
  const float32x4_t magnitude = vabsq_f32(x);
  const float32x4_t z = vmulq_f32(x, x);
  float32x4_t p = vdupq_n_f32(-5.70498872745e-3f);
  p = Step4(p, z, 2.06390887954e-2f);
  p = Step4(p, z, -5.37397155531e-2f);
  p = Step4(p, z, 1.33314422036e-1f);
  p = Step4(p, z, -3.33332819422e-1f);
  const float32x4_t small = vfmaq_f32(x, vmulq_f32(p, z), x);
  const float32x4_t e = vaddq_f32(Exp4(vaddq_f32(magnitude, magnitude)), one);
  const float32x4_t large = vsubq_f32(one, vdivq_f32(vdupq_n_f32(2.0f), e));
  const float32x4_t signed_large = vbslq_f32(vdupq_n_u32(0x80000000u), x, large);
  return vbslq_f32(vcltq_f32(magnitude, vdupq_n_f32(0.625f)), small, signed_large);
}

static inline float32x4_t OnePlusErf4(float32x4_t x) {
  const float32x4_t one = vdupq_n_f32(1.0f);
  const float32x4_t magnitude = vabsq_f32(x);
  const float32x4_t z = vmulq_f32(x, x);
  float32x4_t t = vdupq_n_f32(7.853861353153693e-5f);
  t = Step4(t, z, -8.010193625184903e-4f);
  t = Step4(t, z, 5.188327685732524e-3f);
  t = Step4(t, z, -2.685381193529856e-2f);
  t = Step4(t, z, 1.128358514861418e-1f);
  t = Step4(t, z, -3.761262582423300e-1f);
  t = Step4(t, z, 1.128379165726710f);
  const float32x4_t inner = vaddq_f32(one, vmulq_f32(t, x));
  const float32x4_t q = vdivq_f32(one, magnitude);
  const float32x4_t w = vmulq_f32(q, q);
  float32x4_t near = vdupq_n_f32(2.326819970068386e-2f);
  near = Step4(near, w, -1.387039388740657e-1f);
  near = Step4(near, w, 3.687424674597105e-1f);
  near = Step4(near, w, -5.824733027278666e-1f);
  near = Step4(near, w, 6.210004621745983e-1f);
  near = Step4(near, w, -4.944515323274145e-1f);
  near = Step4(near, w, 3.404879937665872e-1f);
  near = Step4(near, w, -2.741127028184656e-1f);
  near = Step4(near, w, 5.638259427386472e-1f);
  float32x4_t far = vdupq_n_f32(-1.047766399936249e+1f);
  far = Step4(far, w, 1.297719955372516e+1f);
  far = Step4(far, w, -7.495518717768503f);
  far = Step4(far, w, 2.921019019210786f);
  far = Step4(far, w, -1.015265279202700f);
  far = Step4(far, w, 4.218463358204948e-1f);
  far = Step4(far, w, -2.820767439740514e-1f);
  far = Step4(far, w, 5.641895067754075e-1f);
  const float32x4_t p = vbslq_f32(vcltq_f32(magnitude, vdupq_n_f32(2.0f)), near, far);
  const float32x4_t tail = vmulq_f32(vmulq_f32(Exp4(vnegq_f32(z)), q), p);
  const float32x4_t above = vsubq_f32(vdupq_n_f32(2.0f), tail);
  const float32x4_t outer = vbslq_f32(vcltq_f32(x, vdupq_n_f32(0.0f)), tail, above);
  return vbslq_f32(vcltq_f32(magnitude, one), inner, outer);
}

}  // namespace linnet::kernels::neon

#endif  // LINNET_RUNTIME_KERNELS_NEON_MATH_H_
