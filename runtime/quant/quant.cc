#include "runtime/quant/quant.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "runtime/base/status_macros.h"
#include "runtime/kernels/weight_types.h"
#include "runtime/quant/codec.h"
#include "runtime/quant/half.h"

namespace linnet::quant {
namespace {

using kernels::InfoOf;
using kernels::kBlock256;
using kernels::WeightType;

template <typename Block>
void PackAll(std::span<const float> values, std::span<const float> importance, size_t block_values,
             std::string& bytes) {
  float finite[kBlock256];
  for (size_t at = 0; at < values.size(); at += block_values) {
    for (size_t i = 0; i < block_values; ++i) finite[i] = std::isnan(values[at + i]) ? 0.0F : values[at + i];
    Block block{};
    Pack(finite, importance.empty() ? nullptr : &importance[at % importance.size()], block);
    bytes.append(reinterpret_cast<const char*>(&block), sizeof(block));
  }
}

template <typename Block>
void UnpackAll(std::span<const std::byte> bytes, size_t block_values, float* values) {
  for (size_t at = 0; at < bytes.size(); at += sizeof(Block), values += block_values) {
    Block block;
    std::memcpy(&block, &bytes[at], sizeof(block));
    Unpack(block, values);
  }
}

// visit.operator()<Block>() for the type's block; false for the float types, which have none.
template <typename Visit>
bool VisitBlock(WeightType type, Visit visit) {
  switch (type) {
    case WeightType::kF32:
    case WeightType::kF16:
    case WeightType::kBF16:
      return false;
    case WeightType::kQ4_0:
      visit.template operator()<kernels::BlockQ4_0>();
      return true;
    case WeightType::kQ4_1:
      visit.template operator()<kernels::BlockQ4_1>();
      return true;
    case WeightType::kQ5_0:
      visit.template operator()<kernels::BlockQ5_0>();
      return true;
    case WeightType::kQ5_1:
      visit.template operator()<kernels::BlockQ5_1>();
      return true;
    case WeightType::kQ8_0:
      visit.template operator()<kernels::BlockQ8_0>();
      return true;
    case WeightType::kIQ4_NL:
      visit.template operator()<kernels::BlockIQ4_NL>();
      return true;
    case WeightType::kMXFP4:
      visit.template operator()<kernels::BlockMXFP4>();
      return true;
    case WeightType::kQ2_K:
      visit.template operator()<kernels::BlockQ2_K>();
      return true;
    case WeightType::kQ3_K:
      visit.template operator()<kernels::BlockQ3_K>();
      return true;
    case WeightType::kQ4_K:
      visit.template operator()<kernels::BlockQ4_K>();
      return true;
    case WeightType::kQ5_K:
      visit.template operator()<kernels::BlockQ5_K>();
      return true;
    case WeightType::kQ6_K:
      visit.template operator()<kernels::BlockQ6_K>();
      return true;
    case WeightType::kIQ4_XS:
      visit.template operator()<kernels::BlockIQ4_XS>();
      return true;
    case WeightType::kTQ1_0:
      visit.template operator()<kernels::BlockTQ1_0>();
      return true;
    case WeightType::kTQ2_0:
      visit.template operator()<kernels::BlockTQ2_0>();
      return true;
  }
  std::abort();  // the reader lets no other value through
}

float ToFloat(WeightType type, uint16_t word) {
  return type == WeightType::kF16 ? HalfToFloat(word) : Bf16ToFloat(word);
}

uint16_t LoadWord(const std::byte* at) {
  uint16_t word;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

// Whether the word at `at` has all of these bits: an exponent of all ones is infinity or not a number.
bool Exponent(const std::byte* at, uint16_t bits) { return (LoadWord(at) & bits) == bits; }

// The first of `count` words, kStride bytes apart, that has these bits. In pieces without a branch inside, so
// that they vectorize.
template <size_t kStride>
std::optional<size_t> FindExponent(const std::byte* data, size_t count, uint16_t bits) {
  constexpr size_t kPiece = 4096;
  for (size_t begin = 0; begin < count; begin += kPiece) {
    const size_t end = std::min(begin + kPiece, count);
    bool found = false;
    for (size_t i = begin; i < end; ++i) found |= Exponent(data + i * kStride, bits);
    for (size_t i = begin; found && i < end; ++i) {
      if (Exponent(data + i * kStride, bits)) return i;
    }
  }
  return std::nullopt;
}

}  // namespace

std::string_view TypeName(WeightType type) { return InfoOf(type).name; }

std::optional<WeightType> ParseType(std::string_view name) {
  const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; };
  for (const kernels::WeightTypeInfo& info : kernels::kWeightTypes) {
    if (std::equal(name.begin(), name.end(), info.name.begin(), info.name.end(),
                   [&](char given, char known) { return upper(given) == known; })) {
      return info.type;
    }
  }
  return std::nullopt;
}

std::vector<WeightType> AllTypes() {
  std::vector<WeightType> types;
  for (const kernels::WeightTypeInfo& info : kernels::kWeightTypes) types.push_back(info.type);
  return types;
}

size_t BlockValues(WeightType type) { return InfoOf(type).block; }

size_t SizeBytes(WeightType type, size_t values) {
  const kernels::WeightTypeInfo& info = InfoOf(type);
  LINNET_CHECK(values % info.block == 0);
  return values / info.block * info.block_bytes;
}

std::string Quantize(WeightType type, std::span<const float> values, std::span<const float> importance) {
  const size_t block = BlockValues(type);
  LINNET_CHECK(values.size() % block == 0);
  LINNET_CHECK(importance.empty() ||
               (importance.size() % block == 0 && values.size() % importance.size() == 0));
  if (type == WeightType::kF32) return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
  std::string bytes;
  bytes.reserve(SizeBytes(type, values.size()));
  if (VisitBlock(type, [&]<typename Block>() { PackAll<Block>(values, importance, block, bytes); })) {
    return bytes;
  }
  for (const float value : values) {
    const uint16_t word = type == WeightType::kF16 ? FloatToHalf(value) : FloatToBf16(value);
    bytes.append(reinterpret_cast<const char*>(&word), sizeof(word));
  }
  return bytes;
}

std::vector<float> Dequantize(WeightType type, std::span<const std::byte> bytes) {
  const kernels::WeightTypeInfo& info = InfoOf(type);
  std::vector<float> values(bytes.size() / info.block_bytes * info.block);
  DequantizeTo(type, bytes, values);
  return values;
}

void DequantizeTo(WeightType type, std::span<const std::byte> bytes, std::span<float> values) {
  const kernels::WeightTypeInfo& info = InfoOf(type);
  LINNET_CHECK(bytes.size() % info.block_bytes == 0);
  LINNET_CHECK(values.size() == bytes.size() / info.block_bytes * info.block);
  if (VisitBlock(type, [&]<typename Block>() { UnpackAll<Block>(bytes, info.block, values.data()); })) return;
  if (type == WeightType::kF32) {
    if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
    return;
  }
  for (size_t i = 0; i < values.size(); ++i) values[i] = ToFloat(type, LoadWord(&bytes[2 * i]));
}

std::optional<size_t> FindNonFinite(WeightType type, std::span<const std::byte> bytes) {
  const kernels::WeightTypeInfo& info = InfoOf(type);
  LINNET_CHECK(bytes.size() % info.block_bytes == 0);
  if (bytes.empty()) return std::nullopt;
  const std::byte* data = bytes.data();
  const size_t blocks = bytes.size() / info.block_bytes;
  switch (type) {
    case WeightType::kF32:  // the exponent is in the upper half
      return FindExponent<4>(data + 2, blocks, 0x7f80);
    case WeightType::kBF16:
      return FindExponent<2>(data, blocks, 0x7f80);
    case WeightType::kF16:
      return FindExponent<2>(data, blocks, 0x7c00);
    case WeightType::kMXFP4:
      for (size_t b = 0; b < blocks; ++b) {
        if (data[b * info.block_bytes] == std::byte{255}) return b;
      }
      return std::nullopt;
    default:
      break;
  }
  for (size_t b = 0; b < blocks; ++b) {
    for (size_t i = 0; i < info.scales; ++i) {
      if (Exponent(data + b * info.block_bytes + info.scale_offset + 2 * i, 0x7c00)) return b;
    }
  }
  return std::nullopt;
}

}  // namespace linnet::quant
