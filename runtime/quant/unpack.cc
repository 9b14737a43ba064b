#include <bit>

#include "runtime/quant/codec.h"
#include "runtime/quant/half.h"

// The types of 32-weight blocks, to floats.
namespace linnet::quant {
namespace {

constexpr size_t kHalf = kernels::kBlock / 2;

// values[i] = value(nibble of element i, i).
template <typename Value>
void ForNibbles(const uint8_t* nibbles, float* values, Value value) {
  for (size_t i = 0; i < kHalf; ++i) {
    values[i] = value(nibbles[i] & 15, i);
    values[i + kHalf] = value(nibbles[i] >> 4, i + kHalf);
  }
}

int FifthBit(const uint8_t* high, size_t i) { return (high[i / 8] >> i % 8 & 1) << 4; }

}  // namespace

void Unpack(const kernels::BlockQ4_0& block, float* values) {
  const float d = HalfToFloat(block.d);
  ForNibbles(block.nibbles, values, [&](int n, size_t /*i*/) { return static_cast<float>(n - 8) * d; });
}

void Unpack(const kernels::BlockQ4_1& block, float* values) {
  const float d = HalfToFloat(block.d), m = HalfToFloat(block.m);
  ForNibbles(block.nibbles, values, [&](int n, size_t /*i*/) { return static_cast<float>(n) * d + m; });
}

void Unpack(const kernels::BlockQ5_0& block, float* values) {
  const float d = HalfToFloat(block.d);
  ForNibbles(block.nibbles, values,
             [&](int n, size_t i) { return static_cast<float>((n | FifthBit(block.high, i)) - 16) * d; });
}

void Unpack(const kernels::BlockQ5_1& block, float* values) {
  const float d = HalfToFloat(block.d), m = HalfToFloat(block.m);
  ForNibbles(block.nibbles, values,
             [&](int n, size_t i) { return static_cast<float>(n | FifthBit(block.high, i)) * d + m; });
}

void Unpack(const kernels::BlockQ8_0& block, float* values) {
  const float d = HalfToFloat(block.d);
  for (size_t i = 0; i < kernels::kBlock; ++i) values[i] = static_cast<float>(block.q[i]) * d;
}

void Unpack(const kernels::BlockIQ4_NL& block, float* values) {
  const float d = HalfToFloat(block.d);
  ForNibbles(block.nibbles, values,
             [&](int n, size_t /*i*/) { return d * static_cast<float>(kernels::kIq4Values[n]); });
}

void Unpack(const kernels::BlockMXFP4& block, float* values) {
  // 2^(e - 128), half of OCP's scale since the table's values are doubled. The two least are denormal; 255,
  // which OCP calls NaN, is 2^127 in ggml.
  const float d =
      std::bit_cast<float>(block.e < 2 ? 0x00200000U << block.e : static_cast<uint32_t>(block.e - 1) << 23);
  ForNibbles(block.nibbles, values,
             [&](int n, size_t /*i*/) { return static_cast<float>(kernels::kMxfp4Values[n]) * d; });
}

}  // namespace linnet::quant
