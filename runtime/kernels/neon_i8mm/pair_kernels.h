#ifndef LINNET_RUNTIME_KERNELS_NEON_I8MM_PAIR_KERNELS_H_
#define LINNET_RUNTIME_KERNELS_NEON_I8MM_PAIR_KERNELS_H_

#include "runtime/kernels/neon/tile_kernels.h"

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

// A word of each token of pair `t / 2`, as factors of sums: [t, t + 1, t, t + 1].
template <int kTokens>
static inline int32x4_t PairWords(const int32_t* p, int t) {
  if constexpr (kTokens == 2) {
    const int32x2_t two = vld1_s32(p);
    return vcombine_s32(two, two);
  } else {
    const int64x2_t four = vreinterpretq_s64_s32(vld1q_s32(p));
    return vreinterpretq_s32_s64(t % 4 == 0 ? vdupq_laneq_s64(four, 0) : vdupq_laneq_s64(four, 1));
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
  static constexpr int kMostTokens = Set::kMostTokens, kUnit = 2;

  template <int kVectors, int kTokens>
  static void Add(const TileRun& tile, size_t at, const int32_t* panel,
                  float32x4_t (&sums)[kVectors][kTokens]) {
    if constexpr (kTokens == 1) {
      SmallKernel<W, Set>::template Add<kVectors, kTokens>(tile, at, panel, sums);
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
    constexpr int kBeside = Beside(kTokens), kPanels = kTokens / kBeside;
    const uint8_t* head = tile.heads;
    const uint8_t* quants = tile.quants + 16 * at;
    Panels<kTokens> x = PanelsAt<Act, kTokens>(panel, tile.blocks);
    for (size_t b = 0; b < tile.blocks; ++b) {
      const int32_t* q[kPanels];
      for (int i = 0; i < kPanels; ++i) q[i] = x.at[i] + kWordsBeforeQ<Act> * kBeside;
      Pairs<int32x4_t, kVectors, kTokens> exact;
      for (int t = 0; t < kTokens; t += 2) {
        int32x4_t start = vdupq_n_s32(0);
        if constexpr (W::kOffset != 0) {
          start = vmulq_n_s32(PairWords<kBeside>(x.at[t / kBeside] + kBeside, t), -W::kOffset);
        }
        for (auto& row : exact.of) row[t / 2] = start;
      }
      Each<2>([&](auto u) __attribute__((always_inline)) {
        Codes even[kVectors], odd[kVectors];
        W::template Unpack<2 * u.value>(quants, even);
        W::template Unpack<2 * u.value + 1>(quants, odd);
        AddCodes<0, u.value>(even, odd, q, exact);
        AddCodes<1, u.value>(even, odd, q, exact);
      });
      float32x4_t d[kVectors];
      LoadHalves(head, at, d);
      AddScaledPairs(exact, d, x, sums);
      if constexpr (W::kMins) {
        LoadHalves(head + 2 * kTileRows, at, d);
        for (int t = 0; t < kTokens; t += 2) {
          for (auto& row : exact.of) row[t / 2] = PairWords<kBeside>(x.at[t / kBeside] + kBeside, t);
        }
        AddScaledPairs(exact, d, x, sums);
      }
      head += kFormat.head_bytes;
      quants += kFormat.quant_bytes;
      NextBlock<Act>(x);
    }
  }
};

template <typename W, typename Set>
struct LargePairKernel {
  using Act = ActBlock256;
  static constexpr WeightType kType = W::kType;
  static constexpr int kMostTokens = Set::kMostTokens, kUnit = 2;
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
    const uint8_t* head = tile.heads;
    const uint8_t* quants = tile.quants + 16 * at;
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
      head += kFormat.head_bytes;
      quants += kFormat.quant_bytes;
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
        for (int t = 0; t < kTokens; t += 2) {
          const int32x4_t start = Start<half.value, kTokens>(x, j, t);
          for (auto& row : sums.of) row[t / 2] = start;
        }
        Each<2>([&](auto u) __attribute__((always_inline)) {
          Codes even[kVectors], odd[kVectors];
          W::template Unpack<2 * u.value>(quants, even);
          W::template Unpack<2 * u.value + 1>(quants, odd);
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

  // What the offset takes from half `half` of the j-th 32 columns.
  template <int half, int kTokens>
  __attribute__((always_inline)) static int32x4_t Start(const Panels<kTokens>& x, size_t j, int t) {
    if constexpr (W::kOffset == 0) {
      return vdupq_n_s32(0);
    } else {
      // A word has the sums of both halves.
      constexpr int kBeside = Beside(kTokens);
      const int32x4_t words = PairWords<kBeside>(x.at[t / kBeside] + (1 + j) * kBeside, t);
      const int16x4_t pairs = vget_low_s16(vreinterpretq_s16_s32(words));
      const int32x4_t offsets = vmull_n_s16(pairs, -W::kOffset);
      return half == 0 ? vuzp1q_s32(offsets, offsets) : vuzp2q_s32(offsets, offsets);
    }
  }
};

}  // namespace linnet::kernels::neon_tiles

#endif  // LINNET_RUNTIME_KERNELS_NEON_I8MM_PAIR_KERNELS_H_
