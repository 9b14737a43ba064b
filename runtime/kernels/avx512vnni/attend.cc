#include <immintrin.h>

#include "runtime/kernels/attend_tiles.h"
#include "runtime/kernels/avx512vnni/attend_panel.h"
#include "runtime/kernels/avx512vnni/attend_q8.h"
#include "runtime/kernels/avx512vnni/math.h"
#include "runtime/kernels/ops.h"

// A 16-lane sum is a register here.
namespace linnet::kernels::avx512vnni {
namespace {

__m512 LoadSome(const float* x, size_t n) { return _mm512_maskz_loadu_ps(Mask(n), x); }
__m512 LoadSome(const uint16_t* x, size_t n) { return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(Mask(n), x)); }

// The fixed tree of 16 sums at once: element 4 i + j of the result is that of sum[4 j + i]. Inlined, or the
// sums would not stay in registers.
[[gnu::always_inline]] inline __m512 Trees(const __m512 (&sum)[16]) {
  const auto eights = [](__m512 a, __m512 b) {
    return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
  };
  const auto fours = [](__m512 a, __m512 b) {
    return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
  };
  const auto twos = [](__m512 a, __m512 b) {
    return _mm512_add_ps(_mm512_shuffle_ps(a, b, 0x44), _mm512_shuffle_ps(a, b, 0xee));
  };
  const auto ones = [](__m512 a, __m512 b) {
    return _mm512_add_ps(_mm512_shuffle_ps(a, b, 0x88), _mm512_shuffle_ps(a, b, 0xdd));
  };
  __m512 four[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    four[i] = fours(eights(sum[4 * i], sum[4 * i + 1]), eights(sum[4 * i + 2], sum[4 * i + 3]));
  }
  return ones(twos(four[0], four[1]), twos(four[2], four[3]));
}

// sum[4 j + i] += the products of lanes: columns from `at` on, of Q queries and K keys; load: some of them.
template <int Q, int K, typename Kv, typename Load>
[[gnu::always_inline]] inline void AddLanes(AttendQuery* const* queries, const Kv* keys, size_t d, size_t at,
                                            Load load, __m512 (&sum)[16]) {
  __m512 q[Q];
#pragma GCC unroll 4
  for (int i = 0; i < Q; ++i) q[i] = load(queries[i]->q + at);
#pragma GCC unroll 4
  for (int j = 0; j < K; ++j) {
    const __m512 part = load(keys + static_cast<size_t>(j) * d + at);
#pragma GCC unroll 4
    for (int i = 0; i < Q; ++i) sum[4 * j + i] = _mm512_fmadd_ps(q[i], part, sum[4 * j + i]);
  }
}

// p[i][j] = dot16(k[j], q[i]) * scale for Q queries and the K keys from `key` on; Q, K <= 4.
template <int Q, int K, typename Kv>
void Dots(AttendQuery* const* queries, const Kv* k, size_t key, size_t d, __m512 scale) {
  __m512 sum[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) sum[i] = _mm512_setzero_ps();
  const Kv* keys = k + key * d;
  size_t at = 0;
  for (; at + 16 <= d; at += 16) {
    AddLanes<Q, K>(queries, keys, d, at, [](const auto* x) { return LoadRow(x); }, sum);
  }
  if (at < d) {
    const auto load = [n = d - at](const auto* x) { return LoadSome(x, n); };
    AddLanes<Q, K>(queries, keys, d, at, load, sum);
  }
  const __m512 scores = _mm512_mul_ps(Trees(sum), scale);
  const __m128 rows[4] = {_mm512_castps512_ps128(scores), _mm512_extractf32x4_ps(scores, 1),
                          _mm512_extractf32x4_ps(scores, 2), _mm512_extractf32x4_ps(scores, 3)};
  const auto stored = static_cast<__mmask8>((1u << K) - 1u);
  for (int i = 0; i < Q; ++i) _mm_mask_storeu_ps(queries[i]->p + key, stored, rows[i]);
}

template <int Q, typename Kv>
void AllDots(AttendQuery* const* queries, const Kv* k, size_t from, size_t to, size_t d, float scale) {
  const __m512 factor = _mm512_set1_ps(scale);
  size_t j = from;
  for (; j + 4 <= to; j += 4) {
    FetchOfNextTile(k + j * d, 4, d);
    Dots<Q, 4>(queries, k, j, d, factor);
  }
  for (; j < to; ++j) Dots<Q, 1>(queries, k, j, d, factor);
}

// out[i] += p[i][j] * v[j] in ascending j, for Q queries and N vectors of 16 columns from `column` on; of
// one that is not whole, its first `n`. kFetch: and asks for the next tile's.
template <int Q, int N, bool kWhole, bool kFetch, typename Kv>
void AddColumns(AttendQuery* const* queries, const Kv* v, size_t from, size_t to, size_t d, size_t column,
                size_t n = 16) {
  // Told to unroll all of these, g++ keeps the sums in registers; else it stores each after every key.
  const auto load = [n](const auto* x) { return kWhole ? LoadRow(x) : LoadSome(x, n); };
  __m512 sum[Q][N];
  const float* p[Q];
#pragma GCC unroll 4
  for (int i = 0; i < Q; ++i) {
    p[i] = queries[i]->p;
#pragma GCC unroll 4
    for (int c = 0; c < N; ++c) sum[i][c] = load(queries[i]->out + column + 16 * c);
  }
  for (size_t j = from; j < to; ++j) {
    const Kv* row = v + j * d + column;
    if constexpr (kFetch) FetchOfNextTile(v + j * d, 1, d);
    __m512 values[N];
#pragma GCC unroll 4
    for (int c = 0; c < N; ++c) values[c] = load(row + 16 * c);
#pragma GCC unroll 4
    for (int i = 0; i < Q; ++i) {
      const __m512 weight = _mm512_set1_ps(p[i][j]);
#pragma GCC unroll 4
      for (int c = 0; c < N; ++c) sum[i][c] = _mm512_fmadd_ps(weight, values[c], sum[i][c]);
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < Q; ++i) {
#pragma GCC unroll 4
    for (int c = 0; c < N; ++c) {
      _mm512_mask_storeu_ps(queries[i]->out + column + 16 * c, Mask(kWhole ? 16 : n), sum[i][c]);
    }
  }
}

template <int Q, typename Kv>
void AddRows(AttendQuery* const* queries, const Kv* v, size_t from, size_t to, size_t d) {
  size_t column = 0;
  if (d >= 64 && !__is_same(Kv, float)) {  // floats are a panel's, which is near
    AddColumns<Q, 4, true, true>(queries, v, from, to, d, column);
    column += 64;
  }
  for (; column + 64 <= d; column += 64) AddColumns<Q, 4, true, false>(queries, v, from, to, d, column);
  for (; column + 16 <= d; column += 16) AddColumns<Q, 1, true, false>(queries, v, from, to, d, column);
  if (column < d) AddColumns<Q, 1, false, false>(queries, v, from, to, d, column, d - column);
}

struct Unit : InBytes {
  using InBytes::AddValues, InBytes::Scores;
  static constexpr size_t kTogether = 4;
  template <typename Kv>
    requires(!__is_same(Kv, int8_t))
  using Panel = AttendPanel<Kv>;

  // Fills p of the first n queries in [from, to).
  template <typename Kv>
  static void Scores(AttendQuery* const* queries, size_t n, const Kv* k, size_t from, size_t to, size_t d,
                     float scale) {
    if (n == 1) AllDots<1>(queries, k, from, to, d, scale);
    if (n == 2) AllDots<2>(queries, k, from, to, d, scale);
    if (n == 3) AllDots<3>(queries, k, from, to, d, scale);
    if (n == 4) AllDots<4>(queries, k, from, to, d, scale);
  }

  static void Scores(AttendQuery* const* queries, size_t n, TurnedKeys k, size_t from, size_t to, size_t d,
                     float scale) {
    if (n == 1) AllScoresOfPanel<1>(queries, k, from, to, d, scale);
    if (n == 2) AllScoresOfPanel<2>(queries, k, from, to, d, scale);
    if (n == 3) AllScoresOfPanel<3>(queries, k, from, to, d, scale);
    if (n == 4) AllScoresOfPanel<4>(queries, k, from, to, d, scale);
  }

  template <typename Kv>
  static void AddValues(AttendQuery* const* queries, size_t n, const Kv* v, size_t from, size_t to,
                        size_t d) {
    if (n == 1) AddRows<1>(queries, v, from, to, d);
    if (n == 2) AddRows<2>(queries, v, from, to, d);
    if (n == 3) AddRows<3>(queries, v, from, to, d);
    if (n == 4) AddRows<4>(queries, v, from, to, d);
  }

  // Lanes of the vector at j that are in [from, to).
  static __mmask16 Inside(size_t j, size_t from, size_t to) {
    const __mmask16 before = Mask(from > j ? from - j : 0);
    return static_cast<__mmask16>(Mask(to - j) & ~before);
  }

  // p = cap * tanh(p / cap).
  static void Cap(float* p, size_t from, size_t to, float cap) {
    const __m512 c = _mm512_set1_ps(cap);
    for (size_t j = from / 16 * 16; j < to; j += 16) {
      const __mmask16 inside = Inside(j, from, to);
      const __m512 x = _mm512_maskz_load_ps(inside, p + j);
      _mm512_mask_store_ps(p + j, inside, _mm512_mul_ps(Tanh16(_mm512_div_ps(x, c)), c));
    }
  }

  static float Highest(const float* p, size_t from, size_t to) {
    if (from == 0 && to == kAttendTile) {
      const __m512 low = _mm512_max_ps(_mm512_load_ps(p), _mm512_load_ps(p + 16));
      const __m512 high = _mm512_max_ps(_mm512_load_ps(p + 32), _mm512_load_ps(p + 48));
      return _mm512_reduce_max_ps(_mm512_max_ps(low, high));
    }
    __m512 highest = _mm512_set1_ps(p[from]);
    for (size_t j = from / 16 * 16; j < to; j += 16) {
      highest = _mm512_mask_max_ps(highest, Inside(j, from, to), highest, _mm512_load_ps(p + j));
    }
    return _mm512_reduce_max_ps(highest);
  }

  // p = exp(p - top) in [from, to), zeros around it to whole groups of 16: adding those changes nothing.
  // Returns the sum.
  static float Weigh(float* p, size_t from, size_t to, float top) {
    const __m512 highest = _mm512_set1_ps(top);
    __m512 sum = _mm512_setzero_ps();
    if (from == 0 && to == kAttendTile) {
#pragma GCC unroll 4
      for (size_t j = 0; j < kAttendTile; j += 16) {
        const __m512 e = Exp16(_mm512_sub_ps(_mm512_load_ps(p + j), highest));
        _mm512_store_ps(p + j, e);
        sum = _mm512_add_ps(sum, e);
      }
      return Tree(sum);
    }
    for (size_t j = from / 16 * 16; j < to; j += 16) {
      const __mmask16 inside = Inside(j, from, to);
      const __m512 x = _mm512_maskz_load_ps(inside, p + j);
      const __m512 e = _mm512_maskz_mov_ps(inside, Exp16(_mm512_sub_ps(x, highest)));
      _mm512_store_ps(p + j, e);
      sum = _mm512_add_ps(sum, e);
    }
    return Tree(sum);
  }

  static float Exp(float x) { return _mm512_cvtss_f32(Exp16(_mm512_set1_ps(x))); }

  static void Scale(float* y, size_t n, float factor) {
    const __m512 f = _mm512_set1_ps(factor);
    for (size_t i = 0; i < n; i += 16) {
      const size_t some = n - i < 16 ? n - i : 16;
      _mm512_mask_storeu_ps(y + i, Mask(some), _mm512_mul_ps(LoadSome(y + i, some), f));
    }
  }
};

}  // namespace

void Attend(const AttendArgs& args) { AttendInTiles<Unit>(args); }

}  // namespace linnet::kernels::avx512vnni
