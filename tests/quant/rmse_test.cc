#include <gtest/gtest.h>

#include <cmath>
#include <iomanip>
#include <iostream>
#include <vector>

#include "runtime/base/file_system.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/quant/quant.h"
#include "tests/quant/random_blocks.h"
#include "tests/support/shared_data.h"
#include "tests/support/status_matchers.h"

// What a type loses, beside what ggml's own quantizers lose on the same numbers (d99724f2, without
// contraction, without an importance matrix). The table: quant_test --gtest_filter='RmseTest.*'
namespace linnet::quant {
namespace {

using kernels::WeightType;

struct Row {
  WeightType type;
  // Root of the mean squared error over that of the values, of ggml_quantize_chunk.
  double gaussian, stories;
  // FNV-1a of the bytes that ggml's reference makes of the Gaussian numbers; 0 where ours need not be equal.
  uint64_t gaussian_bytes;
};

constexpr Row kGgml[] = {
    {WeightType::kF16, 0.000209, 0.000202, 0xf0c320e466c8b1de},
    {WeightType::kQ4_0, 0.084824, 0.085417, 0x463722d733ab4806},
    {WeightType::kQ4_1, 0.077631, 0.081801, 0x3cf23e46b0a4fb05},
    {WeightType::kQ5_0, 0.042072, 0.043061, 0x92b5bf1286eaccaf},
    {WeightType::kQ5_1, 0.037491, 0.038031, 0xcd9df0a426517c98},
    {WeightType::kQ8_0, 0.005287, 0.005373, 0x784248dabe60d1c5},
    {WeightType::kQ2_K, 0.294255, 0.313992, 0},
    {WeightType::kQ3_K, 0.149854, 0.150742, 0},
    {WeightType::kQ4_K, 0.070684, 0.073612, 0},
    {WeightType::kQ5_K, 0.035960, 0.036544, 0},
    {WeightType::kQ6_K, 0.017533, 0.017456, 0},
    {WeightType::kIQ4_NL, 0.075796, 0.077422, 0},
    {WeightType::kIQ4_XS, 0.076320, 0.078259, 0},
    {WeightType::kBF16, 0.001666, 0.001745, 0x08bb712b984449b7},
    {WeightType::kTQ1_0, 0.798159, 0.767286, 0xe83d860fd2aef364},
    {WeightType::kTQ2_0, 0.798159, 0.767286, 0xd6287c8d4c33ea35},
    {WeightType::kMXFP4, 0.115296, 0.115547, 0x460e84b459516464},
};
constexpr double kRounding = 0.0000005;  // of the figures above

std::vector<float> Gaussian() {
  SplitMix random(42);
  std::vector<float> values(65536);
  for (float& v : values) v = random.Gaussian();
  return values;
}

// sqrt(sum weight * error^2 / sum weight * x^2)
double RelativeError(const std::vector<float>& x, const std::vector<float>& y,
                     const std::vector<float>& weight) {
  double error = 0, all = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double w = weight.empty() ? 1.0 : weight[i % weight.size()];
    error += w * (x[i] - y[i]) * (x[i] - y[i]);
    all += w * x[i] * x[i];
  }
  return std::sqrt(error / all);
}

std::vector<float> RoundTrip(WeightType type, const std::vector<float>& x,
                             const std::vector<float>& importance = {}) {
  return Dequantize(type, base::AsBytes(Quantize(type, x, importance)));
}

void Compare(const char* what, const std::vector<float>& x, double Row::* theirs) {
  std::cout << "relative RMSE, " << what << "\n" << std::fixed << std::setprecision(6);
  for (const Row& row : kGgml) {
    const double ours = RelativeError(x, RoundTrip(row.type, x), {});
    std::cout << "  " << std::left << std::setw(7) << TypeName(row.type) << " ours " << ours << " ggml "
              << row.*theirs << "\n";
    EXPECT_LE(ours, row.*theirs + kRounding) << TypeName(row.type);
  }
}

TEST(RmseTest, OfGaussianNumbersIsNoWorseThanGgmls) {
  Compare("Gaussian numbers", Gaussian(), &Row::gaussian);
}

TEST(RmseTest, OfTrainedWeightsIsNoWorseThanGgmls) {
  const std::string path = testing::SharedData("models/stories260K/stories260K-f32.gguf");
  LINNET_SHARED_OR_SKIP(path);
  ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Open(base::FileSystem::Real(), path));
  // Every matrix, cut to whole blocks of 256.
  std::vector<float> weights;
  for (const gguf::TensorInfo& tensor : file->tensors()) {
    if (tensor.shape.size() != 2) continue;
    const std::vector<float> values = Dequantize(tensor.type, tensor.data);
    weights.insert(weights.end(), values.begin(),
                   values.end() - static_cast<std::ptrdiff_t>(values.size() % kernels::kBlock256));
  }
  Compare("stories260K", weights, &Row::stories);
}

TEST(PackTest, BytesOfTheSimpleTypesAreGgmls) {
  const std::vector<float> x = Gaussian();
  for (const Row& row : kGgml) {
    if (row.gaussian_bytes == 0) continue;
    const std::string bytes = Quantize(row.type, x);
    EXPECT_EQ(Fnv1a(bytes.data(), bytes.size()), row.gaussian_bytes) << TypeName(row.type);
  }
}

TEST(RmseTest, ImportanceLowersTheErrorWhereItIsHigh) {
  const std::vector<float> x = Gaussian();
  std::vector<float> importance(1024);
  SplitMix random(5);
  for (float& w : importance) w = random.Next() % 8 == 0 ? 100.0F : 1.0F;
  for (const Row& row : kGgml) {
    const double with = RelativeError(x, RoundTrip(row.type, x, importance), importance);
    const double without = RelativeError(x, RoundTrip(row.type, x), importance);
    if (row.gaussian_bytes != 0) {
      EXPECT_EQ(with, without) << TypeName(row.type);  // one way to be written
    } else {
      EXPECT_LT(with, 0.97 * without) << TypeName(row.type);
    }
  }
  // Columns that never matter may be anything, but are still written.
  std::fill(importance.begin(), importance.end(), 0.0F);
  for (const Row& row : kGgml) EXPECT_EQ(RoundTrip(row.type, x, importance).size(), x.size());
}

}  // namespace
}  // namespace linnet::quant
