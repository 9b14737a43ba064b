#ifndef LINNET_RUNTIME_KERNELS_NEON_BLOCK_TILES_H_
#define LINNET_RUNTIME_KERNELS_NEON_BLOCK_TILES_H_

#include "runtime/kernels/neon/tile_steps.h"

// The types of 32-weight blocks.
namespace linnet::kernels::neon_tiles {

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
    const uint8_t* head = tile.first_block;
    const uint8_t* quants = head + kFormat.head_bytes + 16 * at;
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
      head += BlockBytes(kFormat);
      quants += BlockBytes(kFormat) - 4 * 64;
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
    const uint8_t* head = tile.first_block;
    const uint8_t* quants = head + kFormat.head_bytes + 16 * at;
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
      head += BlockBytes(kFormat);
      quants = vectors + (BlockBytes(kFormat) - 4 * 64);
    }
  }

  // One vector of rows times several panels: its codes stay in registers while the panels pass by.
  template <int kTokens>
  __attribute__((always_inline)) static void AddByPanels(const TileRun& tile, size_t at, Panels<kTokens> x,
                                                         float32x4_t (&sums)[1][kTokens]) {
    using Products = typename Set::template Products<W::kLargest, 8>;
    constexpr TileFormat kFormat = *FindTileFormat(kType);
    const uint8_t* head = tile.first_block + 8 * at;
    const uint8_t* quants = tile.first_block + kFormat.head_bytes + 16 * at;
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
      head += BlockBytes(kFormat);
      quants += BlockBytes(kFormat);
    }
  }

  template <int kLane>
  __attribute__((always_inline)) static int32x4_t Start(int32x4_t token_sums) {
    return W::kOffset == 0 ? vdupq_n_s32(0) : vdupq_laneq_s32(token_sums, kLane);
  }
};

}  // namespace linnet::kernels::neon_tiles

#endif  // LINNET_RUNTIME_KERNELS_NEON_BLOCK_TILES_H_
