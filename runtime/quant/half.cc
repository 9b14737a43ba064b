#include "runtime/quant/half.h"

#include <bit>

namespace linnet::quant {

float HalfToFloat(uint16_t half) {
#if defined(__aarch64__)
  return static_cast<float>(std::bit_cast<__fp16>(half));
#else
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const uint32_t exponent = half >> 10 & 0x1f;
  const uint32_t mantissa = half & 0x3ff;
  if (exponent == 0x1f) {  // infinity, or NaN made quiet
    const uint32_t quiet = mantissa != 0 ? 0x400000 : 0;
    return std::bit_cast<float>(sign | 0x7f800000 | quiet | mantissa << 13);
  }
  if (exponent == 0) {  // zero and denormals: mantissa * 2^-24, exact in float
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(magnitude));
  }
  return std::bit_cast<float>(sign | (exponent + (127 - 15)) << 23 | mantissa << 13);
#endif
}

uint16_t FloatToHalf(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return static_cast<uint16_t>(sign | 0x7e00 | (magnitude >> 13 & 0x3ff));
  if (magnitude >= 0x47800000) return static_cast<uint16_t>(sign | 0x7c00);  // 2^16 and beyond
  const int exponent = static_cast<int>(magnitude >> 23);
  if (exponent < 127 - 25) return sign;  // below half of the least denormal
  // The 24-bit significand, and how many of its low bits a half at this exponent does not have: 13 for
  // normals, one more for each power of two below 2^-14.
  const bool normal = exponent >= 127 - 14;
  const uint32_t significand = (magnitude & 0x7fffff) | 0x800000;
  const int dropped = normal ? 13 : 13 + (127 - 14 - exponent);
  const uint32_t kept = significand >> dropped;
  const uint32_t rest = significand & ((1U << dropped) - 1);
  const uint32_t middle = 1U << (dropped - 1);
  const uint32_t up = rest > middle || (rest == middle && (kept & 1) != 0) ? 1 : 0;
  // A normal's hidden bit adds 1 to the exponent field below; a carry out of the mantissa does the rest, up
  // to infinity.
  const uint32_t base = normal ? static_cast<uint32_t>(exponent - (127 - 14)) << 10 : 0;
  return static_cast<uint16_t>(sign | (base + kept + up));
}

float Bf16ToFloat(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

uint16_t FloatToBf16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return static_cast<uint16_t>(bits >> 16 | 0x40);
  // Up by just less than a half, or by a half where that makes the last kept bit even.
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

}  // namespace linnet::quant
