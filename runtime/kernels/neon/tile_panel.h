#ifndef LINNET_RUNTIME_KERNELS_NEON_TILE_PANEL_H_
#define LINNET_RUNTIME_KERNELS_NEON_TILE_PANEL_H_

#include <arm_neon.h>

#include "runtime/kernels/types.h"

// Panels: the activation blocks of a few tokens, interleaved, so that one vector holds the same columns of
// several tokens and its lanes are factors for a vector of rows. Shared by the neon sets; internal linkage.
//
// A panel of two or four tokens has, for each block, first the block's words before q (d, then the sums times
// a factor that the kernel asks for), each of all tokens side by side, then q in units of one or two words,
// again of all tokens side by side. One token's panel is its blocks as they are.
namespace linnet::kernels::neon_tiles {

// A number in a type: Each<n>(f) calls f(Number<0>), ... f(Number<n - 1>), so that intrinsics get constants.
template <int n>
struct Number {
  static constexpr int value = n;
};

template <int n, typename F>
__attribute__((always_inline)) static inline void Each(F f) {
  if constexpr (n > 0) {
    Each<n - 1>(f);
    f(Number<n - 1>{});
  }
}

template <typename Act>
constexpr int kWords = sizeof(Act) / 4;  // of a block
template <typename Act>
constexpr int kWordsBeforeQ = offsetof(Act, q) / 4;

// Tokens that lie side by side in a group of so many: eight are two panels of four, one after the other.
constexpr int Beside(int tokens) { return tokens < 4 ? tokens : 4; }

static inline const int32_t* WordsOf(const void* block) {
  return static_cast<const int32_t*>(__builtin_assume_aligned(block, alignof(int32_t)));
}

static inline void StoreUnits(int32_t* to, const int32x4_t (&q)[4], Number<1>) {
  vst4q_s32(to, int32x4x4_t{{q[0], q[1], q[2], q[3]}});
}
static inline void StoreUnits(int32_t* to, const int32x4_t (&q)[4], Number<2>) {
  const auto pair = [&](int t) { return vreinterpretq_s64_s32(q[t]); };
  vst4q_s64(reinterpret_cast<int64_t*>(to), int64x2x4_t{{pair(0), pair(1), pair(2), pair(3)}});
}
static inline void StoreUnits(int32_t* to, const int32x4_t (&q)[2], Number<1>) {
  vst2q_s32(to, int32x4x2_t{{q[0], q[1]}});
}
static inline void StoreUnits(int32_t* to, const int32x4_t (&q)[2], Number<2>) {
  const auto pair = [&](int t) { return vreinterpretq_s64_s32(q[t]); };
  vst2q_s64(reinterpret_cast<int64_t*>(to), int64x2x2_t{{pair(0), pair(1)}});
}

// x: [tokens, stride] blocks, of which the first `blocks` of each row go into the panel. Beyond `tokens` the
// last one is repeated: its products are not kept. A sum's factor is 1 where a word has several.
template <typename Act, int kTokens, int kUnit, int kSumFactor>
static inline void FillPanel(const Act* x, size_t stride, size_t tokens, size_t blocks, int32_t* panel) {
  const Act* row[kTokens];
  for (size_t t = 0; t < kTokens; ++t) row[t] = x + (t < tokens ? t : tokens - 1) * stride;
  for (size_t b = 0; b < blocks; ++b) {
    for (int w = 0; w < kWordsBeforeQ<Act>; ++w) {
      for (int t = 0; t < kTokens; ++t) *panel++ = WordsOf(row[t] + b)[w] * (w == 0 ? 1 : kSumFactor);
    }
    for (int w = kWordsBeforeQ<Act>; w < kWords<Act>; w += 4) {
      int32x4_t q[kTokens];
      for (int t = 0; t < kTokens; ++t) q[t] = vld1q_s32(WordsOf(row[t] + b) + w);
      StoreUnits(panel, q, Number<kUnit>{});
      panel += 4 * kTokens;
    }
  }
}

// The panels of one group: [kTokens / Beside][blocks].
template <typename Act, int kTokens, int kUnit, int kSumFactor>
static inline void FillPanels(const Act* x, size_t stride, size_t tokens, size_t blocks, int32_t* panel) {
  if constexpr (kTokens > 1) {
    constexpr size_t kBeside = Beside(kTokens);
    for (size_t t = 0; t < kTokens; t += kBeside) {
      FillPanel<Act, kBeside, kUnit, kSumFactor>(x + t * stride, stride, tokens - t, blocks, panel);
      panel += blocks * kWords<Act> * kBeside;
    }
  }
}

// A word of each token, from the front of a block: lane t is token t's. Fewer tokens than lanes have the
// block's next words there, which is never past its end.
static inline int32x4_t LoadWords(const int32_t* p) { return vld1q_s32(p); }
static inline float32x4_t LoadScales(const int32_t* p) { return vreinterpretq_f32_s32(LoadWords(p)); }

// Of a panel of four tokens, from p on, which moves on: the second word of each; four units of each.
static inline int32x4_t LoadSecondWords(const int32_t*& p) {
  const int32x4x2_t words = vld1q_s32_x2(p);  // of both words: so the address grows by the way
  p += 8;
  asm("" : "+r"(p));  // one address that grows, instead of one a load
  return words.val[1];
}
static inline int8x16x4_t LoadColumns(const int32_t*& p) {
  const int8x16x4_t columns = vld1q_s8_x4(reinterpret_cast<const int8_t*>(p));
  p += 16;
  asm("" : "+r"(p));
  return columns;
}

// Of one token's block: its two words, from p on, which moves on.
static inline int32x2_t LoadWordsOfOne(const int32_t*& p) {
  const int32x2_t words = vld1_s32(p);
  p += 2;
  asm("" : "+r"(p));
  return words;
}

// Where the panels of a group of tokens stand, at one block.
template <int kTokens>
struct Panels {
  const int32_t* at[kTokens / Beside(kTokens)];
};

template <typename Act, int kTokens>
static inline Panels<kTokens> PanelsAt(const int32_t* first, size_t blocks) {
  Panels<kTokens> panels;
  for (const int32_t*& p : panels.at) {
    p = first;
    first += blocks * kWords<Act> * Beside(kTokens);
  }
  return panels;
}

template <typename Act, int kTokens>
static inline void NextBlock(Panels<kTokens>& panels) {
  for (const int32_t*& p : panels.at) p += kWords<Act> * Beside(kTokens);
}

}  // namespace linnet::kernels::neon_tiles

#endif  // LINNET_RUNTIME_KERNELS_NEON_TILE_PANEL_H_
