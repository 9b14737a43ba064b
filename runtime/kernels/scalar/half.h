#ifndef LINNET_RUNTIME_KERNELS_SCALAR_HALF_H_
#define LINNET_RUNTIME_KERNELS_SCALAR_HALF_H_

#include <bit>
#include <cstdint>

namespace linnet::kernels::scalar {

// IEEE half to float, exact; denormals kept.
inline float HalfToFloat(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const uint32_t exponent = half >> 10 & 0x1fu;
  const uint32_t mantissa = half & 0x3ffu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | mantissa << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
  return sign != 0 ? -magnitude : magnitude;
}

}  // namespace linnet::kernels::scalar

#endif  // LINNET_RUNTIME_KERNELS_SCALAR_HALF_H_
