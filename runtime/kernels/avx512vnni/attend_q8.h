#ifndef LINNET_RUNTIME_KERNELS_AVX512VNNI_ATTEND_Q8_H_
#define LINNET_RUNTIME_KERNELS_AVX512VNNI_ATTEND_Q8_H_

#include <immintrin.h>

#include "runtime/kernels/attend_tiles.h"
#include "runtime/kernels/ops.h"

// Keys and values in 8 bits: 16 keys and two blocks of 32 columns at a time. What is summed as integers is
// exact, so only the float steps have an order.
namespace linnet::kernels::avx512vnni {
namespace {

// Two floats of each of 16 keys.
struct FactorPairs {
  __m512 first, second;
};

// The two at offset `at` of each row.
FactorPairs LoadPairs(const int8_t* const* row, size_t at) {
  __m512 eight[2];
#pragma GCC unroll 2
  for (size_t half = 0; half < 2; ++half) {
    __m128 two[4];
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; ++i) {
      const int8_t* const* key = row + 8 * half + 2 * i;
      const __m128i low = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(key[0] + at));
      two[i] = _mm_loadh_pi(_mm_castsi128_ps(low), reinterpret_cast<const __m64*>(key[1] + at));
    }
    const __m256 low = _mm256_insertf128_ps(_mm256_castps128_ps256(two[0]), two[1], 1);
    const __m256 high = _mm256_insertf128_ps(_mm256_castps128_ps256(two[2]), two[3], 1);
    eight[half] = _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
  }
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
  return {_mm512_permutex2var_ps(eight[0], even, eight[1]), _mm512_permutex2var_ps(eight[0], odd, eight[1])};
}

// A query's two blocks, and what makes up for keys that are taken as k + 128.
struct QueryPair {
  __m512i q, start;
};

QueryPair LoadQuery(const ActBlock* blocks, bool two) {
  const auto bytes = [](const ActBlock& block) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block.q));
  };
  const auto start = [](const ActBlock& block) {
    return _mm256_zextsi128_si256(_mm_cvtsi32_si128(-128 * block.sum));
  };
  const __m256i zero = _mm256_setzero_si256();
  return {_mm512_inserti64x4(_mm512_castsi256_si512(bytes(blocks[0])), two ? bytes(blocks[1]) : zero, 1),
          _mm512_inserti64x4(_mm512_castsi256_si512(start(blocks[0])), two ? start(blocks[1]) : zero, 1)};
}

// Quarter i of the result has the four vectors' sums of quarter i.
__m512i SumsOfFours(__m512i a, __m512i b, __m512i c, __m512i d) {
  const __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
  const __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
  return _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
}

// Adds quarters 0 and 1, 2 and 3: those of a, then those of b.
__m512i SumsOfQuarters(__m512i a, __m512i b) {
  return _mm512_add_epi32(_mm512_shuffle_i32x4(a, b, 0x88), _mm512_shuffle_i32x4(a, b, 0xdd));
}

// p[i][j] = the block rule's k[j] * q[i], times scale, for Q queries and the 16 keys from `group` on; those
// outside of [from, to) get what another one has.
template <int Q>
void ScoresOf16(AttendQuery* const* queries, const int8_t* k, size_t group, size_t from, size_t to, size_t d,
                __m512 scale) {
  const size_t blocks = KvBlocks(d), row_bytes = KvRowBytes(KvType::kQ8, d);
  const int8_t* row[16];
  for (size_t j = 0; j < 16; ++j) row[j] = k + AttendedNear(group + j, from, to) * row_bytes;
  __m512 sum[Q];
#pragma GCC unroll 4
  for (int i = 0; i < Q; ++i) sum[i] = _mm512_setzero_ps();
  for (size_t b = 0; b < blocks; b += 2) {
    const bool two = b + 1 < blocks;
    const __mmask64 mask = two ? ~__mmask64{0} : __mmask64{0xffffffff};
    __m512i fours[Q][4];
    QueryPair query[Q];
#pragma GCC unroll 4
    for (int i = 0; i < Q; ++i) query[i] = LoadQuery(queries[i]->q8 + b, two);
#pragma GCC unroll 4
    for (int g = 0; g < 4; ++g) {
      __m512i key[4];
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        const __m512i bytes = _mm512_maskz_loadu_epi8(mask, row[4 * g + j] + b * kBlock);
        key[j] = _mm512_xor_si512(bytes, _mm512_set1_epi8(-128));
      }
#pragma GCC unroll 4
      for (int i = 0; i < Q; ++i) {
        const auto dot = [&](int j) { return _mm512_dpbusd_epi32(query[i].start, key[j], query[i].q); };
        fours[i][g] = SumsOfFours(dot(0), dot(1), dot(2), dot(3));
      }
    }
    // A last block alone: its factor is the second of the two floats that end with it.
    const FactorPairs pairs = LoadPairs(row, blocks * kBlock + b * sizeof(float) - (two ? 0 : sizeof(float)));
    const __m512 factor = two ? pairs.first : pairs.second;
#pragma GCC unroll 4
    for (int i = 0; i < Q; ++i) {
      const __m512i low = SumsOfQuarters(fours[i][0], fours[i][1]);
      const __m512i high = SumsOfQuarters(fours[i][2], fours[i][3]);
      const ActBlock* q = queries[i]->q8 + b;
      const auto add = [&](__m512i dots, __m512 keys, float queried) {
        sum[i] =
            _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots), _mm512_mul_ps(keys, _mm512_set1_ps(queried)), sum[i]);
      };
      add(_mm512_shuffle_i32x4(low, high, 0x88), factor, q[0].d);
      if (two) add(_mm512_shuffle_i32x4(low, high, 0xdd), pairs.second, q[1].d);
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < Q; ++i) _mm512_store_ps(queries[i]->p + group, _mm512_mul_ps(sum[i], scale));
}

template <int Q>
void ScoresQ8(AttendQuery* const* queries, const int8_t* k, size_t from, size_t to, size_t d, float scale) {
  const __m512 factor = _mm512_set1_ps(scale);
  for (size_t j = from / 16 * 16; j < to; j += 16) ScoresOf16<Q>(queries, k, j, from, to, d, factor);
}

// out[i] += p[i][j] * v[j] in ascending j, for Q queries and B blocks of columns from `block` on.
template <int Q, int B>
void AddBlocks(AttendQuery* const* queries, float* const* out, const int8_t* v, size_t from, size_t to,
               size_t d, size_t block) {
  const size_t row_bytes = KvRowBytes(KvType::kQ8, d);
  __m512 sum[Q][2 * B];
  const float* p[Q];
#pragma GCC unroll 4
  for (int i = 0; i < Q; ++i) {
    p[i] = queries[i]->p;
#pragma GCC unroll 4
    for (int c = 0; c < 2 * B; ++c) sum[i][c] = _mm512_loadu_ps(out[i] + 16 * c);
  }
  const int8_t* row = v + from * row_bytes + block * kBlock;
  const int8_t* factors = v + from * row_bytes + KvBlocks(d) * kBlock + block * sizeof(float);
  for (size_t j = from; j < to; ++j, row += row_bytes, factors += row_bytes) {
#pragma GCC unroll 4
    for (int b = 0; b < B; ++b) {
      float factor;
      __builtin_memcpy(&factor, factors + static_cast<size_t>(b) * sizeof(factor), sizeof(factor));
      __m512 values[2];
#pragma GCC unroll 4
      for (int c = 0; c < 2; ++c) {
        const auto* bytes = reinterpret_cast<const __m128i*>(row + 32 * b + 16 * c);
        values[c] = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(bytes)));
      }
#pragma GCC unroll 4
      for (int i = 0; i < Q; ++i) {
        const __m512 weight = _mm512_mul_ps(_mm512_set1_ps(factor), _mm512_set1_ps(p[i][j]));
#pragma GCC unroll 4
        for (int c = 0; c < 2; ++c) {
          sum[i][2 * b + c] = _mm512_fmadd_ps(weight, values[c], sum[i][2 * b + c]);
        }
      }
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < Q; ++i) {
#pragma GCC unroll 4
    for (int c = 0; c < 2 * B; ++c) _mm512_storeu_ps(out[i] + 16 * c, sum[i][c]);
  }
}

template <int Q>
void AddRowsQ8(AttendQuery* const* queries, const int8_t* v, size_t from, size_t to, size_t d) {
  float* out[Q];
  for (int i = 0; i < Q; ++i) out[i] = queries[i]->out;
  const auto next = [&](size_t columns) {
    for (float*& mine : out) mine += columns;
  };
  size_t block = 0;
  for (; (block + 2) * kBlock <= d; block += 2, next(2 * kBlock)) {
    AddBlocks<Q, 2>(queries, out, v, from, to, d, block);
  }
  if ((block + 1) * kBlock <= d) {
    AddBlocks<Q, 1>(queries, out, v, from, to, d, block);
    ++block, next(kBlock);
  }
  const size_t rest = d - block * kBlock;
  if (rest == 0) return;
  // The rows are padded, the results are not.
  float padded[Q][kBlock] = {};
  float* wide[Q];
  for (int i = 0; i < Q; ++i) {
    for (size_t c = 0; c < rest; ++c) padded[i][c] = out[i][c];
    wide[i] = padded[i];
  }
  AddBlocks<Q, 1>(queries, wide, v, from, to, d, block);
  for (int i = 0; i < Q; ++i) {
    for (size_t c = 0; c < rest; ++c) out[i][c] = padded[i][c];
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
}  // namespace linnet::kernels::avx512vnni

#endif  // LINNET_RUNTIME_KERNELS_AVX512VNNI_ATTEND_Q8_H_
