#include "runtime/kernels/cpu_features.h"
#include "runtime/kernels/kernel_table.h"
#include "runtime/kernels/scalar_table.h"

namespace linnet::kernels {
namespace {

constexpr MatMulTable kNeonMatMul = MatMulsOf(kScalarMatMul, {{WeightType::kF32, neon::MatMulF32},
                                                              {WeightType::kF16, neon::MatMulF16},
                                                              {WeightType::kBF16, neon::MatMulBF16},
                                                              {WeightType::kQ8_0, neon::MatMulQ8_0},
                                                              {WeightType::kQ4_0, neon::MatMulQ4_0},
                                                              {WeightType::kQ4_1, neon::MatMulQ4_1},
                                                              {WeightType::kQ5_0, neon::MatMulQ5_0},
                                                              {WeightType::kQ5_1, neon::MatMulQ5_1},
                                                              {WeightType::kIQ4_NL, neon::MatMulIQ4_NL},
                                                              {WeightType::kMXFP4, neon::MatMulMXFP4},
                                                              {WeightType::kQ4_K, neon::MatMulQ4_K},
                                                              {WeightType::kQ5_K, neon::MatMulQ5_K},
                                                              {WeightType::kQ6_K, neon::MatMulQ6_K},
                                                              {WeightType::kQ2_K, neon::MatMulQ2_K},
                                                              {WeightType::kQ3_K, neon::MatMulQ3_K},
                                                              {WeightType::kIQ4_XS, neon::MatMulIQ4_XS},
                                                              {WeightType::kTQ2_0, neon::MatMulTQ2_0}});
constexpr MatMulTable kDotProdMatMul =
    MatMulsOf(kNeonMatMul, {{WeightType::kQ8_0, neon_dotprod::MatMulQ8_0},
                            {WeightType::kQ4_0, neon_dotprod::MatMulQ4_0},
                            {WeightType::kQ4_1, neon_dotprod::MatMulQ4_1},
                            {WeightType::kQ5_0, neon_dotprod::MatMulQ5_0},
                            {WeightType::kQ5_1, neon_dotprod::MatMulQ5_1},
                            {WeightType::kIQ4_NL, neon_dotprod::MatMulIQ4_NL},
                            {WeightType::kMXFP4, neon_dotprod::MatMulMXFP4},
                            {WeightType::kQ4_K, neon_dotprod::MatMulQ4_K},
                            {WeightType::kQ5_K, neon_dotprod::MatMulQ5_K},
                            {WeightType::kQ6_K, neon_dotprod::MatMulQ6_K},
                            {WeightType::kQ2_K, neon_dotprod::MatMulQ2_K},
                            {WeightType::kQ3_K, neon_dotprod::MatMulQ3_K},
                            {WeightType::kIQ4_XS, neon_dotprod::MatMulIQ4_XS},
                            {WeightType::kTQ2_0, neon_dotprod::MatMulTQ2_0}});

constexpr MatMulTable kNeonTileMatMul =
    MatMulsOf(kScalarTileMatMul, {{WeightType::kQ4_0, neon::TilesQ4_0},
                                  {WeightType::kQ4_1, neon::TilesQ4_1},
                                  {WeightType::kQ5_0, neon::TilesQ5_0},
                                  {WeightType::kQ5_1, neon::TilesQ5_1},
                                  {WeightType::kQ8_0, neon::TilesQ8_0},
                                  {WeightType::kIQ4_NL, neon::TilesIQ4_NL},
                                  {WeightType::kQ4_K, neon::TilesQ4_K},
                                  {WeightType::kQ5_K, neon::TilesQ5_K},
                                  {WeightType::kQ6_K, neon::TilesQ6_K}});
constexpr MatMulTable kDotProdTileMatMul =
    MatMulsOf(kNeonTileMatMul, {{WeightType::kQ4_0, neon_dotprod::TilesQ4_0},
                                {WeightType::kQ4_1, neon_dotprod::TilesQ4_1},
                                {WeightType::kQ5_0, neon_dotprod::TilesQ5_0},
                                {WeightType::kQ5_1, neon_dotprod::TilesQ5_1},
                                {WeightType::kQ8_0, neon_dotprod::TilesQ8_0},
                                {WeightType::kIQ4_NL, neon_dotprod::TilesIQ4_NL},
                                {WeightType::kQ4_K, neon_dotprod::TilesQ4_K},
                                {WeightType::kQ5_K, neon_dotprod::TilesQ5_K},
                                {WeightType::kQ6_K, neon_dotprod::TilesQ6_K}});
constexpr MatMulTable kI8mmTileMatMul =
    MatMulsOf(kDotProdTileMatMul, {{WeightType::kQ4_0, neon_i8mm::TilesQ4_0},
                                   {WeightType::kQ4_1, neon_i8mm::TilesQ4_1},
                                   {WeightType::kQ5_0, neon_i8mm::TilesQ5_0},
                                   {WeightType::kQ5_1, neon_i8mm::TilesQ5_1},
                                   {WeightType::kQ8_0, neon_i8mm::TilesQ8_0},
                                   {WeightType::kIQ4_NL, neon_i8mm::TilesIQ4_NL},
                                   {WeightType::kQ4_K, neon_i8mm::TilesQ4_K},
                                   {WeightType::kQ5_K, neon_i8mm::TilesQ5_K},
                                   {WeightType::kQ6_K, neon_i8mm::TilesQ6_K}});

constexpr Ops kScalarOps = {kScalarMatMul,
                            kScalarTileMatMul,
                            scalar::Quantize,
                            scalar::Quantize256,
                            scalar::RmsNorm,
                            scalar::Attend,
                            scalar::RopeInterleaved,
                            scalar::RopeHalf,
                            scalar::SwiGlu,
                            scalar::Add,
                            scalar::Exp,
                            scalar::LayerNorm,
                            scalar::GeluTanh,
                            scalar::GeluErf,
                            scalar::SoftCap,
                            scalar::Scale,
                            scalar::Mul,
                            scalar::MulAdd,
                            scalar::SsmStep,
                            scalar::ToHalf,
                            scalar::JoinPlanes,
                            scalar::SumLower,
                            scalar::RmsNormQuantize,
                            scalar::RmsNormQuantize256,
                            scalar::SwiGluQuantize,
                            scalar::SwiGluQuantize256};
constexpr Ops kNeonOps = {kNeonMatMul,
                          kNeonTileMatMul,
                          neon::Quantize,
                          neon::Quantize256,
                          neon::RmsNorm,
                          neon::Attend,
                          neon::RopeInterleaved,
                          neon::RopeHalf,
                          neon::SwiGlu,
                          neon::Add,
                          neon::Exp,
                          neon::LayerNorm,
                          neon::GeluTanh,
                          neon::GeluErf,
                          neon::SoftCap,
                          neon::Scale,
                          neon::Mul,
                          neon::MulAdd,
                          neon::SsmStep,
                          neon::ToHalf,
                          neon::JoinPlanes,
                          neon::SumLower,
                          neon::RmsNormQuantize,
                          neon::RmsNormQuantize256,
                          neon::SwiGluQuantize,
                          neon::SwiGluQuantize256};

constexpr Ops kDotProdOps = [] {
  Ops ops = kNeonOps;
  ops.matmul = kDotProdMatMul;
  ops.tile_matmul = kDotProdTileMatMul;
  ops.attend = neon_dotprod::Attend;
  return ops;
}();

constexpr Ops kI8mmOps = [] {
  Ops ops = kDotProdOps;
  ops.tile_matmul = kI8mmTileMatMul;
  return ops;
}();

}  // namespace

VariantList Variants() {
  static constexpr Variant kVariants[] = {
      {"scalar", kNone, kScalarOps},
      {"neon", kNeon, kNeonOps},
      {"neon_dotprod", kNeon | kDotProd, kDotProdOps},
      {"neon_i8mm", kNeon | kDotProd | kI8mm, kI8mmOps},
  };
  return {kVariants, sizeof(kVariants) / sizeof(kVariants[0])};
}

}  // namespace linnet::kernels
