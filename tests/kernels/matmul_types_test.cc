#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "runtime/kernels/kernel_table.h"
#include "runtime/kernels/weight_types.h"
#include "runtime/quant/quant.h"

// The scalar products of every weight type against double arithmetic on what the weights (runtime/quant) and
// the activations stand for.
namespace linnet::kernels {
namespace {

constexpr size_t kRows = 6, kCols = 768, kTokens = 2;

std::vector<uint8_t> RandomWeights(const WeightTypeInfo& info, std::mt19937& random) {
  std::vector<uint8_t> bytes(kRows * kCols / info.block * info.block_bytes);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  for (size_t at = 0; at < bytes.size(); at += info.block_bytes) {
    // Values from 2^-6 to 8 or so: no infinities, and no block that drowns the others.
    if (info.type == WeightType::kF32 || info.type == WeightType::kBF16) {
      bytes[at + info.block_bytes - 1] =
          static_cast<uint8_t>(0x3c | (bytes[at + info.block_bytes - 1] & 0x83));
    }
    if (info.type == WeightType::kF16) bytes[at + 1] = static_cast<uint8_t>(bytes[at + 1] & 0xbf);
    if (info.type == WeightType::kMXFP4) bytes[at] = static_cast<uint8_t>(124 + bytes[at] % 4);
    for (size_t s = 0; s < info.scales; ++s) {
      uint8_t& high = bytes[at + info.scale_offset + 2 * s + 1];
      high = static_cast<uint8_t>(0x20 | (high & 0x87));
    }
  }
  return bytes;
}

// d * q of every activation, and the input of the type's product.
struct Activations {
  std::vector<float> x;
  std::vector<ActBlock> blocks;
  std::vector<ActBlock256> blocks256;

  explicit Activations(std::mt19937& random)
      : x(kTokens * kCols), blocks(x.size() / kBlock), blocks256(x.size() / kBlock256) {
    for (float& f : x) f = static_cast<float>(static_cast<int32_t>(random())) * 0x1p-31f;
    scalar::Quantize(x.data(), blocks.data(), blocks.size());
    scalar::Quantize256(x.data(), blocks256.data(), blocks256.size());
  }
  const void* Input(Activation form) const {
    switch (form) {
      case Activation::kFloats:
        return x.data();
      case Activation::kBlocksOf32:
        return blocks.data();
      case Activation::kBlocksOf256:
        return blocks256.data();
    }
    return nullptr;
  }
  double Value(Activation form, size_t i) const {
    switch (form) {
      case Activation::kFloats:
        return static_cast<double>(x[i]);
      case Activation::kBlocksOf32:
        return static_cast<double>(blocks[i / kBlock].d) * blocks[i / kBlock].q[i % kBlock];
      case Activation::kBlocksOf256:
        return static_cast<double>(blocks256[i / kBlock256].d) * blocks256[i / kBlock256].q[i % kBlock256];
    }
    return 0;
  }
};

class MatMulTypesTest : public ::testing::TestWithParam<WeightTypeInfo> {};

TEST_P(MatMulTypesTest, ScalarIsTheSumOfTheProducts) {
  const WeightTypeInfo& info = GetParam();
  std::mt19937 random(7);
  const std::vector<uint8_t> bytes = RandomWeights(info, random);
  const Activations activations(random);
  std::vector<float> y(kTokens * kRows);
  Variants().data[0].ops.matmul[info.type](bytes.data(), activations.Input(info.activation), y.data(), kRows,
                                           kCols, kTokens, kRows);
  const std::vector<float> w = quant::Dequantize(info.type, std::as_bytes(std::span(bytes)));
  for (size_t t = 0; t < kTokens; ++t) {
    for (size_t r = 0; r < kRows; ++r) {
      double exact = 0, magnitude = 0;
      for (size_t b = 0; b < kCols; b += kBlock) {
        // A weight with a min is the difference of two terms, neither larger than twice the block's largest
        // weight and offset together.
        double largest = 0, total = 0;
        for (size_t k = b; k < b + kBlock; ++k) {
          const double a = activations.Value(info.activation, t * kCols + k);
          const double weight = static_cast<double>(w[r * kCols + k]);
          exact += weight * a;
          total += std::fabs(a);
          largest = std::max(largest, std::fabs(weight));
        }
        magnitude += 3 * largest * total;
      }
      const double steps = static_cast<double>(info.block == 1 ? kCols / 16 + 5 : kCols / info.block + 8);
      EXPECT_NEAR(y[t * kRows + r], exact, steps * 0x1p-23 * magnitude) << "row " << r << " token " << t;
      EXPECT_NE(y[t * kRows + r], 0.0f);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, MatMulTypesTest, ::testing::ValuesIn(kWeightTypes),
                         [](const auto& param_info) { return std::string(param_info.param.name); });

}  // namespace
}  // namespace linnet::kernels
