#include <bit>
#include <cmath>

#include "runtime/kernels/ops.h"
#include "runtime/kernels/scalar/math.h"

// Written to be obviously right: this is the specification.
namespace linnet::kernels::scalar {
void RmsNorm(const float* x, const float* weight, float* y, size_t n, float epsilon) {
  if (n == 0) return;
  const float r = RmsFactor(x, n, epsilon);
  for (size_t i = 0; i < n; ++i) y[i] = (x[i] * r) * weight[i];
}

void RopeInterleaved(float* x, const float* cos_sin, size_t heads, size_t head_dim, size_t pairs) {
  for (size_t h = 0; h < heads; ++h) {
    for (size_t i = 0; i < pairs; ++i) {
      float* a = x + h * head_dim + 2 * i;
      const float c = cos_sin[i], s = cos_sin[pairs + i], x0 = a[0], x1 = a[1];
      a[0] = x0 * c - x1 * s;
      a[1] = x1 * c + x0 * s;
    }
  }
}

void RopeHalf(float* x, const float* cos_sin, size_t heads, size_t head_dim, size_t pairs) {
  for (size_t h = 0; h < heads; ++h) {
    for (size_t i = 0; i < pairs; ++i) {
      float* a = x + h * head_dim + i;
      const float c = cos_sin[i], s = cos_sin[pairs + i], x0 = a[0], x1 = a[pairs];
      a[0] = x0 * c - x1 * s;
      a[pairs] = x1 * c + x0 * s;
    }
  }
}

void SwiGlu(const float* gate, const float* up, float* y, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] = Silu1(gate[i]) * up[i];
}

void Add(float* y, const float* x, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] = y[i] + x[i];
}

void Exp(const float* x, float* y, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] = Exp1(x[i]);
}

}  // namespace linnet::kernels::scalar
