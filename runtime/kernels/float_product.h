#ifndef LINNET_RUNTIME_KERNELS_FLOAT_PRODUCT_H_
#define LINNET_RUNTIME_KERNELS_FLOAT_PRODUCT_H_

#include "runtime/kernels/ops.h"

// How the vector sets multiply rows of floats and halves by the 16-lane rule (NUMERICS.md): a block of some
// rows and some tokens at a time, whose sums stay in registers. `Unit` has the steps of an instruction set;
// being of an unnamed namespace, it gives every function here internal linkage. It has
//   Vector, kLanes             4, 8 or 16 floats
//   kRows, kTokens             of a block
//   kRowsOfOne                 of a block of one token
//   kLoadsFirst                the values of a block's tokens before they are used: needs a register each
//   kPanelFrom                 so many tokens make a panel worth it
//   Zero(), Fma(a, b, c)       c + a * b
//   Load(W{}, p)               weights as floats
//   Keep(v)                    makes the compiler load v once
//   Store(p, v)                p: aligned
//   Finish<kRows, kTokens>(sums, y, y_stride)   y[t * y_stride + r] = the tree of sums[t * kRows + r]
namespace linnet::kernels {
namespace {

// What weights are made of. They may stand at any address.
struct F32 {
  static constexpr size_t kBytes = 4;
};
struct F16 {
  static constexpr size_t kBytes = 2;
};
struct BF16 {
  static constexpr size_t kBytes = 2;
};

constexpr size_t kSumLanes = 16;

// The 16 lanes of a sum.
template <typename Unit>
struct Lanes {
  static constexpr int kParts = static_cast<int>(kSumLanes) / Unit::kLanes;
  typename Unit::Vector part[kParts];
};

// Results of a block, a token's rows one after the other.
template <int kRows, int kTokens>
[[gnu::always_inline]] inline void StoreResults(const float* results, float* y, size_t y_stride) {
#pragma GCC unroll 8
  for (int t = 0; t < kTokens; ++t) {
    __builtin_memcpy(y + static_cast<size_t>(t) * y_stride, results + t * kRows, kRows * sizeof(float));
  }
}

struct Rows {
  const char* first;
  size_t bytes;  // of a row
};

struct Tokens {
  const float* first;
  size_t cols;
};

// The last columns of `rows` rows, `bytes` each, with zeros up to `wide`.
[[gnu::noinline]] void Pad(void* to, size_t wide, const void* from, size_t row_bytes, size_t bytes,
                           int rows) {
  char* padded = static_cast<char*>(to);
  const char* row = static_cast<const char*>(from);
  for (int r = 0; r < rows; ++r, padded += wide, row += row_bytes) {
    for (size_t i = 0; i < wide; ++i) padded[i] = i < bytes ? row[i] : char{0};
  }
}

// The products of 16 columns from `at` on.
template <typename Unit, typename W, int kRows, int kTokens>
[[gnu::always_inline]] inline void AddColumns(Rows w, Tokens x, size_t at,
                                              Lanes<Unit> (&sums)[kRows * kTokens]) {
#pragma GCC unroll 4
  for (int i = 0; i < Lanes<Unit>::kParts; ++i) {
    const size_t column = at + static_cast<size_t>(i * Unit::kLanes);
    typename Unit::Vector weights[kRows];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      weights[r] = Unit::Load(W{}, w.first + static_cast<size_t>(r) * w.bytes + column * W::kBytes);
    }
    typename Unit::Vector values[kTokens];
    const auto load_values = [&](int t) __attribute__((always_inline)) {
      const float* token = x.first + static_cast<size_t>(t) * x.cols + column;
      values[t] = Unit::Load(F32{}, reinterpret_cast<const char*>(token));
      if constexpr (kRows > 1) Unit::Keep(values[t]);
    };
    if constexpr (Unit::kLoadsFirst) {
#pragma GCC unroll 8
      for (int t = 0; t < kTokens; ++t) load_values(t);
    }
#pragma GCC unroll 8
    for (int t = 0; t < kTokens; ++t) {
      if constexpr (!Unit::kLoadsFirst) load_values(t);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        auto& sum = sums[t * kRows + r].part[i];
        sum = Unit::Fma(weights[r], values[t], sum);
      }
    }
  }
}

// What lies one block further comes while this one is multiplied, each line once. As a number: it may lie
// beyond the matrix, where a prefetch does nothing.
template <int kBytes>
[[gnu::always_inline]] inline void Fetch(uintptr_t at) {
#pragma GCC unroll 8
  for (int i = 0; i < kBytes; i += 64) __builtin_prefetch(reinterpret_cast<const char*>(at + i));
}

template <typename Unit, typename W, int kRows, int kTokens, bool kFetch>
[[gnu::noinline]] void Block(Rows w, Tokens x, float* y, size_t y_stride) {
  const size_t whole = x.cols / kSumLanes * kSumLanes;
  char last[kRows * kSumLanes * W::kBytes];
  float last_values[kTokens * kSumLanes];
  if (whole < x.cols) {
    const size_t some = x.cols - whole;
    Pad(last, kSumLanes * W::kBytes, w.first + whole * W::kBytes, w.bytes, some * W::kBytes, kRows);
    Pad(last_values, kSumLanes * sizeof(float), x.first + whole, x.cols * sizeof(float), some * sizeof(float),
        kTokens);
  }
  // Told to unroll all loops over these, g++ keeps them in registers.
  Lanes<Unit> sums[kRows * kTokens];
#pragma GCC unroll 32
  for (int i = 0; i < kRows * kTokens; ++i) {
#pragma GCC unroll 4
    for (int part = 0; part < Lanes<Unit>::kParts; ++part) sums[i].part[part] = Unit::Zero();
  }
  [[maybe_unused]] const uintptr_t next = reinterpret_cast<uintptr_t>(w.first) + kRows * w.bytes;
  for (size_t at = 0; at < whole; at += kSumLanes) {
    if constexpr (kFetch) Fetch<kRows * kSumLanes * W::kBytes>(next + at * kRows * W::kBytes);
    AddColumns<Unit, W, kRows, kTokens>(w, x, at, sums);
  }
  if (whole < x.cols) {
    AddColumns<Unit, W, kRows, kTokens>({last, sizeof(last) / kRows}, {last_values, kSumLanes}, 0, sums);
  }
  Unit::template Finish<kRows, kTokens>(sums, y, y_stride);
}

// kRows rows and n <= kMost tokens.
template <typename Unit, typename W, int kRows, int kMost, bool kFetch = false>
void BlockOf(size_t n, Rows w, Tokens x, float* y, size_t y_stride) {
  if constexpr (kMost > 1) {
    if (n < kMost) return BlockOf<Unit, W, kRows, kMost - 1, kFetch>(n, w, x, y, y_stride);
  }
  Block<Unit, W, kRows, kMost, kFetch>(w, x, y, y_stride);
}

// Calls run(first, n) for groups of about the same size: 4 are 2 + 2 where 3 fit.
template <typename Unit, typename Run>
void ForTokens(size_t tokens, Run run) {
  const size_t groups = (tokens + Unit::kTokens - 1) / Unit::kTokens;
  for (size_t g = 0; g < groups; ++g) {
    const size_t from = tokens * g / groups, to = tokens * (g + 1) / groups;
    run(from, to - from);
  }
}

// Rows outside, tokens inside: rows come from memory once.
template <typename Unit, typename W>
void FewTokens(Rows w, Tokens x, float* y, size_t rows, size_t tokens, size_t y_stride) {
  size_t r = 0;
  const auto rows_of = [&]<int kRows>() {
    for (; r + kRows <= rows; r += kRows) {
      const Rows some{w.first + r * w.bytes, w.bytes};
      ForTokens<Unit>(tokens, [&](size_t first, size_t n) {
        const Tokens values{x.first + first * x.cols, x.cols};
        float* out = y + first * y_stride + r;
        if (first == 0)
          return BlockOf<Unit, W, kRows, Unit::kTokens, (kRows > 1)>(n, some, values, out, y_stride);
        BlockOf<Unit, W, kRows, Unit::kTokens>(n, some, values, out, y_stride);
      });
    }
  };
  if (tokens == 1) {
    constexpr int kRows = Unit::kRowsOfOne;
    for (; r + kRows <= rows; r += kRows) {
      Block<Unit, W, kRows, 1, true>({w.first + r * w.bytes, w.bytes}, x, y + r, y_stride);
    }
  }
  rows_of.template operator()<Unit::kRows>();
  rows_of.template operator()<1>();
}

// A row, with zeros up to whole sums.
template <typename Unit, typename W>
void ToFloats(const char* row, size_t cols, float* y) {
  const size_t whole = cols / kSumLanes * kSumLanes;
  for (size_t at = 0; at < whole; at += Unit::kLanes) {
    Unit::Store(y + at, Unit::Load(W{}, row + at * W::kBytes));
  }
  if (whole == cols) return;
  char last[kSumLanes * W::kBytes];
  Pad(last, sizeof(last), row + whole * W::kBytes, 0, (cols - whole) * W::kBytes, 1);
  for (size_t i = 0; i < kSumLanes; i += Unit::kLanes) {
    Unit::Store(y + whole + i, Unit::Load(W{}, last + i * W::kBytes));
  }
}

constexpr size_t kPanelFloats = 16384;  // 64 KiB: in the second cache, with the tokens that pass

// Rows as floats, converted once for many tokens; those of a group of tokens stay in the first cache.
template <typename Unit, typename W>
void ManyTokens(Rows w, Tokens x, float* y, size_t rows, size_t tokens, size_t y_stride) {
  alignas(64) float panel[kPanelFloats];
  const size_t width = (x.cols + kSumLanes - 1) / kSumLanes * kSumLanes;
  const size_t most = kPanelFloats / width / Unit::kRows * Unit::kRows;
  for (size_t begin = 0; begin < rows; begin += most) {
    const size_t count = rows - begin < most ? rows - begin : most;
    for (size_t r = 0; r < count; ++r) {
      ToFloats<Unit, W>(w.first + (begin + r) * w.bytes, x.cols, panel + r * width);
    }
    ForTokens<Unit>(tokens, [&](size_t first, size_t n) {
      const Rows all{reinterpret_cast<const char*>(panel), width * sizeof(float)};
      const Tokens some{x.first + first * x.cols, x.cols};
      float* out = y + first * y_stride + begin;
      size_t r = 0;
      for (; r + Unit::kRows <= count; r += Unit::kRows) {
        BlockOf<Unit, F32, Unit::kRows, Unit::kTokens>(n, {all.first + r * all.bytes, all.bytes}, some,
                                                       out + r, y_stride);
      }
      for (; r < count; ++r) {
        BlockOf<Unit, F32, 1, Unit::kTokens>(n, {all.first + r * all.bytes, all.bytes}, some, out + r,
                                             y_stride);
      }
    });
  }
}

template <typename Unit, typename W>
void MatMulOfFloats(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                    size_t y_stride) {
  const Rows all{static_cast<const char*>(w), cols * W::kBytes};
  const Tokens values{static_cast<const float*>(x), cols};
  if (tokens >= Unit::kPanelFrom && cols != 0 && cols <= kPanelFloats / Unit::kRows - kSumLanes) {
    return ManyTokens<Unit, W>(all, values, y, rows, tokens, y_stride);
  }
  if (tokens != 0) FewTokens<Unit, W>(all, values, y, rows, tokens, y_stride);
}

}  // namespace
}  // namespace linnet::kernels

#endif  // LINNET_RUNTIME_KERNELS_FLOAT_PRODUCT_H_
