#ifndef LINNET_RUNTIME_KERNELS_NEON_ATTEND_Q8_H_
#define LINNET_RUNTIME_KERNELS_NEON_ATTEND_Q8_H_

#include <arm_neon.h>

#include "runtime/kernels/attend_tiles.h"
#include "runtime/kernels/neon/softmax.h"
#include "runtime/kernels/ops.h"

// Keys and values in 8 bits: 4 keys and a block of 32 columns at a time. What is summed as integers is exact,
// so only the float steps have an order, and sets differ in `Products` alone.
namespace linnet::kernels::neon {
namespace {

// The bytes of a block.
struct Bytes32 {
  int8x16_t low, high;
};

[[gnu::always_inline]] inline Bytes32 LoadBlock(const int8_t* bytes) {
  return {vld1q_s8(bytes), vld1q_s8(bytes + 16)};
}

// By products of 16 bits: two of bytes within +-127 fit.
struct LongProducts {
  // Four sums that are together that of the 32 products.
  static int32x4_t Dot(Bytes32 k, Bytes32 q) {
    const int16x8_t low = vmlal_high_s8(vmull_s8(vget_low_s8(k.low), vget_low_s8(q.low)), k.low, q.low);
    const int16x8_t high = vmlal_high_s8(vmull_s8(vget_low_s8(k.high), vget_low_s8(q.high)), k.high, q.high);
    return vpadalq_s16(vpaddlq_s16(low), high);
  }
};

float FactorAt(const int8_t* bytes) {
  float factor;
  __builtin_memcpy(&factor, bytes, sizeof(factor));
  return factor;
}

// p[i][j] = the block rule's k[j] * q[i], times scale, for Q queries and the 4 keys from `group` on; those
// outside of [from, to) get what another one has.
template <typename Products, int Q>
void ScoresOf4(AttendQuery* const* queries, const int8_t* k, size_t group, size_t from, size_t to, size_t d,
               float scale) {
  const size_t blocks = KvBlocks(d), row_bytes = KvRowBytes(KvType::kQ8, d);
  const int8_t* row[4];
  const int8_t* factor[4];
  const ActBlock* q[Q];
  float32x4_t sum[Q];
  for (size_t j = 0; j < 4; ++j) {
    row[j] = k + AttendedNear(group + j, from, to) * row_bytes;
    factor[j] = row[j] + blocks * kBlock;
  }
#pragma GCC unroll 3
  for (int i = 0; i < Q; ++i) q[i] = queries[i]->q8, sum[i] = vdupq_n_f32(0);
  for (size_t b = 0; b < blocks; ++b) {
    const float32x4_t factors = {FactorAt(factor[0]), FactorAt(factor[1]), FactorAt(factor[2]),
                                 FactorAt(factor[3])};
    Bytes32 key[4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      key[j] = LoadBlock(row[j]);
      row[j] += kBlock;
      factor[j] += sizeof(float);
    }
#pragma GCC unroll 3
    for (int i = 0; i < Q; ++i) {
      const Bytes32 query = LoadBlock(q[i]->q);
      const int32x4_t dots =
          vpaddq_s32(vpaddq_s32(Products::Dot(key[0], query), Products::Dot(key[1], query)),
                     vpaddq_s32(Products::Dot(key[2], query), Products::Dot(key[3], query)));
      sum[i] = vfmaq_f32(sum[i], vcvtq_f32_s32(dots), vmulq_n_f32(factors, q[i]->d));
      ++q[i];
    }
  }
#pragma GCC unroll 3
  for (int i = 0; i < Q; ++i) vst1q_f32(queries[i]->p + group, vmulq_n_f32(sum[i], scale));
}

// out[i] += p[i][j] * v[j] in ascending j, for Q queries and a block of columns. v: its bytes in row 0;
// factors: its factor there.
template <int Q>
void AddBlock(AttendQuery* const* queries, float* const* out, const int8_t* v, const int8_t* factors,
              size_t from, size_t to, size_t row_bytes) {
  float32x4_t sum[Q][8];
  const float* p[Q];
#pragma GCC unroll 3
  for (int i = 0; i < Q; ++i) {
    p[i] = queries[i]->p;
#pragma GCC unroll 8
    for (int c = 0; c < 8; ++c) sum[i][c] = vld1q_f32(out[i] + 4 * c);
  }
  const int8_t* row = v + from * row_bytes;
  const int8_t* factor = factors + from * row_bytes;
  for (size_t j = from; j < to; ++j, row += row_bytes, factor += row_bytes) {
    float weight[Q];
#pragma GCC unroll 3
    for (int i = 0; i < Q; ++i) weight[i] = p[i][j] * FactorAt(factor);
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) {
      const int16x8_t eight = vmovl_s8(vld1_s8(row + 8 * c));
      const float32x4_t low = vcvtq_f32_s32(vmovl_s16(vget_low_s16(eight)));
      const float32x4_t high = vcvtq_f32_s32(vmovl_high_s16(eight));
#pragma GCC unroll 3
      for (int i = 0; i < Q; ++i) {
        sum[i][2 * c] = vfmaq_n_f32(sum[i][2 * c], low, weight[i]);
        sum[i][2 * c + 1] = vfmaq_n_f32(sum[i][2 * c + 1], high, weight[i]);
      }
    }
  }
#pragma GCC unroll 3
  for (int i = 0; i < Q; ++i) {
#pragma GCC unroll 8
    for (int c = 0; c < 8; ++c) vst1q_f32(out[i] + 4 * c, sum[i][c]);
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

// Of up to 3 queries, whose 24 sums of a block leave 8 registers.
template <typename Products>
struct InBytes : Softmax {
  static constexpr size_t kTogether = 3;

  static void Scores(AttendQuery* const* queries, size_t n, const int8_t* k, size_t from, size_t to, size_t d,
                     float scale) {
    for (size_t j = from / 4 * 4; j < to; j += 4) {
      if (n == 1) ScoresOf4<Products, 1>(queries, k, j, from, to, d, scale);
      if (n == 2) ScoresOf4<Products, 2>(queries, k, j, from, to, d, scale);
      if (n == 3) ScoresOf4<Products, 3>(queries, k, j, from, to, d, scale);
    }
  }

  static void AddValues(AttendQuery* const* queries, size_t n, const int8_t* v, size_t from, size_t to,
                        size_t d) {
    if (n == 1) AddRowsQ8<1>(queries, v, from, to, d);
    if (n == 2) AddRowsQ8<2>(queries, v, from, to, d);
    if (n == 3) AddRowsQ8<3>(queries, v, from, to, d);
  }
};

}  // namespace
}  // namespace linnet::kernels::neon

#endif  // LINNET_RUNTIME_KERNELS_NEON_ATTEND_Q8_H_
