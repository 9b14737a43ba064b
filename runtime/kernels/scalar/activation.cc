#include <cmath>

#include "runtime/kernels/ops.h"
#include "runtime/kernels/scalar/math.h"

// Written to be obviously right: this is the specification.
namespace linnet::kernels::scalar {

void LayerNorm(const float* x, const float* weight, const float* bias, float* y, size_t n, float epsilon) {
  if (n == 0) return;
  const float mean = Sum(x, n) / static_cast<float>(n);
  for (size_t i = 0; i < n; ++i) y[i] = x[i] - mean;
  const float variance = Dot(y, y, n) / static_cast<float>(n);
  const float r = 1.0f / std::sqrt(variance + epsilon);
  for (size_t i = 0; i < n; ++i) {
    y[i] = (y[i] * r) * weight[i];
    if (bias != nullptr) y[i] = y[i] + bias[i];
  }
}

void GeluTanh(const float* x, float* y, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    const float u = (x[i] * 0.797884560802865356f) * std::fma(x[i] * x[i], 0.044715f, 1.0f);
    y[i] = (0.5f * x[i]) * (1.0f + Tanh1(u));
  }
}

void GeluErf(const float* x, float* y, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] = (0.5f * x[i]) * OnePlusErf1(x[i] * 0.707106781186547524f);
}

void SoftCap(float* y, float cap, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] = Tanh1(y[i] / cap) * cap;
}

void Scale(float* y, float factor, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] = y[i] * factor;
}

void Mul(float* y, const float* x, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] = y[i] * x[i];
}

void MulAdd(float* y, const float* a, const float* b, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] = std::fma(a[i], b[i], y[i]);
}

void SsmStep(float* state, const float* x, const float* b, const float* c, float decay, float step,
             float skip, float* y, size_t channels, size_t n) {
  for (size_t p = 0; p < channels; ++p) {
    float* row = state + p * n;
    const float input = x[p] * step;
    for (size_t i = 0; i < n; ++i) row[i] = std::fma(b[i], input, row[i] * decay);
    y[p] = std::fma(x[p], skip, Dot(row, c, n));
  }
}

}  // namespace linnet::kernels::scalar
