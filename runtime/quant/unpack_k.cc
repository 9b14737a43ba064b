#include "runtime/quant/codec.h"
#include "runtime/quant/half.h"
#include "runtime/quant/k_scales.h"

// The types of 256-weight blocks, to floats. The layouts are in kernels/types.h.
namespace linnet::quant {

void Unpack(const kernels::BlockQ2_K& block, float* values) {
  const float d = HalfToFloat(block.d), dmin = HalfToFloat(block.dmin);
  for (int j = 0; j < 16; ++j) {
    const float scale = d * static_cast<float>(block.scales[j] & 15);
    const float min = dmin * static_cast<float>(block.scales[j] >> 4);
    const uint8_t* q = block.q + j / 8 * 32 + j % 2 * 16;
    const int shift = j % 8 / 2 * 2;
    for (int i = 0; i < 16; ++i) *values++ = scale * static_cast<float>(q[i] >> shift & 3) - min;
  }
}

void Unpack(const kernels::BlockQ3_K& block, float* values) {
  const float d = HalfToFloat(block.d);
  for (int j = 0; j < 16; ++j) {
    const float scale = d * static_cast<float>(ScaleOfQ3K(block.scales, j) - 32);
    const uint8_t* q = block.q + j / 8 * 32 + j % 2 * 16;
    const uint8_t* high = block.high + j % 2 * 16;
    const int shift = j % 8 / 2 * 2;
    for (int i = 0; i < 16; ++i) {
      const int three_bits = (q[i] >> shift & 3) | (high[i] >> j / 2 & 1) << 2;
      *values++ = scale * static_cast<float>(three_bits - 4);
    }
  }
}

void Unpack(const kernels::BlockQ4_K& block, float* values) {
  const float d = HalfToFloat(block.d), dmin = HalfToFloat(block.dmin);
  for (int j = 0; j < 8; ++j) {
    const auto [s, m] = ScaleOfQ4K(block.scales, j);
    const float scale = d * static_cast<float>(s), min = dmin * static_cast<float>(m);
    const uint8_t* q = block.q + j / 2 * 32;
    for (int i = 0; i < 32; ++i) *values++ = scale * static_cast<float>(q[i] >> j % 2 * 4 & 15) - min;
  }
}

void Unpack(const kernels::BlockQ5_K& block, float* values) {
  const float d = HalfToFloat(block.d), dmin = HalfToFloat(block.dmin);
  for (int j = 0; j < 8; ++j) {
    const auto [s, m] = ScaleOfQ4K(block.scales, j);
    const float scale = d * static_cast<float>(s), min = dmin * static_cast<float>(m);
    const uint8_t* q = block.q + j / 2 * 32;
    for (int i = 0; i < 32; ++i) {
      const int five_bits = (q[i] >> j % 2 * 4 & 15) | (block.high[i] >> j & 1) << 4;
      *values++ = scale * static_cast<float>(five_bits) - min;
    }
  }
}

void Unpack(const kernels::BlockQ6_K& block, float* values) {
  const float d = HalfToFloat(block.d);
  for (int j = 0; j < 16; ++j) {
    const float scale = d * static_cast<float>(block.scales[j]);
    const int quarter = j % 8 / 2;
    const uint8_t* low = block.low + j / 8 * 64 + quarter % 2 * 32 + j % 2 * 16;
    const uint8_t* high = block.high + j / 8 * 32 + j % 2 * 16;
    for (int i = 0; i < 16; ++i) {
      const int six_bits = (low[i] >> quarter / 2 * 4 & 15) | (high[i] >> quarter * 2 & 3) << 4;
      *values++ = scale * static_cast<float>(six_bits - 32);
    }
  }
}

void Unpack(const kernels::BlockIQ4_XS& block, float* values) {
  const float d = HalfToFloat(block.d);
  for (int j = 0; j < 8; ++j) {
    const int six_bits = (block.scales_low[j / 2] >> j % 2 * 4 & 15) | (block.scales_high >> j * 2 & 3) << 4;
    const float scale = d * static_cast<float>(six_bits - 32);
    const uint8_t* nibbles = block.nibbles + 16 * j;
    for (int i = 0; i < 16; ++i) *values++ = scale * static_cast<float>(kernels::kIq4Values[nibbles[i] & 15]);
    for (int i = 0; i < 16; ++i) *values++ = scale * static_cast<float>(kernels::kIq4Values[nibbles[i] >> 4]);
  }
}

void Unpack(const kernels::BlockTQ1_0& block, float* values) {
  const float d = HalfToFloat(block.d);
  // Reads the first digit of byte / 256 in base 3 and shifts it out, for `digits` digits of n bytes.
  const auto digits_of = [&](const uint8_t* bytes, int n, int digits) {
    uint8_t rest[32];
    for (int i = 0; i < n; ++i) rest[i] = bytes[i];
    for (int digit = 0; digit < digits; ++digit) {
      for (int i = 0; i < n; ++i) {
        *values++ = static_cast<float>((rest[i] * 3 >> 8) - 1) * d;
        rest[i] = static_cast<uint8_t>(rest[i] * 3);
      }
    }
  };
  digits_of(block.q, 32, 5);
  digits_of(block.q + 32, 16, 5);
  digits_of(block.high, 4, 4);
}

void Unpack(const kernels::BlockTQ2_0& block, float* values) {
  const float d = HalfToFloat(block.d);
  for (int j = 0; j < 8; ++j) {
    const uint8_t* q = block.q + j / 4 * 32;
    for (int i = 0; i < 32; ++i) *values++ = static_cast<float>((q[i] >> j % 4 * 2 & 3) - 1) * d;
  }
}

}  // namespace linnet::quant
