#include <algorithm>
#include <array>

#include "runtime/quant/codec.h"
#include "runtime/quant/half.h"
#include "runtime/quant/k_scales.h"
#include "runtime/quant/search.h"

// The types that search for their scales (search.h), from floats. The layouts are in kernels/types.h.
namespace linnet::quant {
namespace {

using kernels::kBlock256;

constexpr std::array<float, kBlock256> kOnes = [] {
  std::array<float, kBlock256> ones{};
  ones.fill(1.0F);
  return ones;
}();

// Where nothing counts, everything counts the same.
const float* Weights(const float* importance, size_t n) {
  const bool given =
      importance != nullptr && std::any_of(importance, importance + n, [](float w) { return w > 0.0F; });
  return given ? importance : kOnes.data();
}

// Adds bits to bytes that were zero.
void Put(uint8_t& byte, int bits, size_t shift) { byte = static_cast<uint8_t>(byte | bits << shift); }

// q[e] of a type with mins: the level of value e.
void Levels(const float* x, const Lines& lines, size_t subs, int levels, std::array<int, kBlock256>& q) {
  for (size_t e = 0; e < kBlock256; ++e) {
    const size_t j = e / (kBlock256 / subs);
    q[e] = NearestLevel(x[e], lines.d * static_cast<float>(lines.scale[j]),
                        lines.dmin * static_cast<float>(lines.min[j]), levels);
  }
}

// q[e] of a type without: the index of the code of value e.
void Indices(const float* x, const Scaled& scaled, size_t subs, Codes codes, std::array<int, kBlock256>& q) {
  for (size_t e = 0; e < kBlock256; ++e) {
    const float scale = scaled.d * static_cast<float>(scaled.scale[e / (kBlock256 / subs)]);
    q[e] = codes.Index(scale != 0.0F ? x[e] / scale : 0.0F);
  }
}

}  // namespace

void Pack(const float* values, const float* importance, kernels::BlockQ2_K& block) {
  const Lines lines = FitLines(values, Weights(importance, kBlock256), 16, 3, 15);
  std::array<int, kBlock256> q;
  Levels(values, lines, 16, 3, q);
  block.d = FloatToHalf(lines.d);
  block.dmin = FloatToHalf(lines.dmin);
  for (size_t j = 0; j < 16; ++j) block.scales[j] = static_cast<uint8_t>(lines.scale[j] | lines.min[j] << 4);
  for (size_t e = 0; e < kBlock256; ++e) Put(block.q[e / 128 * 32 + e % 32], q[e], e % 128 / 32 * 2);
}

void Pack(const float* values, const float* importance, kernels::BlockQ3_K& block) {
  const Codes codes = Codes::Integers(4);
  const Scaled scaled = FitScaled(values, Weights(importance, kBlock256), 16, codes, -32, 31);
  std::array<int, kBlock256> q;
  Indices(values, scaled, 16, codes, q);
  block.d = FloatToHalf(scaled.d);
  for (int j = 0; j < 16; ++j) SetScaleOfQ3K(block.scales, j, scaled.scale[static_cast<size_t>(j)] + 32);
  for (size_t e = 0; e < kBlock256; ++e) {
    Put(block.q[e / 128 * 32 + e % 32], q[e] & 3, e % 128 / 32 * 2);
    Put(block.high[e % 32], q[e] >> 2, e / 32);
  }
}

void Pack(const float* values, const float* importance, kernels::BlockQ4_K& block) {
  const Lines lines = FitLines(values, Weights(importance, kBlock256), 8, 15, 63);
  std::array<int, kBlock256> q;
  Levels(values, lines, 8, 15, q);
  block.d = FloatToHalf(lines.d);
  block.dmin = FloatToHalf(lines.dmin);
  for (size_t j = 0; j < 8; ++j)
    SetScaleOfQ4K(block.scales, static_cast<int>(j), {lines.scale[j], lines.min[j]});
  for (size_t e = 0; e < kBlock256; ++e) Put(block.q[e / 64 * 32 + e % 32], q[e], e % 64 / 32 * 4);
}

void Pack(const float* values, const float* importance, kernels::BlockQ5_K& block) {
  const Lines lines = FitLines(values, Weights(importance, kBlock256), 8, 31, 63);
  std::array<int, kBlock256> q;
  Levels(values, lines, 8, 31, q);
  block.d = FloatToHalf(lines.d);
  block.dmin = FloatToHalf(lines.dmin);
  for (size_t j = 0; j < 8; ++j)
    SetScaleOfQ4K(block.scales, static_cast<int>(j), {lines.scale[j], lines.min[j]});
  for (size_t e = 0; e < kBlock256; ++e) {
    Put(block.q[e / 64 * 32 + e % 32], q[e] & 15, e % 64 / 32 * 4);
    Put(block.high[e % 32], q[e] >> 4, e / 32);
  }
}

void Pack(const float* values, const float* importance, kernels::BlockQ6_K& block) {
  const Codes codes = Codes::Integers(32);
  const Scaled scaled = FitScaled(values, Weights(importance, kBlock256), 16, codes, -128, 127);
  std::array<int, kBlock256> q;
  Indices(values, scaled, 16, codes, q);
  block.d = FloatToHalf(scaled.d);
  for (size_t j = 0; j < 16; ++j) block.scales[j] = static_cast<int8_t>(scaled.scale[j]);
  for (size_t e = 0; e < kBlock256; ++e) {
    const size_t h = e / 128, s = e % 128 / 32, i = e % 32;
    Put(block.low[64 * h + 32 * (s % 2) + i], q[e] & 15, s / 2 * 4);
    Put(block.high[32 * h + i], q[e] >> 4, 2 * s);
  }
}

void Pack(const float* values, const float* importance, kernels::BlockIQ4_NL& block) {
  const Codes codes = Codes::Iq4();
  block.d = FloatToHalf(FitScale(values, Weights(importance, kernels::kBlock), kernels::kBlock, codes));
  const float d = HalfToFloat(block.d);
  for (size_t e = 0; e < kernels::kBlock; ++e) {
    Put(block.nibbles[e % 16], codes.Index(d != 0.0F ? values[e] / d : 0.0F), e / 16 * 4);
  }
}

void Pack(const float* values, const float* importance, kernels::BlockIQ4_XS& block) {
  const Codes codes = Codes::Iq4();
  const Scaled scaled = FitScaled(values, Weights(importance, kBlock256), 8, codes, -32, 31);
  std::array<int, kBlock256> q;
  Indices(values, scaled, 8, codes, q);
  block.d = FloatToHalf(scaled.d);
  for (size_t j = 0; j < 8; ++j) {
    const int six_bits = scaled.scale[j] + 32;
    Put(block.scales_low[j / 2], six_bits & 15, j % 2 * 4);
    block.scales_high = static_cast<uint16_t>(block.scales_high | six_bits >> 4 << j * 2);
  }
  for (size_t e = 0; e < kBlock256; ++e) Put(block.nibbles[e / 32 * 16 + e % 16], q[e], e % 32 / 16 * 4);
}

}  // namespace linnet::quant
