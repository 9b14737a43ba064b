#ifndef LINNET_RUNTIME_KERNELS_AVX2_K_TILES_H_
#define LINNET_RUNTIME_KERNELS_AVX2_K_TILES_H_

#include "runtime/kernels/avx2/tile_product.h"

// The types of 256-weight blocks: one float step a block, on exact sums of scaled products.
namespace linnet::kernels::x86_tiles {
namespace {

template <typename Isa, WeightType type>
struct Block256 {
  using Act = ActBlock256;
  using Input = ActBlock256;
  using Int = typename Isa::Int;
  using Float = typename Isa::Float;
  using W = Weights<Isa, type>;
  static constexpr TileFormat kFormat = *FindTileFormat(type);
  static constexpr int kMaxTokens = Isa::kMaxTokens;
  static constexpr size_t kInputs = 64;  // 18 KiB
  static constexpr size_t kSub = type == WeightType::kQ6_K ? 16 : 32;
  static constexpr size_t kSubs = kBlock256 / kSub;
  static constexpr size_t kShareOf32 = BlockBytes(kFormat) / (kBlock256 / kBlock);
  static constexpr size_t kBytesOf32 = kFormat.quant_bytes / (kBlock256 / kBlock);

  static inline void Prepare(const ActBlock256& x, Input& input) { input = x; }

  // Lane: what to multiply with sums 2 j and 2 j + 1 of the activations: the min of both, taken off (Q4_K,
  // Q5_K), or each one's scale times the offset (Q6_K).
  [[gnu::always_inline]] static inline Int FactorsOfSums(const uint8_t* bytes, size_t j) {
    if constexpr (W::kMin) {
      const Int min = Isa::Subtract(Isa::Zero(), Isa::Unsigned(bytes + j * kTileRows));
      return Isa::Pairs(min, min);
    } else {
      static_assert(W::kOffset == 32);
      const auto scale = [&](size_t s) {
        return Isa::Subtract(Isa::Zero(), Isa::template LeftInLanes<5>(Isa::Signed(bytes + s * kTileRows)));
      };
      return Isa::Pairs(scale(2 * j), scale(2 * j + 1));
    }
  }

  template <int kTokens>
  [[gnu::always_inline]] static inline void AddSums(const uint8_t* bytes, const Input* x,
                                                    Int (&exact)[kTokens]) {
    for (size_t j = 0; j < kBlock256 / kBlock; ++j) {
      const Int factors = FactorsOfSums(bytes, j);
#pragma GCC unroll 16
      for (int t = 0; t < kTokens; ++t) {
        exact[t] = Isa::AddPairs(exact[t], factors, Isa::Four(x[t].sums + 2 * j));
      }
    }
  }

  // The rows of register `part`, one block further. kFetch: ask for the weights that come later, not for a
  // whole block at once, which is more than the caches wait for.
  template <int kTokens, bool kFetch>
  [[gnu::always_inline]] static inline void Add(const uint8_t* block, int part, const Input* x,
                                                Float (&sums)[kTokens]) {
    const uint8_t* scales = block + (W::kMin ? 4 : 2) * kTileRows + part * Isa::kLanes;
    Int exact[kTokens];
#pragma GCC unroll 16
    for (int t = 0; t < kTokens; ++t) exact[t] = Isa::Zero();
    for (size_t j = 0; j < kBlock256 / kBlock; ++j) {
      if constexpr (kFetch) Fetch(block + j * kShareOf32, kShareOf32);
      const uint8_t* q = block + kFormat.head_bytes + j * kBytesOf32 + part * 4 * Isa::kLanes;
      if constexpr (kSub == kBlock) {
        const Int scale = Isa::Scales(Isa::Signed(scales + j * kTileRows));
        AddProducts<Isa, W, 0, 8>(q, x, j * kBlock, scale, exact);
      } else {
        const Int low = Isa::Scales(Isa::Signed(scales + 2 * j * kTileRows));
        AddProducts<Isa, W, 0, 4>(q, x, j * kBlock, low, exact);
        const Int high = Isa::Scales(Isa::Signed(scales + (2 * j + 1) * kTileRows));
        AddProducts<Isa, W, 4, 8>(q, x, j * kBlock, high, exact);
      }
    }
    if constexpr (!W::kMin) AddSums(scales, x, exact);
    const Float d = Isa::Halves(block + part * 2 * Isa::kLanes);
#pragma GCC unroll 16
    for (int t = 0; t < kTokens; ++t) {
      sums[t] = Isa::Fma(Isa::ToFloat(exact[t]), Isa::Multiply(d, Isa::Fill(x[t].d)), sums[t]);
    }
    if constexpr (W::kMin) {
#pragma GCC unroll 16
      for (int t = 0; t < kTokens; ++t) exact[t] = Isa::Zero();
      AddSums(scales + kSubs * kTileRows, x, exact);
      const Float dmin = Isa::Halves(block + 2 * kTileRows + part * 2 * Isa::kLanes);
#pragma GCC unroll 16
      for (int t = 0; t < kTokens; ++t) {
        sums[t] = Isa::Fma(Isa::ToFloat(exact[t]), Isa::Multiply(dmin, Isa::Fill(x[t].d)), sums[t]);
      }
    }
  }
};

}  // namespace
}  // namespace linnet::kernels::x86_tiles

#endif  // LINNET_RUNTIME_KERNELS_AVX2_K_TILES_H_
