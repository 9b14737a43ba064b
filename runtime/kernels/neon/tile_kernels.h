#ifndef LINNET_RUNTIME_KERNELS_NEON_TILE_KERNELS_H_
#define LINNET_RUNTIME_KERNELS_NEON_TILE_KERNELS_H_

#include "runtime/kernels/neon/tile_head.h"
#include "runtime/kernels/neon/tile_loops.h"
#include "runtime/kernels/neon/tile_types.h"

// The kernels of packed matrices: lane = row, and a lane of the activations is the factor of a vector of
// weights. The instruction set gives Products, exact integer sums of four rows times one token:
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

// 32 columns. q: where each panel has them.
template <typename W, typename Products, int kVectors, int kTokens, int kPanels>
__attribute__((always_inline)) static inline void Add32(const uint8_t* quants,
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
}

// The first (half 0) or last 16 of 32 columns.
template <typename W, int half, typename Products, int kVectors, int kTokens, int kPanels>
__attribute__((always_inline)) static inline void Add16(const uint8_t* quants,
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

template <typename W, typename Set>
struct SmallKernel {
  using Act = ActBlock;
  static constexpr WeightType kType = W::kType;
  static constexpr int kMostTokens = Set::kMostTokens, kUnit = 1;

  template <int kVectors, int kTokens>
  static void Add(const TileRun& tile, size_t at, const int32_t* panel,
                  float32x4_t (&sums)[kVectors][kTokens]) {
    using Products = typename Set::template Products<W::kLargest, 8>;
    constexpr TileFormat kFormat = *FindTileFormat(kType);
    constexpr int kBeside = Beside(kTokens), kPanels = kTokens / kBeside;
    const uint8_t* head = tile.heads;
    const uint8_t* quants = tile.quants + 16 * at;
    Panels<kTokens> x = PanelsAt<Act, kTokens>(panel, tile.blocks);
    for (size_t b = 0; b < tile.blocks; ++b) {
      Products products[kVectors][kTokens];
      const int32_t* q[kPanels];
      for (int i = 0; i < kPanels; ++i) q[i] = x.at[i] + kWordsBeforeQ<Act> * kBeside;
      const auto start = [&](auto t) __attribute__((always_inline)) {
        if constexpr (W::kOffset == 0) {
          return vdupq_n_s32(0);
        } else {
          return vmulq_laneq_s32(vdupq_n_s32(-W::kOffset), LoadWords(x.at[t.value / kBeside] + kBeside),
                                 t.value % kBeside);
        }
      };
      Each<kTokens>([&](auto t) __attribute__((always_inline)) {
        for (auto& row : products) row[t.value].Start(start(t));
      });
      Add32<W>(quants, q, products);
      int32x4_t exact[kVectors][kTokens];
      Each<kTokens>([&](auto t) __attribute__((always_inline)) {
        for (int r = 0; r < kVectors; ++r) exact[r][t.value] = products[r][t.value].Total(start(t));
      });
      float32x4_t d[kVectors];
      LoadHalves(head, at, d);
      AddScaled(exact, d, x, sums);
      if constexpr (W::kMins) {
        LoadHalves(head + 2 * kTileRows, at, d);
        Each<kTokens>([&](auto t) __attribute__((always_inline)) {
          const int32_t* words = x.at[t.value / kBeside];
          const float32x4_t token_d = LoadScales(words);
          const float32x4_t token_sum = vcvtq_f32_s32(LoadWords(words + kBeside));
          constexpr int kLane = t.value % kBeside;
          for (int r = 0; r < kVectors; ++r) {
            sums[r][t.value] =
                vfmaq_laneq_f32(sums[r][t.value], vmulq_laneq_f32(d[r], token_d, kLane), token_sum, kLane);
          }
        });
      }
      head += kFormat.head_bytes;
      quants += kFormat.quant_bytes;
      NextBlock<Act>(x);
    }
  }
};

// Sub-blocks of a block of 256 with a min.
constexpr int kMins = 8;

// less = - the sum of mins times sums of 32 columns.
template <int kVectors, int kTokens>
__attribute__((always_inline)) static inline void SumMins(const uint8_t* mins, size_t at,
                                                          const Panels<kTokens>& x,
                                                          int32x4_t (&less)[kVectors][kTokens]) {
  constexpr int kBeside = Beside(kTokens), kPanels = kTokens / kBeside;
  // Of 32 columns each, as the panels' words have them: kMins times kBeside tokens.
  int16x8_t column_sums[kPanels][kBeside];
  for (int i = 0; i < kPanels; ++i) {
    for (int e = 0; e < kBeside; ++e) {
      const int32_t* words = x.at[i] + kBeside + 8 * e;
      column_sums[i][e] =
          vpaddq_s16(vreinterpretq_s16_s32(vld1q_s32(words)), vreinterpretq_s16_s32(vld1q_s32(words + 4)));
    }
  }
  for (auto& row : less) {
    for (int32x4_t& sum : row) sum = vdupq_n_s32(0);
  }
  Each<kMins>([&](auto j) __attribute__((always_inline)) {
    int16x8_t bytes[(kVectors + 1) / 2];
    LoadBytes<kVectors, Bytes::kUnsigned>(mins + j.value * kTileRows, at, bytes);
    Each<kTokens>([&](auto t) __attribute__((always_inline)) {
      constexpr int kElement = j.value * kBeside + t.value % kBeside;
      const int16x8_t factors = column_sums[t.value / kBeside][kElement / 8];
      Each<kVectors>([&](auto r) __attribute__((always_inline)) {
        less[r.value][t.value] =
            LessProducts<r.value % 2, kElement % 8>(less[r.value][t.value], bytes[r.value / 2], factors);
      });
    });
  });
}

template <typename W, typename Set>
struct LargeKernel {
  using Act = ActBlock256;
  static constexpr WeightType kType = W::kType;
  static constexpr int kMostTokens = Set::kMostTokens, kUnit = 1;
  static constexpr size_t kSubs = kBlock256 / W::kSub;

  template <int kVectors, int kTokens>
  static void Add(const TileRun& tile, size_t at, const int32_t* panel,
                  float32x4_t (&sums)[kVectors][kTokens]) {
    constexpr TileFormat kFormat = *FindTileFormat(kType);
    const uint8_t* head = tile.heads;
    const uint8_t* quants = tile.quants + 16 * at;
    Panels<kTokens> x = PanelsAt<Act, kTokens>(panel, tile.blocks);
    for (size_t b = 0; b < tile.blocks; ++b) {
      const uint8_t* scales = head + (W::kMins ? 4 : 2) * kTileRows;
      int32x4_t exact[kVectors][kTokens];
      for (auto& row : exact) {
        for (int32x4_t& sum : row) sum = vdupq_n_s32(0);
      }
      AddSubs(quants, scales, at, x, exact);
      float32x4_t d[kVectors];
      LoadHalves(head, at, d);
      AddScaled(exact, d, x, sums);
      if constexpr (W::kMins) {
        SumMins(scales + kSubs * kTileRows, at, x, exact);
        LoadHalves(head + 2 * kTileRows, at, d);
        AddScaled(exact, d, x, sums);
      }
      head += kFormat.head_bytes;
      quants += kFormat.quant_bytes;
      NextBlock<Act>(x);
    }
  }

 private:
  // exact + the sub-blocks' products, each times its scale.
  template <int kVectors, int kTokens>
  __attribute__((always_inline)) static void AddSubs(const uint8_t* quants, const uint8_t* scales, size_t at,
                                                     const Panels<kTokens>& x,
                                                     int32x4_t (&exact)[kVectors][kTokens]) {
    constexpr int kBeside = Beside(kTokens), kPanels = kTokens / kBeside;
    constexpr size_t kBytesOf32 = FindTileFormat(kType)->quant_bytes / (kBlock256 / 32);
    using Products = typename Set::template Products<W::kLargest, W::kSub / 4>;
    const int32_t* q[kPanels];
    for (int i = 0; i < kPanels; ++i) q[i] = x.at[i] + kWordsBeforeQ<Act> * kBeside;
    for (size_t j = 0; j < kBlock256 / 32; ++j) {
      Each<32 / W::kSub>([&](auto half) __attribute__((always_inline)) {
        Products products[kVectors][kTokens];
        Each<kTokens>([&](auto t) __attribute__((always_inline)) {
          for (auto& row : products) row[t.value].Start(Start<half.value, kTokens>(x, j, t));
        });
        if constexpr (W::kSub == 32) {
          Add32<W>(quants, q, products);
        } else {
          Add16<W, half.value>(quants, q, products);
        }
        int16x8_t bytes[(kVectors + 1) / 2];
        LoadBytes<kVectors, Bytes::kSigned>(scales, at, bytes);
        int32x4_t scale[kVectors];
        Each<kVectors>([&](auto r) __attribute__((always_inline)) {
          scale[r.value] = Widen<r.value % 2>(bytes[r.value / 2]);
        });
        Each<kTokens>([&](auto t) __attribute__((always_inline)) {
          for (int r = 0; r < kVectors; ++r) {
            const int32x4_t total = products[r][t.value].Total(Start<half.value, kTokens>(x, j, t));
            exact[r][t.value] = vmlaq_s32(exact[r][t.value], total, scale[r]);
          }
        });
        scales += kTileRows;
      });
      quants += kBytesOf32;
      for (const int32_t*& panel : q) panel += 8 * kBeside;
    }
  }

  // What the offset takes from half `half` of the j-th 32 columns.
  template <int half, int kTokens, typename T>
  __attribute__((always_inline)) static int32x4_t Start(const Panels<kTokens>& x, size_t j, T t) {
    if constexpr (W::kOffset == 0) {
      return vdupq_n_s32(0);
    } else {
      // A word has the sums of both halves: lanes 2 t and 2 t + 1 of 16 bits.
      constexpr int kBeside = Beside(kTokens), kLane = t.value % kBeside;
      const int32x4_t words = LoadWords(x.at[t.value / kBeside] + (1 + j) * kBeside);
      const int16x8_t pairs = vreinterpretq_s16_s32(words);
      const int32x4_t offsets =
          kLane < 2 ? vmull_n_s16(vget_low_s16(pairs), -W::kOffset) : vmull_high_n_s16(pairs, -W::kOffset);
      return vdupq_laneq_s32(offsets, kLane % 2 * 2 + half);
    }
  }
};

}  // namespace linnet::kernels::neon_tiles

#endif  // LINNET_RUNTIME_KERNELS_NEON_TILE_KERNELS_H_
