#include "runtime/gguf/gguf_types.h"

#include <algorithm>
#include <array>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/string_view.h"

namespace linnet::gguf {
namespace {

struct ValueTypeRow {
  std::string_view name;
  size_t size_bytes;
};

constexpr std::array<ValueTypeRow, kValueTypeCount> kValueTypes = {{{"uint8", 1},
                                                                    {"int8", 1},
                                                                    {"uint16", 2},
                                                                    {"int16", 2},
                                                                    {"uint32", 4},
                                                                    {"int32", 4},
                                                                    {"float32", 4},
                                                                    {"bool", 1},
                                                                    {"string", 0},
                                                                    {"array", 0},
                                                                    {"uint64", 8},
                                                                    {"int64", 8},
                                                                    {"float64", 8}}};

// Source: ggml.h enum ggml_type and ggml-common.h block structures; sorted by id.
constexpr GgmlType kGgmlTypes[] = {
    {0, "F32", 1, 4},         {1, "F16", 1, 2},         {2, "Q4_0", 32, 18},      {3, "Q4_1", 32, 20},
    {6, "Q5_0", 32, 22},      {7, "Q5_1", 32, 24},      {8, "Q8_0", 32, 34},      {9, "Q8_1", 32, 36},
    {10, "Q2_K", 256, 84},    {11, "Q3_K", 256, 110},   {12, "Q4_K", 256, 144},   {13, "Q5_K", 256, 176},
    {14, "Q6_K", 256, 210},   {15, "Q8_K", 256, 292},   {16, "IQ2_XXS", 256, 66}, {17, "IQ2_XS", 256, 74},
    {18, "IQ3_XXS", 256, 98}, {19, "IQ1_S", 256, 50},   {20, "IQ4_NL", 32, 18},   {21, "IQ3_S", 256, 110},
    {22, "IQ2_S", 256, 82},   {23, "IQ4_XS", 256, 136}, {24, "I8", 1, 1},         {25, "I16", 1, 2},
    {26, "I32", 1, 4},        {27, "I64", 1, 8},        {28, "F64", 1, 8},        {29, "IQ1_M", 256, 56},
    {30, "BF16", 1, 2},       {34, "TQ1_0", 256, 54},   {35, "TQ2_0", 256, 66},   {39, "MXFP4", 32, 17},
};

}  // namespace

std::string_view ValueTypeName(ValueType type) {
  const auto index = static_cast<uint32_t>(type);
  return index < kValueTypeCount ? kValueTypes[index].name : "unknown type";
}

size_t FixedSizeBytes(ValueType type) {
  const auto index = static_cast<uint32_t>(type);
  return index < kValueTypeCount ? kValueTypes[index].size_bytes : 0;
}

const GgmlType* FindGgmlType(uint32_t id) {
  const auto* end = std::end(kGgmlTypes);
  const auto* found =
      std::lower_bound(std::begin(kGgmlTypes), end, id,
                       [](const GgmlType& type, uint32_t wanted) { return type.id < wanted; });
  return found != end && found->id == id ? found : nullptr;
}

const GgmlType* FindGgmlTypeByName(std::string_view name) {
  const auto* found = std::find_if(std::begin(kGgmlTypes), std::end(kGgmlTypes),
                                   [&](const GgmlType& type) { return type.name == name; });
  return found != std::end(kGgmlTypes) ? found : nullptr;
}

std::optional<uint64_t> TensorSizeBytes(const GgmlType& type, std::span<const uint64_t> shape) {
  if (shape.empty() || shape[0] == 0 || shape[0] % type.block != 0) return std::nullopt;
  uint64_t bytes = 0;
  if (__builtin_mul_overflow(shape[0] / type.block, uint64_t{type.block_bytes}, &bytes)) return std::nullopt;
  uint64_t elements = shape[0];
  for (const uint64_t n : shape.subspan(1)) {
    if (n == 0 || __builtin_mul_overflow(bytes, n, &bytes) ||
        __builtin_mul_overflow(elements, n, &elements)) {
      return std::nullopt;
    }
  }
  if ((bytes | elements) >> 63 != 0) return std::nullopt;
  return bytes;
}

std::string Shown(std::string_view text) {
  constexpr size_t kMost = 64;
  const std::string escaped = absl::Utf8SafeCHexEscape(base::ToAbsl(text.substr(0, kMost)));
  return absl::StrCat("'", escaped, text.size() > kMost ? "...'" : "'");
}

}  // namespace linnet::gguf
