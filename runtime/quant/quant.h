#ifndef LINNET_RUNTIME_QUANT_QUANT_H_
#define LINNET_RUNTIME_QUANT_QUANT_H_

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/kernels/types.h"

namespace linnet::quant {

// Weights to and from their stored forms, plainly: for tools, tests and as the kernels' oracle. Sizes that do
// not fit are the caller's mistake (checked).

// ggml's name of the type: "Q4_K".
std::string_view TypeName(kernels::WeightType type);
// The type of that name, in capitals or not; nullopt when no kernel computes with it.
std::optional<kernels::WeightType> ParseType(std::string_view name);
// All of them, by id.
std::vector<kernels::WeightType> AllTypes();

// Weights in a block of the type: 1 for F32, F16 and BF16, 32 or 256 for the others. A tensor's rows are
// whole blocks.
size_t BlockValues(kernels::WeightType type);
// Bytes of `values` weights, a whole number of blocks.
size_t SizeBytes(kernels::WeightType type, size_t values);

// Whole rows as bytes. F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, TQ1_0, TQ2_0 and MXFP4: the bytes of ggml's
// reference functions (ggml-quants.c, quantize_row_*_ref) for finite input, with or without importance. The
// others search for the scales of the least squared error, as ggml does, but are not equal to it byte for
// byte. importance: [cols], a weight >= 0 for the squared error of each column of the row (an importance
// matrix); empty: by the values themselves. values: [rows, cols] when importance is given, any number of
// blocks when not.
// A value that is not a number counts as 0 in a block type; a block whose scale exceeds what a half can hold
// dequantizes to infinities.
std::string Quantize(kernels::WeightType type, std::span<const float> values,
                     std::span<const float> importance = {});

// Bit for bit ggml's dequantize_row_*. No alignment is needed.
std::vector<float> Dequantize(kernels::WeightType type, std::span<const std::byte> bytes);
// The same into values.size() floats, which must be as many as the bytes hold; allocates nothing.
void DequantizeTo(kernels::WeightType type, std::span<const std::byte> bytes, std::span<float> values);

// The first block, counted from 0, whose stored scale is infinite or not a number (F32, F16, BF16: the first
// such value; MXFP4: exponent 255, which the OCP specification calls NaN); nullopt when there is none. Of
// block types the scales alone are read.
std::optional<size_t> FindNonFinite(kernels::WeightType type, std::span<const std::byte> bytes);

}  // namespace linnet::quant

#endif  // LINNET_RUNTIME_QUANT_QUANT_H_
