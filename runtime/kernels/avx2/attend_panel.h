#ifndef LINNET_RUNTIME_KERNELS_AVX2_ATTEND_PANEL_H_
#define LINNET_RUNTIME_KERNELS_AVX2_ATTEND_PANEL_H_

#include <immintrin.h>

#include "runtime/kernels/attend_tiles.h"
#include "runtime/kernels/ops.h"

// Attention of a prompt: many queries see the same tile of keys, so it is worth turning it over. A register
// then holds a column of 8 keys, and the 16-lane rule (NUMERICS.md) needs no sum across lanes: its lanes are
// so many sums one after the other, its tree is plain additions.
namespace linnet::kernels::avx2 {
namespace {

constexpr size_t kPanelDims = 256;  // of a head at most

// [16][head_dim / 16][kAttendTile] floats: lane after lane of the rule, a lane's columns in ascending order.
struct TurnedKeys {
  const float* columns;
};

// Eight rows of 8 become 8 columns.
[[gnu::always_inline]] inline void Turn(__m256 (&r)[8]) {
  __m256 t[8], u[8];
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) {
    u[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    u[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
    u[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    u[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x20);
    r[i + 4] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x31);
  }
}

inline __m256 LoadEight(const float* x) { return _mm256_loadu_ps(x); }
inline __m256 LoadEight(const uint16_t* x) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x)));
}

template <typename Kv>
struct AttendPanel {
  static constexpr size_t kMostQueries = 96;
  // Turning takes about as long as 16 queries gain by it.
  static bool Serves(size_t queries, size_t head_dim) {
    return queries >= 16 && head_dim % 16 == 0 && head_dim <= kPanelDims;
  }

  void Load(const Kv* k, const Kv* v, size_t rows, size_t head_dim) {
    for (size_t key = 0; key < rows; key += 8) {
      for (size_t column = 0; column < head_dim; column += 8) {
        __m256 r[8];
#pragma GCC unroll 8
        for (size_t i = 0; i < 8; ++i) {
          r[i] = key + i < rows ? LoadEight(k + (key + i) * head_dim + column) : _mm256_setzero_ps();
        }
        Turn(r);
#pragma GCC unroll 8
        for (size_t i = 0; i < 8; ++i) {
          const size_t place = (column % 16 + i) * (head_dim / 16) + column / 16;
          _mm256_store_ps(turned + place * kAttendTile + key, r[i]);
        }
      }
    }
    for (size_t i = 0; i < rows * head_dim; i += 8) _mm256_store_ps(plain + i, LoadEight(v + i));
  }
  TurnedKeys keys() const { return {turned}; }
  const float* values() const { return plain; }

  alignas(64) float turned[kPanelDims * kAttendTile];  // keys
  alignas(64) float plain[kAttendTile * kPanelDims];   // values, [rows, head_dim]
};

// Lane `lane` of the 16-lane sums of Q queries and 8 G keys: sum[G i + g] has 8 keys of query i.
template <int Q, int G>
[[gnu::always_inline]] inline void SumLane(const float* const (&q)[Q], const float* columns, size_t lane,
                                           size_t d, __m256 (&sum)[Q * G]) {
#pragma GCC unroll 16
  for (int i = 0; i < Q * G; ++i) sum[i] = _mm256_setzero_ps();
  const float* column = columns + lane * (d / 16) * kAttendTile;
  for (size_t at = lane; at < d; at += 16, column += kAttendTile) {
    __m256 keys[G];
#pragma GCC unroll 4
    for (int g = 0; g < G; ++g) keys[g] = _mm256_load_ps(column + 8 * g);
#pragma GCC unroll 4
    for (int i = 0; i < Q; ++i) {
      const __m256 value = _mm256_broadcast_ss(q[i] + at);
#pragma GCC unroll 4
      for (int g = 0; g < G; ++g) sum[G * i + g] = _mm256_fmadd_ps(value, keys[g], sum[G * i + g]);
    }
  }
}

// p[i][j] = dot16(k[j], q[i]) * scale for Q queries and the 8 G keys from `key` on.
template <int Q, int G>
void ScoresOfPanel(AttendQuery* const* queries, TurnedKeys k, size_t key, size_t d, float scale) {
  // In this order a lane's partner in the tree of 8, 4, 2, 1 is always the last that is left.
  constexpr uint8_t kOrder[16] = {0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15};
  const float* q[Q];
#pragma GCC unroll 4
  for (int i = 0; i < Q; ++i) q[i] = queries[i]->q;
  __m256 sum[Q * G], left[4][Q * G];
  for (unsigned n = 0; n < 16; ++n) {
    SumLane<Q, G>(q, k.columns + key, kOrder[n], d, sum);
    unsigned level = 0;
    for (; n >> level & 1; ++level) {
#pragma GCC unroll 16
      for (int i = 0; i < Q * G; ++i) sum[i] = _mm256_add_ps(left[level][i], sum[i]);
    }
    if (level == 4) break;
#pragma GCC unroll 16
    for (int i = 0; i < Q * G; ++i) left[level][i] = sum[i];
  }
  const __m256 factor = _mm256_set1_ps(scale);
#pragma GCC unroll 4
  for (int i = 0; i < Q; ++i) {
#pragma GCC unroll 4
    for (int g = 0; g < G; ++g) {
      _mm256_store_ps(queries[i]->p + key + 8 * g, _mm256_mul_ps(sum[G * i + g], factor));
    }
  }
}

// Scores around [from, to) are computed, too, to whole vectors: p has room for them, and nobody looks at
// them. 12 sums at most fit the registers.
template <int Q>
void AllScoresOfPanel(AttendQuery* const* queries, TurnedKeys k, size_t from, size_t to, size_t d,
                      float scale) {
  constexpr int kMost = Q < 4 ? 4 : 2;
  size_t key = from / 8 * 8;
  for (; key + 8 * (kMost - 1) < to && key + 8 * kMost <= kAttendTile; key += 8 * kMost) {
    ScoresOfPanel<Q, kMost>(queries, k, key, d, scale);
  }
  for (; key < to; key += 8) ScoresOfPanel<Q, 1>(queries, k, key, d, scale);
}

}  // namespace
}  // namespace linnet::kernels::avx2

#endif  // LINNET_RUNTIME_KERNELS_AVX2_ATTEND_PANEL_H_
