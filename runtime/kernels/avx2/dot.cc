#include <immintrin.h>

#include "runtime/kernels/avx2/math.h"
#include "runtime/kernels/float_product.h"
#include "runtime/kernels/ops.h"

// Lanes 0-7 of the 16-lane rule are one register, 8-15 another.
namespace linnet::kernels::avx2 {
namespace {

struct Unit {
  using Vector = __m256;
  static constexpr int kLanes = 8;
  // 12 sums, a row's weights each, and the values of a token in the 16 registers.
  static constexpr int kRows = 2, kTokens = 3, kRowsOfOne = 4;
  static constexpr bool kLoadsFirst = false;
  static constexpr size_t kPanelFrom = 24;

  static Vector Zero() { return _mm256_setzero_ps(); }
  static Vector Fma(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
  static Vector Load(F32, const char* p) { return _mm256_loadu_ps(reinterpret_cast<const float*>(p)); }
  static Vector Load(F16, const char* p) { return _mm256_cvtph_ps(Words(p)); }
  static Vector Load(BF16, const char* p) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(Words(p)), 16));
  }
  static void Keep(Vector& v) { asm("" : "+x"(v)); }
  static void Store(float* p, Vector v) { _mm256_store_ps(p, v); }

  template <int kRowCount, int kTokenCount>
  [[gnu::always_inline]] static void Finish(const Lanes<Unit> (&sums)[kRowCount * kTokenCount], float* y,
                                            size_t y_stride) {
    constexpr int kSums = kRowCount * kTokenCount;
    alignas(16) float results[(kSums + 3) / 4 * 4];
    __m256 eight[(kSums + 3) / 4 * 4];
#pragma GCC unroll 16
    for (int i = 0; i < (kSums + 3) / 4 * 4; ++i) {
      eight[i] = i < kSums ? _mm256_add_ps(sums[i].part[0], sums[i].part[1]) : Zero();
    }
#pragma GCC unroll 4
    for (int i = 0; i < kSums; i += 4) {
      _mm_store_ps(results + i, Trees(eight[i], eight[i + 1], eight[i + 2], eight[i + 3]));
    }
    StoreResults<kRowCount, kTokenCount>(results, y, y_stride);
  }

 private:
  static __m128i Words(const char* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
};

}  // namespace

void MatMulF32(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  MatMulOfFloats<Unit, F32>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulF16(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  MatMulOfFloats<Unit, F16>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulBF16(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  MatMulOfFloats<Unit, BF16>(w, x, y, rows, cols, tokens, y_stride);
}

}  // namespace linnet::kernels::avx2
