#include <cmath>
#include <cstring>

#include "runtime/kernels/ops.h"
#include "runtime/kernels/scalar/half.h"
#include "runtime/kernels/tiles.h"

// Byte by byte out of the layouts' words (tiles.h, planes.h).
namespace linnet::kernels::scalar {

void JoinPlanes(const void* upper, const void* lower, void* out, size_t tiles, size_t cols) {
  constexpr TileFormat kUpper = *FindTileFormat(WeightType::kQ4_0),
                       kWhole = *FindTileFormat(WeightType::kQ8_0);
  const size_t blocks = cols / kBlock;
  for (size_t tile = 0; tile < tiles; ++tile) {
    const uint8_t* from = static_cast<const uint8_t*>(upper) + tile * TileBytes(kUpper, cols);
    uint8_t* to = static_cast<uint8_t*>(out) + tile * TileBytes(kWhole, cols);
    std::memset(to + blocks * BlockBytes(kWhole), 0, TileBytes(kWhole, cols) - blocks * BlockBytes(kWhole));
    for (size_t b = 0; b < blocks; ++b, from += BlockBytes(kUpper), to += BlockBytes(kWhole)) {
      std::memcpy(to, from, kWhole.head_bytes);
      const uint8_t* high = from + kUpper.head_bytes;
      uint8_t* bytes = to + kWhole.head_bytes;
      for (size_t row = 0; row < kTileRows; ++row) {
        const uint8_t* low =
            static_cast<const uint8_t*>(lower) + ((tile * kTileRows + row) * blocks + b) * (kBlock / 2);
        for (size_t c = 0; c < kBlock; ++c) {
          const int shift = c < 16 ? 0 : 4;
          const int h = high[c % 16 / 4 * 64 + 4 * row + c % 4] >> shift & 15, l = low[c % 16] >> shift & 15;
          bytes[c / 4 * 64 + 4 * row + c % 4] = static_cast<uint8_t>(16 * h + l - 128);
        }
      }
    }
  }
}

void SumLower(const void* upper, const void* lower, const uint32_t* rows, size_t count, size_t cols,
              const ActBlock* x, LowerSums* sums) {
  constexpr TileFormat kUpper = *FindTileFormat(WeightType::kQ4_0);
  constexpr size_t kLanes = 8;
  const size_t blocks = cols / kBlock;
  const auto tree = [](float* lanes) {
    for (size_t n = kLanes / 2; n > 0; n /= 2) {
      for (size_t j = 0; j < n; ++j) lanes[j] += lanes[j + n];
    }
    return lanes[0];
  };
  for (size_t i = 0; i < count; ++i) {
    const size_t row = rows[i];
    const uint8_t* scales = static_cast<const uint8_t*>(upper) + row / kTileRows * TileBytes(kUpper, cols) +
                            2 * (row % kTileRows);
    const uint8_t* low = static_cast<const uint8_t*>(lower) + row * blocks * (kBlock / 2);
    float products[kLanes] = {}, squares[kLanes] = {};
    for (size_t b = 0; b < blocks; ++b) {
      uint16_t half;
      std::memcpy(&half, scales + b * BlockBytes(kUpper), sizeof(half));
      const float d = HalfToFloat(half);
      int32_t sum = 0;
      for (size_t c = 0; c < kBlock / 2; ++c) {
        const int pair = low[b * (kBlock / 2) + c];
        sum += (pair & 15) * x[b].q[c] + (pair >> 4) * x[b].q[c + 16];
      }
      products[b % kLanes] = std::fma(static_cast<float>(sum), d * x[b].d, products[b % kLanes]);
      squares[b % kLanes] = std::fma(d, d, squares[b % kLanes]);
    }
    sums[i] = {tree(products), tree(squares)};
  }
}

}  // namespace linnet::kernels::scalar
