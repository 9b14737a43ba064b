#include <immintrin.h>

#include "runtime/kernels/ops.h"
#include "runtime/kernels/planes.h"

namespace linnet::kernels::avx2 {
namespace {

constexpr TileFormat kUpper = *FindTileFormat(WeightType::kQ4_0);
constexpr TileFormat kWhole = *FindTileFormat(WeightType::kQ8_0);

// A block's head is as wide, and what fills up a tile of an odd number of blocks.
static_assert(kUpper.head_bytes == 32 && kWhole.head_bytes == 32 && BlockBytes(kWhole) % 64 == 32);
__m256i Load(const uint8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
void Store(uint8_t* p, __m256i v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }

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
    const __m256i h = Load(high + 64 * v);
    const __m256i l = groups[v];
    const __m256i first =
        _mm256_or_si256(_mm256_slli_epi16(_mm256_and_si256(h, nibble), 4), _mm256_and_si256(l, nibble));
    const __m256i second =
        _mm256_or_si256(_mm256_andnot_si256(nibble, h), _mm256_and_si256(_mm256_srli_epi16(l, 4), nibble));
    Store(out + 64 * v, _mm256_xor_si256(first, sign));
    Store(out + 64 * (v + 4), _mm256_xor_si256(second, sign));
  }
}

constexpr size_t kMostBlocks = kMostPlaneCols / kBlock;

// Eight sums of two neighbours each: the first four of a, then of b, in each half of the registers.
__m256i SumPairs(__m256i a, __m256i b) { return _mm256_hadd_epi32(a, b); }

// The products of a block's lower halves with x, to be added up.
__m256i LowerProducts(const uint8_t* low, const ActBlock& x) {
  const __m128i pairs = _mm_loadu_si128(reinterpret_cast<const __m128i*>(low));
  const __m256i halves =
      _mm256_and_si256(_mm256_inserti128_si256(_mm256_castsi128_si256(pairs), _mm_srli_epi16(pairs, 4), 1),
                       _mm256_set1_epi8(15));
  const __m256i q = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x.q));
  // A pair of products is at most 2 * 15 * 127.
  return _mm256_madd_epi16(_mm256_maddubs_epi16(halves, q), _mm256_set1_epi16(1));
}

// The exact sums of `count` <= 8 blocks, a lane each; zeros behind them.
__m256i LowerSumsOf8(const uint8_t* low, const ActBlock* x, size_t count) {
  __m256i of[8];
#pragma GCC unroll 8
  for (size_t b = 0; b < 8; ++b) {
    of[b] = b < count ? LowerProducts(low + b * (kBlock / 2), x[b]) : _mm256_setzero_si256();
  }
  const __m256i first = SumPairs(SumPairs(of[0], of[1]), SumPairs(of[2], of[3]));
  const __m256i second = SumPairs(SumPairs(of[4], of[5]), SumPairs(of[6], of[7]));
  return _mm256_add_epi32(_mm256_permute2x128_si256(first, second, 0x20),
                          _mm256_permute2x128_si256(first, second, 0x31));
}

// The row's scales of `count` <= 8 blocks from `head` on; zeros behind them.
__m256 ScalesOf8(const uint8_t* head, size_t count) {
  alignas(16) uint16_t halves[8] = {};
  for (size_t b = 0; b < count; ++b) __builtin_memcpy(&halves[b], head + b * BlockBytes(kUpper), 2);
  return _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(halves)));
}

float Tree(__m256 eight) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

struct PlaneRowAt {
  const uint8_t* scales;  // of its first block
  const uint8_t* low;
};

PlaneRowAt RowAt(const void* upper, const void* lower, size_t row, size_t cols) {
  return {
      static_cast<const uint8_t*>(upper) + row / kTileRows * TileBytes(kUpper, cols) + 2 * (row % kTileRows),
      static_cast<const uint8_t*>(lower) + row * (cols / kBlock) * (kBlock / 2)};
}

// Rows are few and far between: no prefetcher of the processor's sees them coming.
void Fetch(PlaneRowAt row, size_t blocks) {
  for (size_t b = 0; b < blocks; ++b) _mm_prefetch(row.scales + b * BlockBytes(kUpper), _MM_HINT_T0);
  for (size_t i = 0; i < blocks * (kBlock / 2); i += 64) _mm_prefetch(row.low + i, _MM_HINT_T0);
}

// A share of the next tile, which may lie beyond the matrix: so as a number.
void FetchNext(const uint8_t* share, size_t bytes) {
  const auto at = reinterpret_cast<uintptr_t>(share);
  for (size_t i = 0; i < bytes; i += 64) {
    _mm_prefetch(reinterpret_cast<const char*>(at + i), _MM_HINT_T0);  // NOLINT(performance-no-int-to-ptr)
  }
}

}  // namespace

void SumLower(const void* upper, const void* lower, const uint32_t* rows, size_t count, size_t cols,
              const ActBlock* x, LowerSums* sums) {
  const size_t blocks = cols / kBlock;
  alignas(32) float scales[kMostBlocks + 8] = {};
  for (size_t b = 0; b < blocks; ++b) scales[b] = x[b].d;
  for (size_t i = 0; i < count; ++i) {
    const PlaneRowAt row = RowAt(upper, lower, rows[i], cols);
    if (i + 2 < count) Fetch(RowAt(upper, lower, rows[i + 2], cols), blocks);
    __m256 product = _mm256_setzero_ps(), squares = _mm256_setzero_ps();
    for (size_t b = 0; b < blocks; b += 8) {
      const size_t some = blocks - b < 8 ? blocks - b : 8;
      const __m256 d = ScalesOf8(row.scales + b * BlockBytes(kUpper), some);
      const __m256 sum = _mm256_cvtepi32_ps(LowerSumsOf8(row.low + b * (kBlock / 2), x + b, some));
      product = _mm256_fmadd_ps(sum, _mm256_mul_ps(d, _mm256_load_ps(scales + b)), product);
      squares = _mm256_fmadd_ps(d, d, squares);
    }
    sums[i] = {Tree(product), Tree(squares)};
  }
}

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
      Store(to, Load(high));
      const uint8_t *quants = high + kUpper.head_bytes, *first = low + b * kBlock / 2;
      JoinEight(quants, first, stride, to + kWhole.head_bytes);
      JoinEight(quants + 32, first + 8 * stride, stride, to + kWhole.head_bytes + 32);
    }
    if (blocks % 2 != 0) Store(to, _mm256_setzero_si256());
  }
}

}  // namespace linnet::kernels::avx2
