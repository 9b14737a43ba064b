#ifndef LINNET_RUNTIME_QUANT_K_SCALES_H_
#define LINNET_RUNTIME_QUANT_K_SCALES_H_

#include <cstdint>

namespace linnet::quant {

// The packed integer scales of K blocks; layouts in kernels/types.h. All are six bits, 0 to 63.

inline int ScaleOfQ3K(const uint8_t* scales, int j) {
  return (scales[j % 8] >> j / 8 * 4 & 15) | (scales[8 + j % 4] >> j / 4 * 2 & 3) << 4;
}
// Adds scale j to bytes that were zero.
inline void SetScaleOfQ3K(uint8_t* scales, int j, int scale) {
  scales[j % 8] = static_cast<uint8_t>(scales[j % 8] | (scale & 15) << j / 8 * 4);
  scales[8 + j % 4] = static_cast<uint8_t>(scales[8 + j % 4] | scale >> 4 << j / 4 * 2);
}

struct ScaleAndMin {
  int scale, min;
};

// Of Q4_K and Q5_K.
inline ScaleAndMin ScaleOfQ4K(const uint8_t* scales, int j) {
  if (j < 4) return {scales[j] & 63, scales[j + 4] & 63};
  return {(scales[j + 4] & 15) | scales[j - 4] >> 6 << 4, scales[j + 4] >> 4 | scales[j] >> 6 << 4};
}
// In ascending j, on bytes that were zero.
inline void SetScaleOfQ4K(uint8_t* scales, int j, ScaleAndMin value) {
  if (j < 4) {
    scales[j] = static_cast<uint8_t>(value.scale);
    scales[j + 4] = static_cast<uint8_t>(value.min);
    return;
  }
  scales[j + 4] = static_cast<uint8_t>((value.scale & 15) | (value.min & 15) << 4);
  scales[j - 4] = static_cast<uint8_t>(scales[j - 4] | value.scale >> 4 << 6);
  scales[j] = static_cast<uint8_t>(scales[j] | value.min >> 4 << 6);
}

}  // namespace linnet::quant

#endif  // LINNET_RUNTIME_QUANT_K_SCALES_H_
