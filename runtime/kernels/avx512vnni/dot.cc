#include <immintrin.h>

#include "runtime/kernels/avx512vnni/math.h"
#include "runtime/kernels/float_product.h"
#include "runtime/kernels/ops.h"

// The 16 lanes of a sum are a register.
namespace linnet::kernels::avx512vnni {
namespace {

// The trees of 8 sums.
[[gnu::always_inline]] inline __m256 Trees(const __m512 (&sum)[8]) {
  const auto eights = [](__m512 a, __m512 b) {
    return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
  };
  const auto fours = [](__m512 a, __m512 b) {
    return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
  };
  const __m512 even = fours(eights(sum[0], sum[2]), eights(sum[4], sum[6]));
  const __m512 odd = fours(eights(sum[1], sum[3]), eights(sum[5], sum[7]));
  const __m512 twos = _mm512_add_ps(_mm512_shuffle_ps(even, odd, 0x44), _mm512_shuffle_ps(even, odd, 0xee));
  // Each twice, side by side.
  const __m512 ones = _mm512_add_ps(twos, _mm512_shuffle_ps(twos, twos, 0xb1));
  return _mm256_castsi256_ps(_mm512_cvtepi64_epi32(_mm512_castps_si512(ones)));
}

struct Unit {
  using Vector = __m512;
  static constexpr int kLanes = 16;
  // 24 sums, the rows' weights and the values of a token in the 32 registers.
  static constexpr int kRows = 4, kTokens = 6, kRowsOfOne = 8;
  static constexpr bool kLoadsFirst = false;
  static constexpr size_t kPanelFrom = 24;

  static Vector Zero() { return _mm512_setzero_ps(); }
  static Vector Fma(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
  static Vector Load(F32, const char* p) { return _mm512_loadu_ps(p); }
  static Vector Load(F16, const char* p) { return _mm512_cvtph_ps(_mm256_loadu_si256(Words(p))); }
  static Vector Load(BF16, const char* p) { return Widen(_mm256_loadu_si256(Words(p))); }
  static void Keep(Vector& v) { asm("" : "+v"(v)); }
  static void Store(float* p, Vector v) { _mm512_store_ps(p, v); }

  template <int kRowCount, int kTokenCount>
  [[gnu::always_inline]] static void Finish(const Lanes<Unit> (&sums)[kRowCount * kTokenCount], float* y,
                                            size_t y_stride) {
    constexpr int kSums = kRowCount * kTokenCount, kGroups = (kSums + 7) / 8;
    alignas(32) float results[8 * kGroups];
#pragma GCC unroll 4
    for (int g = 0; g < kGroups; ++g) {
      __m512 eight[8];
#pragma GCC unroll 8
      for (int i = 0; i < 8; ++i) eight[i] = 8 * g + i < kSums ? sums[8 * g + i].part[0] : Zero();
      _mm256_store_ps(results + 8 * g, Trees(eight));
    }
    StoreResults<kRowCount, kTokenCount>(results, y, y_stride);
  }

 private:
  static const __m256i* Words(const char* p) { return reinterpret_cast<const __m256i*>(p); }
  static Vector Widen(__m256i words) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(words), 16));
  }
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

}  // namespace linnet::kernels::avx512vnni
