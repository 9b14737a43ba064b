#include <immintrin.h>

#include "runtime/kernels/ops.h"
#include "runtime/kernels/tiles.h"

namespace linnet::kernels::avx512vnni {
namespace {

constexpr TileFormat kUpper = *FindTileFormat(WeightType::kQ4_0);
constexpr TileFormat kWhole = *FindTileFormat(WeightType::kQ8_0);

__m512i Load(const uint8_t* p) { return _mm512_loadu_si512(p); }
void Store(uint8_t* p, __m512i v) { _mm512_storeu_si512(p, v); }

// A block's head; as many bytes fill up a tile of an odd number of blocks.
static_assert(kUpper.head_bytes == 32 && kWhole.head_bytes == 32 && BlockBytes(kWhole) % 64 == 32);
__m256i LoadHead(const uint8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
void StoreHead(uint8_t* p, __m256i v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }

// Rows 0, 4, 8 and 12 of those that begin at `low`, `stride` bytes from row to row.
__m512i EveryFourth(const uint8_t* low, size_t stride) {
  const auto row = [=](size_t r) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(low + r * stride));
  };
  __m512i rows = _mm512_castsi128_si512(row(0));
  rows = _mm512_inserti32x4(rows, row(4), 1);
  rows = _mm512_inserti32x4(rows, row(8), 2);
  return _mm512_inserti32x4(rows, row(12), 3);
}

// A block of a tile. high: its first vector; low: of its first row, `stride` bytes from row to row.
void JoinBlock(const uint8_t* high, const uint8_t* low, size_t stride, uint8_t* out) {
  const __m512i r0 = EveryFourth(low, stride), r1 = EveryFourth(low + stride, stride);
  const __m512i r2 = EveryFourth(low + 2 * stride, stride), r3 = EveryFourth(low + 3 * stride, stride);
  // Groups of four columns of four rows, transposed in each quarter of the registers.
  const __m512i a = _mm512_unpacklo_epi32(r0, r1), b = _mm512_unpacklo_epi32(r2, r3);
  const __m512i c = _mm512_unpackhi_epi32(r0, r1), d = _mm512_unpackhi_epi32(r2, r3);
  const __m512i groups[4] = {_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b),
                             _mm512_unpacklo_epi64(c, d), _mm512_unpackhi_epi64(c, d)};
  const __m512i nibble = _mm512_set1_epi8(15), sign = _mm512_set1_epi8(-128);
#pragma GCC unroll 4
  for (int v = 0; v < 4; ++v) {
    const __m512i h = Load(high + 64 * v), l = groups[v];
    // Where nibble has a bit the third, else the second.
    constexpr int kChoose = 0xac;
    const __m512i first = _mm512_ternarylogic_epi32(nibble, _mm512_slli_epi16(h, 4), l, kChoose);
    const __m512i second = _mm512_ternarylogic_epi32(nibble, h, _mm512_srli_epi16(l, 4), kChoose);
    Store(out + 64 * v, _mm512_xor_si512(first, sign));
    Store(out + 64 * (v + 4), _mm512_xor_si512(second, sign));
  }
}

// A share of the next tile, which may lie beyond the matrix: so as a number.
void FetchNext(const uint8_t* share, size_t bytes) {
  const auto at = reinterpret_cast<uintptr_t>(share);
  for (size_t i = 0; i < bytes; i += 64) {
    _mm_prefetch(reinterpret_cast<const char*>(at + i), _MM_HINT_T0);  // NOLINT(performance-no-int-to-ptr)
  }
}

}  // namespace

void JoinPlanes(const void* upper, const void* lower, void* out, size_t tiles, size_t cols) {
  const size_t blocks = cols / kBlock, stride = blocks * kBlock / 2;
  for (size_t tile = 0; tile < tiles; ++tile) {
    const uint8_t* high = static_cast<const uint8_t*>(upper) + tile * TileBytes(kUpper, cols);
    const uint8_t* low = static_cast<const uint8_t*>(lower) + tile * kTileRows * stride;
    uint8_t* to = static_cast<uint8_t*>(out) + tile * TileBytes(kWhole, cols);
    for (size_t b = 0; b < blocks; ++b, high += BlockBytes(kUpper), to += BlockBytes(kWhole)) {
      const size_t lines = kTileRows * kBlock / 2;
      FetchNext(high + TileBytes(kUpper, cols), BlockBytes(kUpper));
      FetchNext(low + kTileRows * stride + b * lines, lines);
      StoreHead(to, LoadHead(high));
      JoinBlock(high + kUpper.head_bytes, low + b * kBlock / 2, stride, to + kWhole.head_bytes);
    }
    if (blocks % 2 != 0) StoreHead(to, _mm256_setzero_si256());
  }
}

}  // namespace linnet::kernels::avx512vnni
