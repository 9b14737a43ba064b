#ifndef LINNET_RUNTIME_KERNELS_NEON_K_TILES_H_
#define LINNET_RUNTIME_KERNELS_NEON_K_TILES_H_

#include "runtime/kernels/neon/tile_steps.h"

// The types of 256-weight blocks.
namespace linnet::kernels::neon_tiles {

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
    const uint8_t* head = tile.first_block;
    const uint8_t* quants = head + kFormat.head_bytes + 16 * at;
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
      head += BlockBytes(kFormat);
      quants += BlockBytes(kFormat);
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

#endif  // LINNET_RUNTIME_KERNELS_NEON_K_TILES_H_
