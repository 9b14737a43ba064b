#ifndef LINNET_RUNTIME_KERNELS_AVX2_BLOCK_TILES_H_
#define LINNET_RUNTIME_KERNELS_AVX2_BLOCK_TILES_H_

#include "runtime/kernels/avx2/tile_product.h"

// The types of 32-weight blocks.
namespace linnet::kernels::x86_tiles {
namespace {

// An activation block as the products read it.
struct Input32 {
  float d;
  float sum;
  int32_t init;  // what the weights' offset adds too much, taken off beforehand
  int8_t q[kBlock];
};

// Of several tokens' activation blocks, times signed weights: columns from 4 g on (Isa::AddTurned).
template <typename Isa, typename W, int g, int kTokens>
[[gnu::always_inline]] inline void AddTurned(const uint8_t* q, const Input32* x, typename Isa::Int& missing,
                                             typename Isa::Int (&sums)[kTokens]) {
  if constexpr (g < kVectors) {
    const typename Isa::Int w = W::template Vector<g>(q);
    const typename Isa::Int magnitude = Isa::Magnitude(w), negative = Isa::Negative(w);
    missing = Isa::AddMissing(missing, magnitude, negative);
#pragma GCC unroll 16
    for (int t = 0; t < kTokens; ++t) {
      sums[t] = Isa::AddTurned(sums[t], magnitude, negative, x[t].q + 4 * g);
    }
    AddTurned<Isa, W, g + 1>(q, x, missing, sums);
  }
}

template <typename Isa, WeightType type>
struct Block32 {
  using Act = ActBlock;
  using Input = Input32;
  using W = Weights<Isa, type>;
  static constexpr TileFormat kFormat = *FindTileFormat(type);
  static constexpr int kMaxTokens = Isa::kMaxTokens;
  static constexpr size_t kInputs = 384;  // 16 KiB

  static inline void Prepare(const ActBlock& x, Input& input) {
    input.d = x.d;
    input.sum = static_cast<float>(x.sum);
    input.init = -W::kOffset * x.sum;
    __builtin_memcpy(input.q, x.q, sizeof(input.q));
  }

  // The rows of register `part`, one block further. kFetch: ask for the weights that come later.
  template <int kTokens, bool kFetch>
  [[gnu::always_inline]] static inline void Add(const uint8_t* block, int part, const Input* x,
                                                typename Isa::Float (&sums)[kTokens]) {
    if constexpr (kFetch) Fetch(block, BlockBytes(kFormat));
    // Else g++ keeps what one part has read of the activations for the next; that is more than there are
    // registers, so it stores them. They are in the first cache as they are.
    if constexpr (kTokens > 1 && Isa::kLanes < kTileRows) asm volatile("" : "+r"(x));
    typename Isa::Int exact[kTokens];
#pragma GCC unroll 16
    for (int t = 0; t < kTokens; ++t) exact[t] = W::kOffset == 0 ? Isa::Zero() : Isa::Four(&x[t].init);
    const uint8_t* q = block + kFormat.head_bytes + part * 4 * Isa::kLanes;
    if constexpr (Isa::kWholeSums) {
      AddSteps<Isa, W, 0, kVectors>(q, x, 0, exact);
    } else if constexpr (W::kFullBytes && kTokens >= 8) {
      typename Isa::Int missing = Isa::Zero();
      AddTurned<Isa, W, 0>(q, x, missing, exact);
#pragma GCC unroll 16
      for (int t = 0; t < kTokens; ++t) {
        exact[t] = Isa::AddScaled(exact[t], missing, Isa::Scales(Isa::Ones()));
      }
    } else {
      AddProducts<Isa, W, 0, kVectors>(q, x, 0, Isa::Scales(Isa::Ones()), exact);
    }
    const typename Isa::Float d = Isa::Halves(block + part * 2 * Isa::kLanes);
#pragma GCC unroll 16
    for (int t = 0; t < kTokens; ++t) {
      sums[t] = Isa::Fma(Isa::ToFloat(exact[t]), Isa::Multiply(d, Isa::Fill(x[t].d)), sums[t]);
    }
    if constexpr (W::kMin) {
      const typename Isa::Float m = Isa::Halves(block + 2 * kTileRows + part * 2 * Isa::kLanes);
#pragma GCC unroll 16
      for (int t = 0; t < kTokens; ++t) {
        sums[t] = Isa::Fma(Isa::Fill(x[t].sum), Isa::Multiply(m, Isa::Fill(x[t].d)), sums[t]);
      }
    }
  }
};

}  // namespace
}  // namespace linnet::kernels::x86_tiles

#endif  // LINNET_RUNTIME_KERNELS_AVX2_BLOCK_TILES_H_
