#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "runtime/gguf/gguf_file.h"
#include "runtime/kernels/kernel_table.h"
#include "runtime/model/transformer.h"
#include "tests/model/reference.h"
#include "tests/support/packed_model.h"
#include "tests/support/status_matchers.h"
#include "tests/support/tiny_families.h"

// Every family: a tiny random model against the double-precision reference, and against itself in other
// pieces.
namespace linnet::model {
namespace {

using ::linnet::testing::PackedModel;
using ::linnet::testing::TinyFamilies;
using ::linnet::testing::TinyFamily;
using ::linnet::testing::TinyFamilyBytes;

constexpr uint32_t kContext = 256;

std::span<const std::byte> Bytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::vector<int32_t> SomeTokens(size_t n) {
  std::vector<int32_t> tokens;
  for (size_t i = 0; i < n; ++i) tokens.push_back(static_cast<int32_t>((i * i * 31 + i * 37) % 251));
  return tokens;
}

class Runner {
 public:
  Runner(const gguf::ModelFile& file, const kernels::Variant& variant, int threads,
         uint32_t context = kContext)
      : pool_(threads) {
    auto model = Transformer::Create(file, variant.ops, pool_, 64);
    EXPECT_TRUE(model.ok()) << model.status();
    if (!model.ok()) return;
    model_ = *std::move(model);
    kv_ = *KvCache::Create(model_->config(), context);
    logits_.resize(model_->config().vocabulary);
  }

  // In pieces of at most `chunk`, after what kv already holds.
  const std::vector<float>& Run(std::span<const int32_t> tokens, size_t chunk) {
    for (size_t i = 0; i < tokens.size() && model_ != nullptr; i += chunk) {
      model_->Forward(tokens.subspan(i, std::min(chunk, tokens.size() - i)), *kv_, logits_);
    }
    return logits_;
  }

  KvCache& kv() { return *kv_; }

 private:
  base::ThreadPool pool_;
  std::unique_ptr<Transformer> model_;
  std::unique_ptr<KvCache> kv_;
  std::vector<float> logits_;
};

const kernels::Variant& Best() {
  std::string error;
  return *kernels::Select("", &error);
}

double WorstRelative(const std::vector<float>& found, const std::vector<double>& expected) {
  double scale = 0, worst = 0;
  for (const double e : expected) scale = std::max(scale, std::fabs(e));
  for (size_t i = 0; i < found.size(); ++i) {
    worst = std::max(worst, std::fabs(static_cast<double>(found[i]) - expected[i]));
  }
  return worst / scale;
}

class FamiliesTest : public ::testing::TestWithParam<TinyFamily> {
 protected:
  void SetUp() override {
    bytes_ = TinyFamilyBytes(GetParam());
    ASSERT_OK_AND_ASSIGN(file_, gguf::GgufFile::Parse("tiny", Bytes(bytes_)));
  }
  std::string bytes_;
  std::unique_ptr<gguf::GgufFile> file_;
};

// 90 tokens: more than every window here, and more than a tile of the softmax.
TEST_P(FamiliesTest, ComputesWhatItsAuthorsDefine) {
  Runner runner(*file_, Best(), 2);
  for (const size_t n : {1, 90}) {
    const auto tokens = SomeTokens(n);
    runner.kv().Truncate(0);
    const double worst = WorstRelative(runner.Run(tokens, 16), ReferenceLogits(*file_, tokens, kContext));
    EXPECT_LE(worst, 1e-5);
    RecordProperty("worst_relative_error", std::to_string(worst));
  }
}

TEST_P(FamiliesTest, LogitsHaveTheSameBitsForEverySetAndChunk) {
  const auto tokens = SomeTokens(90);
  const std::vector<float> expected = Runner(*file_, Best(), 1).Run(tokens, 1);
  for (const kernels::Variant& variant : kernels::Variants()) {
    if (!kernels::Supported(variant)) continue;
    for (const size_t chunk : {1, 7, 64}) {
      const std::vector<float> found = Runner(*file_, variant, chunk == 7 ? 3 : 1).Run(tokens, chunk);
      ASSERT_EQ(std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)), 0)
          << variant.name << " chunk " << chunk;
    }
  }
}

// Of a type that packs; in some families fused tensors begin inside a tile.
TEST_P(FamiliesTest, PackedLogitsHaveTheSameBits) {
  const std::string bytes = TinyFamilyBytes(GetParam(), {.type = kernels::WeightType::kQ8_0});
  ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Parse("tiny", Bytes(bytes)));
  const PackedModel packed(bytes);
  const auto tokens = SomeTokens(40);
  const std::vector<float> expected = Runner(*file, Best(), 1).Run(tokens, 16);
  for (const int threads : {1, 2, 3}) {
    for (const size_t chunk : {1, 16}) {
      const std::vector<float> found = Runner(packed.file(), Best(), threads).Run(tokens, chunk);
      ASSERT_EQ(std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)), 0)
          << threads << " threads, chunk " << chunk;
    }
  }
}

// What is left after a cut, and evaluated again, is what a fresh session computes.
TEST_P(FamiliesTest, ASessionCanBeCutBack) {
  const auto tokens = SomeTokens(90);
  Runner fresh(*file_, Best(), 1), cut(*file_, Best(), 1);
  const std::vector<float> expected = fresh.Run(tokens, 64);
  cut.Run(SomeTokens(77), 64);
  cut.Run(std::vector<int32_t>{9, 8, 7}, 64);
  const uint32_t left = cut.kv().Truncate(70);
  EXPECT_TRUE(left == 70 || left == 0);
  EXPECT_EQ(left, cut.kv().size());
  const std::vector<float> found = cut.Run(std::span(tokens).subspan(left), 64);
  EXPECT_EQ(std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)), 0);
}

INSTANTIATE_TEST_SUITE_P(Tiny, FamiliesTest, ::testing::ValuesIn(TinyFamilies()), [](const auto& param_info) {
  std::string name = param_info.param.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace linnet::model
