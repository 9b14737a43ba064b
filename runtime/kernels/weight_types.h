#ifndef LINNET_RUNTIME_KERNELS_WEIGHT_TYPES_H_
#define LINNET_RUNTIME_KERNELS_WEIGHT_TYPES_H_

#include <string_view>

#include "runtime/kernels/types.h"

// What is to be known of every weight type, a row each. (Kernel sets do not include this.)
namespace linnet::kernels {

// What a type's matrix product takes as its input: floats, or one of the quantized blocks.
enum class Activation : uint8_t { kFloats, kBlocksOf32, kBlocksOf256 };

struct WeightTypeInfo {
  WeightType type;
  std::string_view name;  // ggml's
  uint16_t block;         // weights in a block
  uint16_t block_bytes;   // their bytes
  Activation activation;  // input of Ops::matmul
  uint16_t scale_offset;  // where in a block its halves stand; MXFP4: its exponent byte
  uint16_t scales;        // how many halves; 0 for the float types and MXFP4
};

// Sorted by id.
inline constexpr WeightTypeInfo kWeightTypes[] = {
    {WeightType::kF32, "F32", 1, 4, Activation::kFloats, 0, 0},
    {WeightType::kF16, "F16", 1, 2, Activation::kFloats, 0, 0},
    {WeightType::kQ4_0, "Q4_0", 32, sizeof(BlockQ4_0), Activation::kBlocksOf32, 0, 1},
    {WeightType::kQ4_1, "Q4_1", 32, sizeof(BlockQ4_1), Activation::kBlocksOf32, 0, 2},
    {WeightType::kQ5_0, "Q5_0", 32, sizeof(BlockQ5_0), Activation::kBlocksOf32, 0, 1},
    {WeightType::kQ5_1, "Q5_1", 32, sizeof(BlockQ5_1), Activation::kBlocksOf32, 0, 2},
    {WeightType::kQ8_0, "Q8_0", 32, sizeof(BlockQ8_0), Activation::kBlocksOf32, 0, 1},
    {WeightType::kQ2_K, "Q2_K", 256, sizeof(BlockQ2_K), Activation::kBlocksOf256, offsetof(BlockQ2_K, d), 2},
    {WeightType::kQ3_K, "Q3_K", 256, sizeof(BlockQ3_K), Activation::kBlocksOf256, offsetof(BlockQ3_K, d), 1},
    {WeightType::kQ4_K, "Q4_K", 256, sizeof(BlockQ4_K), Activation::kBlocksOf256, 0, 2},
    {WeightType::kQ5_K, "Q5_K", 256, sizeof(BlockQ5_K), Activation::kBlocksOf256, 0, 2},
    {WeightType::kQ6_K, "Q6_K", 256, sizeof(BlockQ6_K), Activation::kBlocksOf256, offsetof(BlockQ6_K, d), 1},
    {WeightType::kIQ4_NL, "IQ4_NL", 32, sizeof(BlockIQ4_NL), Activation::kBlocksOf32, 0, 1},
    {WeightType::kIQ4_XS, "IQ4_XS", 256, sizeof(BlockIQ4_XS), Activation::kBlocksOf256, 0, 1},
    {WeightType::kBF16, "BF16", 1, 2, Activation::kFloats, 0, 0},
    {WeightType::kTQ1_0, "TQ1_0", 256, sizeof(BlockTQ1_0), Activation::kBlocksOf256, offsetof(BlockTQ1_0, d),
     1},
    {WeightType::kTQ2_0, "TQ2_0", 256, sizeof(BlockTQ2_0), Activation::kBlocksOf256, offsetof(BlockTQ2_0, d),
     1},
    {WeightType::kMXFP4, "MXFP4", 32, sizeof(BlockMXFP4), Activation::kBlocksOf32, 0, 0},
};

// The row of GGUF's type number, or nullptr when no kernel computes with it.
constexpr const WeightTypeInfo* FindWeightType(uint32_t id) {
  for (const WeightTypeInfo& info : kWeightTypes) {
    if (static_cast<uint32_t>(info.type) == id) return &info;
  }
  return nullptr;
}

// `type` is one of the enumerators.
constexpr const WeightTypeInfo& InfoOf(WeightType type) {
  return *FindWeightType(static_cast<uint32_t>(type));
}

}  // namespace linnet::kernels

#endif  // LINNET_RUNTIME_KERNELS_WEIGHT_TYPES_H_
