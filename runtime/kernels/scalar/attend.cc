#include <cmath>

#include "runtime/kernels/ops.h"
#include "runtime/kernels/scalar/half.h"
#include "runtime/kernels/scalar/math.h"

// Written to be obviously right: this is the specification. One query at a time.
namespace linnet::kernels::scalar {
namespace {

const void* Row(const AttendArgs& a, const void* rows, size_t position) {
  return static_cast<const uint8_t*>(rows) + position * KvRowBytes(a.type, a.head_dim);
}

// Element i of a row, in 8 bits without its block's factor.
float At(KvType type, const void* row, size_t i) {
  switch (type) {
    case KvType::kF32:
      return static_cast<const float*>(row)[i];
    case KvType::kF16:
      return HalfToFloat(static_cast<const uint16_t*>(row)[i]);
    case KvType::kQ8:
      return static_cast<const int8_t*>(row)[i];
  }
  return 0.0f;
}

// The factor of block b of a row in 8 bits.
float BlockFactor(const void* row, size_t blocks, size_t b) {
  float d;
  __builtin_memcpy(&d, static_cast<const int8_t*>(row) + blocks * kBlock + b * sizeof(float), sizeof(d));
  return d;
}

// The block rule, of a key and a query in 8 bits.
float DotBlocks(const AttendArgs& a, size_t position, const ActBlock* q) {
  const size_t blocks = KvBlocks(a.head_dim);
  const void* row = Row(a, a.k, position);
  float sum = 0.0f;
  for (size_t b = 0; b < blocks; ++b) {
    int32_t dot = 0;
    for (size_t i = 0; i < kBlock; ++i) {
      dot += int32_t{static_cast<const int8_t*>(row)[b * kBlock + i]} * q[b].q[i];
    }
    sum = std::fma(static_cast<float>(dot), BlockFactor(row, blocks, b) * q[b].d, sum);
  }
  return sum;
}

// As Dot.
float DotKey(const AttendArgs& a, size_t position, const float* q) {
  const void* row = Row(a, a.k, position);
  float lane[kLanes] = {};
  for (size_t k = 0; k < a.head_dim; k += kLanes) {
    for (size_t j = 0; j < kLanes; ++j) {
      const bool in = k + j < a.head_dim;
      const float key = in ? At(a.type, row, k + j) : 0.0f;
      lane[j] = std::fma(key, in ? q[k + j] : 0.0f, lane[j]);
    }
  }
  return Tree(lane);
}

// A value's weight: p, in 8 bits times the factor of the block that has element i.
float Weight(const AttendArgs& a, float p, const void* row, size_t i) {
  return a.type == KvType::kQ8 ? p * BlockFactor(row, KvBlocks(a.head_dim), i / kBlock) : p;
}

// q8: of this query, for kQ8.
void AttendOne(const AttendArgs& a, const float* q, const ActBlock* q8, size_t first, size_t positions,
               float* out) {
  for (size_t i = 0; i < a.head_dim; ++i) out[i] = 0.0f;
  if (first >= positions) return;
  float maximum = 0.0f;
  float total = 0.0f;
  for (size_t tile = first / kTile * kTile; tile < positions; tile += kTile) {
    const size_t count = positions - tile < kTile ? positions - tile : kTile;
    const bool opening = tile <= first;
    const size_t from = opening ? first - tile : 0;
    float p[kTile] = {};  // positions before `from` weigh nothing
    for (size_t j = from; j < count; ++j) {
      const float dot = a.type == KvType::kQ8 ? DotBlocks(a, tile + j, q8) : DotKey(a, tile + j, q);
      p[j] = dot * a.scale;
      if (a.cap != 0.0f) p[j] = Tanh1(p[j] / a.cap) * a.cap;
    }
    float highest = opening ? p[from] : maximum;
    for (size_t j = from; j < count; ++j) highest = p[j] > highest ? p[j] : highest;
    const float rescale = opening ? 0.0f : Exp1(maximum - highest);
    maximum = highest;
    for (size_t j = from; j < count; ++j) p[j] = Exp1(p[j] - maximum);
    total = std::fma(total, rescale, Sum(p, count));
    for (size_t i = 0; i < a.head_dim; ++i) {
      float sum = out[i] * rescale;
      for (size_t j = from; j < count; ++j) {
        const void* row = Row(a, a.v, tile + j);
        sum = std::fma(Weight(a, p[j], row, i), At(a.type, row, i), sum);
      }
      out[i] = sum;
    }
  }
  const float inverse = 1.0f / total;
  for (size_t i = 0; i < a.head_dim; ++i) out[i] = out[i] * inverse;
}

// Half to even. Halves below 2^-14 are multiples of 2^-24: adding 1.5 * 2^(23 - 24) rounds to those.
uint16_t Half(float x) {
  const uint32_t sign = std::bit_cast<uint32_t>(x) >> 16 & 0x8000u;
  float magnitude = std::fabs(x);
  if (magnitude > 65504.0f) magnitude = 65504.0f;
  if (magnitude < 0x1p-14f) {
    const float units = (magnitude + 0x1.8p-1f) - 0x1.8p-1f;
    return static_cast<uint16_t>(sign | static_cast<uint32_t>(units * 0x1p24f));
  }
  const uint32_t bits = std::bit_cast<uint32_t>(magnitude);
  const uint32_t rounded = bits + 0xfffu + (bits >> 13 & 1u);
  return static_cast<uint16_t>(sign | ((rounded >> 13) - (112u << 10)));
}

}  // namespace

void Attend(const AttendArgs& a) {
  for (size_t i = a.begin; i < a.end; ++i) {
    const size_t token = i / a.heads, at = token * a.stride + i % a.heads * a.head_dim;
    const size_t positions = a.positions + token * a.growth;
    const size_t first = a.window == 0 || positions <= a.window ? 0 : positions - a.window;
    const bool bytes = a.type == KvType::kQ8;
    AttendOne(a, bytes ? nullptr : a.q + at, bytes ? a.q8 + i * KvBlocks(a.head_dim) : nullptr, first,
              positions, a.out + at);
  }
}

void ToHalf(const float* x, uint16_t* y, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] = Half(x[i]);
}

}  // namespace linnet::kernels::scalar
