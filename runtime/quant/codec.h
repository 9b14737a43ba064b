#ifndef LINNET_RUNTIME_QUANT_CODEC_H_
#define LINNET_RUNTIME_QUANT_CODEC_H_

#include "runtime/kernels/types.h"

// One block of each type to and from floats (inside runtime/quant; others take quant.h).
namespace linnet::quant {

// `values` has as many elements as the block. One multiplication, or two, and one addition each, in the order
// of ggml's dequantize_row_*.
void Unpack(const kernels::BlockQ4_0& block, float* values);
void Unpack(const kernels::BlockQ4_1& block, float* values);
void Unpack(const kernels::BlockQ5_0& block, float* values);
void Unpack(const kernels::BlockQ5_1& block, float* values);
void Unpack(const kernels::BlockQ8_0& block, float* values);
void Unpack(const kernels::BlockIQ4_NL& block, float* values);
void Unpack(const kernels::BlockMXFP4& block, float* values);
void Unpack(const kernels::BlockQ2_K& block, float* values);
void Unpack(const kernels::BlockQ3_K& block, float* values);
void Unpack(const kernels::BlockQ4_K& block, float* values);
void Unpack(const kernels::BlockQ5_K& block, float* values);
void Unpack(const kernels::BlockQ6_K& block, float* values);
void Unpack(const kernels::BlockIQ4_XS& block, float* values);
void Unpack(const kernels::BlockTQ1_0& block, float* values);
void Unpack(const kernels::BlockTQ2_0& block, float* values);

// importance: as many elements as values, each >= 0, or nullptr. Types that have one way to be written ignore
// it. Values are numbers (Quantize made sure).
void Pack(const float* values, const float* importance, kernels::BlockQ4_0& block);
void Pack(const float* values, const float* importance, kernels::BlockQ4_1& block);
void Pack(const float* values, const float* importance, kernels::BlockQ5_0& block);
void Pack(const float* values, const float* importance, kernels::BlockQ5_1& block);
void Pack(const float* values, const float* importance, kernels::BlockQ8_0& block);
void Pack(const float* values, const float* importance, kernels::BlockIQ4_NL& block);
void Pack(const float* values, const float* importance, kernels::BlockMXFP4& block);
void Pack(const float* values, const float* importance, kernels::BlockQ2_K& block);
void Pack(const float* values, const float* importance, kernels::BlockQ3_K& block);
void Pack(const float* values, const float* importance, kernels::BlockQ4_K& block);
void Pack(const float* values, const float* importance, kernels::BlockQ5_K& block);
void Pack(const float* values, const float* importance, kernels::BlockQ6_K& block);
void Pack(const float* values, const float* importance, kernels::BlockIQ4_XS& block);
void Pack(const float* values, const float* importance, kernels::BlockTQ1_0& block);
void Pack(const float* values, const float* importance, kernels::BlockTQ2_0& block);

}  // namespace linnet::quant

#endif  // LINNET_RUNTIME_QUANT_CODEC_H_
