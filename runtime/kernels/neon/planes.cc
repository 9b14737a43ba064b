#include <arm_neon.h>

#include "runtime/kernels/ops.h"
#include "runtime/kernels/tiles.h"

namespace linnet::kernels::neon {
namespace {

constexpr TileFormat kUpper = *FindTileFormat(WeightType::kQ4_0);
constexpr TileFormat kWhole = *FindTileFormat(WeightType::kQ8_0);

uint32x4_t Words(const uint8_t* bytes) { return vreinterpretq_u32_u8(vld1q_u8(bytes)); }

uint8x16_t Low(uint32x4_t a, uint32x4_t b) {
  return vreinterpretq_u8_u64(vtrn1q_u64(vreinterpretq_u64_u32(a), vreinterpretq_u64_u32(b)));
}

uint8x16_t High(uint32x4_t a, uint32x4_t b) {
  return vreinterpretq_u8_u64(vtrn2q_u64(vreinterpretq_u64_u32(a), vreinterpretq_u64_u32(b)));
}

// Four rows of a block. high: of its tile's first vector, where they begin, 64 bytes from vector to vector;
// low: of the first row, `stride` bytes from row to row; out as high.
void JoinFour(const uint8_t* high, const uint8_t* low, size_t stride, uint8_t* out) {
  const uint32x4_t r0 = Words(low), r1 = Words(low + stride);
  const uint32x4_t r2 = Words(low + 2 * stride), r3 = Words(low + 3 * stride);
  // Groups of four columns of four rows, transposed.
  const uint32x4_t even01 = vtrn1q_u32(r0, r1), odd01 = vtrn2q_u32(r0, r1);
  const uint32x4_t even23 = vtrn1q_u32(r2, r3), odd23 = vtrn2q_u32(r2, r3);
  const uint8x16_t groups[4] = {Low(even01, even23), Low(odd01, odd23), High(even01, even23),
                                High(odd01, odd23)};
  const uint8x16_t sign = vdupq_n_u8(0x80);
#pragma GCC unroll 4
  for (int v = 0; v < 4; ++v) {
    const uint8x16_t h = vld1q_u8(high + 64 * v), l = groups[v];
    // An insertion of four bits above, or below, what the other has.
    vst1q_u8(out + 64 * v, veorq_u8(vsliq_n_u8(l, h, 4), sign));
    vst1q_u8(out + 64 * (v + 4), veorq_u8(vsriq_n_u8(h, l, 4), sign));
  }
}

}  // namespace

void JoinPlanes(const void* upper, const void* lower, void* out, size_t tiles, size_t cols) {
  const size_t blocks = cols / kBlock, head_bytes = TileHeadBytes(kWhole, cols), stride = blocks * kBlock / 2;
  for (size_t tile = 0; tile < tiles; ++tile) {
    const uint8_t* high = static_cast<const uint8_t*>(upper) + tile * TileBytes(kUpper, cols);
    const uint8_t* low = static_cast<const uint8_t*>(lower) + tile * kTileRows * stride;
    uint8_t* to = static_cast<uint8_t*>(out) + tile * TileBytes(kWhole, cols);
    for (size_t i = 0; i < head_bytes; i += 16) vst1q_u8(to + i, vld1q_u8(high + i));
    high += head_bytes;
    to += head_bytes;
    for (size_t b = 0; b < blocks; ++b, low += kBlock / 2) {
      for (size_t row = 0; row < kTileRows; row += 4) {
        JoinFour(high + b * kUpper.quant_bytes + 4 * row, low + row * stride, stride,
                 to + b * kWhole.quant_bytes + 4 * row);
      }
    }
  }
}

}  // namespace linnet::kernels::neon
