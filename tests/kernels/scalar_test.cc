#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "runtime/kernels/kernel_table.h"
#include "runtime/quant/half.h"

// The specification itself against plain arithmetic in double.
namespace linnet::kernels {
namespace {

double Ulps(float found, double exact) {
  const float rounded = static_cast<float>(exact);
  const float next = std::nextafter(std::fabs(rounded), INFINITY);
  return std::fabs(static_cast<double>(found) - exact) / static_cast<double>(next - std::fabs(rounded));
}

TEST(ScalarTest, ExpIsWithinTwoUlp) {
  double worst = 0;
  for (float x = -87.0f; x <= 88.0f; x += 0.00137f) {
    float y = 0;
    scalar::Exp(&x, &y, 1);
    worst = std::max(worst, Ulps(y, std::exp(static_cast<double>(x))));
  }
  EXPECT_LE(worst, 2.0);
  RecordProperty("worst_ulp", std::to_string(worst));
}

TEST(ScalarTest, ExpSaturatesOutsideItsRange) {
  const std::vector<float> x = {-87.5f, -1e30f, -INFINITY, 88.0f, 89.0f, 1e30f, 0.0f, -0.0f};
  std::vector<float> y(x.size());
  scalar::Exp(x.data(), y.data(), x.size());
  EXPECT_EQ(y[0], 0.0f);
  EXPECT_EQ(y[1], 0.0f);
  EXPECT_EQ(y[2], 0.0f);
  EXPECT_EQ(y[4], y[3]);
  EXPECT_EQ(y[5], y[3]);
  EXPECT_EQ(y[6], 1.0f);
  EXPECT_EQ(y[7], 1.0f);
}

TEST(ScalarTest, EveryHalfIsExact) {
  for (uint32_t h = 0; h < 0x10000; ++h) {
    if ((h & 0x7C00) == 0x7C00) continue;
    const uint16_t half = static_cast<uint16_t>(h);
    const float one = 1.0f;
    float y = 0;
    scalar::MatMulF16(&half, &one, &y, 1, 1, 1, 1);
    const double mantissa = (h & 0x3FF) + ((h & 0x7C00) != 0 ? 1024 : 0);
    const int exponent = std::max<int>(1, static_cast<int>(h >> 10 & 31)) - 25;
    const double exact = std::ldexp(mantissa, exponent) * ((h & 0x8000) != 0 ? -1 : 1);
    ASSERT_EQ(static_cast<double>(y), exact) << h;
  }
}

TEST(ScalarTest, QuantizationRoundsHalfToEvenAndKeepsTheLargest) {
  std::vector<float> x(kBlock, 0.0f);
  x[0] = -127.0f;  // d = 1
  x[1] = 0.5f;
  x[2] = 1.5f;
  x[3] = -2.5f;
  x[4] = 126.6f;
  ActBlock block;
  scalar::Quantize(x.data(), &block, 1);
  EXPECT_EQ(block.d, 1.0f);
  EXPECT_EQ(block.q[0], -127);
  EXPECT_EQ(block.q[1], 0);
  EXPECT_EQ(block.q[2], 2);
  EXPECT_EQ(block.q[3], -2);
  EXPECT_EQ(block.q[4], 127);
  EXPECT_EQ(block.sum, -127 + 2 - 2 + 127);
  x.assign(kBlock, 0.0f);
  scalar::Quantize(x.data(), &block, 1);
  EXPECT_EQ(block.d, 0.0f);
  EXPECT_EQ(block.q[7], 0);
}

TEST(ScalarTest, LargeBlocksKeepTheSumsOfSixteen) {
  std::vector<float> x(kBlock256, 0.0f);
  for (size_t i = 0; i < 16; ++i) x[16 + i] = 127.0f;  // d = 1
  x[255] = -3.0f;
  ActBlock256 block;
  scalar::Quantize256(x.data(), &block, 1);
  EXPECT_EQ(block.d, 1.0f);
  EXPECT_EQ(block.q[16], 127);
  EXPECT_EQ(block.q[255], -3);
  EXPECT_EQ(block.sums[0], 0);
  EXPECT_EQ(block.sums[1], 16 * 127);
  EXPECT_EQ(block.sums[15], -3);
}

TEST(ScalarTest, DotsAreWithinTheRoundingBound) {
  constexpr size_t kCols = 576;
  std::vector<float> w(kCols), x(kCols);
  uint32_t state = 7;
  for (size_t i = 0; i < kCols; ++i) {
    w[i] = std::sin(static_cast<float>(state = state * 1664525 + 1013904223));
    x[i] = std::cos(static_cast<float>(state = state * 1664525 + 1013904223));
  }
  float y = 0;
  scalar::MatMulF32(w.data(), x.data(), &y, 1, kCols, 1, 1);
  double exact = 0, magnitude = 0;
  for (size_t i = 0; i < kCols; ++i) {
    exact += static_cast<double>(w[i]) * x[i];
    magnitude += std::fabs(static_cast<double>(w[i]) * x[i]);
  }
  EXPECT_NEAR(y, exact, (kCols / 16 + 5) * 0x1p-24 * magnitude);
}

TEST(ScalarTest, GeluIsWithinAFewUlpOfItsLargestSlope) {
  double worst_tanh = 0, worst_erf = 0;
  for (float x = -14.0f; x <= 14.0f; x += 0.00037f) {
    const double d = static_cast<double>(x);
    float tanh_form = 0, erf_form = 0;
    scalar::GeluTanh(&x, &tanh_form, 1);
    scalar::GeluErf(&x, &erf_form, 1);
    const double u = std::sqrt(2.0 / M_PI) * (d + 0.044715 * d * d * d);
    // Where tanh comes near -1 the tanh form itself cancels: its error is that of 1, times x / 2.
    worst_tanh =
        std::max(worst_tanh, std::fabs(static_cast<double>(tanh_form) - 0.5 * d * (1.0 + std::tanh(u))) /
                                 std::max(1e-3, std::fabs(d)));
    // The erf form keeps its digits in the tail as well; exp's argument there is x^2 rounded.
    const double exact = 0.5 * d * std::erfc(-d / std::sqrt(2.0));
    if (x > -12.0f) {
      worst_erf = std::max(
          worst_erf, std::fabs(static_cast<double>(erf_form) - exact) / (std::fabs(exact) * (2.0 + d * d)));
    }
  }
  EXPECT_LE(worst_tanh, 1.5e-7);
  EXPECT_LE(worst_erf, 2.0e-7);
  RecordProperty("worst_tanh", std::to_string(worst_tanh));
  RecordProperty("worst_erf", std::to_string(worst_erf));
}

TEST(ScalarTest, SoftCapIsTanhWithinTwoUlp) {
  double worst = 0;
  for (float x = -12.0f; x <= 12.0f; x += 0.00031f) {
    float y = x;
    scalar::SoftCap(&y, 1.0f, 1);
    worst = std::max(worst, std::fabs(static_cast<double>(y) - std::tanh(static_cast<double>(x))) /
                                std::fabs(std::tanh(static_cast<double>(x))));
  }
  EXPECT_LE(worst, 1.3e-7);
}

TEST(ScalarTest, LayerNormIsTheTextbooks) {
  const std::vector<float> x = {1.5f, -2.0f, 0.25f, 7.0f, 3.0f}, w = {1.0f, 2.0f, -1.0f, 0.5f, 3.0f},
                           b = {0.1f, 0.2f, 0.3f, 0.4f, 0.5f};
  std::vector<float> y(5), bare(5);
  scalar::LayerNorm(x.data(), w.data(), b.data(), y.data(), 5, 1e-5f);
  scalar::LayerNorm(x.data(), w.data(), nullptr, bare.data(), 5, 1e-5f);
  double mean = 0, variance = 0;
  for (const float v : x) mean += static_cast<double>(v) / 5;
  for (const float v : x) variance += (static_cast<double>(v) - mean) * (static_cast<double>(v) - mean) / 5;
  for (size_t i = 0; i < 5; ++i) {
    const double expected =
        (static_cast<double>(x[i]) - mean) / std::sqrt(variance + 1e-5) * static_cast<double>(w[i]);
    EXPECT_NEAR(bare[i], expected, 1e-6);
    EXPECT_NEAR(y[i], expected + static_cast<double>(b[i]), 1e-6);
  }
}

TEST(ScalarTest, AttentionIsSoftmax) {
  constexpr size_t kPositions = 150, kDim = 6;
  std::vector<float> q(kDim), k(kPositions * kDim), v(kPositions * kDim), out(kDim);
  uint32_t state = 3;
  const auto next = [&] {
    return static_cast<float>((state = state * 1664525 + 1013904223) >> 8) * 0x1p-23f - 1.0f;
  };
  for (auto* vector : {&q, &k, &v}) {
    for (float& f : *vector) f = 2.0f * next();
  }
  for (const size_t first : {0, 1, 63, 64, 100, 149}) {
    for (const double cap : {0.0, 3.0}) {
      scalar::Attend({.k = k.data(),
                      .v = v.data(),
                      .q = q.data(),
                      .out = out.data(),
                      .end = 1,
                      .head_dim = kDim,
                      .positions = kPositions,
                      .window = kPositions - first,
                      .scale = 0.7f,
                      .cap = static_cast<float>(cap)});
      std::vector<double> p(kPositions), expected(kDim, 0.0);
      double total = 0;
      for (size_t j = first; j < kPositions; ++j) {
        double score = 0;
        for (size_t i = 0; i < kDim; ++i) score += static_cast<double>(q[i]) * k[j * kDim + i];
        score *= 0.7;
        if (cap != 0.0) score = cap * std::tanh(score / cap);
        total += p[j] = std::exp(score);
      }
      for (size_t j = first; j < kPositions; ++j) {
        for (size_t i = 0; i < kDim; ++i) expected[i] += p[j] / total * v[j * kDim + i];
      }
      for (size_t i = 0; i < kDim; ++i) EXPECT_NEAR(out[i], expected[i], 5e-6) << first << " " << cap;
    }
  }
}

// Keys or values in 8 bits: rows as AttendArgs takes them, and what they stand for.
struct RowsInBytes {
  RowsInBytes(const std::vector<float>& x, size_t head_dim) {
    const size_t blocks = KvBlocks(head_dim);
    std::vector<float> padded(blocks * kBlock);
    std::vector<ActBlock> row(blocks);
    for (size_t i = 0; i < x.size(); i += head_dim) {
      std::copy_n(x.begin() + static_cast<std::ptrdiff_t>(i), head_dim, padded.begin());
      scalar::Quantize(padded.data(), row.data(), blocks);
      for (const ActBlock& block : row) Append(block.q, sizeof(block.q));
      for (const ActBlock& block : row) Append(&block.d, sizeof(block.d));
      act.insert(act.end(), row.begin(), row.end());
      for (size_t c = 0; c < head_dim; ++c) {
        values.push_back(static_cast<double>(row[c / kBlock].d) * row[c / kBlock].q[c % kBlock]);
      }
    }
  }
  void Append(const void* from, size_t n) {
    const auto* first = static_cast<const uint8_t*>(from);
    bytes.insert(bytes.end(), first, first + n);
  }
  std::vector<uint8_t> bytes;
  std::vector<ActBlock> act;   // the same, as a query is given
  std::vector<double> values;  // [rows, head_dim]
};

// Of rows in bytes, against double arithmetic on what the bytes stand for. With e = 2^-24, B blocks, n
// positions and T tiles:
// a score is off by (B + 2) e times the largest sum of its blocks' magnitudes (a product of factors, B sums,
// a product with the scale); its distance from the maximum by that twice and one rounding; exp adds 4 e, and
// as much again and two roundings for each tile that comes after. So a weight is off by a share of `weight`;
// the total by that, n / 16 + 4 sums in a tile and T over them; a result by a rounding of p * d and one for
// each position, and by the last two steps.
TEST(ScalarTest, AttentionOverBytesIsSoftmaxOfWhatTheyStandFor) {
  constexpr double kE = 0x1p-24;
  constexpr size_t kPositions = 150, kTiles = 3;
  uint32_t state = 5;
  const auto next = [&] {
    return static_cast<float>((state = state * 1664525 + 1013904223) >> 8) * 0x1p-23f - 1.0f;
  };
  double worst = 0;
  for (const size_t dim : {6, 32, 40, 64, 100}) {
    std::vector<float> q(dim), k(kPositions * dim), v(kPositions * dim), out(dim);
    for (auto* vector : {&q, &k, &v}) {
      for (float& f : *vector) f = 2.0f * next();
    }
    const RowsInBytes rq(q, dim), rk(k, dim), rv(v, dim);
    ASSERT_EQ(rk.bytes.size(), kPositions * KvRowBytes(KvType::kQ8, dim));
    for (const size_t first : {0, 1, 63, 64, 100, 149}) {
      scalar::Attend({.type = KvType::kQ8,
                      .k = rk.bytes.data(),
                      .v = rv.bytes.data(),
                      .q8 = rq.act.data(),
                      .out = out.data(),
                      .end = 1,
                      .head_dim = dim,
                      .positions = kPositions,
                      .window = kPositions - first,
                      .scale = 0.3f});
      std::vector<double> p(kPositions), expected(dim, 0.0), magnitude(dim, 0.0);
      double total = 0, largest = 0;
      for (size_t j = first; j < kPositions; ++j) {
        double score = 0, sum = 0;
        for (size_t b = 0; b < dim; b += kBlock) {
          double block = 0;
          for (size_t i = b; i < std::min(dim, b + kBlock); ++i)
            block += rq.values[i] * rk.values[j * dim + i];
          score += block, sum += std::fabs(block);
        }
        largest = std::max(largest, 0.3 * sum);
        total += p[j] = std::exp(static_cast<double>(0.3f) * score);
      }
      for (size_t j = first; j < kPositions; ++j) {
        for (size_t i = 0; i < dim; ++i) {
          expected[i] += p[j] / total * rv.values[j * dim + i];
          magnitude[i] += p[j] / total * std::fabs(rv.values[j * dim + i]);
        }
      }
      const double blocks = static_cast<double>(KvBlocks(dim)), n = kPositions;
      const double weight = 2 * (blocks + 3) * largest + 4 + kTiles * (2 * (blocks + 3) * largest + 6);
      const double bound = (2 * weight + n / 16 + 4 + kTiles + n + 3) * kE * 1.001;
      for (size_t i = 0; i < dim; ++i) {
        const double error = std::fabs(static_cast<double>(out[i]) - expected[i]);
        EXPECT_LE(error, bound * magnitude[i]) << dim << " " << first << " " << i;
        worst = std::max(worst, error / (bound * magnitude[i]));
      }
    }
  }
  RecordProperty("worst_share_of_bound", std::to_string(worst));
}

TEST(ScalarTest, EveryHalfComesBackAndRoundingIsHalfToEven) {
  const auto half = [](float x) {
    uint16_t y = 0;
    scalar::ToHalf(&x, &y, 1);
    return y;
  };
  for (uint32_t h = 0; h < 0x10000; ++h) {
    if ((h & 0x7C00) == 0x7C00) continue;
    ASSERT_EQ(half(quant::HalfToFloat(static_cast<uint16_t>(h))), h);
  }
  uint32_t state = 11;
  for (int i = 0; i < 2000000; ++i) {
    const float x = std::bit_cast<float>(state = state * 1664525 + 1013904223);
    if (!(std::fabs(x) <= 65504.0f)) continue;
    ASSERT_EQ(half(x), quant::FloatToHalf(x)) << x;
  }
  EXPECT_EQ(half(65519.0f), 0x7BFF);
  EXPECT_EQ(half(65520.0f), 0x7BFF);  // the largest, not infinity
  EXPECT_EQ(half(-3e38f), 0xFBFF);
}

}  // namespace
}  // namespace linnet::kernels
