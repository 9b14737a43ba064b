#ifndef LINNET_RUNTIME_KERNELS_NEON_TILE_LOOPS_H_
#define LINNET_RUNTIME_KERNELS_NEON_TILE_LOOPS_H_

#include <arm_neon.h>

#include "runtime/kernels/neon/tile_panel.h"
#include "runtime/kernels/ops.h"
#include "runtime/kernels/tiles.h"

// The loops around the kernels of packed matrices. Tokens go in groups of one, two, four and eight; a kernel
// multiplies four rows by eight or twelve tokens, eight by four, or sixteen by two or one, so that its sums
// fit the registers. Many tokens are taken by a run of columns at a time, whose panels stay in the
// first-level cache while the rows pass by; between runs the sums rest in y, unrounded: they are floats
// already.
namespace linnet::kernels::neon_tiles {

constexpr size_t kPanelTokens = 48;
constexpr size_t kPanelWords = 5760;  // 22.5 KiB of a 32 KiB cache: 384 columns of 48 tokens

// The next group when so many tokens are left: a kernel of eight with one idle lane is cheaper than one of
// four, two and one, and two of eight than one of twelve and what is left then.
template <int kMostTokens>
static inline int GroupOf(size_t tokens) {
  if constexpr (kMostTokens >= 12) {
    if (tokens >= 17 || tokens == 11 || tokens == 12) return 12;
  }
  if constexpr (kMostTokens >= 8) {
    if (tokens >= 7) return 8;
  }
  if constexpr (kMostTokens >= 4) {
    if (tokens >= 3) return 4;
  }
  return tokens >= 2 ? 2 : 1;
}

static inline float32x4_t LoadRows(const float* y, size_t rows) {
  if (rows >= 4) return vld1q_f32(y);
  float lanes[4] = {};
  for (size_t r = 0; r < rows; ++r) lanes[r] = y[r];
  return vld1q_f32(lanes);
}

static inline void StoreRows(float* y, float32x4_t sums, size_t rows) {
  if (rows >= 4) return vst1q_f32(y, sums);
  float lanes[4];
  vst1q_f32(lanes, sums);
  for (size_t r = 0; r < rows; ++r) y[r] = lanes[r];
}

// A run of blocks of one tile.
struct TileRun {
  const uint8_t* first_block;
  size_t blocks;
  size_t rows;  // from the tile's first on, that y has
  bool first;   // the run starts the sums
};

// One tile times one group of tokens. y: [tokens, y_stride], of which the tile's rows.
template <typename Kernel, int kTokens>
static inline void RunGroup(const TileRun& tile, const int32_t* panel, size_t tokens, float* y,
                            size_t y_stride) {
  constexpr size_t kVectors = kTokens == 1 ? 4 : kTokens > 8 ? 1 : 8 / kTokens;  // of four rows
  for (size_t at = 0; at < 4 && 4 * at < tile.rows; at += kVectors) {
    const auto rows_of = [&](size_t r) {
      const size_t before = 4 * (at + r);
      return before < tile.rows ? tile.rows - before : 0;
    };
    const bool full = 4 * (at + kVectors) <= tile.rows && tokens == kTokens;
    float* const first = y + 4 * at;
    float32x4_t sums[kVectors][kTokens];
    if (tile.first) {
      Each<kTokens>([&](auto t) __attribute__((always_inline)) {
        for (auto& row : sums) row[t.value] = vdupq_n_f32(0);
      });
    } else if (full) {
      Each<kTokens>([&](auto t) __attribute__((always_inline)) {
        for (size_t r = 0; r < kVectors; ++r)
          sums[r][t.value] = vld1q_f32(first + t.value * y_stride + 4 * r);
      });
    } else {
      for (size_t t = 0; t < kTokens; ++t) {
        const float* from = first + (t < tokens ? t : tokens - 1) * y_stride;
        for (size_t r = 0; r < kVectors; ++r) sums[r][t] = LoadRows(from + 4 * r, rows_of(r));
      }
    }
    Kernel::template Add<kVectors, kTokens>(tile, at, panel, sums);
    if (full) {
      Each<kTokens>([&](auto t) __attribute__((always_inline)) {
        for (size_t r = 0; r < kVectors; ++r) vst1q_f32(first + t.value * y_stride + 4 * r, sums[r][t.value]);
      });
    } else {
      for (size_t t = 0; t < tokens; ++t) {
        for (size_t r = 0; r < kVectors; ++r) StoreRows(first + t * y_stride + 4 * r, sums[r][t], rows_of(r));
      }
    }
  }
}

// Calls f(Number<size>, first token, its tokens in use, words of the groups before it) for each group; words
// are those of one block. Returns the words of all.
template <typename Kernel, typename F>
static inline size_t EachGroup(size_t tokens, F f) {
  size_t words = 0;
  for (size_t t = 0; t < tokens;) {
    const size_t group = GroupOf<Kernel::kMostTokens>(tokens - t);
    const size_t used = tokens - t < group ? tokens - t : group;
    if (group == 1) f(Number<1>{}, t, used, words);
    if (group == 2) f(Number<2>{}, t, used, words);
    if constexpr (Kernel::kMostTokens >= 4) {
      if (group == 4) f(Number<4>{}, t, used, words);
    }
    if constexpr (Kernel::kMostTokens >= 8) {
      if (group == 8) f(Number<8>{}, t, used, words);
    }
    if constexpr (Kernel::kMostTokens >= 12) {
      if (group == 12) f(Number<12>{}, t, used, words);
    }
    words += group == 1 ? 0 : group * kWords<typename Kernel::Act>;
    t += used;
  }
  return words;
}

// One token, whose panel is its blocks as they are.
template <typename Kernel>
[[gnu::noinline, gnu::flatten]] static void MatVecTiles(const uint8_t* tile, const typename Kernel::Act* x,
                                                        float* y, size_t rows, size_t cols) {
  constexpr TileFormat kFormat = *FindTileFormat(Kernel::kType);
  const size_t bytes = TileBytes(kFormat, cols);
  for (size_t r = 0; r < rows; r += kTileRows, tile += bytes) {
    const TileRun whole = {tile, cols / kFormat.block, rows - r, true};
    RunGroup<Kernel, 1>(whole, WordsOf(x), 1, y + r, 0);
  }
}

// Kernel: kType, its Act, kMostTokens of a group, kUnit and kSumFactor of its panels, and Add<vectors of four
// rows, tokens>(tile, first vector, panel, sums), sums of [vectors][tokens].
template <typename Kernel>
static inline void MatMulTiles(const void* w, const void* activations, float* y, size_t rows, size_t cols,
                               size_t tokens, size_t y_stride) {
  using Act = typename Kernel::Act;
  constexpr TileFormat kFormat = *FindTileFormat(Kernel::kType);
  const size_t blocks = cols / kFormat.block;
  const auto* tiles = static_cast<const uint8_t*>(w);
  if (tokens == 1) return MatVecTiles<Kernel>(tiles, static_cast<const Act*>(activations), y, rows, cols);
  int32_t panels[kPanelWords];
  for (size_t done = 0; done < tokens; done += kPanelTokens) {
    const size_t count = tokens - done < kPanelTokens ? tokens - done : kPanelTokens;
    const Act* x = static_cast<const Act*>(activations) + done * blocks;
    const size_t words = EachGroup<Kernel>(count, [](auto, size_t, size_t, size_t) {});
    const size_t most = words == 0 ? blocks : kPanelWords / words;
    size_t b = 0;
    do {
      const size_t run = blocks - b < most ? blocks - b : most;
      EachGroup<Kernel>(count, [&](auto group, size_t t, size_t used, size_t before) {
        FillPanels<Act, group.value, Kernel::kUnit, Kernel::kSumFactor>(x + t * blocks + b, blocks, used, run,
                                                                        panels + before * run);
      });
      for (size_t r = 0; r < rows; r += kTileRows) {
        const uint8_t* tile = tiles + r / kTileRows * TileBytes(kFormat, cols);
        const TileRun part = {tile + b * BlockBytes(kFormat), run,
                              rows - r < kTileRows ? rows - r : kTileRows, b == 0};
        EachGroup<Kernel>(count, [&](auto group, size_t t, size_t used, size_t before) {
          const int32_t* panel = group.value == 1 ? WordsOf(x + t * blocks + b) : panels + before * run;
          RunGroup<Kernel, group.value>(part, panel, used, y + (done + t) * y_stride + r, y_stride);
        });
      }
      b += run;
    } while (b < blocks);
  }
}

}  // namespace linnet::kernels::neon_tiles

#endif  // LINNET_RUNTIME_KERNELS_NEON_TILE_LOOPS_H_
