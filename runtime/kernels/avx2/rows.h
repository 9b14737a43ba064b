#ifndef LINNET_RUNTIME_KERNELS_AVX2_ROWS_H_
#define LINNET_RUNTIME_KERNELS_AVX2_ROWS_H_

#include <immintrin.h>

#include "runtime/kernels/ops.h"

// Products of block types, eight rows at a time: lane = row, so that a float accumulator holds one output
// element and blocks are added in ascending order, as NUMERICS.md demands. Everything here has internal
// linkage: no copy of it may serve another instruction set.
namespace linnet::kernels::avx2 {

constexpr int kRows = 8;

// The same block of kCount rows.
template <int kCount>
struct BlockOfRows {
  const char* first;
  size_t row_bytes;
  const char* operator[](int row) const { return first + static_cast<size_t>(row) * row_bytes; }
};

static inline __m256i Load32(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
static inline __m128i Load16(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }

// The half at `offset` of each row's block, as floats.
template <int kCount>
static inline __m256 Halves(BlockOfRows<kCount> block, size_t offset) {
  alignas(16) uint16_t halves[kRows] = {};
  for (int r = 0; r < kCount; ++r) __builtin_memcpy(&halves[r], block[r] + offset, sizeof(halves[r]));
  return _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(halves)));
}

// Lane r = sum of the 8 lanes of v[r].
static inline __m256i SumLanes(const __m256i* v) {
  const __m256i a = _mm256_hadd_epi32(_mm256_hadd_epi32(v[0], v[1]), _mm256_hadd_epi32(v[2], v[3]));
  const __m256i b = _mm256_hadd_epi32(_mm256_hadd_epi32(v[4], v[5]), _mm256_hadd_epi32(v[6], v[7]));
  return _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20), _mm256_permute2x128_si256(a, b, 0x31));
}

// Lane r = sum(r), a vector of partial sums of row r.
template <int kCount, typename Sum>
static inline __m256 ExactSums(Sum sum) {
  __m256i v[kRows];
  for (int r = 0; r < kRows; ++r) v[r] = r < kCount ? sum(r) : _mm256_setzero_si256();
  return _mm256_cvtepi32_ps(SumLanes(v));
}

// W: kBytes and kValues of a block, Act, and Add(block of rows, act, sum): `sum` after the block's float
// steps.
template <typename W, int kCount>
static inline __m256 Dot(const char* w, size_t row_bytes, const typename W::Act* x, size_t blocks) {
  __m256 sum = _mm256_setzero_ps();
  for (size_t b = 0; b < blocks; ++b) {
    sum = W::Add(BlockOfRows<kCount>{w + b * W::kBytes, row_bytes}, x[b], sum);
  }
  return sum;
}

template <typename W>
static inline void MatMul(const void* w, const void* activations, float* y, size_t rows, size_t cols,
                          size_t tokens, size_t y_stride) {
  const size_t blocks = cols / W::kValues;
  const auto* x = static_cast<const typename W::Act*>(activations);
  const char* bytes = static_cast<const char*>(w);
  const size_t row_bytes = blocks * W::kBytes;
  size_t r = 0;
  for (; r + kRows <= rows; r += kRows) {
    for (size_t t = 0; t < tokens; ++t) {
      _mm256_storeu_ps(y + t * y_stride + r,
                       Dot<W, kRows>(bytes + r * row_bytes, row_bytes, x + t * blocks, blocks));
    }
  }
  for (; r < rows; ++r) {
    for (size_t t = 0; t < tokens; ++t) {
      y[t * y_stride + r] =
          _mm256_cvtss_f32(Dot<W, 1>(bytes + r * row_bytes, row_bytes, x + t * blocks, blocks));
    }
  }
}

// w * a summed to 8 int32, exact. The multiply is unsigned x signed, so the sign of w moves to a:
// |w| <= 128, |a| <= 127, and a pair sums to at most 32,512.
static inline __m256i Products(__m256i w, __m256i a) {
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(a, w));
  return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

// 16 bytes as 32 nibbles: the low ones, then the high ones.
static inline __m256i Nibbles(const void* p) {
  const __m128i packed = Load16(p);
  return _mm256_and_si256(
      _mm256_inserti128_si256(_mm256_castsi128_si256(packed), _mm_srli_epi16(packed, 4), 1),
      _mm256_set1_epi8(15));
}

}  // namespace linnet::kernels::avx2

#endif  // LINNET_RUNTIME_KERNELS_AVX2_ROWS_H_
