#ifndef LINNET_RUNTIME_KERNELS_AVX2_ATTEND_Q8_H_
#define LINNET_RUNTIME_KERNELS_AVX2_ATTEND_Q8_H_

#include <immintrin.h>

#include "runtime/kernels/attend_tiles.h"
#include "runtime/kernels/ops.h"

// Keys and values in 8 bits: 8 keys and a block of 32 columns at a time. What is summed as integers is exact,
// so only the float steps have an order.
namespace linnet::kernels::avx2 {
namespace {

__m256i LoadBlock(const int8_t* bytes) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes)); }

float FactorAt(const int8_t* bytes) {
  float factor;
  __builtin_memcpy(&factor, bytes, sizeof(factor));
  return factor;
}

// Eight sums that are together that of 32 products of bytes within +-127: two of those fit 16 bits.
__m256i BlockProducts(__m256i k, __m256i q) {
  return _mm256_madd_epi16(_mm256_maddubs_epi16(_mm256_abs_epi8(q), _mm256_sign_epi8(k, q)),
                           _mm256_set1_epi16(1));
}

// Half i of the result has the four vectors' sums of half i.
__m256i SumsOfFours(__m256i a, __m256i b, __m256i c, __m256i d) {
  const __m256i ab = _mm256_add_epi32(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
  const __m256i cd = _mm256_add_epi32(_mm256_unpacklo_epi32(c, d), _mm256_unpackhi_epi32(c, d));
  return _mm256_add_epi32(_mm256_unpacklo_epi64(ab, cd), _mm256_unpackhi_epi64(ab, cd));
}

// p[i][j] = the block rule's k[j] * q[i], times scale, for Q queries and the 8 keys from `group` on; those
// outside of [from, to) get what another one has.
template <int Q>
void ScoresOf8(AttendQuery* const* queries, const int8_t* k, size_t group, size_t from, size_t to, size_t d,
               __m256 scale) {
  const size_t blocks = KvBlocks(d), row_bytes = KvRowBytes(KvType::kQ8, d);
  const int8_t* row[8];
  for (size_t j = 0; j < 8; ++j) row[j] = k + AttendedNear(group + j, from, to) * row_bytes;
  __m256 sum[Q];
#pragma GCC unroll 4
  for (int i = 0; i < Q; ++i) sum[i] = _mm256_setzero_ps();
  for (size_t b = 0; b < blocks; ++b) {
    __m256i fours[Q][2];
#pragma GCC unroll 2
    for (int g = 0; g < 2; ++g) {
      __m256i key[4];
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) key[j] = LoadBlock(row[4 * g + j] + b * kBlock);
#pragma GCC unroll 4
      for (int i = 0; i < Q; ++i) {
        const __m256i q = LoadBlock(queries[i]->q8[b].q);
        fours[i][g] = SumsOfFours(BlockProducts(key[0], q), BlockProducts(key[1], q),
                                  BlockProducts(key[2], q), BlockProducts(key[3], q));
      }
    }
    const size_t at = blocks * kBlock + b * sizeof(float);
    const __m256 factors = _mm256_setr_ps(FactorAt(row[0] + at), FactorAt(row[1] + at), FactorAt(row[2] + at),
                                          FactorAt(row[3] + at), FactorAt(row[4] + at), FactorAt(row[5] + at),
                                          FactorAt(row[6] + at), FactorAt(row[7] + at));
#pragma GCC unroll 4
    for (int i = 0; i < Q; ++i) {
      const __m256i dots = _mm256_add_epi32(_mm256_permute2x128_si256(fours[i][0], fours[i][1], 0x20),
                                            _mm256_permute2x128_si256(fours[i][0], fours[i][1], 0x31));
      const __m256 both = _mm256_mul_ps(factors, _mm256_set1_ps(queries[i]->q8[b].d));
      sum[i] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots), both, sum[i]);
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < Q; ++i) _mm256_store_ps(queries[i]->p + group, _mm256_mul_ps(sum[i], scale));
}

template <int Q>
void ScoresQ8(AttendQuery* const* queries, const int8_t* k, size_t from, size_t to, size_t d, float scale) {
  const __m256 factor = _mm256_set1_ps(scale);
  for (size_t j = from / 8 * 8; j < to; j += 8) ScoresOf8<Q>(queries, k, j, from, to, d, factor);
}

// out[i] += p[i][j] * v[j] in ascending j, for Q queries and N vectors of 8 columns of one block. v: the
// first of them in row 0; factors: the block's there.
template <int Q, int N>
void AddPart(AttendQuery* const* queries, float* const* out, const int8_t* v, const int8_t* factors,
             size_t from, size_t to, size_t row_bytes) {
  __m256 sum[Q][N];
  const float* p[Q];
#pragma GCC unroll 4
  for (int i = 0; i < Q; ++i) {
    p[i] = queries[i]->p;
#pragma GCC unroll 4
    for (int c = 0; c < N; ++c) sum[i][c] = _mm256_loadu_ps(out[i] + 8 * c);
  }
  const int8_t* row = v + from * row_bytes;
  const int8_t* factor = factors + from * row_bytes;
  for (size_t j = from; j < to; ++j, row += row_bytes, factor += row_bytes) {
    __m256 weight[Q];
#pragma GCC unroll 4
    for (int i = 0; i < Q; ++i) {
      weight[i] = _mm256_mul_ps(_mm256_set1_ps(FactorAt(factor)), _mm256_broadcast_ss(p[i] + j));
    }
#pragma GCC unroll 4
    for (int c = 0; c < N; ++c) {
      const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(row + 8 * c));
      const __m256 values = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
#pragma GCC unroll 4
      for (int i = 0; i < Q; ++i) sum[i][c] = _mm256_fmadd_ps(weight[i], values, sum[i][c]);
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < Q; ++i) {
#pragma GCC unroll 4
    for (int c = 0; c < N; ++c) _mm256_storeu_ps(out[i] + 8 * c, sum[i][c]);
  }
}

// A block of columns: in two halves where the sums of one would not fit the registers.
template <int Q>
void AddBlock(AttendQuery* const* queries, float* const* out, const int8_t* v, const int8_t* factors,
              size_t from, size_t to, size_t row_bytes) {
  if constexpr (Q < 4) {
    AddPart<Q, 4>(queries, out, v, factors, from, to, row_bytes);
  } else {
    AddPart<Q, 2>(queries, out, v, factors, from, to, row_bytes);
    float* second[Q];
#pragma GCC unroll 4
    for (int i = 0; i < Q; ++i) second[i] = out[i] + 16;
    AddPart<Q, 2>(queries, second, v + 16, factors, from, to, row_bytes);
  }
}

template <int Q>
void AddRowsQ8(AttendQuery* const* queries, const int8_t* v, size_t from, size_t to, size_t d) {
  const size_t row_bytes = KvRowBytes(KvType::kQ8, d);
  const int8_t* factors = v + KvBlocks(d) * kBlock;
  float* out[Q];
  for (int i = 0; i < Q; ++i) out[i] = queries[i]->out;
  size_t left = d;
  for (; left >= kBlock; left -= kBlock, v += kBlock, factors += sizeof(float)) {
    AddBlock<Q>(queries, out, v, factors, from, to, row_bytes);
    for (float*& mine : out) mine += kBlock;
  }
  if (left == 0) return;
  // The rows are padded, the results are not.
  float padded[Q][kBlock] = {};
  float* wide[Q];
  for (int i = 0; i < Q; ++i) {
    for (size_t c = 0; c < left; ++c) padded[i][c] = out[i][c];
    wide[i] = padded[i];
  }
  AddBlock<Q>(queries, wide, v, factors, from, to, row_bytes);
  for (int i = 0; i < Q; ++i) {
    for (size_t c = 0; c < left; ++c) out[i][c] = padded[i][c];
  }
}

// Of up to 4 queries.
struct InBytes {
  static void Scores(AttendQuery* const* queries, size_t n, const int8_t* k, size_t from, size_t to, size_t d,
                     float scale) {
    if (n == 1) ScoresQ8<1>(queries, k, from, to, d, scale);
    if (n == 2) ScoresQ8<2>(queries, k, from, to, d, scale);
    if (n == 3) ScoresQ8<3>(queries, k, from, to, d, scale);
    if (n == 4) ScoresQ8<4>(queries, k, from, to, d, scale);
  }

  static void AddValues(AttendQuery* const* queries, size_t n, const int8_t* v, size_t from, size_t to,
                        size_t d) {
    if (n == 1) AddRowsQ8<1>(queries, v, from, to, d);
    if (n == 2) AddRowsQ8<2>(queries, v, from, to, d);
    if (n == 3) AddRowsQ8<3>(queries, v, from, to, d);
    if (n == 4) AddRowsQ8<4>(queries, v, from, to, d);
  }
};

}  // namespace
}  // namespace linnet::kernels::avx2

#endif  // LINNET_RUNTIME_KERNELS_AVX2_ATTEND_Q8_H_
