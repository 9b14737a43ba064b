#include <cstring>

#include "runtime/kernels/ops.h"
#include "runtime/kernels/tiles.h"

// Byte by byte out of the layouts' words (tiles.h, planes.h).
namespace linnet::kernels::scalar {

void JoinPlanes(const void* upper, const void* lower, void* out, size_t tiles, size_t cols) {
  constexpr TileFormat kUpper = *FindTileFormat(WeightType::kQ4_0),
                       kWhole = *FindTileFormat(WeightType::kQ8_0);
  const size_t blocks = cols / kBlock, head_bytes = TileHeadBytes(kWhole, cols);
  for (size_t tile = 0; tile < tiles; ++tile) {
    const uint8_t* from = static_cast<const uint8_t*>(upper) + tile * TileBytes(kUpper, cols);
    uint8_t* to = static_cast<uint8_t*>(out) + tile * TileBytes(kWhole, cols);
    std::memcpy(to, from, head_bytes);
    for (size_t b = 0; b < blocks; ++b) {
      const uint8_t* high = from + head_bytes + b * kUpper.quant_bytes;
      uint8_t* bytes = to + head_bytes + b * kWhole.quant_bytes;
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

}  // namespace linnet::kernels::scalar
