#ifndef LINNET_RUNTIME_KERNELS_SCALAR_MATH_H_
#define LINNET_RUNTIME_KERNELS_SCALAR_MATH_H_

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

// What the operations of this folder are made of. Part of the specification.
namespace linnet::kernels::scalar {

constexpr size_t kLanes = 16;
constexpr size_t kTile = 64;           // absolute positions a softmax tile covers
constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to the nearest integer, half to even

static inline float Tree(float* lane) {
  for (size_t half = kLanes / 2; half >= 1; half /= 2) {
    for (size_t j = 0; j < half; ++j) lane[j] = lane[j] + lane[j + half];
  }
  return lane[0];
}

static inline float Dot(const float* a, const float* b, size_t n) {
  float lane[kLanes] = {};
  for (size_t k = 0; k < n; k += kLanes) {
    for (size_t j = 0; j < kLanes; ++j) {
      const bool in = k + j < n;
      lane[j] = std::fma(in ? a[k + j] : 0.0f, in ? b[k + j] : 0.0f, lane[j]);
    }
  }
  return Tree(lane);
}

static inline float Sum(const float* a, size_t n) {
  float lane[kLanes] = {};
  for (size_t k = 0; k < n; k += kLanes) {
    for (size_t j = 0; j < kLanes; ++j) lane[j] = lane[j] + (k + j < n ? a[k + j] : 0.0f);
  }
  return Tree(lane);
}

// RMSNorm's factor of n elements.
static inline float RmsFactor(const float* x, size_t n, float epsilon) {
  const float mean = Dot(x, x, n) / static_cast<float>(n);
  return 1.0f / std::sqrt(mean + epsilon);
}

// exp(x) = 2^n * exp(r), n = round(x / ln 2), ln 2 in two parts. The polynomial is Cephes' expf.
static inline float Exp1(float x) {
  const float clamped = x > 88.0f ? 88.0f : x;
  const float shifted = std::fma(clamped, 1.44269504088896341f, kRound);
  const float n = shifted - kRound;
  float r = std::fma(n, -0.693359375f, clamped);
  r = std::fma(n, 2.12194440e-4f, r);
  float p = 1.9875691500e-4f;
  p = std::fma(p, r, 1.3981999507e-3f);
  p = std::fma(p, r, 8.3334519073e-3f);
  p = std::fma(p, r, 4.1665795894e-2f);
  p = std::fma(p, r, 1.6666665459e-1f);
  p = std::fma(p, r, 5.0000001201e-1f);
  const float e = std::fma(p, r * r, r) + 1.0f;
  // The low bits of `shifted` are n in two's complement; shifted into the exponent field, they make 2^n.
  const uint32_t power = (std::bit_cast<uint32_t>(shifted) + 127u) << 23;
  return x < -87.0f ? 0.0f : e * std::bit_cast<float>(power);
}

static inline float Silu1(float x) { return x / (1.0f + Exp1(-x)); }

// Below 0.625 an odd polynomial (Cephes' tanhf), above 1 - 2 / (exp(2 |x|) + 1) with the sign of x.
static inline float Tanh1(float x) {
  const float magnitude = std::fabs(x);
  const float z = x * x;
  float p = -5.70498872745e-3f;
  p = std::fma(p, z, 2.06390887954e-2f);
  p = std::fma(p, z, -5.37397155531e-2f);
  p = std::fma(p, z, 1.33314422036e-1f);
  p = std::fma(p, z, -3.33332819422e-1f);
  const float small = std::fma(p * z, x, x);
  const float large = 1.0f - 2.0f / (Exp1(magnitude + magnitude) + 1.0f);
  return magnitude < 0.625f ? small : std::copysign(large, x);
}

// 1 + erf(x). Below 1 erf's odd polynomial, above erfc(|x|) = exp(-x^2) / |x| * p(1 / x^2), p in two ranges
// (Cephes' erff and erfcf); for negative x erfc itself, so that nothing cancels.
static inline float OnePlusErf1(float x) {
  const float magnitude = std::fabs(x);
  const float z = x * x;
  float t = 7.853861353153693e-5f;
  t = std::fma(t, z, -8.010193625184903e-4f);
  t = std::fma(t, z, 5.188327685732524e-3f);
  t = std::fma(t, z, -2.685381193529856e-2f);
  t = std::fma(t, z, 1.128358514861418e-1f);
  t = std::fma(t, z, -3.761262582423300e-1f);
  t = std::fma(t, z, 1.128379165726710f);
  const float inner = 1.0f + t * x;
  const float q = 1.0f / magnitude;
  const float w = q * q;
  float near = 2.326819970068386e-2f;
  near = std::fma(near, w, -1.387039388740657e-1f);
  near = std::fma(near, w, 3.687424674597105e-1f);
  near = std::fma(near, w, -5.824733027278666e-1f);
  near = std::fma(near, w, 6.210004621745983e-1f);
  near = std::fma(near, w, -4.944515323274145e-1f);
  near = std::fma(near, w, 3.404879937665872e-1f);
  near = std::fma(near, w, -2.741127028184656e-1f);
  near = std::fma(near, w, 5.638259427386472e-1f);
  float far = -1.047766399936249e+1f;
  far = std::fma(far, w, 1.297719955372516e+1f);
  far = std::fma(far, w, -7.495518717768503f);
  far = std::fma(far, w, 2.921019019210786f);
  far = std::fma(far, w, -1.015265279202700f);
  far = std::fma(far, w, 4.218463358204948e-1f);
  far = std::fma(far, w, -2.820767439740514e-1f);
  far = std::fma(far, w, 5.641895067754075e-1f);
  const float tail = (Exp1(-z) * q) * (magnitude < 2.0f ? near : far);
  const float outer = x < 0.0f ? tail : 2.0f - tail;
  return magnitude < 1.0f ? inner : outer;
}

}  // namespace linnet::kernels::scalar

#endif  // LINNET_RUNTIME_KERNELS_SCALAR_MATH_H_
