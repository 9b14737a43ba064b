#include "runtime/model/head_screen.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <iostream>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "runtime/base/status_macros.h"
#include "runtime/kernels/kernel_table.h"
#include "runtime/pack/planes.h"
#include "runtime/quant/quant.h"
#include "tests/support/packed_model.h"

// The highest logits of a head in planes are those of the whole product, bit for bit, whatever the weights
// and activations, and nothing that counts is left out.
namespace linnet::model {
namespace {

using kernels::kBlock;
using kernels::WeightType;

constexpr uint32_t kSeed = 20261130;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Threads see no difference between kernel sets, and under this sanitizer each takes minutes.
#ifdef LINNET_SANITIZED_THREADS
constexpr bool kOneSet = true;
#else
constexpr bool kOneSet = false;
#endif

struct Head {
  Head(const std::vector<float>& values, size_t rows, size_t cols) : blocks(rows * cols / kBlock) {
    const std::string quantized = quant::Quantize(WeightType::kQ8_0, values);
    LINNET_CHECK(quantized.size() == blocks.size() * sizeof(blocks[0]));
    std::memcpy(blocks.data(), quantized.data(), quantized.size());
    std::string planes;
    LINNET_CHECK(
        pack::WritePlanes(std::as_bytes(std::span(blocks)), rows, cols, [&](std::span<const std::byte> more) {
          planes.append(reinterpret_cast<const char*>(more.data()), more.size());
          return absl::OkStatus();
        }).ok());
    bytes = std::make_unique<testing::AlignedBytes>(planes);
    matrix = {
        WeightType::kQ8_0, bytes->span().data(), rows, cols, quant::SizeBytes(WeightType::kQ8_0, cols), true};
    matrix.planes = true;
  }
  std::vector<kernels::BlockQ8_0> blocks;
  std::unique_ptr<testing::AlignedBytes> bytes;
  Matrix matrix;
};

std::vector<float> Noise(size_t n, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> out(n);
  for (float& x : out) x = normal(random);
  return out;
}

// Ids that count, the highest logit first, of equals the lower id.
std::vector<size_t> Ranked(const float* logits, size_t rows, const Wanted& wanted) {
  std::vector<size_t> ids;
  for (size_t id = 0; id < std::min<size_t>(rows, wanted.ids); ++id) {
    if (wanted.allowed.empty() || (wanted.allowed[id / 64] >> (id % 64) & 1) != 0) ids.push_back(id);
  }
  std::stable_sort(ids.begin(), ids.end(), [&](size_t a, size_t b) { return logits[a] > logits[b]; });
  return ids;
}

class HeadScreenTest : public ::testing::Test {
 protected:
  // Screens on every set and 1 and 3 threads, and compares with the scalar set's row product; returns how
  // many of the runs were screened.
  int Check(const Head& head, const std::vector<float>& x, const std::vector<Wanted>& wanted,
            float factor = 1.0f) {
    const size_t rows = head.matrix.rows, cols = head.matrix.cols, tokens = wanted.size();
    std::vector<kernels::ActBlock> act(tokens * cols / kBlock);
    kernels::scalar::Quantize(x.data(), act.data(), act.size());
    std::vector<float> expected(tokens * rows);
    kernels::scalar::MatMulQ8_0(head.blocks.data(), act.data(), expected.data(), rows, cols, tokens, rows);
    if (factor != 1.0f) kernels::scalar::Scale(expected.data(), factor, expected.size());
    int screened = 0;
    candidates_ = 0;
    for (const kernels::Variant& variant : kernels::Variants()) {
      if (!kernels::Supported(variant) || (kOneSet && &variant + 1 != kernels::Variants().end())) continue;
      for (const int threads : {1, 3}) {
        base::ThreadPool pool(threads);
        Linear linear(variant.ops, pool, tokens * cols, tokens);
        std::vector<float> logits(tokens * rows, 7.0f);
        // The whole product of planes.
        linear.Multiply(x.data(), tokens, {{head.matrix, logits.data()}});
        if (factor != 1.0f) variant.ops.scale(logits.data(), factor, logits.size());
        EXPECT_EQ(std::memcmp(logits.data(), expected.data(), logits.size() * sizeof(float)), 0)
            << variant.name;
        HeadScreen screen(variant.ops, pool, head.matrix);
        EXPECT_TRUE(screen.Takes(wanted));
        HeadUse use;
        if (!screen.Multiply(linear, x.data(), wanted, factor, logits.data(), use)) continue;
        ++screened;
        candidates_ = use.candidates;
        for (size_t t = 0; t < tokens; ++t) Compare(wanted[t], &expected[t * rows], &logits[t * rows], rows);
        if (HasFatalFailure()) return screened;
      }
    }
    return screened;
  }

  static void Compare(const Wanted& wanted, const float* expected, const float* found, size_t rows) {
    const std::vector<size_t> ids = Ranked(expected, rows, wanted), mine = Ranked(found, rows, wanted);
    for (size_t i = 0; i < std::min<size_t>(wanted.highest, ids.size()); ++i) {
      ASSERT_EQ(mine[i], ids[i]) << "place " << i;
      ASSERT_TRUE(std::isfinite(found[ids[i]]));
    }
    for (size_t id = 0; id < rows; ++id) {
      if (found[id] == -kInfinity) continue;
      ASSERT_EQ(std::bit_cast<uint32_t>(found[id]), std::bit_cast<uint32_t>(expected[id])) << id;
    }
  }

  std::mt19937 random_{kSeed};
  uint64_t candidates_ = 0;  // of the last run
};

constexpr size_t kRows = 3001;  // no whole number of tiles

TEST_F(HeadScreenTest, FindsTheHighestOfRandomHeads) {
  std::cout << "seed " << kSeed << "\n";
  for (const size_t cols : {32, 64, 288, 576}) {
    const Head head(Noise(kRows * cols, random_), kRows, cols);
    for (const uint32_t highest : {1u, 2u, 40u, 256u}) {
      const int runs = Check(head, Noise(cols, random_), {{.highest = highest, .ids = kRows}});
      EXPECT_TRUE(runs > 0 || highest > 1 || cols > 288) << cols;
      std::cout << cols << " columns, " << highest << " wanted: " << candidates_ << " candidates\n";
    }
  }
}

// Activations that the lower half of a row answers to: the upper halves rank it far too low.
TEST_F(HeadScreenTest, FindsARowThatItsUpperHalfHides) {
  constexpr size_t kCols = 256;
  std::vector<float> values = Noise(kRows * kCols, random_);
  const Head head(values, kRows, kCols);
  for (const size_t row : {size_t{0}, size_t{1500}, kRows - 1}) {
    std::vector<float> x(kCols);
    for (size_t i = 0; i < kCols; ++i) {
      const kernels::BlockQ8_0& block = head.blocks[(row * kCols + i) / kBlock];
      x[i] = static_cast<float>((block.q[i % kBlock] + 128) % 16) - 7.5f;
    }
    Check(head, x, {{.highest = 1, .ids = kRows}});
    Check(head, x, {{.highest = 40, .ids = kRows}});
  }
}

TEST_F(HeadScreenTest, TheLowerIdOfEqualsComesFirst) {
  constexpr size_t kCols = 64;
  std::vector<float> values = Noise(kRows * kCols, random_);
  // Rows 100 to 109, 2000 and the last are one and the same, and what x points at.
  const std::vector<float> x = Noise(kCols, random_);
  for (size_t row = 0; row < kRows; ++row) {
    if ((row < 100 || row > 109) && row != 2000 && row != kRows - 1) continue;
    std::copy(x.begin(), x.end(), values.begin() + static_cast<std::ptrdiff_t>(row * kCols));
  }
  const Head head(values, kRows, kCols);
  for (const uint32_t highest : {1u, 3u, 12u, 13u}) {
    EXPECT_GT(Check(head, x, {{.highest = highest, .ids = kRows}}), 0);
    // A factor that makes more of them equal.
    EXPECT_GT(Check(head, x, {{.highest = highest, .ids = kRows}}, 0x1p-146f), 0);
  }
  EXPECT_GT(Check(head, x, {{.highest = 5, .ids = kRows}}, 1.0f / 13), 0);
}

TEST_F(HeadScreenTest, WhatIsNotAllowedDoesNotCount) {
  constexpr size_t kCols = 32;
  const Head head(Noise(kRows * kCols, random_), kRows, kCols);
  const std::vector<float> x = Noise(kCols, random_);
  for (const unsigned one_in : {1u, 2u, 50u, 100u, 700u}) {
    std::vector<uint64_t> mask((kRows + 63) / 64);
    for (size_t id = 0; id < kRows; ++id) {
      if (random_() % one_in == 0) mask[id / 64] |= uint64_t{1} << (id % 64);
    }
    for (const uint32_t highest : {1u, 40u}) {
      for (const uint32_t ids : {uint32_t{kRows}, 2500u, 1u, 0u}) {
        EXPECT_GT(Check(head, x, {{.highest = highest, .allowed = mask, .ids = ids}}), 0) << one_in;
      }
    }
  }
  // Rows beyond the vocabulary are padding.
  EXPECT_GT(Check(head, x, {{.highest = 1, .ids = 1000}}), 0);
}

TEST_F(HeadScreenTest, TokensTogetherAreAsAlone) {
  constexpr size_t kCols = 64;
  const Head head(Noise(kRows * kCols, random_), kRows, kCols);
  std::vector<Wanted> wanted;
  for (uint32_t t = 0; t < HeadScreen::kMostTokens; ++t) wanted.push_back({.highest = 1 + t, .ids = kRows});
  EXPECT_GT(Check(head, Noise(wanted.size() * kCols, random_), wanted), 0);
}

// Logits that lie too close for bounds of the upper half: the caller computes all, and is left alone for a
// while.
TEST_F(HeadScreenTest, SaysWhenTheWholeProductIsCheaper) {
  constexpr size_t kCols = 2048;
  std::vector<float> values = Noise(kRows * kCols, random_);
  const Head head(values, kRows, kCols);
  const std::vector<Wanted> wanted = {{.highest = 200, .ids = kRows}};
  EXPECT_EQ(Check(head, Noise(kCols, random_), wanted), 0);

  std::string error;
  const kernels::Variant& best = *kernels::Select("", &error);
  base::ThreadPool pool(1);
  Linear linear(best.ops, pool, kCols, 1);
  HeadScreen screen(best.ops, pool, head.matrix);
  std::vector<float> logits(kRows);
  HeadUse use;
  size_t tries = 0;
  for (int token = 0; token < 200; ++token) {
    if (!screen.Takes(wanted)) continue;
    ++tries;
    EXPECT_FALSE(screen.Multiply(linear, Noise(kCols, random_).data(), wanted, 1.0f, logits.data(), use));
  }
  EXPECT_EQ(tries, 9u);  // after 0, 1, 2, 4 ... 64 and 64 others
}

TEST_F(HeadScreenTest, ExtremeValuesAreNoTrap) {
  constexpr size_t kCols = 64;
  const std::vector<float> noise = Noise(kRows * kCols, random_);
  for (const float scale : {0.0f, 1e-7f, 1e-4f, 1.0f, 60000.0f}) {
    std::vector<float> values = noise;
    for (float& v : values) v *= scale;
    const Head head(values, kRows, kCols);
    for (const float size : {0.0f, 1e-38f, 1e-30f, 1.0f, 1e20f, 1e30f}) {
      std::vector<float> x = Noise(kCols, random_);
      for (float& v : x) v *= size;
      Check(head, x, {{.highest = 1, .ids = kRows}});
      Check(head, x, {{.highest = 7, .ids = kRows}});
    }
  }
}

TEST_F(HeadScreenTest, TakesNoMoreThanItCan) {
  const Head head(Noise(256 * 32, random_), 256, 32);
  std::string error;
  const kernels::Variant& best = *kernels::Select("", &error);
  base::ThreadPool pool(1);
  HeadScreen screen(best.ops, pool, head.matrix);
  const Wanted one = {.highest = 1, .ids = 256};
  EXPECT_TRUE(screen.Takes(std::vector<Wanted>{one}));
  EXPECT_FALSE(screen.Takes(std::vector<Wanted>{one, {.ids = 256}}));
  EXPECT_FALSE(screen.Takes(std::vector<Wanted>{{.highest = 257, .ids = 256}}));
  EXPECT_FALSE(screen.Takes(std::vector<Wanted>(9, one)));
  Matrix tiles = head.matrix;
  tiles.planes = false;
  EXPECT_FALSE(HeadScreen(best.ops, pool, tiles).Takes(std::vector<Wanted>{one}));
}

}  // namespace
}  // namespace linnet::model
