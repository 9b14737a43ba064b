#ifndef LINNET_RUNTIME_KERNELS_TYPES_H_
#define LINNET_RUNTIME_KERNELS_TYPES_H_

// Plain data that crosses the kernel border. Kernel files include nothing of ours but this and ops.h.

#include <cstddef>
#include <cstdint>

namespace linnet::kernels {

// How a tensor's weights are stored; values are GGUF's (ggml_type). weight_types.h has a row for each.
enum class WeightType : uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ2_K = 10,
  kQ3_K = 11,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kIQ4_NL = 20,
  kIQ4_XS = 23,
  kBF16 = 30,
  kTQ1_0 = 34,
  kTQ2_0 = 35,
  kMXFP4 = 39,
};
inline constexpr size_t kWeightTypeIds = 40;  // one more than the largest

// Weights in a block of the small and of the large ("K") block types; activations are quantized by the same
// blocks.
inline constexpr size_t kBlock = 32;
inline constexpr size_t kBlock256 = 256;

// How keys and values are kept; kv_types.h has the names. A row is a position of one head: floats; halves; or
// bytes quantized as activations are, in blocks of 32 with zeros behind the last element: all their
// bytes, within +-127, then their d as floats. Files of stored prefixes hold the numbers.
enum class KvType : uint8_t { kF32 = 0, kF16 = 1, kQ8 = 2 };

// Blocks of a row of kQ8.
static constexpr size_t KvBlocks(size_t head_dim) { return (head_dim + kBlock - 1) / kBlock; }

static constexpr size_t KvRowBytes(KvType type, size_t head_dim) {
  switch (type) {
    case KvType::kF32:
      return head_dim * sizeof(float);
    case KvType::kF16:
      return head_dim * sizeof(uint16_t);
    case KvType::kQ8:
      return KvBlocks(head_dim) * (kBlock + sizeof(float));
  }
  return 0;
}

// The stored blocks, byte for byte as in a GGUF file (ggml-common.h). `d`, `m` and `dmin` are IEEE halves. In
// the small types the low nibble of byte i is element i, the high nibble element i + 16.

// value = d * (nibble - 8).
struct BlockQ4_0 {
  uint16_t d;
  uint8_t nibbles[kBlock / 2];
};
static_assert(sizeof(BlockQ4_0) == 18);

// value = d * nibble + m.
struct BlockQ4_1 {
  uint16_t d, m;
  uint8_t nibbles[kBlock / 2];
};
static_assert(sizeof(BlockQ4_1) == 20);

// value = d * (q - 16); bit i of `high`, read as a little-endian word, is the fifth bit of element i.
struct BlockQ5_0 {
  uint16_t d;
  uint8_t high[4];
  uint8_t nibbles[kBlock / 2];
};
static_assert(sizeof(BlockQ5_0) == 22);

// value = d * q + m, q as in Q5_0.
struct BlockQ5_1 {
  uint16_t d, m;
  uint8_t high[4];
  uint8_t nibbles[kBlock / 2];
};
static_assert(sizeof(BlockQ5_1) == 24);

// value = d * q.
struct BlockQ8_0 {
  uint16_t d;
  int8_t q[kBlock];
};
static_assert(sizeof(BlockQ8_0) == 34);

// value = d * kIq4Values[nibble].
struct BlockIQ4_NL {
  uint16_t d;
  uint8_t nibbles[kBlock / 2];
};
static_assert(sizeof(BlockIQ4_NL) == 18);

// value = 2^(e - 128) * kMxfp4Values[nibble]: OCP microscaling with the elements' values doubled.
struct BlockMXFP4 {
  uint8_t e;
  uint8_t nibbles[kBlock / 2];
};
static_assert(sizeof(BlockMXFP4) == 17);

// Large blocks: sub-blocks of 16 or 32 elements with small integer scales, sc, and sometimes mins, mn.

// value = d * sc * q - dmin * mn, 16 sub-blocks of 16; scales[j]: sc in the low nibble, mn in the high one.
// Element 128 h + 32 s + i is bits 2 s, 2 s + 1 of q[32 h + i].
struct BlockQ2_K {
  uint8_t scales[16];
  uint8_t q[64];
  uint16_t d, dmin;
};
static_assert(sizeof(BlockQ2_K) == 84);

// value = d * (sc - 32) * (q - 4), 16 sub-blocks of 16. Low two bits as in Q2_K; the third bit of element
// 32 s + i is bit s of high[i]. Scale j: its low four bits are the low (j < 8) or high nibble of
// scales[j % 8], the two above are bits 2 (j / 4), 2 (j / 4) + 1 of scales[8 + j % 4].
struct BlockQ3_K {
  uint8_t high[32];
  uint8_t q[64];
  uint8_t scales[12];
  uint16_t d;
};
static_assert(sizeof(BlockQ3_K) == 110);

// value = d * sc * q - dmin * mn, 8 sub-blocks of 32. Element 64 h + i is the low, 64 h + 32 + i the high
// nibble of q[32 h + i]. Scale and min j < 4: the low six bits of scales[j] and scales[j + 4]; j >= 4: the
// low and the high nibble of scales[j + 4], with the top two bits of scales[j - 4] and scales[j] above.
struct BlockQ4_K {
  uint16_t d, dmin;
  uint8_t scales[12];
  uint8_t q[128];
};
static_assert(sizeof(BlockQ4_K) == 144);

// As Q4_K; the fifth bit of element 32 s + i is bit s of high[i].
struct BlockQ5_K {
  uint16_t d, dmin;
  uint8_t scales[12];
  uint8_t high[32];
  uint8_t q[128];
};
static_assert(sizeof(BlockQ5_K) == 176);

// value = d * scales[j] * (q - 32), 16 sub-blocks of 16. Element 128 h + 32 s + i: its low four bits are the
// low (s < 2) or high nibble of low[64 h + 32 (s % 2) + i], the two above are bits 2 s, 2 s + 1 of
// high[32 h + i].
struct BlockQ6_K {
  uint8_t low[128];
  uint8_t high[64];
  int8_t scales[16];
  uint16_t d;
};
static_assert(sizeof(BlockQ6_K) == 210);

// value = d * (sc - 32) * kIq4Values[nibble], 8 sub-blocks of 32, each 16 bytes as in the small types. Scale
// j: its low four bits are the low (j even) or high nibble of scales_low[j / 2], the two above are bits 2 j,
// 2 j + 1 of scales_high.
struct BlockIQ4_XS {
  uint16_t d, scales_high;
  uint8_t scales_low[4];
  uint8_t nibbles[128];
};
static_assert(sizeof(BlockIQ4_XS) == 136);

// value = d * (trit - 1), five trits a byte: the fraction byte / 256 in base 3, the first digit first.
// Element 32 n + i is digit n of q[i], 160 + 16 n + i that of q[32 + i], 240 + 4 n + i (n < 4) that of
// high[i].
struct BlockTQ1_0 {
  uint8_t q[48];
  uint8_t high[4];
  uint16_t d;
};
static_assert(sizeof(BlockTQ1_0) == 54);

// value = d * (q - 1); elements as in Q2_K.
struct BlockTQ2_0 {
  uint8_t q[64];
  uint16_t d;
};
static_assert(sizeof(BlockTQ2_0) == 66);

inline constexpr int8_t kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                          1,    13,   25,  38,  53,  69,  89,  113};
inline constexpr int8_t kMxfp4Values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

// A quantized activation block: value[i] = d * q[i], d = amax / 127 in float (NUMERICS.md), every q in
// [-127, 127]. sum = the sum of q, for weights with a min.
struct ActBlock {
  float d;
  int32_t sum;
  int8_t q[kBlock];
};
static_assert(sizeof(ActBlock) == 40);

// The same over 256 values; sums[j] = the sum of q[16 j .. 16 j + 15].
struct ActBlock256 {
  float d;
  int16_t sums[kBlock256 / 16];
  int8_t q[kBlock256];
};
static_assert(sizeof(ActBlock256) == 292);

}  // namespace linnet::kernels

#endif  // LINNET_RUNTIME_KERNELS_TYPES_H_
