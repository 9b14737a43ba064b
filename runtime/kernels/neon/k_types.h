#ifndef LINNET_RUNTIME_KERNELS_NEON_K_TYPES_H_
#define LINNET_RUNTIME_KERNELS_NEON_K_TYPES_H_

#include "runtime/kernels/neon/rows.h"

// The types of 256-weight blocks, for MatMul of rows.h.
namespace linnet::kernels::neon_rows {

template <int kCount>
static inline float32x4_t Step(BlockOfRows<kCount> block, size_t d_offset, const ActBlock256& x,
                               float32x4_t exact, float32x4_t sum) {
  return vfmaq_f32(sum, exact, vmulq_n_f32(Halves(block, d_offset), x.d));
}

// Eight scales of six bits, and eight mins, in 12 bytes (types.h); a byte each.
struct ScalesK4 {
  uint8_t scales[8], mins[8];
};

static inline ScalesK4 LoadScales(const uint8_t* p) {
  uint32_t w[3];
  __builtin_memcpy(w, p, sizeof(w));
  const uint32_t bytes[4] = {w[0] & 0x3f3f3f3f, (w[2] & 0x0f0f0f0f) | (w[0] >> 6 & 0x03030303) << 4,
                             w[1] & 0x3f3f3f3f, (w[2] >> 4 & 0x0f0f0f0f) | (w[1] >> 6 & 0x03030303) << 4};
  ScalesK4 scales;
  __builtin_memcpy(&scales, bytes, sizeof(scales));
  return scales;
}

// -(sum of the mins times the sums of their 32 activations), in four parts.
static inline int32x4_t Mins(const uint8_t* mins, int16x8_t sums) {
  const int16x8_t wide = vreinterpretq_s16_u16(vmovl_u8(vld1_u8(mins)));
  return vnegq_s32(vmlal_high_s16(vmull_s16(vget_low_s16(wide), vget_low_s16(sums)), wide, sums));
}

// Q4_K, and Q5_K with its high bits. codes(row's block, sub-block): 32 integers.
template <typename D, int kCount, typename Codes>
static inline float32x4_t AddK4(BlockOfRows<kCount> block, const ActBlock256& x, float32x4_t sum,
                                Codes codes) {
  ScalesK4 scales[kCount];
  for (int r = 0; r < kCount; ++r) scales[r] = LoadScales(block[r] + 4);
  const float32x4_t exact = ExactSums<kCount>([&](int r) {
    int32x4_t total = vdupq_n_s32(0);
    for (int j = 0; j < 8; ++j) {
      total = vmlaq_n_s32(total, Products<D>(codes(block[r], j), Load32(x.q + 32 * j)), scales[r].scales[j]);
    }
    return total;
  });
  const int16x8_t sums = vpaddq_s16(vld1q_s16(x.sums), vld1q_s16(x.sums + 8));
  const float32x4_t mins = ExactSums<kCount>([&](int r) { return Mins(scales[r].mins, sums); });
  return Step(block, 2, x, mins, Step(block, 0, x, exact, sum));
}

template <typename Block>
struct Large {
  using Act = ActBlock256;
  static constexpr size_t kBytes = sizeof(Block);
  static constexpr size_t kValues = kBlock256;
};

static inline uint8x16_t Nibble(const uint8_t* p, int high) {
  const uint8x16_t bytes = vld1q_u8(p);
  return high != 0 ? High4(bytes) : Low4(bytes);
}

template <typename D>
struct Q4_K : Large<BlockQ4_K> {
  template <int kCount>
  static float32x4_t Add(BlockOfRows<kCount> block, const ActBlock256& x, float32x4_t sum) {
    return AddK4<D>(block, x, sum, [](const uint8_t* b, int j) {
      const uint8_t* q = b + 16 + j / 2 * 32;
      return Bytes{Signed(Nibble(q, j % 2)), Signed(Nibble(q + 16, j % 2))};
    });
  }
};

template <typename D>
struct Q5_K : Large<BlockQ5_K> {
  template <int kCount>
  static float32x4_t Add(BlockOfRows<kCount> block, const ActBlock256& x, float32x4_t sum) {
    return AddK4<D>(block, x, sum, [](const uint8_t* b, int j) {
      const uint8_t* q = b + 48 + j / 2 * 32;
      const uint8x16_t bit = vdupq_n_u8(static_cast<uint8_t>(1 << j));
      const auto fifth = [&](const uint8_t* high) {
        return vandq_u8(vtstq_u8(vld1q_u8(high), bit), vdupq_n_u8(16));
      };
      return Bytes{Signed(vorrq_u8(Nibble(q, j % 2), fifth(b + 16))),
                   Signed(vorrq_u8(Nibble(q + 16, j % 2), fifth(b + 32)))};
    });
  }
};

// Bits 2 s, 2 s + 1 of every byte.
static inline uint8x16_t TwoBits(const uint8_t* p, int s) {
  return vandq_u8(vshlq_u8(vld1q_u8(p), vdupq_n_s8(static_cast<int8_t>(-2 * s))), vdupq_n_u8(3));
}

// Scales of 16 elements each. codes(row's block, i): integers 16 i .. 16 i + 15; scales(row's block): 16
// bytes.
template <typename D, int kCount, typename Codes, typename Scales>
static inline float32x4_t ExactK16(BlockOfRows<kCount> block, const ActBlock256& x, Codes codes,
                                   Scales scales) {
  return ExactSums<kCount>([&](int r) {
    int8_t scale[16];
    vst1q_s8(scale, scales(block[r]));
    int32x4_t total = vdupq_n_s32(0);
    for (int i = 0; i < 16; ++i) {
      const int32x4_t part = D::Add(vdupq_n_s32(0), codes(block[r], i), vld1q_s8(x.q + 16 * i));
      total = vmlaq_n_s32(total, part, scale[i]);
    }
    return total;
  });
}

// Two bits of elements 16 i .. 16 i + 15 of Q2_K, Q3_K and TQ2_0, and the upper two of Q6_K.
static inline uint8x16_t TwoBitCodes(const uint8_t* q, int i) {
  return TwoBits(q + i / 8 * 32 + i % 2 * 16, i % 8 / 2);
}

template <typename D>
struct Q6_K : Large<BlockQ6_K> {
  template <int kCount>
  static float32x4_t Add(BlockOfRows<kCount> block, const ActBlock256& x, float32x4_t sum) {
    const float32x4_t exact = ExactK16<D>(
        block, x,
        [](const uint8_t* b, int i) {
          const int s = i % 8 / 2;
          const uint8x16_t low = Nibble(b + i / 8 * 64 + s % 2 * 32 + i % 2 * 16, s / 2);
          return vsubq_s8(Signed(vorrq_u8(low, vshlq_n_u8(TwoBitCodes(b + 128, i), 4))), vdupq_n_s8(32));
        },
        [](const uint8_t* b) { return Signed(vld1q_u8(b + 192)); });
    return Step(block, 208, x, exact, sum);
  }
};

template <typename D>
struct Q2_K : Large<BlockQ2_K> {
  template <int kCount>
  static float32x4_t Add(BlockOfRows<kCount> block, const ActBlock256& x, float32x4_t sum) {
    const float32x4_t exact = ExactK16<D>(
        block, x, [](const uint8_t* b, int i) { return Signed(TwoBitCodes(b + 16, i)); },
        [](const uint8_t* b) { return Signed(Low4(vld1q_u8(b))); });
    const float32x4_t mins = ExactSums<kCount>([&](int r) {
      const uint8x16_t bytes = High4(vld1q_u8(block[r]));
      const int16x8_t low = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(bytes)));
      const int16x8_t high = vreinterpretq_s16_u16(vmovl_high_u8(bytes));
      const int16x8_t a = vld1q_s16(x.sums), b = vld1q_s16(x.sums + 8);
      int32x4_t total = vmlal_high_s16(vmull_s16(vget_low_s16(low), vget_low_s16(a)), low, a);
      total = vmlal_high_s16(vmlal_s16(total, vget_low_s16(high), vget_low_s16(b)), high, b);
      return vnegq_s32(total);
    });
    return Step(block, 82, x, mins, Step(block, 80, x, exact, sum));
  }
};

// Sixteen scales of six bits, less 32, in 12 bytes (types.h).
static inline int8x16_t ScalesQ3K(const uint8_t* p) {
  uint32_t w[3];
  __builtin_memcpy(w, p, sizeof(w));
  constexpr uint32_t kNibbles = 0x0f0f0f0f, kTwo = 0x03030303;
  const uint32_t words[4] = {
      (w[0] & kNibbles) | (w[2] & kTwo) << 4, (w[1] & kNibbles) | (w[2] >> 2 & kTwo) << 4,
      (w[0] >> 4 & kNibbles) | (w[2] >> 4 & kTwo) << 4, (w[1] >> 4 & kNibbles) | (w[2] >> 6 & kTwo) << 4};
  return vsubq_s8(vreinterpretq_s8_u32(vld1q_u32(words)), vdupq_n_s8(32));
}

template <typename D>
struct Q3_K : Large<BlockQ3_K> {
  template <int kCount>
  static float32x4_t Add(BlockOfRows<kCount> block, const ActBlock256& x, float32x4_t sum) {
    const float32x4_t exact = ExactK16<D>(
        block, x,
        [](const uint8_t* b, int i) {
          const uint8x16_t bit = vdupq_n_u8(static_cast<uint8_t>(1 << i / 2));
          const uint8x16_t third = vandq_u8(vtstq_u8(vld1q_u8(b + i % 2 * 16), bit), vdupq_n_u8(4));
          return vsubq_s8(Signed(vorrq_u8(TwoBitCodes(b + 32, i), third)), vdupq_n_s8(4));
        },
        [](const uint8_t* b) { return ScalesQ3K(b + 96); });
    return Step(block, 108, x, exact, sum);
  }
};

template <typename D>
struct IQ4_XS : Large<BlockIQ4_XS> {
  template <int kCount>
  static float32x4_t Add(BlockOfRows<kCount> block, const ActBlock256& x, float32x4_t sum) {
    const int8x16_t table = vld1q_s8(kIq4Values);
    const float32x4_t exact = ExactSums<kCount>([&](int r) {
      const uint8_t* b = block[r];
      uint16_t high;
      uint32_t low;
      __builtin_memcpy(&high, b + 2, sizeof(high));
      __builtin_memcpy(&low, b + 4, sizeof(low));
      int32x4_t total = vdupq_n_s32(0);
      for (int j = 0; j < 8; ++j) {
        const int32_t scale = static_cast<int32_t>((low >> 4 * j & 15) | (high >> 2 * j & 3u) << 4) - 32;
        const uint8x16_t packed = vld1q_u8(b + 8 + 16 * j);
        const Bytes values = {vqtbl1q_s8(table, Low4(packed)), vqtbl1q_s8(table, High4(packed))};
        total = vmlaq_n_s32(total, Products<D>(values, Load32(x.q + 32 * j)), scale);
      }
      return total;
    });
    return Step(block, 0, x, exact, sum);
  }
};

template <typename D>
struct TQ2_0 : Large<BlockTQ2_0> {
  template <int kCount>
  static float32x4_t Add(BlockOfRows<kCount> block, const ActBlock256& x, float32x4_t sum) {
    const float32x4_t exact = ExactSums<kCount>([&](int r) {
      int32x4_t total = vdupq_n_s32(0);
      for (int i = 0; i < 16; ++i) {
        const int8x16_t values = vsubq_s8(Signed(TwoBitCodes(block[r], i)), vdupq_n_s8(1));
        total = D::Add(total, values, vld1q_s8(x.q + 16 * i));
      }
      return total;
    });
    return Step(block, 64, x, exact, sum);
  }
};

}  // namespace linnet::kernels::neon_rows

#endif  // LINNET_RUNTIME_KERNELS_NEON_K_TYPES_H_
