#ifndef LINNET_RUNTIME_KERNELS_NEON_TILE_STEPS_H_
#define LINNET_RUNTIME_KERNELS_NEON_TILE_STEPS_H_

#include "runtime/kernels/neon/tile_head.h"
#include "runtime/kernels/neon/tile_loops.h"
#include "runtime/kernels/neon/tile_types.h"

// What the kernels of packed matrices (block_tiles.h, k_tiles.h) are made of: lane = row, and a lane of the
// activations is the factor of a vector of weights. The instruction set gives Products, exact integer sums of
// four rows times one token:
//
//   Products<largest, count>   of codes up to `largest` in magnitude, `count` vectors of them
//     Start(init)              init: int32 sums to begin with, here or in Total, whichever is cheaper
//     Add<lane>(w, a), AddTwo<lane>(codes, a for low, a for high)
//     Total(init)              int32 sums; the same init
namespace linnet::kernels::neon_tiles {

// Four columns of each token that lie beside each other, as lanes. The vector and lane of group g of four
// columns (of 32), token t.
template <int kTokens>
struct Lanes {
  static constexpr int kBeside = Beside(kTokens);
  static constexpr int Lane(int g, int t) { return (g * kBeside + t % kBeside) % 4; }
  static constexpr int Vector(int g, int t) { return (g * kBeside + t % kBeside) / 4; }
};

template <int kTokens>
static inline int8x16_t Columns(const int32_t* q, int g, int t) {
  return vreinterpretq_s8_s32(vld1q_s32(q + 4 * Lanes<kTokens>::Vector(g, t)));
}

// Halves [begin, end) of 32 columns, of one vector of rows and one panel of four tokens, whose columns of a
// half come in one load. Moves q on.
template <int begin, int end, typename Products>
__attribute__((always_inline)) static inline void AddPanel(const Codes (&codes)[4][1], const int32_t*& q,
                                                           Products (&products)[4]) {
  if constexpr (begin < end) {
    const int8x16x4_t columns = LoadColumns(q);
    Each<4>([&](auto v) __attribute__((always_inline)) {
      const Codes& four = codes[v.value][0];
      Each<4>([&](auto t) __attribute__((always_inline)) {
        products[t.value].template Add<t.value>(begin == 0 ? four.low : four.high, columns.val[v.value]);
      });
    });
    AddPanel<begin + 1, end>(codes, q, products);
  }
}

// 32 columns. q: where each panel has them. Returns what follows the vectors of nibbles (or of low bytes).
template <typename W, typename Products, int kVectors, int kTokens, int kPanels>
__attribute__((always_inline)) static inline const uint8_t* Add32(const uint8_t* quants,
                                                                  const int32_t* const (&q)[kPanels],
                                                                  Products (&products)[kVectors][kTokens]) {
  Each<4>([&](auto v) __attribute__((always_inline)) {
    Codes codes[kVectors];
    W::template Unpack<v.value>(quants, codes);
    Each<kTokens>([&](auto t) __attribute__((always_inline)) {
      const int32_t* panel = q[t.value / Beside(kTokens)];
      const int8x16_t low = Columns<kTokens>(panel, v.value, t.value);
      const int8x16_t high = Columns<kTokens>(panel, 4 + v.value, t.value);
      for (int r = 0; r < kVectors; ++r) {
        products[r][t.value].template AddTwo<Lanes<kTokens>::Lane(v.value, t.value)>(codes[r], low, high);
      }
    });
  });
  return quants;
}

// The first (half 0) or last 16 of 32 columns.
template <typename W, int half, typename Products, int kVectors, int kTokens, int kPanels>
__attribute__((always_inline)) static inline const uint8_t* Add16(const uint8_t* quants,
                                                                  const int32_t* const (&q)[kPanels],
                                                                  Products (&products)[kVectors][kTokens]) {
  Each<4>([&](auto v) __attribute__((always_inline)) {
    Codes codes[kVectors];
    W::template Unpack<v.value>(quants, codes);
    Each<kTokens>([&](auto t) __attribute__((always_inline)) {
      constexpr int kGroup = 4 * half + v.value;
      const int8x16_t a = Columns<kTokens>(q[t.value / Beside(kTokens)], kGroup, t.value);
      for (int r = 0; r < kVectors; ++r) {
        products[r][t.value].template Add<Lanes<kTokens>::Lane(kGroup, t.value)>(
            half == 0 ? codes[r].low : codes[r].high, a);
      }
    });
  });
  return quants;
}

// Sums that are a function's own stay in registers through its loop; those behind a reference are stored by
// each step.
template <int kVectors, int kTokens>
__attribute__((always_inline)) static inline void Copy(const float32x4_t (&from)[kVectors][kTokens],
                                                       float32x4_t (&to)[kVectors][kTokens]) {
  for (int r = 0; r < kVectors; ++r) {
    for (int t = 0; t < kTokens; ++t) to[r][t] = from[r][t];
  }
}

// The same value, of which the compiler knows nothing: it would take a multiplication by -8 apart, into three
// instructions.
__attribute__((always_inline)) static inline int32x4_t Opaque(int32x4_t value) {
  asm("" : "+w"(value));
  return value;
}

// sums + float(exact) * (d * the tokens' d).
template <int kVectors, int kTokens>
__attribute__((always_inline)) static inline void AddScaled(const int32x4_t (&exact)[kVectors][kTokens],
                                                            const float32x4_t (&d)[kVectors],
                                                            const Panels<kTokens>& x,
                                                            float32x4_t (&sums)[kVectors][kTokens]) {
  Each<kTokens>([&](auto t) __attribute__((always_inline)) {
    constexpr int kBeside = Beside(kTokens);
    const float32x4_t token_d = LoadScales(x.at[t.value / kBeside]);
    for (int r = 0; r < kVectors; ++r) {
      sums[r][t.value] = vfmaq_f32(sums[r][t.value], vcvtq_f32_s32(exact[r][t.value]),
                                   vmulq_laneq_f32(d[r], token_d, t.value % kBeside));
    }
  });
}

}  // namespace linnet::kernels::neon_tiles

#endif  // LINNET_RUNTIME_KERNELS_NEON_TILE_STEPS_H_
