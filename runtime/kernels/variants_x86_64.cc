#include "runtime/kernels/cpu_features.h"
#include "runtime/kernels/kernel_table.h"
#include "runtime/kernels/scalar_table.h"

namespace linnet::kernels {
namespace {

constexpr MatMulTable kAvx2MatMul = MatMulsOf(kScalarMatMul, {{WeightType::kF32, avx2::MatMulF32},
                                                              {WeightType::kF16, avx2::MatMulF16},
                                                              {WeightType::kBF16, avx2::MatMulBF16},
                                                              {WeightType::kQ4_0, avx2::MatMulQ4_0},
                                                              {WeightType::kQ4_1, avx2::MatMulQ4_1},
                                                              {WeightType::kQ5_0, avx2::MatMulQ5_0},
                                                              {WeightType::kQ5_1, avx2::MatMulQ5_1},
                                                              {WeightType::kQ8_0, avx2::MatMulQ8_0},
                                                              {WeightType::kIQ4_NL, avx2::MatMulIQ4_NL},
                                                              {WeightType::kMXFP4, avx2::MatMulMXFP4},
                                                              {WeightType::kQ4_K, avx2::MatMulQ4_K},
                                                              {WeightType::kQ5_K, avx2::MatMulQ5_K},
                                                              {WeightType::kQ6_K, avx2::MatMulQ6_K},
                                                              {WeightType::kQ2_K, avx2::MatMulQ2_K},
                                                              {WeightType::kQ3_K, avx2::MatMulQ3_K},
                                                              {WeightType::kIQ4_XS, avx2::MatMulIQ4_XS},
                                                              {WeightType::kTQ2_0, avx2::MatMulTQ2_0}});
constexpr MatMulTable kAvx2Tiles = MatMulsOf(kScalarTileMatMul, {{WeightType::kQ4_0, avx2::TilesQ4_0},
                                                                 {WeightType::kQ4_1, avx2::TilesQ4_1},
                                                                 {WeightType::kQ5_0, avx2::TilesQ5_0},
                                                                 {WeightType::kQ5_1, avx2::TilesQ5_1},
                                                                 {WeightType::kQ8_0, avx2::TilesQ8_0},
                                                                 {WeightType::kIQ4_NL, avx2::TilesIQ4_NL},
                                                                 {WeightType::kQ4_K, avx2::TilesQ4_K},
                                                                 {WeightType::kQ5_K, avx2::TilesQ5_K},
                                                                 {WeightType::kQ6_K, avx2::TilesQ6_K}});
constexpr MatMulTable kAvxVnniTiles =
    MatMulsOf(kScalarTileMatMul, {{WeightType::kQ4_0, avxvnni::TilesQ4_0},
                                  {WeightType::kQ4_1, avxvnni::TilesQ4_1},
                                  {WeightType::kQ5_0, avxvnni::TilesQ5_0},
                                  {WeightType::kQ5_1, avxvnni::TilesQ5_1},
                                  {WeightType::kQ8_0, avxvnni::TilesQ8_0},
                                  {WeightType::kIQ4_NL, avxvnni::TilesIQ4_NL},
                                  {WeightType::kQ4_K, avxvnni::TilesQ4_K},
                                  {WeightType::kQ5_K, avxvnni::TilesQ5_K},
                                  {WeightType::kQ6_K, avxvnni::TilesQ6_K}});
constexpr MatMulTable kAvx512MatMul = MatMulsOf(kAvx2MatMul, {{WeightType::kF32, avx512vnni::MatMulF32},
                                                              {WeightType::kF16, avx512vnni::MatMulF16},
                                                              {WeightType::kBF16, avx512vnni::MatMulBF16}});
constexpr MatMulTable kAvx512Tiles =
    MatMulsOf(kScalarTileMatMul, {{WeightType::kQ4_0, avx512vnni::TilesQ4_0},
                                  {WeightType::kQ4_1, avx512vnni::TilesQ4_1},
                                  {WeightType::kQ5_0, avx512vnni::TilesQ5_0},
                                  {WeightType::kQ5_1, avx512vnni::TilesQ5_1},
                                  {WeightType::kQ8_0, avx512vnni::TilesQ8_0},
                                  {WeightType::kIQ4_NL, avx512vnni::TilesIQ4_NL},
                                  {WeightType::kQ4_K, avx512vnni::TilesQ4_K},
                                  {WeightType::kQ5_K, avx512vnni::TilesQ5_K},
                                  {WeightType::kQ6_K, avx512vnni::TilesQ6_K}});

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
constexpr Ops kAvx2Ops = {kAvx2MatMul,
                          kAvx2Tiles,
                          avx2::Quantize,
                          avx2::Quantize256,
                          avx2::RmsNorm,
                          avx2::Attend,
                          avx2::RopeInterleaved,
                          avx2::RopeHalf,
                          avx2::SwiGlu,
                          avx2::Add,
                          avx2::Exp,
                          avx2::LayerNorm,
                          avx2::GeluTanh,
                          avx2::GeluErf,
                          avx2::SoftCap,
                          avx2::Scale,
                          avx2::Mul,
                          avx2::MulAdd,
                          avx2::SsmStep,
                          avx2::ToHalf,
                          avx2::JoinPlanes,
                          avx2::SumLower,
                          avx2::RmsNormQuantize,
                          avx2::RmsNormQuantize256,
                          avx2::SwiGluQuantize,
                          avx2::SwiGluQuantize256};

constexpr Ops kAvxVnniOps = [] {
  Ops ops = kAvx2Ops;
  ops.tile_matmul = kAvxVnniTiles;
  return ops;
}();

constexpr Ops kAvx512VnniOps = [] {
  Ops ops = kAvx2Ops;
  ops.matmul = kAvx512MatMul;
  ops.tile_matmul = kAvx512Tiles;
  ops.quantize = avx512vnni::Quantize;
  ops.quantize_256 = avx512vnni::Quantize256;
  ops.rms_norm = avx512vnni::RmsNorm;
  ops.attend = avx512vnni::Attend;
  ops.swiglu = avx512vnni::SwiGlu;
  ops.gelu_tanh = avx512vnni::GeluTanh;
  ops.mul = avx512vnni::Mul;
  ops.add = avx512vnni::Add;
  ops.exp = avx512vnni::Exp;
  ops.join_planes = avx512vnni::JoinPlanes;
  ops.rms_norm_quantize = avx512vnni::RmsNormQuantize;
  ops.rms_norm_quantize_256 = avx512vnni::RmsNormQuantize256;
  ops.swiglu_quantize = avx512vnni::SwiGluQuantize;
  ops.swiglu_quantize_256 = avx512vnni::SwiGluQuantize256;
  return ops;
}();

}  // namespace

VariantList Variants() {
  static constexpr Variant kVariants[] = {
      {"scalar", kNone, kScalarOps},
      {"avx2", kAvx2 | kFma | kF16c, kAvx2Ops},
      {"avxvnni", kAvx2 | kFma | kF16c | kAvxVnni, kAvxVnniOps},
      {"avx512vnni", kAvx2 | kFma | kF16c | kAvx512Vnni, kAvx512VnniOps},
  };
  return {kVariants, sizeof(kVariants) / sizeof(kVariants[0])};
}

}  // namespace linnet::kernels
