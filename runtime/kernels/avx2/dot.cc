#include <immintrin.h>

#include "runtime/kernels/ops.h"

// Lanes 0-7 of the 16-lane rule are one register, 8-15 another; four rows at a time share the loads of x.
namespace linnet::kernels::avx2 {
namespace {

struct Lanes {
  __m256 low, high;
};

alignas(32) constexpr int32_t kMask[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

// Lanes below `count` (<= 8).
__m256i Mask(size_t count) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kMask + 8 - count)); }

Lanes LoadTail(const float* p, size_t count) {
  const size_t low = count < 8 ? count : 8;
  Lanes lanes = {_mm256_maskload_ps(p, Mask(low)), _mm256_setzero_ps()};
  if (count > 8) lanes.high = _mm256_maskload_ps(p + 8, Mask(count - 8));
  return lanes;
}

struct F32 {
  static constexpr size_t kBytes = 4;
  static Lanes Load(const char* p) {
    const float* f = reinterpret_cast<const float*>(p);
    return {_mm256_loadu_ps(f), _mm256_loadu_ps(f + 8)};
  }
  static Lanes Tail(const char* p, size_t count) {
    return LoadTail(reinterpret_cast<const float*>(p), count);
  }
};

struct F16 {
  static constexpr size_t kBytes = 2;
  static Lanes Load(const char* p) {
    return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))),
            _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 16)))};
  }
  static Lanes Tail(const char* p, size_t count) {
    alignas(32) char padded[32] = {};
    for (size_t i = 0; i < count * kBytes; ++i) padded[i] = p[i];
    return Load(padded);
  }
};

struct BF16 {
  static constexpr size_t kBytes = 2;
  static __m256 Widen(const char* p) {
    const __m128i words = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(words), 16));
  }
  static Lanes Load(const char* p) { return {Widen(p), Widen(p + 16)}; }
  static Lanes Tail(const char* p, size_t count) {
    alignas(32) char padded[32] = {};
    for (size_t i = 0; i < count * kBytes; ++i) padded[i] = p[i];
    return Load(padded);
  }
};

float Tree(Lanes lanes) {
  const __m256 eight = _mm256_add_ps(lanes.low, lanes.high);
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

template <typename W, int R>
void Rows(const char* w, const float* x, float* y, size_t cols) {
  const size_t row_bytes = cols * W::kBytes;
  Lanes sum[R];
  for (int r = 0; r < R; ++r) sum[r] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  size_t k = 0;
  for (; k + 16 <= cols; k += 16) {
    const __m256 low = _mm256_loadu_ps(x + k), high = _mm256_loadu_ps(x + k + 8);
    for (int r = 0; r < R; ++r) {
      const Lanes v = W::Load(w + r * row_bytes + k * W::kBytes);
      sum[r].low = _mm256_fmadd_ps(v.low, low, sum[r].low);
      sum[r].high = _mm256_fmadd_ps(v.high, high, sum[r].high);
    }
  }
  if (k < cols) {
    const Lanes tail = LoadTail(x + k, cols - k);
    for (int r = 0; r < R; ++r) {
      const Lanes v = W::Tail(w + r * row_bytes + k * W::kBytes, cols - k);
      sum[r].low = _mm256_fmadd_ps(v.low, tail.low, sum[r].low);
      sum[r].high = _mm256_fmadd_ps(v.high, tail.high, sum[r].high);
    }
  }
  for (int r = 0; r < R; ++r) y[r] = Tree(sum[r]);
}

template <typename W>
void MatMul(const void* w, const void* activations, float* y, size_t rows, size_t cols, size_t tokens,
            size_t y_stride) {
  const float* x = static_cast<const float*>(activations);
  const char* bytes = static_cast<const char*>(w);
  const size_t row_bytes = cols * W::kBytes;
  size_t r = 0;
  // Rows outside, tokens inside: a group of rows is read from memory once.
  for (; r + 4 <= rows; r += 4) {
    for (size_t t = 0; t < tokens; ++t)
      Rows<W, 4>(bytes + r * row_bytes, x + t * cols, y + t * y_stride + r, cols);
  }
  for (; r < rows; ++r) {
    for (size_t t = 0; t < tokens; ++t)
      Rows<W, 1>(bytes + r * row_bytes, x + t * cols, y + t * y_stride + r, cols);
  }
}

}  // namespace

void MatMulF32(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  MatMul<F32>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulF16(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  MatMul<F16>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulBF16(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  MatMul<BF16>(w, x, y, rows, cols, tokens, y_stride);
}

}  // namespace linnet::kernels::avx2
