#ifndef LINNET_RUNTIME_KERNELS_AVX2_TILE_PRODUCT_H_
#define LINNET_RUNTIME_KERNELS_AVX2_TILE_PRODUCT_H_

#include <immintrin.h>

#include <cstdint>

#include "runtime/kernels/avx2/tile_weights.h"
#include "runtime/kernels/fetch_ahead.h"

// Products of packed matrices, for any Isa: lanes are rows, so a float accumulator holds one output element
// and blocks are added in ascending order, as NUMERICS.md demands. A block's weights are unpacked once for a
// group of tokens. How a block is multiplied is in block_tiles.h and k_tiles.h.
namespace linnet::kernels::x86_tiles {
namespace {

// A tile's rows in registers.
template <typename Isa>
constexpr int kParts = static_cast<int>(kTileRows) / Isa::kLanes;

// Of each of kTokens activation blocks, columns 4 g .. 4 end - 1 of the 32 that begin at `column`, times the
// weights in the vectors at q: steps that fit together. Token after token within a vector: so many sums grow
// side by side, and a vector lives in a register only as long as it is used.
template <typename Isa, typename W, int g, int end, int kTokens, typename Input>
[[gnu::always_inline]] inline void AddSteps(const uint8_t* q, const Input* x, size_t column,
                                            typename Isa::Int (&sums)[kTokens]) {
  if constexpr (g < end) {
    const typename Isa::Int w = W::template Vector<g>(q);
#pragma GCC unroll 16
    for (int t = 0; t < kTokens; ++t) {
      sums[t] = Isa::template Step<W::kMax>(sums[t], w, x[t].q + column + 4 * g);
    }
    AddSteps<Isa, W, g + 1, end>(q, x, column, sums);
  }
}

// The same, any number of steps, with `scales` (Isa::Scales) into whole sums.
template <typename Isa, typename W, int g, int end, int kTokens, typename Input>
[[gnu::always_inline]] inline void AddProducts(const uint8_t* q, const Input* x, size_t column,
                                               typename Isa::Int scales, typename Isa::Int (&sums)[kTokens]) {
  if constexpr (g < end) {
    constexpr int kSteps = Isa::template kSteps<W::kMax>;
    constexpr int kNext = end - g < kSteps ? end : g + kSteps;
    // A single step needs no register of its own for each token.
    constexpr int kTogether = kNext == g + 1 ? 1 : kTokens;
#pragma GCC unroll 16
    for (int first = 0; first < kTokens; first += kTogether) {
      typename Isa::Int steps[kTogether];
#pragma GCC unroll 16
      for (int t = 0; t < kTogether; ++t) steps[t] = Isa::Zero();
      AddSteps<Isa, W, g, kNext>(q, x + first, column, steps);
#pragma GCC unroll 16
      for (int t = 0; t < kTogether; ++t) sums[first + t] = Isa::AddScaled(sums[first + t], steps[t], scales);
    }
    AddProducts<Isa, W, kNext, end>(q, x, column, scales, sums);
  }
}

// Weights of a pass with few tokens come from memory. The more tokens, the less far ahead of them the
// processor looks by itself, and its prefetchers stop at each page. The first cache waits for few lines at a
// time, the second for many: so they are asked for twice, far ahead into the second, and near into the first.
// As measured (tests/perf/RESULTS.md), for all types alike, in bytes:
constexpr size_t kFarAhead = 16384, kNearAhead = 4096;

// What comes after the `bytes` at `from`. Each block that is multiplied asks for as many as it has, so all of
// what follows is asked for, each line once.
[[gnu::always_inline]] inline void Fetch(const uint8_t* from, size_t bytes) {
  // As a number: it may lie beyond the matrix, where a prefetch does nothing.
  const auto at = reinterpret_cast<uintptr_t>(from);
  for (size_t i = 0; i < bytes; i += 64) {
    _mm_prefetch(reinterpret_cast<const char*>(at + kFarAhead + i), _MM_HINT_T1);
    _mm_prefetch(reinterpret_cast<const char*>(at + kNearAhead + i), _MM_HINT_T0);
  }
}

// Some blocks of a tile.
struct TileBlocks {
  const uint8_t* at;
  size_t count;
};

// The rows of registers kFirst .. kFirst + kTogether - 1. y: [kTokens, kTileRows] at y_stride, of which
// `rows` are there; adds to what it holds unless `first`.
template <typename Isa, typename Product, int kTokens, int kFirst, int kTogether, bool kFetch>
[[gnu::always_inline]] inline void TileProduct(TileBlocks blocks, const typename Product::Input* x, float* y,
                                               size_t y_stride, size_t rows, bool first) {
  typename Isa::Float sums[kTogether][kTokens];
#pragma GCC unroll 16
  for (int t = 0; t < kTokens; ++t) {
#pragma GCC unroll 2
    for (int p = 0; p < kTogether; ++p) {
      const size_t from = static_cast<size_t>(kFirst + p) * Isa::kLanes;
      sums[p][t] = Isa::Fill(0.0f);
      if (!first && from < rows) sums[p][t] = Isa::LoadLanes(y + t * y_stride + from, rows - from);
    }
  }
  const uint8_t* block = blocks.at;
  for (size_t b = 0; b < blocks.count; ++b, x += kTokens, block += BlockBytes(Product::kFormat)) {
    Product::template Add<kTokens, kFetch>(block, kFirst, x, sums[0]);
    if constexpr (kTogether == 2) Product::template Add<kTokens, false>(block, kFirst + 1, x, sums[1]);
  }
#pragma GCC unroll 16
  for (int t = 0; t < kTokens; ++t) {
#pragma GCC unroll 2
    for (int p = 0; p < kTogether; ++p) {
      const size_t from = static_cast<size_t>(kFirst + p) * Isa::kLanes;
      if (from < rows) Isa::StoreLanes(y + t * y_stride + from, rows - from, sums[p][t]);
    }
  }
}

struct Matrix {
  const uint8_t* tiles;
  size_t rows, blocks;
  size_t tile_bytes;
};

// The tiles [begin, end) with kTokens tokens, a stretch of columns at a time: their activations, set one
// after the other as they are read, stay in the first cache. kFetch: blocks ask for what comes after them.
template <typename Isa, typename Product, int kTokens, bool kFetch>
[[gnu::noinline]] void Tokens(const Matrix& m, size_t begin, size_t end, const typename Product::Act* x,
                              float* y, size_t y_stride) {
  constexpr size_t kStretch = Product::kInputs / kTokens;
  typename Product::Input input[kStretch * kTokens];
  size_t at = 0;
  do {
    const size_t count = m.blocks - at < kStretch ? m.blocks - at : kStretch;
    for (size_t b = 0; b < count; ++b) {
      for (size_t t = 0; t < kTokens; ++t) Product::Prepare(x[t * m.blocks + at + b], input[b * kTokens + t]);
    }
    for (size_t tile = begin; tile < end; ++tile) {
      const TileBlocks blocks{m.tiles + tile * m.tile_bytes + at * BlockBytes(Product::kFormat), count};
      float* out = y + tile * kTileRows;
      const size_t rows = m.rows - tile * kTileRows;
      if constexpr (kTokens <= 4 || kParts<Isa> == 1) {
        TileProduct<Isa, Product, kTokens, 0, kParts<Isa>, kFetch>(blocks, input, out, y_stride, rows,
                                                                   at == 0);
      } else {  // registers are few: the tile is read again, near by
        TileProduct<Isa, Product, kTokens, 0, 1, kFetch>(blocks, input, out, y_stride, rows, at == 0);
        TileProduct<Isa, Product, kTokens, 1, 1, kFetch>(blocks, input, out, y_stride, rows, at == 0);
      }
    }
    at += count;
  } while (at < m.blocks);
}

// Tiles that are read again for the next tokens should be in the second cache still.
constexpr size_t kNearBytes = size_t{256} << 10;
constexpr size_t kFewestTiles = 8;  // or the activations' preparation would cost too much

template <typename Isa, typename Product>
void MatMul(const void* w, const void* activations, float* y, size_t rows, size_t cols, size_t tokens,
            size_t y_stride) {
  const Matrix m{static_cast<const uint8_t*>(w), rows, cols / Product::kFormat.block,
                 TileBytes(Product::kFormat, cols)};
  const auto ahead = static_cast<FetchAhead>(__atomic_load_n(&fetch_ahead, __ATOMIC_RELAXED));
  const bool by_processor = ahead == FetchAhead::kByProcessor;
  const size_t tiles = (rows + kTileRows - 1) / kTileRows;
  size_t near = tokens <= Isa::kMaxTokens ? tiles : kNearBytes / (m.tile_bytes + 1);
  if (near < kFewestTiles) near = kFewestTiles;
  for (size_t begin = 0; begin < tiles; begin += near) {
    const size_t end = tiles - begin < near ? tiles : begin + near;
    const auto* x = static_cast<const typename Product::Act*>(activations);
    float* out = y;
    size_t left = tokens;
    const auto one = [&]<int kTokens, bool kFetch>() {
      Tokens<Isa, Product, kTokens, kFetch>(m, begin, end, x, out, y_stride);
      left -= kTokens;
      x += kTokens * m.blocks;
      out += kTokens * y_stride;
    };
    const auto group = [&]<int kTokens>() {
      // With more tokens the processor does not look far enough ahead.
      if constexpr (kTokens == 1 || (kTokens == 2 && kParts<Isa> == 1)) {
        while (left >= kTokens && by_processor) one.template operator()<kTokens, false>();
      }
      // The first of many fetches the weights for those after it.
      if constexpr (kTokens == Product::kMaxTokens) {
        if (left >= kTokens) one.template operator()<kTokens, true>();
      }
      constexpr bool kFetch = kTokens < Product::kMaxTokens;
      while (left >= kTokens) one.template operator()<kTokens, kFetch>();
    };
    if constexpr (Product::kMaxTokens >= 12) group.template operator()<12>();
    if constexpr (Product::kMaxTokens >= 8) group.template operator()<8>();
    group.template operator()<4>();
    group.template operator()<2>();
    group.template operator()<1>();
  }
}

}  // namespace
}  // namespace linnet::kernels::x86_tiles

#endif  // LINNET_RUNTIME_KERNELS_AVX2_TILE_PRODUCT_H_
