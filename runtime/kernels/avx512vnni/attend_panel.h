#ifndef LINNET_RUNTIME_KERNELS_AVX512VNNI_ATTEND_PANEL_H_
#define LINNET_RUNTIME_KERNELS_AVX512VNNI_ATTEND_PANEL_H_

#include <immintrin.h>

#include "runtime/kernels/attend_tiles.h"
#include "runtime/kernels/ops.h"

// Attention of a prompt: many queries see the same tile of keys, so it is worth turning it over. A register
// then holds a column of 16 keys, and the 16-lane rule (NUMERICS.md) needs no sum across lanes: its lanes are
// so many sums one after the other, its tree is plain additions.
namespace linnet::kernels::avx512vnni {
namespace {

constexpr size_t kPanelDims = 256;  // of a head at most

// [head_dim][kAttendTile] floats.
struct TurnedKeys {
  const float* columns;
};

// Sixteen rows of 16 become 16 columns.
inline void Turn(__m512 (&r)[16]) {
  __m512 t[16];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_shuffle_ps(t[i], t[i + 2], 0x44);
    r[i + 1] = _mm512_shuffle_ps(t[i], t[i + 2], 0xee);
    r[i + 2] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    r[i + 3] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0xdd);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
    r[i + 8] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0xdd);
    r[i + 4] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0x88);
    r[i + 12] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0xdd);
  }
}

inline __m512 LoadRow(const float* x) { return _mm512_loadu_ps(x); }
inline __m512 LoadRow(const uint16_t* x) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)));
}

template <typename Kv>
struct AttendPanel {
  static constexpr size_t kMostQueries = 96;
  // Turning takes about as long as 16 queries gain by it.
  static bool Serves(size_t queries, size_t head_dim) {
    return queries >= 16 && head_dim % 16 == 0 && head_dim <= kPanelDims;
  }

  void Load(const Kv* k, const Kv* v, size_t rows, size_t head_dim) {
    for (size_t key = 0; key < rows; key += 16) {
      for (size_t column = 0; column < head_dim; column += 16) {
        __m512 r[16];
        if (key + 16 <= rows) {
#pragma GCC unroll 16
          for (size_t i = 0; i < 16; ++i) r[i] = LoadRow(k + (key + i) * head_dim + column);
        } else {
#pragma GCC unroll 16
          for (size_t i = 0; i < 16; ++i) {
            r[i] = key + i < rows ? LoadRow(k + (key + i) * head_dim + column) : _mm512_setzero_ps();
          }
        }
        Turn(r);
#pragma GCC unroll 16
        for (size_t i = 0; i < 16; ++i) _mm512_store_ps(turned + (column + i) * kAttendTile + key, r[i]);
      }
    }
    for (size_t i = 0; i < rows * head_dim; i += 16) _mm512_store_ps(plain + i, LoadRow(v + i));
  }
  TurnedKeys keys() const { return {turned}; }
  const float* values() const { return plain; }

  alignas(64) float turned[kPanelDims * kAttendTile];  // keys
  alignas(64) float plain[kAttendTile * kPanelDims];   // values, [rows, head_dim]
};

// Of Q queries and 16 G keys, lanes `lane` and `lane` + 8 of the 16-lane sums, and these added, as the tree
// begins: sum[G i + g] has 16 keys of query i.
template <int Q, int G>
[[gnu::always_inline]] inline void SumTwoLanes(const float* const (&q)[Q], const float* columns, size_t lane,
                                               size_t d, __m512 (&sum)[Q * G]) {
  __m512 other[Q * G];
#pragma GCC unroll 8
  for (int i = 0; i < Q * G; ++i) sum[i] = other[i] = _mm512_setzero_ps();
  const float* keys = columns + lane * kAttendTile;
  for (size_t at = lane; at < d; at += 16, keys += 16 * kAttendTile) {
    __m512 low[G], high[G];
#pragma GCC unroll 2
    for (int g = 0; g < G; ++g) {
      low[g] = _mm512_load_ps(keys + 16 * g);
      high[g] = _mm512_load_ps(keys + 8 * kAttendTile + 16 * g);
    }
#pragma GCC unroll 4
    for (int i = 0; i < Q; ++i) {
      const __m512 value = _mm512_set1_ps(q[i][at]), second = _mm512_set1_ps(q[i][at + 8]);
#pragma GCC unroll 2
      for (int g = 0; g < G; ++g) {
        sum[G * i + g] = _mm512_fmadd_ps(value, low[g], sum[G * i + g]);
        other[G * i + g] = _mm512_fmadd_ps(second, high[g], other[G * i + g]);
      }
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < Q * G; ++i) sum[i] = _mm512_add_ps(sum[i], other[i]);
}

// p[i][j] = dot16(k[j], q[i]) * scale for Q queries and the 16 G keys from `key` on.
template <int Q, int G>
void ScoresOfPanel(AttendQuery* const* queries, TurnedKeys k, size_t key, size_t d, float scale) {
  // In this order a lane's partner in the rest of the tree, 4, 2, 1, is always the last that is left.
  constexpr uint8_t kOrder[8] = {0, 4, 2, 6, 1, 5, 3, 7};
  const float* q[Q];
#pragma GCC unroll 4
  for (int i = 0; i < Q; ++i) q[i] = queries[i]->q;
  __m512 sum[Q * G], left[3][Q * G];
  for (unsigned n = 0; n < 8; ++n) {
    SumTwoLanes<Q, G>(q, k.columns + key, kOrder[n], d, sum);
    unsigned level = 0;
    for (; n >> level & 1; ++level) {
#pragma GCC unroll 8
      for (int i = 0; i < Q * G; ++i) sum[i] = _mm512_add_ps(left[level][i], sum[i]);
    }
    if (level == 3) break;
#pragma GCC unroll 8
    for (int i = 0; i < Q * G; ++i) left[level][i] = sum[i];
  }
  const __m512 factor = _mm512_set1_ps(scale);
#pragma GCC unroll 4
  for (int i = 0; i < Q; ++i) {
#pragma GCC unroll 2
    for (int g = 0; g < G; ++g) {
      _mm512_store_ps(queries[i]->p + key + 16 * g, _mm512_mul_ps(sum[G * i + g], factor));
    }
  }
}

// Scores around [from, to) are computed, too, to whole vectors: p has room for them, and nobody looks at
// them.
template <int Q>
void AllScoresOfPanel(AttendQuery* const* queries, TurnedKeys k, size_t from, size_t to, size_t d,
                      float scale) {
  size_t key = from / 16 * 16;
  for (; key + 16 < to; key += 32) ScoresOfPanel<Q, 2>(queries, k, key, d, scale);
  for (; key < to; key += 16) ScoresOfPanel<Q, 1>(queries, k, key, d, scale);
}

}  // namespace
}  // namespace linnet::kernels::avx512vnni

#endif  // LINNET_RUNTIME_KERNELS_AVX512VNNI_ATTEND_PANEL_H_
