#include <cmath>
#include <cstring>

#include "runtime/kernels/ops.h"
#include "runtime/kernels/scalar/half.h"
#include "runtime/kernels/tiles.h"

// Products of packed matrices, element by element out of the tiles: the specification of their layout. The
// float steps are those of the row kernels, so that packing changes no bit.
namespace linnet::kernels::scalar {
namespace {

constexpr size_t kSub32 = 32;

uint16_t HalfAt(const uint8_t* p, size_t i) {
  uint16_t half;
  std::memcpy(&half, p + 2 * i, sizeof(half));
  return half;
}

// Byte 4 r + i of vector v.
uint8_t ByteAt(const uint8_t* vectors, size_t v, size_t row, size_t column) {
  return vectors[64 * v + 4 * row + column % 4];
}

// Column c (0 .. 31) of a row in the 64-byte vectors of its 32 columns.
int32_t Nibble(const uint8_t* q, size_t row, size_t c) {
  return ByteAt(q, c % 16 / 4, row, c) >> c / 16 * 4 & 15;
}
int32_t FiveBits(const uint8_t* q, size_t row, size_t c) {
  return Nibble(q, row, c) | (ByteAt(q, 4, row, c) >> c / 4 & 1) << 4;
}
int32_t SixBits(const uint8_t* q, size_t row, size_t c) {
  return Nibble(q, row, c) | (ByteAt(q, 4 + c / 16, row, c) >> c % 16 / 4 * 2 & 3) << 4;
}

template <WeightType type>
int32_t Value(const uint8_t* q, size_t row, size_t c) {
  if constexpr (type == WeightType::kQ4_0) return Nibble(q, row, c) - 8;
  if constexpr (type == WeightType::kQ4_1 || type == WeightType::kQ4_K) return Nibble(q, row, c);
  if constexpr (type == WeightType::kIQ4_NL) return kIq4Values[Nibble(q, row, c)];
  if constexpr (type == WeightType::kQ5_0) return FiveBits(q, row, c) - 16;
  if constexpr (type == WeightType::kQ5_1 || type == WeightType::kQ5_K) return FiveBits(q, row, c);
  if constexpr (type == WeightType::kQ6_K) return SixBits(q, row, c) - 32;
  if constexpr (type == WeightType::kQ8_0) return static_cast<int8_t>(ByteAt(q, c / 4, row, c));
}

constexpr bool HasMin(WeightType type) {
  return type == WeightType::kQ4_1 || type == WeightType::kQ5_1 || type == WeightType::kQ4_K ||
         type == WeightType::kQ5_K;
}

// acc, one block of 32 further.
template <WeightType type>
float Step(float acc, const uint8_t* head, const uint8_t* q, const ActBlock& x, size_t row) {
  int32_t exact = 0;
  for (size_t c = 0; c < kBlock; ++c) exact += Value<type>(q, row, c) * x.q[c];
  acc = std::fma(static_cast<float>(exact), HalfToFloat(HalfAt(head, row)) * x.d, acc);
  if constexpr (HasMin(type)) {
    acc = std::fma(static_cast<float>(x.sum), HalfToFloat(HalfAt(head, kTileRows + row)) * x.d, acc);
  }
  return acc;
}

// acc, one block of 256 further.
template <WeightType type>
float Step(float acc, const uint8_t* head, const uint8_t* q, const ActBlock256& x, size_t row) {
  constexpr size_t kSub = type == WeightType::kQ6_K ? 16 : 32, kSubs = kBlock256 / kSub;
  const uint8_t* scales = head + (HasMin(type) ? 4 : 2) * kTileRows;
  const uint8_t* mins = scales + kSubs * kTileRows;
  constexpr size_t kBytesOf32 = FindTileFormat(type)->quant_bytes / (kBlock256 / kSub32);
  int32_t exact = 0, min_sum = 0;
  for (size_t j = 0; j < kSubs; ++j) {
    int32_t dot = 0;
    for (size_t e = j * kSub; e < (j + 1) * kSub; ++e) {
      dot += Value<type>(q + e / kSub32 * kBytesOf32, row, e % kSub32) * x.q[e];
    }
    exact += static_cast<int8_t>(scales[j * kTileRows + row]) * dot;
    if constexpr (HasMin(type)) {
      min_sum += mins[j * kTileRows + row] * (x.sums[2 * j] + x.sums[2 * j + 1]);
    }
  }
  acc = std::fma(static_cast<float>(exact), HalfToFloat(HalfAt(head, row)) * x.d, acc);
  if constexpr (HasMin(type)) {
    acc = std::fma(static_cast<float>(-min_sum), HalfToFloat(HalfAt(head, kTileRows + row)) * x.d, acc);
  }
  return acc;
}

template <WeightType type, typename Act>
void MatMul(const void* w, const void* activations, float* y, size_t rows, size_t cols, size_t tokens,
            size_t y_stride) {
  constexpr TileFormat kFormat = *FindTileFormat(type);
  const size_t blocks = cols / kFormat.block;
  for (size_t t = 0; t < tokens; ++t) {
    const Act* x = static_cast<const Act*>(activations) + t * blocks;
    for (size_t r = 0; r < rows; ++r) {
      const uint8_t* block = static_cast<const uint8_t*>(w) + r / kTileRows * TileBytes(kFormat, cols);
      float acc = 0.0f;
      for (size_t b = 0; b < blocks; ++b, block += BlockBytes(kFormat)) {
        acc = Step<type>(acc, block, block + kFormat.head_bytes, x[b], r % kTileRows);
      }
      y[t * y_stride + r] = acc;
    }
  }
}

}  // namespace

void TilesQ4_0(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  MatMul<WeightType::kQ4_0, ActBlock>(w, x, y, rows, cols, tokens, y_stride);
}

void TilesQ4_1(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  MatMul<WeightType::kQ4_1, ActBlock>(w, x, y, rows, cols, tokens, y_stride);
}

void TilesQ5_0(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  MatMul<WeightType::kQ5_0, ActBlock>(w, x, y, rows, cols, tokens, y_stride);
}

void TilesQ5_1(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  MatMul<WeightType::kQ5_1, ActBlock>(w, x, y, rows, cols, tokens, y_stride);
}

void TilesQ8_0(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  MatMul<WeightType::kQ8_0, ActBlock>(w, x, y, rows, cols, tokens, y_stride);
}

void TilesIQ4_NL(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                 size_t y_stride) {
  MatMul<WeightType::kIQ4_NL, ActBlock>(w, x, y, rows, cols, tokens, y_stride);
}

void TilesQ4_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  MatMul<WeightType::kQ4_K, ActBlock256>(w, x, y, rows, cols, tokens, y_stride);
}

void TilesQ5_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  MatMul<WeightType::kQ5_K, ActBlock256>(w, x, y, rows, cols, tokens, y_stride);
}

void TilesQ6_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  MatMul<WeightType::kQ6_K, ActBlock256>(w, x, y, rows, cols, tokens, y_stride);
}

}  // namespace linnet::kernels::scalar
