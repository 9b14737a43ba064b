#ifndef LINNET_RUNTIME_KERNELS_AVX2_YMM_H_
#define LINNET_RUNTIME_KERNELS_AVX2_YMM_H_

#include <immintrin.h>

#include "runtime/kernels/avx2/math.h"
#include "runtime/kernels/ops.h"

// 256-bit registers for the products of tiles: two hold the rows of a tile. What multiplies is the set's.
namespace linnet::kernels::x86_tiles {
namespace {

struct Ymm {
  using Int = __m256i;
  using Float = __m256;
  static constexpr int kLanes = 8;
  static constexpr int kMaxTokens = 8;

  static inline Int Load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  static inline Int Zero() { return _mm256_setzero_si256(); }
  static inline Int Bytes(int value) { return _mm256_set1_epi8(static_cast<char>(value)); }
  static inline Int Ones() { return _mm256_set1_epi32(1); }
  // The four bytes at p, in every lane.
  static inline Int Four(const void* p) {
    int32_t four;
    __builtin_memcpy(&four, p, sizeof(four));
    return _mm256_set1_epi32(four);
  }
  static inline Int And(Int a, Int b) { return _mm256_and_si256(a, b); }
  static inline Int Xor(Int a, Int b) { return _mm256_xor_si256(a, b); }
  static inline Int Subtract(Int a, Int b) { return _mm256_sub_epi32(a, b); }
  // a | (bits & mask).
  static inline Int OrMasked(Int a, Int bits, Int mask) {
    return _mm256_or_si256(a, _mm256_and_si256(bits, mask));
  }
  // By n bits to the left, within 16: what comes from the neighbouring byte is masked by the caller.
  template <int n>
  static inline Int Shift(Int a) {
    if constexpr (n > 0) return _mm256_slli_epi16(a, n);
    if constexpr (n < 0) return _mm256_srli_epi16(a, -n);
    return a;
  }
  static inline Int Lookup(const uint8_t* table, Int indices) {
    const __m128i values = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(values), indices);
  }

  // A byte or a half a lane.
  static inline Int Signed(const uint8_t* p) {
    return _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  }
  static inline Int Unsigned(const uint8_t* p) {
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  }
  static inline Float Halves(const uint8_t* p) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  // The lower 16 bits of a lane from a, the upper from b's lower.
  static inline Int Pairs(Int a, Int b) { return _mm256_blend_epi16(a, _mm256_slli_epi32(b, 16), 0xaa); }
  template <int n>
  static inline Int LeftInLanes(Int a) {
    return _mm256_slli_epi32(a, n);
  }

  static inline Float ToFloat(Int a) { return _mm256_cvtepi32_ps(a); }
  static inline Float Fill(float value) { return _mm256_set1_ps(value); }
  static inline Float Multiply(Float a, Float b) { return _mm256_mul_ps(a, b); }
  static inline Float Fma(Float a, Float b, Float c) { return _mm256_fmadd_ps(a, b, c); }

  // The first `count` lanes, if there are so many.
  static inline Float LoadLanes(const float* p, size_t count) {
    return count >= kLanes ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, avx2::Mask(count));
  }
  static inline void StoreLanes(float* p, size_t count, Float value) {
    if (count >= kLanes) return _mm256_storeu_ps(p, value);
    _mm256_maskstore_ps(p, avx2::Mask(count), value);
  }
};

}  // namespace
}  // namespace linnet::kernels::x86_tiles

#endif  // LINNET_RUNTIME_KERNELS_AVX2_YMM_H_
