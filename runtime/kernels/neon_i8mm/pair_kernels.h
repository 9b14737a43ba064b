#ifndef LINNET_RUNTIME_KERNELS_NEON_I8MM_PAIR_KERNELS_H_
#define LINNET_RUNTIME_KERNELS_NEON_I8MM_PAIR_KERNELS_H_

#include "runtime/kernels/neon/block_tiles.h"
#include "runtime/kernels/neon/k_tiles.h"

// The kernels of packed matrices by the int8 matrix product: two rows times two tokens, eight columns of
// each, in one instruction. A vector of sums is [row 0 x token 0, 0 x 1, 1 x 0, 1 x 1]; the panels have their
// columns in units of eight, and two vectors of weights zip into two pairs of rows.
namespace linnet::kernels::neon_tiles {

// The sums of kVectors times four rows and kTokens tokens, by pairs of rows and of tokens.
template <typename V, int kVectors, int kTokens>
struct Pairs {
  V of[2 * kVectors][kTokens / 2];
};

template <int half>
static inline int32x4_t Zip(int32x4_t a, int32x4_t b) {
  return half == 0 ? vzip1q_s32(a, b) : vzip2q_s32(a, b);
}
template <int half>
static inline float32x4_t Zip(float32x4_t a, float32x4_t b) {
  return half == 0 ? vzip1q_f32(a, b) : vzip2q_f32(a, b);
}
template <int half>
static inline int8x16_t ZipWords(int8x16_t a, int8x16_t b) {
  return vreinterpretq_s8_s32(Zip<half>(vreinterpretq_s32_s8(a), vreinterpretq_s32_s8(b)));
}

template <typename V, int kVectors, int kTokens>
static inline void ToPairs(const V (&sums)[kVectors][kTokens], Pairs<V, kVectors, kTokens>& pairs) {
  for (int r = 0; r < kVectors; ++r) {
    for (int t = 0; t < kTokens; t += 2) {
      pairs.of[2 * r][t / 2] = Zip<0>(sums[r][t], sums[r][t + 1]);
      pairs.of[2 * r + 1][t / 2] = Zip<1>(sums[r][t], sums[r][t + 1]);
    }
  }
}

template <int kVectors, int kTokens>
static inline void FromPairs(const Pairs<float32x4_t, kVectors, kTokens>& pairs,
                             float32x4_t (&sums)[kVectors][kTokens]) {
  for (int r = 0; r < kVectors; ++r) {
    for (int t = 0; t < kTokens; t += 2) {
      sums[r][t] = vuzp1q_f32(pairs.of[2 * r][t / 2], pairs.of[2 * r + 1][t / 2]);
      sums[r][t + 1] = vuzp2q_f32(pairs.of[2 * r][t / 2], pairs.of[2 * r + 1][t / 2]);
    }
  }
}

// A word of each token of a panel of four, by pairs, as factors of sums: [t, t + 1, t, t + 1].
struct PairsOfFour {
  int32x4_t of[2];
};
static inline PairsOfFour LoadPairs(const int32_t* p) {
  const int64x2x2_t words = vld2q_dup_s64(reinterpret_cast<const int64_t*>(p));
  return {{vreinterpretq_s32_s64(words.val[0]), vreinterpretq_s32_s64(words.val[1])}};
}

// Lanes 2 pair and 2 pair + 1, twice.
template <int pair>
static inline int32x4_t PairOf(int32x4_t four) {
  return vreinterpretq_s32_s64(vdupq_laneq_s64(vreinterpretq_s64_s32(four), pair));
}

// A word of each token of pair `t / 2`, as factors of sums: [t, t + 1, t, t + 1].
template <int kTokens>
static inline int32x4_t PairWords(const int32_t* p, int t) {
  if constexpr (kTokens == 2) {
    const int32x2_t two = vld1_s32(p);
    return vcombine_s32(two, two);
  } else {
    const int32x4_t four = vld1q_s32(p);
    return t % 4 == 0 ? PairOf<0>(four) : PairOf<1>(four);
  }
}

// Columns 8 g .. 8 g + 7 (of 32) of a pair of tokens. q: where each panel has its 32 columns.
template <int kTokens, int kPanels>
static inline int8x16_t PairColumns(const int32_t* const (&q)[kPanels], int g, int t) {
  constexpr int kBeside = Beside(kTokens);
  return vreinterpretq_s8_s32(vld1q_s32(q[t / kBeside] + 2 * (g * kBeside + t % kBeside)));
}

// The low (half 0) or high codes of vectors 2 u and 2 u + 1: columns 16 half + 8 u and on.
template <int half, int u, int kVectors, int kTokens, int kPanels>
__attribute__((always_inline)) static inline void AddCodes(const Codes (&even)[kVectors],
                                                           const Codes (&odd)[kVectors],
                                                           const int32_t* const (&q)[kPanels],
                                                           Pairs<int32x4_t, kVectors, kTokens>& sums) {
  for (int r = 0; r < kVectors; ++r) {
    const int8x16_t a = half == 0 ? even[r].low : even[r].high;
    const int8x16_t b = half == 0 ? odd[r].low : odd[r].high;
    const int8x16_t first = ZipWords<0>(a, b), second = ZipWords<1>(a, b);
    for (int t = 0; t < kTokens; t += 2) {
      const int8x16_t columns = PairColumns<kTokens>(q, 2 * half + u, t);
      sums.of[2 * r][t / 2] = vmmlaq_s32(sums.of[2 * r][t / 2], first, columns);
      sums.of[2 * r + 1][t / 2] = vmmlaq_s32(sums.of[2 * r + 1][t / 2], second, columns);
    }
  }
}

// sums + float(exact) * (d * the tokens' d).
template <int kVectors, int kTokens>
__attribute__((always_inline)) static inline void AddScaledPairs(
    const Pairs<int32x4_t, kVectors, kTokens>& exact, const float32x4_t (&d)[kVectors],
    const Panels<kTokens>& x, Pairs<float32x4_t, kVectors, kTokens>& sums) {
  constexpr int kBeside = Beside(kTokens);
  for (int t = 0; t < kTokens; t += 2) {
    const float32x4_t token_d = vreinterpretq_f32_s32(PairWords<kBeside>(x.at[t / kBeside], t));
    for (int r = 0; r < kVectors; ++r) {
      const float32x4_t both[2] = {vmulq_f32(Zip<0>(d[r], d[r]), token_d),
                                   vmulq_f32(Zip<1>(d[r], d[r]), token_d)};
      for (int h = 0; h < 2; ++h) {
        float32x4_t& sum = sums.of[2 * r + h][t / 2];
        sum = vfmaq_f32(sum, vcvtq_f32_s32(exact.of[2 * r + h][t / 2]), both[h]);
      }
    }
  }
}

template <typename W, typename Set>
struct SmallPairKernel {
  using Act = ActBlock;
  static constexpr WeightType kType = W::kType;
  static constexpr int kMostTokens = SmallKernel<W, Set>::kMostTokens, kUnit = 2,
                       kSumFactor = kSumFactorOf<W>;

  template <int kVectors, int kTokens>
  static void Add(const TileRun& tile, size_t at, const int32_t* panel,
                  float32x4_t (&sums)[kVectors][kTokens]) {
    if constexpr (kTokens == 1) {
      SmallKernel<W, Set>::template Add<kVectors, kTokens>(tile, at, panel, sums);
    } else {
      Pairs<float32x4_t, kVectors, kTokens> pairs;
      ToPairs(sums, pairs);
      if constexpr (kTokens > Beside(kTokens)) {
        AddByPanels<kTokens>(tile, at, panel, pairs);
      } else {
        AddBlocks<kVectors, kTokens>(tile, at, panel, pairs);
      }
      FromPairs(pairs, sums);
    }
  }

 private:
  // One vector of rows times several panels: its codes stay in registers while the panels pass by.
  template <int kTokens>
  __attribute__((always_inline)) static void AddByPanels(const TileRun& tile, size_t at, const int32_t* panel,
                                                         Pairs<float32x4_t, 1, kTokens>& sums) {
    constexpr TileFormat kFormat = *FindTileFormat(kType);
    const uint8_t* head = tile.first_block + 8 * at;
    const uint8_t* quants = tile.first_block + kFormat.head_bytes + 16 * at;
    Panels<kTokens> x = PanelsAt<Act, kTokens>(panel, tile.blocks);
    for (size_t b = 0; b < tile.blocks; ++b) {
      int8x16_t codes[2][4];  // of a pair of rows: columns 8 g and on
      UnpackPairs(quants, codes);
      float32x4_t d[2], m[2];
      LoadPairHalves(head, d);
      if constexpr (W::kMins) LoadPairHalves(head + 2 * kTileRows, m);
      Each<kTokens / 4>([&](auto p) __attribute__((always_inline)) {
        const int32_t*& at_panel = x.at[p.value];
        const PairsOfFour token_sums = LoadPairs(at_panel + 4);
        at_panel += 8;
        int32x4_t exact[2][2];
        for (auto& row : exact) {
          for (int t = 0; t < 2; ++t) {
            row[t] = W::kOffset == 0 ? vdupq_n_s32(0) : token_sums.of[t];
          }
        }
        Each<2>([&](auto half) __attribute__((always_inline)) {
          const int8x16x4_t columns = LoadColumns(at_panel);
          Each<4>([&](auto i) __attribute__((always_inline)) {
            constexpr int kGroup = 2 * half.value + i.value / 2, kPair = i.value % 2;
            for (int r = 0; r < 2; ++r) {
              exact[r][kPair] = vmmlaq_s32(exact[r][kPair], codes[r][kGroup], columns.val[i.value]);
            }
          });
        });
        // Not before: the products need all registers.
        const PairsOfFour token_d = LoadPairs(at_panel - kWords<Act> * 4);
        for (int t = 0; t < 2; ++t) {
          for (int r = 0; r < 2; ++r) {
            float32x4_t& to = sums.of[r][2 * p.value + t];
            to = vfmaq_f32(to, vcvtq_f32_s32(exact[r][t]),
                           vmulq_f32(d[r], vreinterpretq_f32_s32(token_d.of[t])));
            if constexpr (W::kMins) {
              to = vfmaq_f32(to, SumsOf<W>(token_sums.of[t]),
                             vmulq_f32(m[r], vreinterpretq_f32_s32(token_d.of[t])));
            }
          }
        }
      });
      head += BlockBytes(kFormat);
      quants += BlockBytes(kFormat);
    }
  }

  __attribute__((always_inline)) static void UnpackPairs(const uint8_t* quants, int8x16_t (&codes)[2][4]) {
    Each<2>([&](auto u) __attribute__((always_inline)) {
      Codes even[1], odd[1];
      W::template Unpack<2 * u.value>(quants, even);
      W::template Unpack<2 * u.value + 1>(quants, odd);
      codes[0][u.value] = ZipWords<0>(even[0].low, odd[0].low);
      codes[1][u.value] = ZipWords<1>(even[0].low, odd[0].low);
      codes[0][2 + u.value] = ZipWords<0>(even[0].high, odd[0].high);
      codes[1][2 + u.value] = ZipWords<1>(even[0].high, odd[0].high);
    });
  }

  // Four halves as factors of pairs of rows: [r, r, r + 1, r + 1].
  __attribute__((always_inline)) static void LoadPairHalves(const uint8_t* p, float32x4_t (&to)[2]) {
    float32x4_t four[1];
    LoadHalves(p, 0, four);
    to[0] = Zip<0>(four[0], four[0]);
    to[1] = Zip<1>(four[0], four[0]);
  }

  template <int kVectors, int kTokens>
  __attribute__((always_inline)) static void AddBlocks(const TileRun& tile, size_t at, const int32_t* panel,
                                                       Pairs<float32x4_t, kVectors, kTokens>& sums) {
    constexpr TileFormat kFormat = *FindTileFormat(kType);
    constexpr int kBeside = Beside(kTokens), kPanels = kTokens / kBeside;
    const uint8_t* head = tile.first_block;
    const uint8_t* quants = head + kFormat.head_bytes + 16 * at;
    Panels<kTokens> x = PanelsAt<Act, kTokens>(panel, tile.blocks);
    for (size_t b = 0; b < tile.blocks; ++b) {
      const int32_t* q[kPanels];
      for (int i = 0; i < kPanels; ++i) q[i] = x.at[i] + kWordsBeforeQ<Act> * kBeside;
      Pairs<int32x4_t, kVectors, kTokens> exact;
      for (int t = 0; t < kTokens; t += 2) {
        int32x4_t start = vdupq_n_s32(0);
        if constexpr (W::kOffset != 0) {
          start = PairWords<kBeside>(x.at[t / kBeside] + kBeside, t);
        }
        for (auto& row : exact.of) row[t / 2] = start;
      }
      const uint8_t* vectors = quants;
      Each<2>([&](auto u) __attribute__((always_inline)) {
        Codes even[kVectors], odd[kVectors];
        W::template Unpack<2 * u.value>(vectors, even);
        W::template Unpack<2 * u.value + 1>(vectors, odd);
        AddCodes<0, u.value>(even, odd, q, exact);
        AddCodes<1, u.value>(even, odd, q, exact);
      });
      float32x4_t d[kVectors];
      LoadHalves(head, at, d);
      AddScaledPairs(exact, d, x, sums);
      if constexpr (W::kMins) {
        LoadHalves(head + 2 * kTileRows, at, d);
        for (int t = 0; t < kTokens; t += 2) {
          int32x4_t token_sums = PairWords<kBeside>(x.at[t / kBeside] + kBeside, t);
          if constexpr (kSumFactor == 16) token_sums = vshrq_n_s32(token_sums, 4);
          for (auto& row : exact.of) row[t / 2] = token_sums;
        }
        AddScaledPairs(exact, d, x, sums);
      }
      head += BlockBytes(kFormat);
      quants += BlockBytes(kFormat);
      NextBlock<Act>(x);
    }
  }
};

template <typename W, typename Set>
struct LargePairKernel {
  using Act = ActBlock256;
  static constexpr WeightType kType = W::kType;
  static constexpr int kMostTokens = Set::kMostTokens, kUnit = 2, kSumFactor = 1;
  static constexpr size_t kSubs = kBlock256 / W::kSub;

  template <int kVectors, int kTokens>
  static void Add(const TileRun& tile, size_t at, const int32_t* panel,
                  float32x4_t (&sums)[kVectors][kTokens]) {
    if constexpr (kTokens == 1) {
      LargeKernel<W, Set>::template Add<kVectors, kTokens>(tile, at, panel, sums);
    } else {
      Pairs<float32x4_t, kVectors, kTokens> pairs;
      ToPairs(sums, pairs);
      AddBlocks<kVectors, kTokens>(tile, at, panel, pairs);
      FromPairs(pairs, sums);
    }
  }

 private:
  template <int kVectors, int kTokens>
  __attribute__((always_inline)) static void AddBlocks(const TileRun& tile, size_t at, const int32_t* panel,
                                                       Pairs<float32x4_t, kVectors, kTokens>& sums) {
    constexpr TileFormat kFormat = *FindTileFormat(kType);
    const uint8_t* head = tile.first_block;
    const uint8_t* quants = head + kFormat.head_bytes + 16 * at;
    Panels<kTokens> x = PanelsAt<Act, kTokens>(panel, tile.blocks);
    for (size_t b = 0; b < tile.blocks; ++b) {
      const uint8_t* scales = head + (W::kMins ? 4 : 2) * kTileRows;
      Pairs<int32x4_t, kVectors, kTokens> exact;
      for (auto& row : exact.of) {
        for (int32x4_t& sum : row) sum = vdupq_n_s32(0);
      }
      AddSubs<kVectors, kTokens>(quants, scales, at, x, exact);
      float32x4_t d[kVectors];
      LoadHalves(head, at, d);
      AddScaledPairs(exact, d, x, sums);
      if constexpr (W::kMins) {
        int32x4_t less[kVectors][kTokens];
        SumMins(scales + kSubs * kTileRows, at, x, less);
        ToPairs(less, exact);
        LoadHalves(head + 2 * kTileRows, at, d);
        AddScaledPairs(exact, d, x, sums);
      }
      head += BlockBytes(kFormat);
      quants += BlockBytes(kFormat);
      NextBlock<Act>(x);
    }
  }

  // exact + the sub-blocks' products, each times its scale.
  template <int kVectors, int kTokens>
  __attribute__((always_inline)) static void AddSubs(const uint8_t* quants, const uint8_t* scales, size_t at,
                                                     const Panels<kTokens>& x,
                                                     Pairs<int32x4_t, kVectors, kTokens>& exact) {
    constexpr int kBeside = Beside(kTokens), kPanels = kTokens / kBeside;
    constexpr size_t kBytesOf32 = FindTileFormat(kType)->quant_bytes / (kBlock256 / 32);
    const int32_t* q[kPanels];
    for (int i = 0; i < kPanels; ++i) q[i] = x.at[i] + kWordsBeforeQ<Act> * kBeside;
    for (size_t j = 0; j < kBlock256 / 32; ++j) {
      Each<32 / W::kSub>([&](auto half) __attribute__((always_inline)) {
        Pairs<int32x4_t, kVectors, kTokens> sums;
        for (auto& row : sums.of) {
          for (int32x4_t& sum : row) sum = vdupq_n_s32(0);
        }
        const uint8_t* vectors = quants;
        Each<2>([&](auto u) __attribute__((always_inline)) {
          Codes even[kVectors], odd[kVectors];
          W::template Unpack<2 * u.value>(vectors, even);
          W::template Unpack<2 * u.value + 1>(vectors, odd);
          AddCodes<half.value, u.value>(even, odd, q, sums);
          if constexpr (W::kSub == 32) AddCodes<1, u.value>(even, odd, q, sums);
        });
        int16x8_t bytes[(kVectors + 1) / 2];
        LoadBytes<kVectors, Bytes::kSigned>(scales, at, bytes);
        Each<kVectors>([&](auto r) __attribute__((always_inline)) {
          const int32x4_t scale = Widen<r.value % 2>(bytes[r.value / 2]);
          Each<2>([&](auto pair) __attribute__((always_inline)) {
            const int32x4_t of_rows = Zip<pair.value>(scale, scale);
            for (int t = 0; t < kTokens / 2; ++t) {
              int32x4_t& sum = exact.of[2 * r.value + pair.value][t];
              sum = vmlaq_s32(sum, sums.of[2 * r.value + pair.value][t], of_rows);
            }
          });
        });
        scales += kTileRows;
      });
      quants += kBytesOf32;
      for (const int32_t*& panel : q) panel += 8 * kBeside;
    }
  }
};

}  // namespace linnet::kernels::neon_tiles

#endif  // LINNET_RUNTIME_KERNELS_NEON_I8MM_PAIR_KERNELS_H_
