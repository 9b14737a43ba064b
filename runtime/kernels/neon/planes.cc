#include <arm_neon.h>

#include "runtime/kernels/ops.h"
#include "runtime/kernels/tiles.h"

namespace linnet::kernels::neon {
namespace {

constexpr TileFormat kUpper = *FindTileFormat(WeightType::kQ4_0);
constexpr TileFormat kWhole = *FindTileFormat(WeightType::kQ8_0);

// A block's head; as many bytes fill up a tile of an odd number of blocks.
static_assert(kUpper.head_bytes == 32 && kWhole.head_bytes == 32 && BlockBytes(kWhole) % 64 == 32);
void StoreHead(uint8_t* p, uint8x16_t first, uint8x16_t second) {
  vst1q_u8(p, first);
  vst1q_u8(p + 16, second);
}

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

// The exact sum of a block's lower halves times x.
int32_t LowerSum(const uint8_t* low, const ActBlock& x) {
  const uint8x16_t pairs = vld1q_u8(low);
  const int8x16_t first = vreinterpretq_s8_u8(vandq_u8(pairs, vdupq_n_u8(15)));
  const int8x16_t second = vreinterpretq_s8_u8(vshrq_n_u8(pairs, 4));
  const int8x16_t q0 = vld1q_s8(x.q), q1 = vld1q_s8(x.q + 16);
  // A lane is at most 4 * 15 * 127.
  int16x8_t sum = vmull_s8(vget_low_s8(first), vget_low_s8(q0));
  sum = vmlal_s8(sum, vget_high_s8(first), vget_high_s8(q0));
  sum = vmlal_s8(sum, vget_low_s8(second), vget_low_s8(q1));
  sum = vmlal_s8(sum, vget_high_s8(second), vget_high_s8(q1));
  return vaddlvq_s16(sum);
}

float Tree(float32x4_t low, float32x4_t high) {
  const float32x4_t four = vaddq_f32(low, high);
  const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
  return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}

// The halves of `four` as floats.
float32x4_t Floats(const uint16_t* four) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(four))); }

// A share of the next tile, which may lie beyond the matrix: so as a number.
void FetchNext(const uint8_t* share, size_t bytes) {
  const auto at = reinterpret_cast<uintptr_t>(share);
  for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch(reinterpret_cast<const void*>(at + i));
}

}  // namespace

void SumLower(const void* upper, const void* lower, const uint32_t* rows, size_t count, size_t cols,
              const ActBlock* x, LowerSums* sums) {
  const size_t blocks = cols / kBlock;
  for (size_t i = 0; i < count; ++i) {
    const size_t row = rows[i];
    const uint8_t* scales = static_cast<const uint8_t*>(upper) + row / kTileRows * TileBytes(kUpper, cols) +
                            2 * (row % kTileRows);
    const uint8_t* low = static_cast<const uint8_t*>(lower) + row * blocks * (kBlock / 2);
    float32x4_t product[2] = {vdupq_n_f32(0), vdupq_n_f32(0)}, squares[2] = {product[0], product[1]};
    for (size_t b = 0; b < blocks; b += 8) {
      // Blocks that are not there are worth nothing.
      int32_t exact[8] = {};
      uint16_t halves[8] = {};
      float of_x[8] = {};
      const size_t some = blocks - b < 8 ? blocks - b : 8;
      for (size_t j = 0; j < some; ++j) {
        exact[j] = LowerSum(low + (b + j) * (kBlock / 2), x[b + j]);
        __builtin_memcpy(&halves[j], scales + (b + j) * BlockBytes(kUpper), sizeof(halves[j]));
        of_x[j] = x[b + j].d;
      }
#pragma GCC unroll 2
      for (size_t h = 0; h < 2; ++h) {
        const float32x4_t d = Floats(halves + 4 * h);
        const float32x4_t sum = vcvtq_f32_s32(vld1q_s32(exact + 4 * h));
        product[h] = vfmaq_f32(product[h], sum, vmulq_f32(d, vld1q_f32(of_x + 4 * h)));
        squares[h] = vfmaq_f32(squares[h], d, d);
      }
    }
    sums[i] = {Tree(product[0], product[1]), Tree(squares[0], squares[1])};
  }
}

void JoinPlanes(const void* upper, const void* lower, void* out, size_t tiles, size_t cols) {
  const size_t blocks = cols / kBlock, stride = blocks * kBlock / 2;
  for (size_t tile = 0; tile < tiles; ++tile) {
    const uint8_t* high = static_cast<const uint8_t*>(upper) + tile * TileBytes(kUpper, cols);
    const uint8_t* low = static_cast<const uint8_t*>(lower) + tile * kTileRows * stride;
    uint8_t* to = static_cast<uint8_t*>(out) + tile * TileBytes(kWhole, cols);
    for (size_t b = 0; b < blocks; ++b, high += BlockBytes(kUpper), to += BlockBytes(kWhole)) {
      const size_t lines = kTileRows * kBlock / 2;
      FetchNext(high + TileBytes(kUpper, cols), BlockBytes(kUpper));
      FetchNext(low + kTileRows * stride + b * lines, lines);
      StoreHead(to, vld1q_u8(high), vld1q_u8(high + 16));
      for (size_t row = 0; row < kTileRows; row += 4) {
        JoinFour(high + kUpper.head_bytes + 4 * row, low + row * stride + b * kBlock / 2, stride,
                 to + kWhole.head_bytes + 4 * row);
      }
    }
    if (blocks % 2 != 0) StoreHead(to, vdupq_n_u8(0), vdupq_n_u8(0));
  }
}

}  // namespace linnet::kernels::neon
