#ifndef LINNET_RUNTIME_KERNELS_NEON_TILE_CODES_H_
#define LINNET_RUNTIME_KERNELS_NEON_TILE_CODES_H_

#include <arm_neon.h>

#include "runtime/kernels/neon/tile_panel.h"

// The integers of packed weights, out of the 64-byte vectors of tiles.h: for v = 0 .. 3 the columns 4 v + i
// and 16 + 4 v + i of kVectors times four rows. q stands at vector v of the first of these rows, and moves on
// to vector v + 1.
namespace linnet::kernels::neon_tiles {

struct Codes {
  int8x16_t low, high;  // byte 4 r + i: row r, column 4 v + i; 16 + 4 v + i
};

template <int kVectors>
static inline void LoadVectors(const uint8_t* p, uint8x16_t (&to)[kVectors]) {
  if constexpr (kVectors == 4) {
    const uint8x16x4_t all = vld1q_u8_x4(p);
    for (int r = 0; r < 4; ++r) to[r] = all.val[r];
  } else {
    for (int r = 0; r < kVectors; ++r) to[r] = vld1q_u8(p + 16 * r);
  }
}

// The vector at q. Whole ones leave the compiler one address that grows with each load, which costs nothing:
// it knows no better than to keep four.
template <int kVectors>
static inline void LoadNext(const uint8_t*& q, uint8x16_t (&to)[kVectors]) {
  LoadVectors(q, to);
  q += 64;
  if constexpr (kVectors == 4) asm("" : "+r"(q));
}

// Each of these: UnpackX<v>(q, codes of kVectors).
template <int v, int kVectors>
static inline void UnpackNibbles(const uint8_t*& q, Codes (&codes)[kVectors]) {
  uint8x16_t packed[kVectors];
  LoadNext(q, packed);
  for (int r = 0; r < kVectors; ++r) {
    codes[r].low = vreinterpretq_s8_u8(vandq_u8(packed[r], vdupq_n_u8(15)));
    codes[r].high = vreinterpretq_s8_u8(vshrq_n_u8(packed[r], 4));
  }
}

// Bits v and 4 + v of the fifth vector stand as far from each other as the nibbles do.
template <int v, int kVectors>
static inline void UnpackFiveBits(const uint8_t*& q, Codes (&codes)[kVectors]) {
  uint8x16_t packed[kVectors], bits[kVectors];
  LoadVectors(q + 64 * (4 - v), bits);
  LoadVectors(q, packed);
  q += 64;
  for (int r = 0; r < kVectors; ++r) {
    uint8x16_t fifth = bits[r];
    if constexpr (v > 0) fifth = vshrq_n_u8(fifth, v);
    codes[r].high = vreinterpretq_s8_u8(vbslq_u8(vdupq_n_u8(16), fifth, vshrq_n_u8(packed[r], 4)));
    codes[r].low = vreinterpretq_s8_u8(vandq_u8(vsliq_n_u8(packed[r], fifth, 4), vdupq_n_u8(31)));
  }
}

// The same less 16: a fifth bit that is not set fills the upper half of its byte.
template <int v, int kVectors>
static inline void UnpackFiveBitsSigned(const uint8_t*& q, Codes (&codes)[kVectors]) {
  uint8x16_t packed[kVectors], bits[kVectors];
  LoadVectors(q + 64 * (4 - v), bits);
  LoadVectors(q, packed);
  q += 64;
  for (int r = 0; r < kVectors; ++r) {
    uint8x16_t clear = vmvnq_u8(bits[r]);
    asm("" : "+w"(clear));  // the compiler would take the tests apart, into two instructions each
    const uint8x16_t low = vtstq_u8(clear, vdupq_n_u8(1 << v)), high = vtstq_u8(clear, vdupq_n_u8(16 << v));
    codes[r].low = vreinterpretq_s8_u8(vbslq_u8(vdupq_n_u8(15), packed[r], low));
    codes[r].high = vreinterpretq_s8_u8(vsriq_n_u8(high, packed[r], 4));
  }
}

// Bits 2 v, 2 v + 1 of a byte, signed, as its upper half.
template <int v>
static inline uint8x16_t SignedPair(uint8x16_t pairs) {
  if constexpr (v < 3) pairs = vshlq_n_u8(pairs, 6 - 2 * v);
  return vreinterpretq_u8_s8(vshrq_n_s8(vreinterpretq_s8_u8(pairs), 2));
}

// Less 32: the upper two of the six bits are signed when the upper one of them is turned around.
template <int v, int kVectors>
static inline void UnpackSixBitsSigned(const uint8_t*& q, Codes (&codes)[kVectors]) {
  uint8x16_t packed[kVectors], low_pairs[kVectors], high_pairs[kVectors];
  LoadVectors(q + 64 * (4 - v), low_pairs);
  LoadVectors(q + 64 * (5 - v), high_pairs);
  LoadVectors(q, packed);
  q += 64;
  const uint8x16_t upper = vdupq_n_u8(0xaa);
  for (int r = 0; r < kVectors; ++r) {
    const uint8x16_t low = SignedPair<v>(veorq_u8(low_pairs[r], upper));
    const uint8x16_t high = SignedPair<v>(veorq_u8(high_pairs[r], upper));
    codes[r].low = vreinterpretq_s8_u8(vbslq_u8(vdupq_n_u8(15), packed[r], low));
    codes[r].high = vreinterpretq_s8_u8(vsriq_n_u8(high, packed[r], 4));
  }
}

template <int v, int kVectors>
static inline void UnpackBytes(const uint8_t*& q, Codes (&codes)[kVectors]) {
  uint8x16_t low[kVectors], high[kVectors];
  LoadVectors(q, low);
  LoadVectors(q + 64 * 4, high);
  q += 64;
  for (int r = 0; r < kVectors; ++r) codes[r] = {vreinterpretq_s8_u8(low[r]), vreinterpretq_s8_u8(high[r])};
}

template <int v, int kVectors>
static inline void UnpackTable(const uint8_t*& q, const int8_t* table, Codes (&codes)[kVectors]) {
  const int8x16_t values = vld1q_s8(table);
  UnpackNibbles<v>(q, codes);
  for (Codes& code : codes) {
    code.low = vqtbl1q_s8(values, vreinterpretq_u8_s8(code.low));
    code.high = vqtbl1q_s8(values, vreinterpretq_u8_s8(code.high));
  }
}

}  // namespace linnet::kernels::neon_tiles

#endif  // LINNET_RUNTIME_KERNELS_NEON_TILE_CODES_H_
