#include "runtime/pack/planes.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "runtime/base/status_macros.h"
#include "runtime/kernels/tiles.h"
#include "runtime/pack/tile_packer.h"
#include "runtime/quant/half.h"

namespace linnet::pack {
namespace {

using kernels::BlockQ4_0;
using kernels::BlockQ8_0;
using kernels::kBlock;
using kernels::kPlaneLowerBytes;
using kernels::kTileRows;
using kernels::PlaneRow;
using kernels::TileFormat;
using kernels::WeightType;

// Rows that are written at once: whole tiles.
constexpr size_t kRowsAtOnce = 64 * kTileRows;

constexpr TileFormat kUpper = *kernels::FindTileFormat(WeightType::kQ4_0);

int Unsigned(int8_t q) { return q + 128; }

BlockQ8_0 BlockAt(std::span<const std::byte> rows, size_t index) {
  BlockQ8_0 block;
  std::memcpy(&block, rows.data() + index * sizeof(block), sizeof(block));
  return block;
}

// As a block of Q4_0: of columns i and i + 16 the upper halves.
BlockQ4_0 UpperOf(const BlockQ8_0& block) {
  BlockQ4_0 upper;
  upper.d = block.d;
  for (size_t i = 0; i < kBlock / 2; ++i) {
    upper.nibbles[i] = static_cast<uint8_t>(Unsigned(block.q[i]) >> 4 | (Unsigned(block.q[i + 16]) & 0xf0));
  }
  return upper;
}

void LowerOf(const BlockQ8_0& block, std::byte* lower) {
  for (size_t i = 0; i < kBlock / 2; ++i) {
    lower[i] = static_cast<std::byte>((Unsigned(block.q[i]) & 15) | (Unsigned(block.q[i + 16]) & 15) << 4);
  }
}

// The least bfloat16 that is not below `value`, which is not negative.
uint16_t Bf16Above(double value) {
  if (!(value <= 0x1p+127)) return 0x7f80;  // infinite: such a row is always looked at
  auto bits = static_cast<uint16_t>(std::bit_cast<uint32_t>(static_cast<float>(value)) >> 16);
  while (static_cast<double>(quant::Bf16ToFloat(bits)) < value) ++bits;
  return bits;
}

const std::byte* UpperTileOf(const PlanesView& planes, size_t row) {
  return planes.data + row / kTileRows * TileBytes(kUpper, planes.cols);
}

const std::byte* LowerAt(const PlanesView& planes, size_t row) {
  return planes.data + kernels::PlanesOf(planes.rows, planes.cols).lower_at +
         row * (planes.cols / kBlock) * kPlaneLowerBytes;
}

}  // namespace

// Of a row w = d q (d of its block) and activations x, with u = q + 128 = 16 h + l: w = 16 d (h - 8) + d l.
// A row is guessed to be worth 16 A + m s, with A = sum of d (h - 8) x as the product of the upper plane
// computes it, s = sum of x, and m about the mean of d l. By Cauchy and Schwarz the exact guess is off by at
// most ||d l - m|| ||x||. To that come the roundings, with e = 2^-24 and n blocks: a product of NUMERICS.md's
// block rule rounds its scale once and its sum n times, so it is off by at most (n + 2) e (the sum of the
// blocks' magnitudes), which is at most ||w|| ||x||, or 16 ||d (h - 8)|| ||x|| of the upper plane; and the
// five float steps of who computes guess and bound (runtime/model/head_screen.cc). 16 e of each of their
// terms is more than twice that.
PlaneRow PlaneRowOf(std::span<const BlockQ8_0> row) {
  const double n = static_cast<double>(row.size() * kBlock);
  double sum = 0;
  for (const BlockQ8_0& block : row) {
    int lower = 0;
    for (const int8_t q : block.q) lower += Unsigned(q) & 15;
    sum += static_cast<double>(quant::HalfToFloat(block.d)) * lower;
  }
  PlaneRow out;
  out.mean = quant::FloatToBf16(static_cast<float>(sum / n));
  const auto mean = static_cast<double>(quant::Bf16ToFloat(out.mean));
  double rest = 0, whole = 0, upper = 0;  // squares
  for (const BlockQ8_0& block : row) {
    const auto d = static_cast<double>(quant::HalfToFloat(block.d));
    for (const int8_t q : block.q) {
      const double off = d * (Unsigned(q) & 15) - mean, high = d * (16 * (Unsigned(q) >> 4) - 128);
      rest += off * off;
      whole += d * q * (d * q);
      upper += high * high;
    }
  }
  const double rounding = (static_cast<double>(row.size()) + 4) * 0x1p-24 + 0x1p-20;
  const double error = std::sqrt(rest) + rounding * (std::sqrt(whole) + std::sqrt(upper)) +
                       0x1p-20 * (std::fabs(mean) * std::sqrt(n) + std::sqrt(rest));
  out.error = Bf16Above(error * (1 + 0x1p-20));
  return out;
}

absl::Status WritePlanes(std::span<const std::byte> rows, size_t row_count, size_t cols,
                         const PlanesSink& sink) {
  const size_t blocks = cols / kBlock, whole = (row_count + kTileRows - 1) / kTileRows * kTileRows;
  LINNET_CHECK(cols % kBlock == 0 && rows.size() == row_count * blocks * sizeof(BlockQ8_0));
  std::vector<std::byte> out;
  std::vector<BlockQ4_0> upper;
  for (size_t row = 0; row < row_count; row += kRowsAtOnce) {
    const size_t count = std::min(kRowsAtOnce, row_count - row);
    upper.resize(count * blocks);
    for (size_t i = 0; i < upper.size(); ++i) upper[i] = UpperOf(BlockAt(rows, row * blocks + i));
    out.resize(TiledBytes(kUpper, count, cols));
    PackTiles(WeightType::kQ4_0, std::as_bytes(std::span(upper)), count, cols, out);
    LINNET_RETURN_IF_ERROR(sink(out));
  }
  std::vector<PlaneRow> plane_rows(whole);
  std::vector<BlockQ8_0> row_blocks(blocks);
  for (size_t row = 0; row < row_count; ++row) {
    for (size_t b = 0; b < blocks; ++b) row_blocks[b] = BlockAt(rows, row * blocks + b);
    plane_rows[row] = PlaneRowOf(row_blocks);
  }
  LINNET_RETURN_IF_ERROR(sink(std::as_bytes(std::span(plane_rows))));
  for (size_t row = 0; row < whole; row += kRowsAtOnce) {
    const size_t count = std::min(kRowsAtOnce, whole - row) * blocks;
    out.assign(count * kPlaneLowerBytes, std::byte{0});
    for (size_t i = 0; i < count && row * blocks + i < row_count * blocks; ++i) {
      LowerOf(BlockAt(rows, row * blocks + i), out.data() + i * kPlaneLowerBytes);
    }
    LINNET_RETURN_IF_ERROR(sink(out));
  }
  return absl::OkStatus();
}

void JoinRow(const PlanesView& planes, size_t row, std::span<BlockQ8_0> out) {
  const std::byte* upper = UpperTileOf(planes, row);
  const std::byte* lower = LowerAt(planes, row);
  for (BlockQ8_0& block : out) {
    uint8_t high[kBlock / 2], low[kBlock / 2];
    std::memcpy(&block.d, upper + 2 * (row % kTileRows), sizeof(block.d));
    const std::byte* nibbles = upper + kUpper.head_bytes + 4 * (row % kTileRows);
    for (size_t v = 0; v < 4; ++v) std::memcpy(high + 4 * v, nibbles + 4 * kTileRows * v, 4);
    std::memcpy(low, lower, sizeof(low));
    for (size_t i = 0; i < kBlock / 2; ++i) {
      block.q[i] = static_cast<int8_t>(((high[i] << 4 & 0xf0) | (low[i] & 15)) ^ 0x80);
      block.q[i + 16] = static_cast<int8_t>(((high[i] & 0xf0) | low[i] >> 4) ^ 0x80);
    }
    upper += BlockBytes(kUpper);
    lower += kPlaneLowerBytes;
  }
}

size_t FindWrongPlaneRow(const PlanesView& planes) {
  const std::byte* stored = planes.data + kernels::PlanesOf(planes.rows, planes.cols).rows_at;
  std::vector<BlockQ8_0> row(planes.cols / kBlock);
  for (size_t r = 0; r < planes.rows; ++r) {
    JoinRow(planes, r, row);
    const PlaneRow right = PlaneRowOf(row);
    if (std::memcmp(&right, stored + r * sizeof(right), sizeof(right)) != 0) return r;
    for (const BlockQ8_0& block : row) {
      if (!std::isfinite(quant::HalfToFloat(block.d))) return r;
    }
  }
  return planes.rows;
}

}  // namespace linnet::pack
