#ifndef LINNET_RUNTIME_KERNELS_SCALAR_TABLE_H_
#define LINNET_RUNTIME_KERNELS_SCALAR_TABLE_H_

#include "runtime/kernels/ops.h"

namespace linnet::kernels {

// `base` with the kernels of `entries` in place of its own.
template <size_t N>
constexpr MatMulTable MatMulsOf(MatMulTable base, const MatMulEntry (&entries)[N]) {
  for (const MatMulEntry& entry : entries) base.of[static_cast<size_t>(entry.type)] = entry.run;
  return base;
}

// Has every type. The other sets start from it: a type without a kernel of theirs is computed by this one.
inline constexpr MatMulTable kScalarMatMul = MatMulsOf({}, {{WeightType::kF32, scalar::MatMulF32},
                                                            {WeightType::kF16, scalar::MatMulF16},
                                                            {WeightType::kBF16, scalar::MatMulBF16},
                                                            {WeightType::kQ4_0, scalar::MatMulQ4_0},
                                                            {WeightType::kQ4_1, scalar::MatMulQ4_1},
                                                            {WeightType::kQ5_0, scalar::MatMulQ5_0},
                                                            {WeightType::kQ5_1, scalar::MatMulQ5_1},
                                                            {WeightType::kQ8_0, scalar::MatMulQ8_0},
                                                            {WeightType::kIQ4_NL, scalar::MatMulIQ4_NL},
                                                            {WeightType::kMXFP4, scalar::MatMulMXFP4},
                                                            {WeightType::kQ2_K, scalar::MatMulQ2_K},
                                                            {WeightType::kQ3_K, scalar::MatMulQ3_K},
                                                            {WeightType::kQ4_K, scalar::MatMulQ4_K},
                                                            {WeightType::kQ5_K, scalar::MatMulQ5_K},
                                                            {WeightType::kQ6_K, scalar::MatMulQ6_K},
                                                            {WeightType::kIQ4_XS, scalar::MatMulIQ4_XS},
                                                            {WeightType::kTQ1_0, scalar::MatMulTQ1_0},
                                                            {WeightType::kTQ2_0, scalar::MatMulTQ2_0}});

// The same for packed matrices.
inline constexpr MatMulTable kScalarTileMatMul = MatMulsOf({}, {{WeightType::kQ4_0, scalar::TilesQ4_0},
                                                                {WeightType::kQ4_1, scalar::TilesQ4_1},
                                                                {WeightType::kQ5_0, scalar::TilesQ5_0},
                                                                {WeightType::kQ5_1, scalar::TilesQ5_1},
                                                                {WeightType::kQ8_0, scalar::TilesQ8_0},
                                                                {WeightType::kIQ4_NL, scalar::TilesIQ4_NL},
                                                                {WeightType::kQ4_K, scalar::TilesQ4_K},
                                                                {WeightType::kQ5_K, scalar::TilesQ5_K},
                                                                {WeightType::kQ6_K, scalar::TilesQ6_K}});

}  // namespace linnet::kernels

#endif  // LINNET_RUNTIME_KERNELS_SCALAR_TABLE_H_
