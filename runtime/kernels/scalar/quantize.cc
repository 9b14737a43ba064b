#include <bit>
#include <cmath>

#include "runtime/kernels/ops.h"
#include "runtime/kernels/scalar/math.h"

// Written to be obviously right: this is the specification.
namespace linnet::kernels::scalar {
namespace {

constexpr float kSmallestNormal = 0x1p-126f;

// q = x / d; returns d.
float QuantizeBlock(const float* x, size_t n, int8_t* q) {
  float amax = 0.0f;
  for (size_t i = 0; i < n; ++i) {
    const float magnitude = std::fabs(x[i]);
    amax = magnitude > amax ? magnitude : amax;
  }
  const float d = amax / 127.0f;
  const bool zero = d < kSmallestNormal;  // 1 / d would not be finite
  const float inverse = zero ? 0.0f : 1.0f / d;
  for (size_t i = 0; i < n; ++i) {
    const float rounded = x[i] * inverse + kRound;
    q[i] = static_cast<int8_t>(std::bit_cast<uint32_t>(rounded) & 0xffu);
  }
  return zero ? 0.0f : d;
}

int32_t Sum(const int8_t* q, size_t n) {
  int32_t sum = 0;
  for (size_t i = 0; i < n; ++i) sum += q[i];
  return sum;
}

// Block by block: of(i) is what the i-th of n elements is.
template <size_t kSize, typename Block, typename Of>
void QuantizeEach(Of of, Block* y, size_t n, void (*quantize)(const float*, Block*, size_t)) {
  for (size_t b = 0; b < n / kSize; ++b) {
    float block[kSize];
    for (size_t i = 0; i < kSize; ++i) block[i] = of(b * kSize + i);
    quantize(block, y + b, 1);
  }
}

}  // namespace

void Quantize(const float* x, ActBlock* y, size_t blocks) {
  for (size_t b = 0; b < blocks; ++b) {
    y[b].d = QuantizeBlock(x + b * kBlock, kBlock, y[b].q);
    y[b].sum = Sum(y[b].q, kBlock);
  }
}

void Quantize256(const float* x, ActBlock256* y, size_t blocks) {
  for (size_t b = 0; b < blocks; ++b) {
    y[b].d = QuantizeBlock(x + b * kBlock256, kBlock256, y[b].q);
    for (size_t j = 0; j < kBlock256 / 16; ++j) y[b].sums[j] = static_cast<int16_t>(Sum(y[b].q + 16 * j, 16));
  }
}

void RmsNormQuantize(const float* x, const float* weight, ActBlock* y, size_t n, float epsilon) {
  if (n == 0) return;
  const float r = RmsFactor(x, n, epsilon);
  QuantizeEach<kBlock>([&](size_t i) { return (x[i] * r) * weight[i]; }, y, n, Quantize);
}

void RmsNormQuantize256(const float* x, const float* weight, ActBlock256* y, size_t n, float epsilon) {
  if (n == 0) return;
  const float r = RmsFactor(x, n, epsilon);
  QuantizeEach<kBlock256>([&](size_t i) { return (x[i] * r) * weight[i]; }, y, n, Quantize256);
}

void SwiGluQuantize(const float* gate, const float* up, ActBlock* y, size_t n) {
  QuantizeEach<kBlock>([&](size_t i) { return Silu1(gate[i]) * up[i]; }, y, n, Quantize);
}

void SwiGluQuantize256(const float* gate, const float* up, ActBlock256* y, size_t n) {
  QuantizeEach<kBlock256>([&](size_t i) { return Silu1(gate[i]) * up[i]; }, y, n, Quantize256);
}

}  // namespace linnet::kernels::scalar
