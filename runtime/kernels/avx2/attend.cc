#include <immintrin.h>

#include "runtime/kernels/attend_tiles.h"
#include "runtime/kernels/avx2/attend_panel.h"
#include "runtime/kernels/avx2/attend_q8.h"
#include "runtime/kernels/avx2/math.h"
#include "runtime/kernels/ops.h"

namespace linnet::kernels::avx2 {
namespace {

float One(float x) { return x; }
float One(uint16_t x) { return _cvtsh_ss(x); }

// The last elements of a row, zeros behind them.
template <typename Kv>
[[gnu::noinline]] void Pad(const Kv* x, size_t n, float* padded) {
  for (size_t i = 0; i < 16; ++i) padded[i] = i < n ? One(x[i]) : 0.0f;
}

// p[i][j] = dot16(k[j], q[i]) * scale for Q queries and K keys from `key` on; Q * K <= 4.
template <int Q, int K, typename Kv>
void Dots(AttendQuery* const* queries, const Kv* k, size_t key, size_t d, __m128 scale) {
  const size_t whole = d / 16 * 16;
  const Kv* keys = k + key * d;
  float last_queries[Q][16], last_keys[K][16];
  if (whole < d) {
    for (int i = 0; i < Q; ++i) Pad(queries[i]->q + whole, d - whole, last_queries[i]);
    for (int j = 0; j < K; ++j) Pad(keys + static_cast<size_t>(j) * d + whole, d - whole, last_keys[j]);
  }
  // Told to unroll all of these, g++ keeps the sums in registers; else it stores each in every step.
  __m256 low[4], high[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) low[i] = high[i] = _mm256_setzero_ps();
  const auto add = [&](auto query, auto row) __attribute__((always_inline)) {
#pragma GCC unroll 4
    for (int j = 0; j < K; ++j) {
      const __m256 first = LoadEight(row(j)), second = LoadEight(row(j) + 8);
#pragma GCC unroll 4
      for (int i = 0; i < Q; ++i) {
        low[i * K + j] = _mm256_fmadd_ps(LoadEight(query(i)), first, low[i * K + j]);
        high[i * K + j] = _mm256_fmadd_ps(LoadEight(query(i) + 8), second, high[i * K + j]);
      }
    }
  };
  for (size_t at = 0; at < whole; at += 16) {
    add([&](int i) { return queries[i]->q + at; },
        [&](int j) { return keys + static_cast<size_t>(j) * d + at; });
  }
  if (whole < d) {
    add([&](int i) { return &last_queries[i][0]; }, [&](int j) { return &last_keys[j][0]; });
  }
#pragma GCC unroll 4
  for (int i = 0; i < Q * K; ++i) low[i] = _mm256_add_ps(low[i], high[i]);
  alignas(16) float scores[4];
  _mm_store_ps(scores, _mm_mul_ps(Trees(low[0], low[1], low[2], low[3]), scale));
  for (int i = 0; i < Q; ++i) {
    for (int j = 0; j < K; ++j) queries[i]->p[key + static_cast<size_t>(j)] = scores[i * K + j];
  }
}

template <int Q, int K, typename Kv>
void AllDots(AttendQuery* const* queries, const Kv* k, size_t from, size_t to, size_t d, float scale) {
  const __m128 factor = _mm_set1_ps(scale);
  size_t j = from;
  for (; j + K <= to; j += K) {
    FetchOfNextTile(k + j * d, K, d);
    Dots<Q, K>(queries, k, j, d, factor);
  }
  for (; j < to; ++j) Dots<Q, 1>(queries, k, j, d, factor);
}

// out[i] += p[i][j] * v[j] in ascending j, for Q queries and N vectors of 8 columns from `column` on. kFetch:
// and asks for the next tile's.
template <int Q, int N, bool kFetch, typename Kv>
void AddColumns(AttendQuery* const* queries, const Kv* v, size_t from, size_t to, size_t d, size_t column) {
  // Told to unroll all of these, g++ keeps the sums in registers; else it stores each after every key.
  __m256 sum[Q][N];
  const float* p[Q];
#pragma GCC unroll 4
  for (int i = 0; i < Q; ++i) {
    p[i] = queries[i]->p;
#pragma GCC unroll 4
    for (int c = 0; c < N; ++c) sum[i][c] = LoadEight(queries[i]->out + column + 8 * c);
  }
  for (size_t j = from; j < to; ++j) {
    const Kv* row = v + j * d + column;
    if constexpr (kFetch) FetchOfNextTile(v + j * d, 1, d);
#pragma GCC unroll 4
    for (int c = 0; c < N; ++c) {
      const __m256 values = LoadEight(row + 8 * c);
#pragma GCC unroll 4
      for (int i = 0; i < Q; ++i)
        sum[i][c] = _mm256_fmadd_ps(_mm256_broadcast_ss(p[i] + j), values, sum[i][c]);
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < Q; ++i) {
#pragma GCC unroll 4
    for (int c = 0; c < N; ++c) _mm256_storeu_ps(queries[i]->out + column + 8 * c, sum[i][c]);
  }
}

template <int Q, int N, typename Kv>
void AddRows(AttendQuery* const* queries, const Kv* v, size_t from, size_t to, size_t d) {
  size_t column = 0;
  if (d >= 8 * N && !__is_same(Kv, float)) {  // floats are a panel's, which is near
    AddColumns<Q, N, true>(queries, v, from, to, d, column);
    column += 8 * N;
  }
  for (; column + 8 * N <= d; column += 8 * N) AddColumns<Q, N, false>(queries, v, from, to, d, column);
  for (; column + 8 <= d; column += 8) AddColumns<Q, 1, false>(queries, v, from, to, d, column);
  for (; column < d; ++column) {
    for (int i = 0; i < Q; ++i) {
      float sum = queries[i]->out[column];
      for (size_t j = from; j < to; ++j) sum = __builtin_fmaf(queries[i]->p[j], One(v[j * d + column]), sum);
      queries[i]->out[column] = sum;
    }
  }
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
    if (n == 1) AllDots<1, 4>(queries, k, from, to, d, scale);
    if (n == 2) AllDots<2, 2>(queries, k, from, to, d, scale);
    if (n == 3) AllDots<3, 1>(queries, k, from, to, d, scale);
    if (n == 4) AllDots<4, 1>(queries, k, from, to, d, scale);
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
    if (n == 1) AddRows<1, 4>(queries, v, from, to, d);
    if (n == 2) AddRows<2, 4>(queries, v, from, to, d);
    if (n == 3) AddRows<3, 4>(queries, v, from, to, d);
    if (n == 4) AddRows<4, 2>(queries, v, from, to, d);
  }

  // p = cap * tanh(p / cap); what stands around [from, to) in the same vectors is no use to anybody.
  static void Cap(float* p, size_t from, size_t to, float cap) {
    const __m256 c = _mm256_set1_ps(cap);
    for (size_t j = from / 8 * 8; j < to; j += 8) {
      _mm256_store_ps(p + j, _mm256_mul_ps(Tanh8(_mm256_div_ps(_mm256_load_ps(p + j), c)), c));
    }
  }

  // Lanes of the vector at j that are in [from, to).
  static __m256 Inside(size_t j, size_t from, size_t to) {
    const __m256 before = _mm256_castsi256_ps(Mask(from > j ? from - j : 0));
    return _mm256_andnot_ps(before, _mm256_castsi256_ps(Mask(to - j < 8 ? to - j : 8)));
  }

  static float Highest(const float* p, size_t from, size_t to) {
    __m256 highest = _mm256_set1_ps(p[from]);
    for (size_t j = from / 8 * 8; j < to; j += 8) {
      const __m256 seen = _mm256_blendv_ps(highest, _mm256_load_ps(p + j), Inside(j, from, to));
      highest = _mm256_max_ps(highest, seen);
    }
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(highest), _mm256_extractf128_ps(highest, 1));
    four = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(four, _mm_movehdup_ps(four)));
  }

  // p = exp(p - top) in [from, to), zeros around it to whole groups of 16: adding those changes nothing.
  // Returns the sum.
  static float Weigh(float* p, size_t from, size_t to, float top) {
    const __m256 highest = _mm256_set1_ps(top);
    __m256 sum[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    for (size_t j = from / 16 * 16; j < to; j += 16) {
      for (size_t half = 0; half < 2; ++half) {
        const size_t at = j + 8 * half;
        const __m256 inside = at < to && at + 8 > from ? Inside(at, from, to) : _mm256_setzero_ps();
        const __m256 e = _mm256_and_ps(inside, Exp8(_mm256_sub_ps(_mm256_load_ps(p + at), highest)));
        _mm256_store_ps(p + at, e);
        sum[half] = _mm256_add_ps(sum[half], e);
      }
    }
    return Tree(sum[0], sum[1]);
  }

  static float Exp(float x) { return _mm256_cvtss_f32(Exp8(_mm256_set1_ps(x))); }

  static void Scale(float* y, size_t n, float factor) {
    const __m256 f = _mm256_set1_ps(factor);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) _mm256_storeu_ps(y + i, _mm256_mul_ps(_mm256_loadu_ps(y + i), f));
    for (; i < n; ++i) y[i] = y[i] * factor;
  }
};

}  // namespace

void Attend(const AttendArgs& args) { AttendInTiles<Unit>(args); }

void ToHalf(const float* x, uint16_t* y, size_t n) {
  const __m256 most = _mm256_set1_ps(65504.0f), least = _mm256_set1_ps(-65504.0f);
  const auto halves = [&](__m256 v) {
    return _mm256_cvtps_ph(_mm256_max_ps(least, _mm256_min_ps(most, v)), _MM_FROUND_TO_NEAREST_INT);
  };
  size_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y + i), halves(_mm256_loadu_ps(x + i)));
  if (i < n) {
    alignas(16) uint16_t rest[8];
    _mm_store_si128(reinterpret_cast<__m128i*>(rest), halves(_mm256_maskload_ps(x + i, Mask(n - i))));
    for (size_t j = 0; i + j < n; ++j) y[i + j] = rest[j];
  }
}

}  // namespace linnet::kernels::avx2
