#include "runtime/tools/difference.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "runtime/gguf/gguf_file.h"
#include "runtime/gguf/gguf_writer.h"
#include "runtime/quant/quant.h"
#include "runtime/tools/tensor_values.h"
#include "tests/model/reference.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_model.h"

namespace linnet::tools {
namespace {

using kernels::WeightType;
using ::linnet::testing::StatusIs;
using ::linnet::testing::TinyModelBytes;
using ::testing::HasSubstr;

std::span<const std::byte> Bytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// Four tensors: one that stays, one that changes values, one that changes shape, one that only this file has.
std::string SmallFile(const std::string& word, float last, uint64_t rows, const std::string& own) {
  gguf::GgufWriter writer;
  writer.SetString("general.architecture", "llama");
  writer.SetString("word", word);
  writer.SetUint32("only." + own, 1);
  const auto add = [&](const std::string& name, std::vector<uint64_t> shape, std::vector<float> values) {
    writer.AddTensor(name, WeightType::kF32, std::move(shape), quant::Quantize(WeightType::kF32, values));
  };
  add("same", {2}, {1, 2});
  add("values", {2, 2}, {3, 4, 0, last});
  add("shape", {2, rows}, std::vector<float>(2 * rows, 1.0F));
  add("own." + own, {1}, {5});
  return *writer.Serialize();
}

TEST(CompareFilesTest, FindsWhatDiffersAndByHowMuch) {
  const std::string a = SmallFile("one", 12, 1, "a"), b = SmallFile("two", 14, 2, "b");
  ASSERT_OK_AND_ASSIGN(const auto of_a, gguf::GgufFile::Parse("a", Bytes(a)));
  ASSERT_OK_AND_ASSIGN(const auto of_b, gguf::GgufFile::Parse("b", Bytes(b)));
  const FileDifference found = CompareFiles(*of_a, *of_b, nullptr);
  ASSERT_EQ(found.metadata.size(), 3u);
  EXPECT_EQ(found.metadata[0].key, "word");
  EXPECT_THAT(*found.metadata[0].a, HasSubstr("one"));
  EXPECT_THAT(*found.metadata[0].b, HasSubstr("two"));
  EXPECT_EQ(found.metadata[1].key, "only.a");
  EXPECT_FALSE(found.metadata[1].b.has_value());
  EXPECT_EQ(found.metadata[2].key, "only.b");
  EXPECT_FALSE(found.metadata[2].a.has_value());
  ASSERT_EQ(found.tensors.size(), 4u);
  EXPECT_EQ(found.same_tensors, 1u);
  EXPECT_EQ(found.tensors[0].name, "values");
  ASSERT_TRUE(found.tensors[0].values.has_value());
  EXPECT_DOUBLE_EQ(found.tensors[0].values->most, 2);
  EXPECT_DOUBLE_EQ(found.tensors[0].values->rms, 1);         // sqrt(4 / 4)
  EXPECT_DOUBLE_EQ(found.tensors[0].values->rms_of_a, 6.5);  // sqrt((9 + 16 + 144) / 4)
  EXPECT_EQ(found.tensors[1].name, "shape");
  EXPECT_EQ(*found.tensors[1].a, "F32 [2, 1]");
  EXPECT_EQ(*found.tensors[1].b, "F32 [2, 2]");
  EXPECT_FALSE(found.tensors[1].values.has_value());
  EXPECT_EQ(found.tensors[2].name, "own.a");
  EXPECT_EQ(found.tensors[3].name, "own.b");
  EXPECT_TRUE(CompareFiles(*of_a, *of_a, nullptr).none());
}

TEST(CompareFilesTest, SeesTheTypeAndEveryByteOfAValue) {
  const auto with = [](auto change) {
    gguf::GgufWriter writer;
    writer.SetString("general.architecture", "llama");
    writer.SetUint32("number", 7);
    writer.SetStringArray("long", std::vector<std::string>(100, "x"));
    change(writer);
    return *writer.Serialize();
  };
  std::vector<std::string> last(100, "x");
  last.back() = "y";  // beyond what DescribeMetadata shows
  const std::string a = with([](gguf::GgufWriter&) {});
  const std::string b = with([&](gguf::GgufWriter& writer) {
    writer.SetUint64("number", 7);
    writer.SetStringArray("long", last);
  });
  ASSERT_OK_AND_ASSIGN(const auto of_a, gguf::GgufFile::Parse("a", Bytes(a)));
  ASSERT_OK_AND_ASSIGN(const auto of_b, gguf::GgufFile::Parse("b", Bytes(b)));
  const FileDifference found = CompareFiles(*of_a, *of_b, nullptr);
  ASSERT_EQ(found.metadata.size(), 2u);
  EXPECT_EQ(found.metadata[0].key, "number");
  EXPECT_EQ(found.metadata[1].key, "long");
}

TEST(CompareFilesTest, ComparesAcrossTypesByValue) {
  const std::string a = TinyModelBytes(), b = TinyModelBytes({.type = WeightType::kQ8_0});
  ASSERT_OK_AND_ASSIGN(const auto of_a, gguf::GgufFile::Parse("a", Bytes(a)));
  ASSERT_OK_AND_ASSIGN(const auto of_b, gguf::GgufFile::Parse("b", Bytes(b)));
  const FileDifference found = CompareFiles(*of_a, *of_b, nullptr);
  EXPECT_TRUE(found.metadata.empty());
  ASSERT_FALSE(found.tensors.empty());
  for (const TensorDifference& tensor : found.tensors) {
    ASSERT_TRUE(tensor.values.has_value()) << tensor.name;
    // A step of Q8_0 is a 127th of the block's largest, below sqrt(3 / 64): half of one is lost, and 127
    // times what the step's rounding to a half loses.
    const double step = std::sqrt(3.0 / 64) / 127;
    EXPECT_GT(tensor.values->most, 0);
    EXPECT_LT(tensor.values->most, (0.5 + 127.0 / 2048) * step) << tensor.name;
    EXPECT_LT(tensor.values->rms, tensor.values->most);
  }
}

TEST(TensorValuesTest, StatsSkipWhatIsNotFinite) {
  gguf::GgufWriter writer;
  writer.SetString("general.architecture", "llama");
  const float nan = std::numeric_limits<float>::quiet_NaN(),
              infinite = std::numeric_limits<float>::infinity();
  writer.AddTensor("t", WeightType::kF32, {5},
                   quant::Quantize(WeightType::kF32, std::vector<float>{nan, -3, infinite, 4, 0}));
  // Longer than one piece, and no multiple of it.
  std::vector<float> many((1 << 18) + 40 * 256);
  for (size_t i = 0; i < many.size(); ++i) many[i] = i + 1 == many.size() ? -7.0F : static_cast<float>(i % 2);
  writer.AddTensor("long", WeightType::kF16, {256, many.size() / 256},
                   quant::Quantize(WeightType::kF16, many));
  const std::string bytes = *writer.Serialize();
  ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Parse("a", Bytes(bytes)));
  const TensorStats stats = StatsOf(*file->FindTensor("t"));
  EXPECT_EQ(stats.least, -3);
  EXPECT_EQ(stats.most, 4);
  EXPECT_NEAR(stats.rms, std::sqrt(25.0 / 3), 1e-12);
  EXPECT_EQ(stats.not_finite, 2u);
  const TensorStats all = StatsOf(*file->FindTensor("long"));
  EXPECT_EQ(all.least, -7);
  EXPECT_EQ(all.most, 1);
  const double n = static_cast<double>(many.size());
  EXPECT_NEAR(all.rms, std::sqrt((n / 2 - 1 + 49) / n), 1e-12);
}

class CompareOnTextTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return folder_ / name;
  }
  static std::vector<double> LogProbabilities(const std::string& bytes, const std::vector<int32_t>& tokens) {
    const auto file = gguf::GgufFile::Parse("tiny", Bytes(bytes));
    std::vector<double> logits = model::ReferenceLogits(**file, tokens);
    double sum = 0;
    for (const double x : logits) sum += std::exp(x);
    for (double& x : logits) x -= std::log(sum);
    return logits;
  }
  linnet::testing::TempDir folder_;
  const std::string text_ = "ABCDEFGHIJKLMNOPQRSTUVWXYZACEGIKMOQSUWYBDFHJ";
};

TEST_F(CompareOnTextTest, IsTheDivergenceOfTheReference) {
  const std::string a = TinyModelBytes(), b = TinyModelBytes({.seed = 2});
  const std::string path_a = Write("a", a), path_b = Write("b", b);
  ASSERT_OK_AND_ASSIGN(const TextDifference found,
                       CompareOnText(base::FileSystem::Real(), path_a, path_b, text_,
                                     {.context_tokens = 16, .most_windows = 2}, nullptr));
  double kl = 0, surprise_b = 0;
  int same = 0;
  for (const size_t begin : {0u, 16u}) {
    for (size_t i = 9; i < 16; ++i) {
      const std::string so_far = text_.substr(begin, i);
      const std::vector<double> p = LogProbabilities(a, {so_far.begin(), so_far.end()});
      const std::vector<double> q = LogProbabilities(b, {so_far.begin(), so_far.end()});
      for (size_t v = 0; v < p.size(); ++v) kl += std::exp(p[v]) * (p[v] - q[v]) / 14;
      surprise_b -= q[static_cast<size_t>(text_[begin + i])] / 14;
      same += std::max_element(p.begin(), p.end()) - p.begin() ==
              std::max_element(q.begin(), q.end()) - q.begin();
    }
  }
  EXPECT_EQ(found.a.scored_tokens, 14u);
  EXPECT_NEAR(found.kl_mean, kl, 1e-4 * kl);
  EXPECT_NEAR(found.b.perplexity, std::exp(surprise_b), 1e-4 * std::exp(surprise_b));
  EXPECT_NEAR(found.same_top, same / 14.0, 1e-12);
  EXPECT_GE(found.kl_most, found.kl_99);
  EXPECT_GE(found.kl_99, found.kl_median);
}

TEST_F(CompareOnTextTest, AModelDoesNotDifferFromItself) {
  const std::string a = Write("a", TinyModelBytes());
  ASSERT_OK_AND_ASSIGN(const TextDifference found,
                       CompareOnText(base::FileSystem::Real(), a, a, text_, {.context_tokens = 16}, nullptr));
  EXPECT_EQ(found.kl_mean, 0);
  EXPECT_EQ(found.same_top, 1);
  EXPECT_EQ(found.a.perplexity, found.b.perplexity);
}

TEST_F(CompareOnTextTest, SeesHowKeysAndValuesAreKept) {
  const std::string a = Write("a", TinyModelBytes());
  const auto compare = [&](std::optional<model::KvType> kv_b) {
    return CompareOnText(base::FileSystem::Real(), a, a, text_,
                         {.context_tokens = 16, .kv = model::KvType::kF32, .kv_b = kv_b}, nullptr);
  };
  ASSERT_OK_AND_ASSIGN(const TextDifference halves, compare(model::KvType::kF16));
  ASSERT_OK_AND_ASSIGN(const TextDifference bytes, compare(model::KvType::kQ8));
  EXPECT_GT(halves.kl_mean, 0);
  EXPECT_GT(bytes.kl_mean, 4 * halves.kl_mean);
  EXPECT_LT(bytes.kl_mean, 1e-2);
  ASSERT_OK_AND_ASSIGN(const TextDifference none, compare(std::nullopt));
  EXPECT_EQ(none.kl_most, 0);
}

TEST_F(CompareOnTextTest, RefusesAnotherVocabulary) {
  std::string other = TinyModelBytes();
  const std::string key = "tokenizer.ggml.add_bos_token";
  other[other.find(key) + key.size() + 4] = 1;
  const std::string a = Write("a", TinyModelBytes()), b = Write("b", other);
  EXPECT_THAT(CompareOnText(base::FileSystem::Real(), a, b, text_, {.context_tokens = 16}, nullptr),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("vocabulary")));
}

}  // namespace
}  // namespace linnet::tools
