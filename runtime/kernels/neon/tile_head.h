#ifndef LINNET_RUNTIME_KERNELS_NEON_TILE_HEAD_H_
#define LINNET_RUNTIME_KERNELS_NEON_TILE_HEAD_H_

#include <arm_neon.h>

#include "runtime/kernels/neon/tile_panel.h"

// What stands in the heads of tiles (tiles.h), for kVectors times four rows.
namespace linnet::kernels::neon_tiles {

// Sixteen halves at `p`, from vector `at` on, as floats.
template <int kVectors>
static inline void LoadHalves(const uint8_t* p, size_t at, float32x4_t (&to)[kVectors]) {
  const auto* halves = reinterpret_cast<const uint16_t*>(p) + 4 * at;
  if constexpr (kVectors == 1) {
    to[0] = vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(halves)));
  } else {
    for (int r = 0; r < kVectors; r += 2) {
      const float16x8_t two = vreinterpretq_f16_u16(vld1q_u16(halves + 4 * r));
      to[r] = vcvt_f32_f16(vget_low_f16(two));
      to[r + 1] = vcvt_high_f32_f16(two);
    }
  }
}

// Four bytes as the low half of a vector.
static inline uint8x8_t LoadFour(const uint8_t* p) {
  uint32_t four;
  __builtin_memcpy(&four, p, sizeof(four));
  return vreinterpret_u8_u32(vdup_n_u32(four));
}

// Sixteen bytes at `p`, a row each, from vector `at` on, as 16-bit lanes: those of vector r are half r % 2 of
// to[r / 2].
enum class Bytes { kSigned, kUnsigned };
template <int kVectors, Bytes kBytes>
static inline void LoadBytes(const uint8_t* p, size_t at, int16x8_t (&to)[(kVectors + 1) / 2]) {
  for (int r = 0; r < kVectors; r += 2) {
    const uint8_t* two = p + 4 * (at + static_cast<size_t>(r));
    const uint8x8_t bytes = kVectors == 1 ? LoadFour(two) : vld1_u8(two);
    to[r / 2] = kBytes == Bytes::kSigned ? vmovl_s8(vreinterpret_s8_u8(bytes))
                                         : vreinterpretq_s16_u16(vmovl_u8(bytes));
  }
}

template <int half>
static inline int32x4_t Widen(int16x8_t lanes) {
  if constexpr (half == 0) return vmovl_s16(vget_low_s16(lanes));
  if constexpr (half == 1) return vmovl_high_s16(lanes);
}

// sums - lanes * factors[lane], of one half of the lanes.
template <int half, int lane>
static inline int32x4_t LessProducts(int32x4_t sums, int16x8_t lanes, int16x8_t factors) {
  if constexpr (half == 0) return vmlsl_laneq_s16(sums, vget_low_s16(lanes), factors, lane);
  if constexpr (half == 1) return vmlsl_high_laneq_s16(sums, lanes, factors, lane);
}

}  // namespace linnet::kernels::neon_tiles

#endif  // LINNET_RUNTIME_KERNELS_NEON_TILE_HEAD_H_
