#include <immintrin.h>

#include "runtime/kernels/ops.h"
#include "runtime/kernels/tiles.h"

namespace linnet::kernels::avx2 {
namespace {

constexpr TileFormat kUpper = *FindTileFormat(WeightType::kQ4_0);
constexpr TileFormat kWhole = *FindTileFormat(WeightType::kQ8_0);

// The 16 bytes at `first` and at `second`, one after the other.
__m256i Pair(const uint8_t* first, const uint8_t* second) {
  return _mm256_inserti128_si256(
      _mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(first))),
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(second)), 1);
}

// Eight rows of a block. high: of its tile's first vector, where they begin, 64 bytes from vector to vector;
// low: of the first row, `stride` bytes from row to row; out as high.
void JoinEight(const uint8_t* high, const uint8_t* low, size_t stride, uint8_t* out) {
  const __m256i r0 = Pair(low, low + 4 * stride), r1 = Pair(low + stride, low + 5 * stride);
  const __m256i r2 = Pair(low + 2 * stride, low + 6 * stride), r3 = Pair(low + 3 * stride, low + 7 * stride);
  // Groups of four columns of four rows, transposed in each half of the registers.
  const __m256i a = _mm256_unpacklo_epi32(r0, r1), b = _mm256_unpacklo_epi32(r2, r3);
  const __m256i c = _mm256_unpackhi_epi32(r0, r1), d = _mm256_unpackhi_epi32(r2, r3);
  const __m256i groups[4] = {_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b),
                             _mm256_unpacklo_epi64(c, d), _mm256_unpackhi_epi64(c, d)};
  const __m256i nibble = _mm256_set1_epi8(15), sign = _mm256_set1_epi8(-128);
#pragma GCC unroll 4
  for (int v = 0; v < 4; ++v) {
    const __m256i h = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(high + 64 * v));
    const __m256i l = groups[v];
    const __m256i first =
        _mm256_or_si256(_mm256_slli_epi16(_mm256_and_si256(h, nibble), 4), _mm256_and_si256(l, nibble));
    const __m256i second =
        _mm256_or_si256(_mm256_andnot_si256(nibble, h), _mm256_and_si256(_mm256_srli_epi16(l, 4), nibble));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 64 * v), _mm256_xor_si256(first, sign));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 64 * (v + 4)), _mm256_xor_si256(second, sign));
  }
}

}  // namespace

void JoinPlanes(const void* upper, const void* lower, void* out, size_t tiles, size_t cols) {
  const size_t blocks = cols / kBlock, head_bytes = TileHeadBytes(kWhole, cols), stride = blocks * kBlock / 2;
  for (size_t tile = 0; tile < tiles; ++tile) {
    const uint8_t* high = static_cast<const uint8_t*>(upper) + tile * TileBytes(kUpper, cols);
    const uint8_t* low = static_cast<const uint8_t*>(lower) + tile * kTileRows * stride;
    uint8_t* to = static_cast<uint8_t*>(out) + tile * TileBytes(kWhole, cols);
    for (size_t i = 0; i < head_bytes; i += 32) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i),
                          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(high + i)));
    }
    high += head_bytes;
    to += head_bytes;
    for (size_t b = 0; b < blocks; ++b, low += kBlock / 2) {
      JoinEight(high + b * kUpper.quant_bytes, low, stride, to + b * kWhole.quant_bytes);
      JoinEight(high + b * kUpper.quant_bytes + 32, low + 8 * stride, stride,
                to + b * kWhole.quant_bytes + 32);
    }
  }
}

}  // namespace linnet::kernels::avx2
