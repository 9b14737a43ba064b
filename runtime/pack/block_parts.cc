#include "runtime/pack/block_parts.h"

#include <cstring>

#include "runtime/quant/k_scales.h"

// The layouts are in kernels/types.h.
namespace linnet::pack {
namespace {

using kernels::kBlock;
using kernels::kBlock256;

constexpr size_t kHalf = kBlock / 2;

void TakeNibbles(const uint8_t* nibbles, uint8_t* q) {
  for (size_t i = 0; i < kHalf; ++i) {
    q[i] = nibbles[i] & 15;
    q[i + kHalf] = nibbles[i] >> 4;
  }
}

void PutNibbles(const uint8_t* q, uint8_t* nibbles) {
  for (size_t i = 0; i < kHalf; ++i) {
    nibbles[i] = static_cast<uint8_t>((q[i] & 15) | (q[i + kHalf] & 15) << 4);
  }
}

// The fifth bits of 32 integers, a little-endian word.
void TakeHigh(const uint8_t* high, uint8_t* q) {
  for (size_t i = 0; i < kBlock; ++i) q[i] = static_cast<uint8_t>(q[i] | (high[i / 8] >> i % 8 & 1) << 4);
}

void PutHigh(const uint8_t* q, uint8_t* high) {
  std::memset(high, 0, kBlock / 8);
  for (size_t i = 0; i < kBlock; ++i) {
    high[i / 8] = static_cast<uint8_t>(high[i / 8] | (q[i] >> 4 & 1) << i % 8);
  }
}

// Pairs of 32 columns share 32 bytes: the low nibbles are the first 32.
void TakeNibblesK(const uint8_t* bytes, uint8_t* q) {
  for (size_t e = 0; e < kBlock256; ++e) q[e] = bytes[e / 64 * 32 + e % 32] >> e % 64 / 32 * 4 & 15;
}

void PutNibblesK(const uint8_t* q, uint8_t* bytes) {
  for (size_t i = 0; i < kBlock256 / 2; ++i) {
    const uint8_t* of = q + i / 32 * 64 + i % 32;
    bytes[i] = static_cast<uint8_t>((of[0] & 15) | (of[32] & 15) << 4);
  }
}

void TakeScalesK(const uint8_t* scales, BlockParts& parts) {
  for (int j = 0; j < 8; ++j) {
    const auto [scale, min] = quant::ScaleOfQ4K(scales, j);
    parts.scales[j] = static_cast<int8_t>(scale);
    parts.mins[j] = static_cast<uint8_t>(min);
  }
}

void PutScalesK(const BlockParts& parts, uint8_t* scales) {
  std::memset(scales, 0, sizeof(kernels::BlockQ4_K::scales));
  for (int j = 0; j < 8; ++j) quant::SetScaleOfQ4K(scales, j, {parts.scales[j], parts.mins[j]});
}

}  // namespace

BlockParts TakeApart(const kernels::BlockQ4_0& block) {
  BlockParts parts{.halves = {block.d}};
  TakeNibbles(block.nibbles, parts.q);
  return parts;
}

BlockParts TakeApart(const kernels::BlockQ4_1& block) {
  BlockParts parts{.halves = {block.d, block.m}};
  TakeNibbles(block.nibbles, parts.q);
  return parts;
}

BlockParts TakeApart(const kernels::BlockQ5_0& block) {
  BlockParts parts{.halves = {block.d}};
  TakeNibbles(block.nibbles, parts.q);
  TakeHigh(block.high, parts.q);
  return parts;
}

BlockParts TakeApart(const kernels::BlockQ5_1& block) {
  BlockParts parts{.halves = {block.d, block.m}};
  TakeNibbles(block.nibbles, parts.q);
  TakeHigh(block.high, parts.q);
  return parts;
}

BlockParts TakeApart(const kernels::BlockQ8_0& block) {
  BlockParts parts{.halves = {block.d}};
  std::memcpy(parts.q, block.q, sizeof(block.q));
  return parts;
}

BlockParts TakeApart(const kernels::BlockIQ4_NL& block) {
  BlockParts parts{.halves = {block.d}};
  TakeNibbles(block.nibbles, parts.q);
  return parts;
}

BlockParts TakeApart(const kernels::BlockQ4_K& block) {
  BlockParts parts{.halves = {block.d, block.dmin}};
  TakeScalesK(block.scales, parts);
  TakeNibblesK(block.q, parts.q);
  return parts;
}

BlockParts TakeApart(const kernels::BlockQ5_K& block) {
  BlockParts parts{.halves = {block.d, block.dmin}};
  TakeScalesK(block.scales, parts);
  TakeNibblesK(block.q, parts.q);
  for (size_t e = 0; e < kBlock256; ++e) {
    parts.q[e] = static_cast<uint8_t>(parts.q[e] | (block.high[e % 32] >> e / 32 & 1) << 4);
  }
  return parts;
}

BlockParts TakeApart(const kernels::BlockQ6_K& block) {
  BlockParts parts{.halves = {block.d}};
  std::memcpy(parts.scales, block.scales, sizeof(block.scales));
  for (size_t e = 0; e < kBlock256; ++e) {
    const size_t half = e / 128, quarter = e % 128 / 32, i = e % 32;
    const int low = block.low[64 * half + 32 * (quarter % 2) + i] >> quarter / 2 * 4 & 15;
    const int high = block.high[32 * half + i] >> quarter * 2 & 3;
    parts.q[e] = static_cast<uint8_t>(low | high << 4);
  }
  return parts;
}

void PutTogether(const BlockParts& parts, kernels::BlockQ4_0& block) {
  block.d = parts.halves[0];
  PutNibbles(parts.q, block.nibbles);
}

void PutTogether(const BlockParts& parts, kernels::BlockQ4_1& block) {
  block.d = parts.halves[0];
  block.m = parts.halves[1];
  PutNibbles(parts.q, block.nibbles);
}

void PutTogether(const BlockParts& parts, kernels::BlockQ5_0& block) {
  block.d = parts.halves[0];
  PutHigh(parts.q, block.high);
  PutNibbles(parts.q, block.nibbles);
}

void PutTogether(const BlockParts& parts, kernels::BlockQ5_1& block) {
  block.d = parts.halves[0];
  block.m = parts.halves[1];
  PutHigh(parts.q, block.high);
  PutNibbles(parts.q, block.nibbles);
}

void PutTogether(const BlockParts& parts, kernels::BlockQ8_0& block) {
  block.d = parts.halves[0];
  std::memcpy(block.q, parts.q, sizeof(block.q));
}

void PutTogether(const BlockParts& parts, kernels::BlockIQ4_NL& block) {
  block.d = parts.halves[0];
  PutNibbles(parts.q, block.nibbles);
}

void PutTogether(const BlockParts& parts, kernels::BlockQ4_K& block) {
  block.d = parts.halves[0];
  block.dmin = parts.halves[1];
  PutScalesK(parts, block.scales);
  PutNibblesK(parts.q, block.q);
}

void PutTogether(const BlockParts& parts, kernels::BlockQ5_K& block) {
  block.d = parts.halves[0];
  block.dmin = parts.halves[1];
  PutScalesK(parts, block.scales);
  PutNibblesK(parts.q, block.q);
  std::memset(block.high, 0, sizeof(block.high));
  for (size_t e = 0; e < kBlock256; ++e) {
    block.high[e % 32] = static_cast<uint8_t>(block.high[e % 32] | (parts.q[e] >> 4 & 1) << e / 32);
  }
}

void PutTogether(const BlockParts& parts, kernels::BlockQ6_K& block) {
  block.d = parts.halves[0];
  std::memcpy(block.scales, parts.scales, sizeof(block.scales));
  std::memset(block.low, 0, sizeof(block.low));
  std::memset(block.high, 0, sizeof(block.high));
  for (size_t e = 0; e < kBlock256; ++e) {
    const size_t half = e / 128, quarter = e % 128 / 32, i = e % 32;
    uint8_t& low = block.low[64 * half + 32 * (quarter % 2) + i];
    uint8_t& high = block.high[32 * half + i];
    low = static_cast<uint8_t>(low | (parts.q[e] & 15) << quarter / 2 * 4);
    high = static_cast<uint8_t>(high | parts.q[e] >> 4 << quarter * 2);
  }
}

}  // namespace linnet::pack
