#ifndef LINNET_RUNTIME_KERNELS_AVX512VNNI_ZMM_H_
#define LINNET_RUNTIME_KERNELS_AVX512VNNI_ZMM_H_

#include <immintrin.h>

#include "runtime/kernels/ops.h"

// 512-bit registers for the products of tiles: one holds the rows of a tile.
namespace linnet::kernels::x86_tiles {
namespace {

struct Zmm {
  using Int = __m512i;
  using Float = __m512;
  static constexpr int kLanes = 16;
  static constexpr int kMaxTokens = 12;
  static constexpr bool kSignedBytes = false;

  static inline Int Load(const void* p) { return _mm512_loadu_si512(p); }
  static inline Int Zero() { return _mm512_setzero_si512(); }
  static inline Int Bytes(int value) { return _mm512_set1_epi8(static_cast<char>(value)); }
  // The four bytes at p, in every lane.
  static inline Int Four(const void* p) {
    int32_t four;
    __builtin_memcpy(&four, p, sizeof(four));
    return _mm512_set1_epi32(four);
  }
  static inline Int And(Int a, Int b) { return _mm512_and_si512(a, b); }
  static inline Int Xor(Int a, Int b) { return _mm512_xor_si512(a, b); }
  static inline Int Subtract(Int a, Int b) { return _mm512_sub_epi32(a, b); }
  // a | (bits & mask).
  static inline Int OrMasked(Int a, Int bits, Int mask) {
    return _mm512_ternarylogic_epi32(a, bits, mask, 0xf8);
  }
  // By n bits to the left, within 16: what comes from the neighbouring byte is masked by the caller.
  template <int n>
  static inline Int Shift(Int a) {
    if constexpr (n > 0) return _mm512_slli_epi16(a, n);
    if constexpr (n < 0) return _mm512_srli_epi16(a, -n);
    return a;
  }
  static inline Int Lookup(const uint8_t* table, Int indices) {
    const __m128i values = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(values), indices);
  }

  // A byte or a half a lane.
  static inline Int Signed(const uint8_t* p) {
    return _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static inline Int Unsigned(const uint8_t* p) {
    return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static inline Float Halves(const uint8_t* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  // The lower 16 bits of a lane from a, the upper from b's lower.
  static inline Int Pairs(Int a, Int b) {
    return _mm512_mask_mov_epi16(a, 0xaaaaaaaa, _mm512_slli_epi32(b, 16));
  }
  template <int n>
  static inline Int LeftInLanes(Int a) {
    return _mm512_slli_epi32(a, n);
  }

  static inline Float ToFloat(Int a) { return _mm512_cvtepi32_ps(a); }
  static inline Float Fill(float value) { return _mm512_set1_ps(value); }
  static inline Float Multiply(Float a, Float b) { return _mm512_mul_ps(a, b); }
  static inline Float Fma(Float a, Float b, Float c) { return _mm512_fmadd_ps(a, b, c); }

  static inline __mmask16 Lanes(size_t count) {
    return static_cast<__mmask16>(count >= kLanes ? 0xffff : (1u << count) - 1);
  }
  // The first `count` lanes, if there are so many.
  static inline Float LoadLanes(const float* p, size_t count) {
    return _mm512_maskz_loadu_ps(Lanes(count), p);
  }
  static inline void StoreLanes(float* p, size_t count, Float value) {
    _mm512_mask_storeu_ps(p, Lanes(count), value);
  }

  // Four products a lane more: w at most 255, so exact. 32 columns fit a sum at any rate.
  static constexpr bool kWholeSums = true;
  template <int kMax>
  static constexpr int kSteps = 8;
  template <int kMax>
  static inline Int Step(Int sum, Int w, const int8_t* a) {
    return _mm512_dpbusd_epi32(sum, w, Four(a));
  }
  // sum + scale * steps.
  static inline Int AddScaled(Int sum, Int steps, Int scales) {
    return _mm512_add_epi32(sum, _mm512_mullo_epi32(steps, scales));
  }
  // As AddScaled takes them.
  static inline Int Scales(Int scales) { return scales; }
  // sum + the products of pairs of 16 bits.
  static inline Int AddPairs(Int sum, Int a, Int b) { return _mm512_dpwssd_epi32(sum, a, b); }
};

}  // namespace
}  // namespace linnet::kernels::x86_tiles

#endif  // LINNET_RUNTIME_KERNELS_AVX512VNNI_ZMM_H_
