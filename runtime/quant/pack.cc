#include <algorithm>
#include <cmath>

#include "runtime/quant/codec.h"
#include "runtime/quant/half.h"

// The types that have one way to be written: the bytes of ggml's reference functions.
namespace linnet::quant {
namespace {

using kernels::kBlock;
using kernels::kBlock256;

constexpr size_t kHalf = kBlock / 2;

float Largest(const float* x, size_t n) {
  float amax = 0.0F;
  for (size_t i = 0; i < n; ++i) amax = std::max(amax, std::fabs(x[i]));
  return amax;
}

// The value of the largest magnitude, the first of equals.
float Extreme(const float* x) {
  float extreme = 0.0F;
  for (size_t i = 0; i < kBlock; ++i) {
    if (std::fabs(x[i]) > std::fabs(extreme)) extreme = x[i];
  }
  return extreme;
}

float Inverse(float d) { return d != 0.0F ? 1.0F / d : 0.0F; }

// floor(x), x >= 0 but where the scale's inverse is infinite.
int Truncate(float x, int most) {
  return std::isnan(x) ? 0 : static_cast<int>(std::clamp(x, 0.0F, static_cast<float>(most)));
}

void SetNibbles(const int* q, uint8_t* nibbles) {
  for (size_t i = 0; i < kHalf; ++i)
    nibbles[i] = static_cast<uint8_t>((q[i] & 15) | (q[i + kHalf] & 15) << 4);
}

void SetFifthBits(const int* q, uint8_t* high) {
  for (size_t i = 0; i < kBlock; ++i) high[i / 8] = static_cast<uint8_t>(high[i / 8] | q[i] >> 4 << i % 8);
}

// q = x / d + offset rounded, d so that the extreme becomes 0; returns d.
float PackAround(const float* x, int offset, int* q) {
  const float d = Extreme(x) / static_cast<float>(-offset);
  const float inverse = Inverse(d);
  const float half_up = static_cast<float>(offset) + 0.5F;
  for (size_t i = 0; i < kBlock; ++i) q[i] = Truncate(x[i] * inverse + half_up, 2 * offset - 1);
  return d;
}

struct Range {
  float d, min;
};

// q = (x - min) / d rounded, from 0 to `most`.
Range PackBetween(const float* x, int most, int* q) {
  const auto [min, max] = std::minmax_element(x, x + kBlock);
  const float d = (*max - *min) / static_cast<float>(most);
  const float inverse = Inverse(d);
  for (size_t i = 0; i < kBlock; ++i) q[i] = Truncate((x[i] - *min) * inverse + 0.5F, most);
  return {d, *min};
}

// 0, 1, 2 for -1, 0, 1 times the largest.
int Trit(float x, float inverse) {
  const float rounded = std::round(x * inverse);
  return std::isnan(rounded) ? 1 : static_cast<int>(std::clamp(rounded, -1.0F, 1.0F)) + 1;
}

}  // namespace

void Pack(const float* values, const float* /*importance*/, kernels::BlockQ4_0& block) {
  int q[kBlock];
  block.d = FloatToHalf(PackAround(values, 8, q));
  SetNibbles(q, block.nibbles);
}

void Pack(const float* values, const float* /*importance*/, kernels::BlockQ5_0& block) {
  int q[kBlock];
  block.d = FloatToHalf(PackAround(values, 16, q));
  SetNibbles(q, block.nibbles);
  SetFifthBits(q, block.high);
}

void Pack(const float* values, const float* /*importance*/, kernels::BlockQ4_1& block) {
  int q[kBlock];
  const auto [d, min] = PackBetween(values, 15, q);
  block.d = FloatToHalf(d);
  block.m = FloatToHalf(min);
  SetNibbles(q, block.nibbles);
}

void Pack(const float* values, const float* /*importance*/, kernels::BlockQ5_1& block) {
  int q[kBlock];
  const auto [d, min] = PackBetween(values, 31, q);
  block.d = FloatToHalf(d);
  block.m = FloatToHalf(min);
  SetNibbles(q, block.nibbles);
  SetFifthBits(q, block.high);
}

void Pack(const float* values, const float* /*importance*/, kernels::BlockQ8_0& block) {
  const float d = Largest(values, kBlock) / 127.0F;
  const float inverse = Inverse(d);
  block.d = FloatToHalf(d);
  for (size_t i = 0; i < kBlock; ++i) {
    const float q = std::round(values[i] * inverse);
    // The bounds only bite where 1 / d is infinite.
    block.q[i] = std::isnan(q) ? int8_t{0} : static_cast<int8_t>(std::clamp(q, -127.0F, 127.0F));
  }
}

void Pack(const float* values, const float* /*importance*/, kernels::BlockMXFP4& block) {
  const float amax = Largest(values, kBlock);
  // OCP's rule: the exponent of the largest, less that of the largest element, 2. As in ggml, the logarithm
  // is a float, so that a value just below a power of two can count as that power.
  float exponent = 0.0F;
  if (amax > 0.0F) {
    exponent = std::floor(static_cast<float>(std::log2(static_cast<double>(amax)))) - 2.0F + 127.0F;
  }
  block.e = static_cast<uint8_t>(std::clamp(exponent, 0.0F, 254.0F));
  const float d = std::ldexp(1.0F, block.e - 128);
  int q[kBlock];
  for (size_t i = 0; i < kBlock; ++i) {
    const auto error = [&](int code) {
      return std::fabs(static_cast<float>(kernels::kMxfp4Values[code]) * d - values[i]);
    };
    q[i] = 0;
    for (int code = 1; code < 16; ++code) {
      if (error(code) < error(q[i])) q[i] = code;
    }
  }
  SetNibbles(q, block.nibbles);
}

void Pack(const float* values, const float* /*importance*/, kernels::BlockTQ1_0& block) {
  const float d = Largest(values, kBlock256);
  const float inverse = Inverse(d);
  block.d = FloatToHalf(d);
  // Byte i holds elements i, i + n, ... as digits after the point of a number in base 3, rounded up to 1 /
  // 256.
  const auto pack = [&](uint8_t* bytes, size_t n, size_t digits) {
    for (size_t i = 0; i < n; ++i) {
      int number = 0;
      for (size_t digit = 0; digit < 5; ++digit) {
        number = number * 3 + (digit < digits ? Trit(values[digit * n + i], inverse) : 0);
      }
      bytes[i] = static_cast<uint8_t>((number * 256 + 242) / 243);
    }
    values += digits * n;
  };
  pack(block.q, 32, 5);
  pack(block.q + 32, 16, 5);
  pack(block.high, 4, 4);
}

void Pack(const float* values, const float* /*importance*/, kernels::BlockTQ2_0& block) {
  const float d = Largest(values, kBlock256);
  const float inverse = Inverse(d);
  block.d = FloatToHalf(d);
  for (size_t e = 0; e < kBlock256; ++e) {
    uint8_t& byte = block.q[e / 128 * 32 + e % 32];
    byte = static_cast<uint8_t>(byte | Trit(values[e], inverse) << e % 128 / 32 * 2);
  }
}

}  // namespace linnet::quant
