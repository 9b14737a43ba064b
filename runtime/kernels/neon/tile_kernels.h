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

// What the sums in panels of 32 columns are multiplied by: products then start with the sums as they are.
template <typename W>
constexpr int kSumFactorOf = W::kOffset == 0 ? 1 : -W::kOffset;

// The tokens' sums of 32 columns out of such a panel, for the mins.
template <typename W>
__attribute__((always_inline)) static inline float32x4_t SumsOf(int32x4_t words) {
  static_assert(kSumFactorOf<W> == 1 || kSumFactorOf<W> == 16);
  if constexpr (kSumFactorOf<W> == 1) return vcvtq_f32_s32(words);
  return vcvtq_n_f32_s32(words, 4);  // over 16, exactly
}

template <typename W, typename Set>
struct SmallKernel {
  using Act = ActBlock;
  static constexpr WeightType kType = W::kType;
  static constexpr int kSumFactor = kSumFactorOf<W>;
  // Mins leave no registers for twelve.
  static constexpr int kMostTokens = Set::kMostTokens == 8 && !W::kMins ? 12 : Set::kMostTokens, kUnit = 1;

  template <int kVectors, int kTokens>
  static void Add(const TileRun& tile, size_t at, const int32_t* panel, float32x4_t (&y)[kVectors][kTokens]) {
    using Products = typename Set::template Products<W::kLargest, 8>;
    constexpr TileFormat kFormat = *FindTileFormat(kType);
    constexpr int kBeside = Beside(kTokens), kPanels = kTokens / kBeside;
    const uint8_t* head = tile.heads;
    const uint8_t* quants = tile.quants + 16 * at;
    Panels<kTokens> x = PanelsAt<Act, kTokens>(panel, tile.blocks);
    float32x4_t sums[kVectors][kTokens];
    Copy(y, sums);
    if constexpr (kTokens == 1) {
      AddOne(tile, at, x.at[0], sums);
      return Copy(sums, y);
    }
    if constexpr (kPanels > 1) {
      AddByPanels(tile, at, x, sums);
      return Copy(sums, y);
    }
    for (size_t b = 0; b < tile.blocks; ++b) {
      Products products[kVectors][kTokens];
      const int32_t* q[kPanels];
      for (int i = 0; i < kPanels; ++i) q[i] = x.at[i] + kWordsBeforeQ<Act> * kBeside;
      const auto start = [&](auto t) __attribute__((always_inline)) {
        return Start<t.value % kBeside>(LoadWords(x.at[t.value / kBeside] + kBeside));
      };
      Each<kTokens>([&](auto t) __attribute__((always_inline)) {
        for (auto& row : products) row[t.value].Start(start(t));
      });
      quants = Add32<W>(quants, q, products);
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
          const float32x4_t token_sum = SumsOf<W>(LoadWords(words + kBeside));
          constexpr int kLane = t.value % kBeside;
          for (int r = 0; r < kVectors; ++r) {
            sums[r][t.value] =
                vfmaq_laneq_f32(sums[r][t.value], vmulq_laneq_f32(d[r], token_d, kLane), token_sum, kLane);
          }
        });
      }
      head += kFormat.head_bytes;
      quants += kFormat.quant_bytes - 4 * 64;
      NextBlock<Act>(x);
    }
    Copy(sums, y);
  }

 private:
  // One token, whose block comes in two loads.
  template <int kVectors>
  __attribute__((always_inline)) static void AddOne(const TileRun& tile, size_t at, const int32_t* x,
                                                    float32x4_t (&sums)[kVectors][1]) {
    using Products = typename Set::template Products<W::kLargest, 8>;
    constexpr TileFormat kFormat = *FindTileFormat(kType);
    const int32x4_t minus_offset = Opaque(vdupq_n_s32(-W::kOffset));
    const uint8_t* head = tile.heads;
    const uint8_t* quants = tile.quants + 16 * at;
    for (size_t b = 0; b < tile.blocks; ++b) {
      const int32x2_t words = LoadWordsOfOne(x);
      const float32x2_t token_d = vreinterpret_f32_s32(words);
      const int8x16_t low = vreinterpretq_s8_s32(vld1q_s32(x)), high = vreinterpretq_s8_s32(vld1q_s32(x + 4));
      x += 8;
      const int32x4_t start = W::kOffset == 0 ? vdupq_n_s32(0) : vmulq_lane_s32(minus_offset, words, 1);
      Products products[kVectors];
      for (Products& row : products) row.Start(start);
      const uint8_t* vectors = quants;
      Each<4>([&](auto v) __attribute__((always_inline)) {
        Codes codes[kVectors];
        W::template Unpack<v.value>(vectors, codes);
        for (int r = 0; r < kVectors; ++r) {
          products[r].template AddTwo<v.value>(codes[r], low, high);
        }
      });
      float32x4_t d[kVectors];
      LoadHalves(head, at, d);
      for (int r = 0; r < kVectors; ++r) {
        sums[r][0] =
            vfmaq_f32(sums[r][0], vcvtq_f32_s32(products[r].Total(start)), vmulq_lane_f32(d[r], token_d, 0));
      }
      if constexpr (W::kMins) {
        LoadHalves(head + 2 * kTileRows, at, d);
        const float32x2_t token_sum = vcvt_f32_s32(words);
        for (int r = 0; r < kVectors; ++r) {
          sums[r][0] = vfmaq_lane_f32(sums[r][0], vmulq_lane_f32(d[r], token_d, 0), token_sum, 1);
        }
      }
      head += kFormat.head_bytes;
      quants = vectors + (kFormat.quant_bytes - 4 * 64);
    }
  }

  // One vector of rows times several panels: its codes stay in registers while the panels pass by.
  template <int kTokens>
  __attribute__((always_inline)) static void AddByPanels(const TileRun& tile, size_t at, Panels<kTokens> x,
                                                         float32x4_t (&sums)[1][kTokens]) {
    using Products = typename Set::template Products<W::kLargest, 8>;
    constexpr TileFormat kFormat = *FindTileFormat(kType);
    const uint8_t* head = tile.heads + 8 * at;
    const uint8_t* quants = tile.quants + 16 * at;
    for (size_t b = 0; b < tile.blocks; ++b) {
      Codes codes[4][1];
      const uint8_t* vectors = quants;
      Each<4>([&](auto v)
                  __attribute__((always_inline)) { W::template Unpack<v.value>(vectors, codes[v.value]); });
      float32x4_t d[1], m[1];
      LoadHalves(head, 0, d);
      if constexpr (W::kMins) LoadHalves(head + 2 * kTileRows, 0, m);
      Each<kTokens / 4>([&](auto p) __attribute__((always_inline)) {
        const int32_t*& panel = x.at[p.value];
        const int32x4_t token_sums = LoadSecondWords(panel);
        Products products[4];
        Each<4>([&](auto t)
                    __attribute__((always_inline)) { products[t.value].Start(Start<t.value>(token_sums)); });
        AddPanel<0, 2>(codes, panel, products);
        // Not before: the products need all registers.
        const float32x4_t token_d = LoadScales(panel - kWords<Act> * 4);
        Each<4>([&](auto t) __attribute__((always_inline)) {
          float32x4_t& sum = sums[0][4 * p.value + t.value];
          const int32x4_t exact = products[t.value].Total(Start<t.value>(token_sums));
          sum = vfmaq_f32(sum, vcvtq_f32_s32(exact), vmulq_laneq_f32(d[0], token_d, t.value));
          if constexpr (W::kMins) {
            sum =
                vfmaq_laneq_f32(sum, vmulq_laneq_f32(m[0], token_d, t.value), SumsOf<W>(token_sums), t.value);
          }
        });
      });
      head += kFormat.head_bytes;
      quants += kFormat.quant_bytes;
    }
  }

  template <int kLane>
  __attribute__((always_inline)) static int32x4_t Start(int32x4_t token_sums) {
    return W::kOffset == 0 ? vdupq_n_s32(0) : vdupq_laneq_s32(token_sums, kLane);
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
  static constexpr int kMostTokens = Set::kMostTokens == 8 ? 12 : Set::kMostTokens, kUnit = 1, kSumFactor = 1;
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
      if constexpr (kTokens > Beside(kTokens)) {
        // The products need the registers of these sums meanwhile.
        asm("" : "+m"(sums));
        AddSubsByPanels(quants, scales + 4 * at, x, exact[0]);
        asm("" : "+m"(sums));
      } else {
        AddSubs(quants, scales, at, x, exact);
      }
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
  // exact + the sub-blocks' products, each times its scale: one vector of rows, several panels, which pass by
  // while the codes of 32 columns stay in registers.
  template <int kTokens>
  __attribute__((always_inline)) static void AddSubsByPanels(const uint8_t* quants, const uint8_t* scales,
                                                             const Panels<kTokens>& x,
                                                             int32x4_t (&to)[kTokens]) {
    using Products = typename Set::template Products<W::kLargest, W::kSub / 4>;
    constexpr size_t kBytesOf32 = FindTileFormat(kType)->quant_bytes / (kBlock256 / 32);
    constexpr int kPanels = kTokens / 4, kParts = 32 / W::kSub;
    const int32_t* q[kPanels];
    for (int i = 0; i < kPanels; ++i) q[i] = x.at[i] + kWordsBeforeQ<Act> * 4;
    int32x4_t exact[kTokens];
    for (int t = 0; t < kTokens; ++t) exact[t] = to[t];
    for (size_t j = 0; j < kBlock256 / 32; ++j) {
      Codes codes[4][1];
      const uint8_t* vectors = quants;
      Each<4>([&](auto v)
                  __attribute__((always_inline)) { W::template Unpack<v.value>(vectors, codes[v.value]); });
      int32x4_t scale[kParts];
      for (int part = 0; part < kParts; ++part) {
        int16x8_t bytes[1];
        LoadBytes<1, Bytes::kSigned>(scales + part * kTileRows, 0, bytes);
        scale[part] = Widen<0>(bytes[0]);
      }
      Each<kPanels>([&](auto p) __attribute__((always_inline)) {
        Each<kParts>([&](auto part) __attribute__((always_inline)) {
          Products products[4];
          for (Products& of_token : products) of_token.Start(vdupq_n_s32(0));
          AddPanel<part.value, kParts == 1 ? 2 : part.value + 1>(codes, q[p.value], products);
          for (int t = 0; t < 4; ++t) {
            int32x4_t& sum = exact[4 * p.value + t];
            sum = vmlaq_s32(sum, products[t].Total(vdupq_n_s32(0)), scale[part.value]);
          }
        });
      });
      scales += kParts * kTileRows;
      quants += kBytesOf32;
    }
    for (int t = 0; t < kTokens; ++t) to[t] = exact[t];
  }

  // The same for groups of one panel.
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
      const uint8_t* next = quants;
      Each<32 / W::kSub>([&](auto half) __attribute__((always_inline)) {
        Products products[kVectors][kTokens];
        for (auto& row : products) {
          for (Products& of_token : row) of_token.Start(vdupq_n_s32(0));
        }
        if constexpr (W::kSub == 32) {
          next = Add32<W>(quants, q, products);
        } else {
          next = Add16<W, half.value>(quants, q, products);
        }
        int16x8_t bytes[(kVectors + 1) / 2];
        LoadBytes<kVectors, Bytes::kSigned>(scales, at, bytes);
        int32x4_t scale[kVectors];
        Each<kVectors>([&](auto r) __attribute__((always_inline)) {
          scale[r.value] = Widen<r.value % 2>(bytes[r.value / 2]);
        });
        for (int t = 0; t < kTokens; ++t) {
          for (int r = 0; r < kVectors; ++r) {
            const int32x4_t total = products[r][t].Total(vdupq_n_s32(0));
            exact[r][t] = vmlaq_s32(exact[r][t], total, scale[r]);
          }
        }
        scales += kTileRows;
      });
      quants = next + (kBytesOf32 - 4 * 64);
      for (const int32_t*& panel : q) panel += 8 * kBeside;
    }
  }
};

}  // namespace linnet::kernels::neon_tiles

#endif  // LINNET_RUNTIME_KERNELS_NEON_TILE_KERNELS_H_
