#ifndef LINNET_RUNTIME_KERNELS_NEON_BLOCK_TYPES_H_
#define LINNET_RUNTIME_KERNELS_NEON_BLOCK_TYPES_H_

#include "runtime/kernels/neon/rows.h"

// The types of 32-weight blocks, for MatMul of rows.h.
namespace linnet::kernels::neon_rows {

// codes(row's block): its 32 integers.
template <typename D, int kCount, typename Codes>
static inline float32x4_t AddSmall(BlockOfRows<kCount> block, const ActBlock& x, float32x4_t d,
                                   float32x4_t sum, Codes codes) {
  const Bytes a = Load32(x.q);
  const float32x4_t exact = ExactSums<kCount>([&](int r) { return Products<D>(codes(block[r]), a); });
  return vfmaq_f32(sum, exact, vmulq_n_f32(d, x.d));
}

// The step of the mins: a half at byte 2 of the block.
template <int kCount>
static inline float32x4_t AddMin(BlockOfRows<kCount> block, const ActBlock& x, float32x4_t sum) {
  return vfmaq_f32(sum, vdupq_n_f32(static_cast<float>(x.sum)), vmulq_n_f32(Halves(block, 2), x.d));
}

static inline Bytes Nibbles(const uint8_t* p) {
  const uint8x16_t packed = vld1q_u8(p);
  return {Signed(Low4(packed)), Signed(High4(packed))};
}

static inline Bytes Less(Bytes codes, int8_t offset) {
  return {vsubq_s8(codes.low, vdupq_n_s8(offset)), vsubq_s8(codes.high, vdupq_n_s8(offset))};
}

// Bits 8 i, 8 i + 1, ... of two bytes as 16 in the bytes of a vector.
static inline int8x16_t FifthBits(const uint8_t* p) {
  constexpr uint8_t kBits[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  const uint8x16_t bytes = vcombine_u8(vdup_n_u8(p[0]), vdup_n_u8(p[1]));
  return Signed(vandq_u8(vtstq_u8(bytes, vld1q_u8(kBits)), vdupq_n_u8(16)));
}

static inline Bytes FiveBits(const uint8_t* nibbles, const uint8_t* high) {
  const Bytes low = Nibbles(nibbles);
  return {vorrq_s8(low.low, FifthBits(high)), vorrq_s8(low.high, FifthBits(high + 2))};
}

static inline Bytes Lookup(const int8_t* table, const uint8_t* nibbles) {
  const int8x16_t values = vld1q_s8(table);
  const uint8x16_t packed = vld1q_u8(nibbles);
  return {vqtbl1q_s8(values, Low4(packed)), vqtbl1q_s8(values, High4(packed))};
}

template <typename Block>
struct Small {
  using Act = ActBlock;
  static constexpr size_t kBytes = sizeof(Block);
  static constexpr size_t kValues = kBlock;
};

template <typename D>
struct Q8_0 : Small<BlockQ8_0> {
  template <int kCount>
  static float32x4_t Add(BlockOfRows<kCount> block, const ActBlock& x, float32x4_t sum) {
    return AddSmall<D>(block, x, Halves(block, 0), sum, [](const uint8_t* b) { return Load32(b + 2); });
  }
};

template <typename D>
struct Q4_0 : Small<BlockQ4_0> {
  template <int kCount>
  static float32x4_t Add(BlockOfRows<kCount> block, const ActBlock& x, float32x4_t sum) {
    return AddSmall<D>(block, x, Halves(block, 0), sum,
                       [](const uint8_t* b) { return Less(Nibbles(b + 2), 8); });
  }
};

template <typename D>
struct Q5_0 : Small<BlockQ5_0> {
  template <int kCount>
  static float32x4_t Add(BlockOfRows<kCount> block, const ActBlock& x, float32x4_t sum) {
    return AddSmall<D>(block, x, Halves(block, 0), sum,
                       [](const uint8_t* b) { return Less(FiveBits(b + 6, b + 2), 16); });
  }
};

template <typename D>
struct Q4_1 : Small<BlockQ4_1> {
  template <int kCount>
  static float32x4_t Add(BlockOfRows<kCount> block, const ActBlock& x, float32x4_t sum) {
    return AddMin(block, x, AddSmall<D>(block, x, Halves(block, 0), sum, [](const uint8_t* b) {
                    return Nibbles(b + 4);
                  }));
  }
};

template <typename D>
struct Q5_1 : Small<BlockQ5_1> {
  template <int kCount>
  static float32x4_t Add(BlockOfRows<kCount> block, const ActBlock& x, float32x4_t sum) {
    return AddMin(block, x, AddSmall<D>(block, x, Halves(block, 0), sum, [](const uint8_t* b) {
                    return FiveBits(b + 8, b + 4);
                  }));
  }
};

template <typename D>
struct IQ4_NL : Small<BlockIQ4_NL> {
  template <int kCount>
  static float32x4_t Add(BlockOfRows<kCount> block, const ActBlock& x, float32x4_t sum) {
    return AddSmall<D>(block, x, Halves(block, 0), sum,
                       [](const uint8_t* b) { return Lookup(kIq4Values, b + 2); });
  }
};

template <typename D>
struct MXFP4 : Small<BlockMXFP4> {
  template <int kCount>
  static float32x4_t Add(BlockOfRows<kCount> block, const ActBlock& x, float32x4_t sum) {
    // 2^(e - 128); the two least are denormal.
    uint32_t bits[kRows] = {};
    for (int r = 0; r < kCount; ++r) {
      const uint32_t e = *block[r];
      bits[r] = e < 2 ? 0x00200000u << e : (e - 1) << 23;
    }
    return AddSmall<D>(block, x, vreinterpretq_f32_u32(vld1q_u32(bits)), sum,
                       [](const uint8_t* b) { return Lookup(kMxfp4Values, b + 1); });
  }
};

}  // namespace linnet::kernels::neon_rows

#endif  // LINNET_RUNTIME_KERNELS_NEON_BLOCK_TYPES_H_
