#include <arm_neon.h>

#include "runtime/kernels/attend_tiles.h"
#include "runtime/kernels/neon/attend_q8.h"
#include "runtime/kernels/ops.h"

namespace linnet::kernels::neon {
namespace {

float32x4_t Load(const float* x) { return vld1q_f32(x); }
float32x4_t Load(const uint16_t* x) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(x))); }
float One(float x) { return x; }
float One(uint16_t x) { return vgetq_lane_f32(vcvt_f32_f16(vreinterpret_f16_u16(vdup_n_u16(x))), 0); }

// The last elements of a row, zeros behind them.
template <typename Kv>
void Pad(const Kv* x, size_t n, float* padded) {
  for (size_t i = 0; i < 16; ++i) padded[i] = i < n ? One(x[i]) : 0.0f;
}

// The last two steps of the fixed tree, for four sums.
float32x4_t Trees(float32x4_t a, float32x4_t b, float32x4_t c, float32x4_t d) {
  const auto pair = [](float32x4_t x, float32x4_t y) {
    const float64x2_t xd = vreinterpretq_f64_f32(x), yd = vreinterpretq_f64_f32(y);
    return vaddq_f32(vreinterpretq_f32_f64(vzip1q_f64(xd, yd)), vreinterpretq_f32_f64(vzip2q_f64(xd, yd)));
  };
  return vpaddq_f32(pair(a, b), pair(c, d));
}

// Eight values of a row.
struct Eight {
  float32x4_t low, high;
};
Eight LoadEight(const float* x) { return {vld1q_f32(x), vld1q_f32(x + 4)}; }
Eight LoadEight(const uint16_t* x) {
  const float16x8_t halves = vreinterpretq_f16_u16(vld1q_u16(x));
  return {vcvt_f32_f16(vget_low_f16(halves)), vcvt_high_f32_f16(halves)};
}

// The lanes of Q * K sums: of query i and key j in [i * K + j].
template <int Q, int K>
using Lanes = float32x4_t[Q * K][4];

// sum += q * k, 16 columns of each.
template <int Q, int K, typename Kv>
[[gnu::always_inline]] inline void AddProducts(const float* const (&q)[Q], const Kv* const (&k)[K],
                                               Lanes<Q, K>& sum) {
#pragma GCC unroll 2
  for (int half = 0; half < 2; ++half) {
    Eight key[K];
#pragma GCC unroll 4
    for (int j = 0; j < K; ++j) key[j] = LoadEight(k[j] + 8 * half);
#pragma GCC unroll 3
    for (int i = 0; i < Q; ++i) {
      const Eight query = LoadEight(q[i] + 8 * half);
#pragma GCC unroll 4
      for (int j = 0; j < K; ++j) {
        float32x4_t* lanes = sum[i * K + j] + 2 * half;
        lanes[0] = vfmaq_f32(lanes[0], query.low, key[j].low);
        lanes[1] = vfmaq_f32(lanes[1], query.high, key[j].high);
      }
    }
  }
}

// p[i][j] = dot16(k[j], q[i]) * scale for Q queries and K keys from `key` on.
template <int Q, int K, typename Kv>
void Dots(AttendQuery* const* queries, const Kv* keys, size_t key, size_t d, float scale) {
  const float* q[Q];
  const Kv* k[K];
  for (int i = 0; i < Q; ++i) q[i] = queries[i]->q;
  for (int j = 0; j < K; ++j) k[j] = keys + (key + static_cast<size_t>(j)) * d;
  Lanes<Q, K> sum;
#pragma GCC unroll 8
  for (auto& lanes : sum) {
#pragma GCC unroll 4
    for (float32x4_t& four : lanes) four = vdupq_n_f32(0);
  }
  for (size_t left = d; left >= 16; left -= 16) {
    AddProducts<Q, K>(q, k, sum);
    for (const float*& row : q) row += 16;
    for (const Kv*& row : k) row += 16;
  }
  if (d % 16 != 0) {
    float padded_q[Q][16], padded_k[K][16];
    const float* last_q[Q];
    const float* last_k[K];
    for (int i = 0; i < Q; ++i) Pad(q[i], d % 16, padded_q[i]), last_q[i] = padded_q[i];
    for (int j = 0; j < K; ++j) Pad(k[j], d % 16, padded_k[j]), last_k[j] = padded_k[j];
    AddProducts<Q, K>(last_q, last_k, sum);
  }
  constexpr int kWhole = (Q * K + 3) / 4 * 4;
  float32x4_t four[kWhole];
#pragma GCC unroll 8
  for (int i = 0; i < kWhole; ++i) {
    four[i] = vdupq_n_f32(0);
    if (i < Q * K) four[i] = vaddq_f32(vaddq_f32(sum[i][0], sum[i][2]), vaddq_f32(sum[i][1], sum[i][3]));
  }
  float scores[kWhole];
#pragma GCC unroll 2
  for (int i = 0; i < kWhole; i += 4)
    vst1q_f32(scores + i, vmulq_n_f32(Trees(four[i], four[i + 1], four[i + 2], four[i + 3]), scale));
  for (int i = 0; i < Q; ++i) {
    for (int j = 0; j < K; ++j) queries[i]->p[key + static_cast<size_t>(j)] = scores[i * K + j];
  }
}

template <int Q, int K, typename Kv>
void AllDots(AttendQuery* const* queries, const Kv* k, size_t from, size_t to, size_t d, float scale) {
  size_t j = from;
  for (; j + K <= to; j += K) Dots<Q, K>(queries, k, j, d, scale);
  for (; j < to; ++j) Dots<Q, 1>(queries, k, j, d, scale);
}

// out[i] += p[i][j] * v[j] in ascending j, for Q queries and N vectors of 4 columns from `column` on.
template <int Q, int N, typename Kv>
void AddColumns(AttendQuery* const* queries, const Kv* v, size_t from, size_t to, size_t d, size_t column) {
  float32x4_t sum[Q][N];
  const float* p[Q];
  for (int i = 0; i < Q; ++i) {
    p[i] = queries[i]->p;
    for (int c = 0; c < N; ++c) sum[i][c] = Load(queries[i]->out + column + 4 * c);
  }
  for (size_t j = from; j < to; ++j) {
    const Kv* row = v + j * d + column;
    float weight[Q];
    for (int i = 0; i < Q; ++i) weight[i] = p[i][j];
    if constexpr (N % 2 == 0) {
#pragma GCC unroll 4
      for (int c = 0; c < N; c += 2) {
        const Eight values = LoadEight(row + 4 * c);
#pragma GCC unroll 3
        for (int i = 0; i < Q; ++i) {
          sum[i][c] = vfmaq_n_f32(sum[i][c], values.low, weight[i]);
          sum[i][c + 1] = vfmaq_n_f32(sum[i][c + 1], values.high, weight[i]);
        }
      }
    } else {
      for (int i = 0; i < Q; ++i) sum[i][0] = vfmaq_n_f32(sum[i][0], Load(row), weight[i]);
    }
  }
  for (int i = 0; i < Q; ++i) {
    for (int c = 0; c < N; ++c) vst1q_f32(queries[i]->out + column + 4 * c, sum[i][c]);
  }
}

template <int Q, int N, typename Kv>
void AddRows(AttendQuery* const* queries, const Kv* v, size_t from, size_t to, size_t d) {
  size_t column = 0;
  for (; column + 4 * N <= d; column += 4 * N) AddColumns<Q, N>(queries, v, from, to, d, column);
  for (; column + 4 <= d; column += 4) AddColumns<Q, 1>(queries, v, from, to, d, column);
  for (; column < d; ++column) {
    for (int i = 0; i < Q; ++i) {
      float sum = queries[i]->out[column];
      for (size_t j = from; j < to; ++j) sum = __builtin_fmaf(queries[i]->p[j], One(v[j * d + column]), sum);
      queries[i]->out[column] = sum;
    }
  }
}

struct Unit : InBytes<LongProducts> {
  using InBytes::AddValues, InBytes::Scores;
  static constexpr size_t kTogether = 3;  // with two keys their sums fill 24 of the 32 registers

  // Fills p of the first n queries in [from, to).
  template <typename Kv>
  static void Scores(AttendQuery* const* queries, size_t n, const Kv* k, size_t from, size_t to, size_t d,
                     float scale) {
    if (n == 1) AllDots<1, 4>(queries, k, from, to, d, scale);
    if (n == 2) AllDots<2, 2>(queries, k, from, to, d, scale);
    if (n == 3) AllDots<3, 2>(queries, k, from, to, d, scale);
  }

  template <typename Kv>
  static void AddValues(AttendQuery* const* queries, size_t n, const Kv* v, size_t from, size_t to,
                        size_t d) {
    if (n == 1) AddRows<1, 8>(queries, v, from, to, d);
    if (n == 2) AddRows<2, 8>(queries, v, from, to, d);
    if (n == 3) AddRows<3, 8>(queries, v, from, to, d);
  }
};

}  // namespace

void Attend(const AttendArgs& args) { AttendInTiles<Unit>(args); }

void ToHalf(const float* x, uint16_t* y, size_t n) {
  const float32x4_t most = vdupq_n_f32(65504.0f), least = vdupq_n_f32(-65504.0f);
  const auto halves = [&](float32x4_t v) {
    return vreinterpret_u16_f16(vcvt_f16_f32(vmaxq_f32(least, vminq_f32(most, v))));
  };
  size_t i = 0;
  for (; i + 4 <= n; i += 4) vst1_u16(y + i, halves(vld1q_f32(x + i)));
  for (; i < n; ++i) y[i] = vget_lane_u16(halves(vdupq_n_f32(x[i])), 0);
}

}  // namespace linnet::kernels::neon
