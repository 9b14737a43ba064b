#include "runtime/tools/perplexity.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "runtime/gguf/gguf_file.h"
#include "tests/model/reference.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_model.h"

namespace linnet::tools {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::kTinyEndOfText;
using ::linnet::testing::StatusIs;
using ::linnet::testing::TinyModelBytes;
using ::testing::HasSubstr;
using tokenizer::TokenId;

// Bytes that no merge joins: a token each.
std::string Text(size_t size) {
  std::string text;
  for (size_t i = 0; i < size; ++i) text += static_cast<char>('A' + i * 7 % 26);
  return text;
}

class PerplexityTest : public ::testing::Test {
 protected:
  void Write(const std::string& bytes) { std::ofstream(path_, std::ios::binary) << bytes; }
  absl::StatusOr<PerplexityResult> Run(const std::string& text, const WindowOptions& options) {
    return Perplexity(base::FileSystem::Real(), path_, text, options, nullptr);
  }
  // The same model, but one that wants BOS in front.
  static std::string WithBos() {
    std::string bytes = TinyModelBytes();
    const std::string key = "tokenizer.ggml.add_bos_token";
    bytes[bytes.find(key) + key.size() + 4] = 1;  // after the value's type
    return bytes;
  }

  // -log p of tokens[i] after those before it, by the float64 reference.
  static double Surprise(const gguf::GgufFile& file, const std::vector<int32_t>& tokens, size_t i) {
    const std::vector<double> logits =
        model::ReferenceLogits(file, {tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(i)});
    double sum = 0;
    for (const double x : logits) sum += std::exp(x);
    return std::log(sum) - logits[static_cast<size_t>(tokens[i])];
  }

  linnet::testing::TempDir folder_;
  const std::string path_ = folder_ / "tiny.gguf";
};

TEST_F(PerplexityTest, ScoresTheSecondHalfOfEachWindow) {
  const std::string bytes = TinyModelBytes();
  Write(bytes);
  const std::string text = Text(16 * 3 + 5);  // three windows, and five tokens that are not used
  ASSERT_OK_AND_ASSIGN(const PerplexityResult result, Run(text, {.context_tokens = 16, .threads = 2}));
  ASSERT_OK_AND_ASSIGN(const auto file,
                       gguf::GgufFile::Parse("tiny", std::as_bytes(std::span(bytes.data(), bytes.size()))));
  std::vector<double> surprises;
  for (size_t window = 0; window < 3; ++window) {
    const std::string part = text.substr(window * 16, 16);
    const std::vector<int32_t> tokens(part.begin(), part.end());
    for (size_t i = 9; i < 16; ++i) surprises.push_back(Surprise(*file, tokens, i));
  }
  double mean = 0, variance = 0;
  for (const double s : surprises) mean += s / 21;
  for (const double s : surprises) variance += (s - mean) * (s - mean) / 20;
  EXPECT_EQ(result.windows, 3u);
  EXPECT_EQ(result.scored_tokens, 21u);
  EXPECT_NEAR(result.perplexity, std::exp(mean), 1e-4 * std::exp(mean));
  const double error = std::exp(mean) * std::sqrt(variance / 21);
  EXPECT_NEAR(result.standard_error, error, 1e-3 * error);
}

TEST_F(PerplexityTest, BosStandsInPlaceOfTheFirstTokenOfEveryWindow) {
  const std::string bytes = WithBos();
  Write(bytes);
  const std::string text = Text(31);  // and BOS in front: two windows
  ASSERT_OK_AND_ASSIGN(const PerplexityResult result, Run(text, {.context_tokens = 16}));
  ASSERT_OK_AND_ASSIGN(const auto file,
                       gguf::GgufFile::Parse("tiny", std::as_bytes(std::span(bytes.data(), bytes.size()))));
  std::vector<int32_t> all(text.begin(), text.end());
  all.insert(all.begin(), kTinyEndOfText);
  double sum = 0;
  for (size_t window = 0; window < 2; ++window) {
    std::vector<int32_t> tokens(all.begin() + static_cast<std::ptrdiff_t>(window * 16),
                                all.begin() + static_cast<std::ptrdiff_t>(window * 16 + 16));
    tokens[0] = kTinyEndOfText;
    for (size_t i = 9; i < 16; ++i) sum += Surprise(*file, tokens, i);
  }
  EXPECT_EQ(result.windows, 2u);
  EXPECT_NEAR(result.perplexity, std::exp(sum / 14), 1e-4 * std::exp(sum / 14));
}

TEST_F(PerplexityTest, AStrideScoresTheEndOfEachWindow) {
  const std::string bytes = TinyModelBytes();
  Write(bytes);
  const std::string text = Text(25);
  ASSERT_OK_AND_ASSIGN(const PerplexityResult result, Run(text, {.context_tokens = 16, .stride = 4}));
  ASSERT_OK_AND_ASSIGN(const auto file,
                       gguf::GgufFile::Parse("tiny", std::as_bytes(std::span(bytes.data(), bytes.size()))));
  double sum = 0;
  for (const size_t begin : {0u, 4u, 8u}) {
    const std::string part = text.substr(begin, 16);
    for (size_t i = 12; i < 16; ++i) sum += Surprise(*file, {part.begin(), part.end()}, i);
  }
  EXPECT_EQ(result.windows, 3u);
  EXPECT_EQ(result.scored_tokens, 12u);
  EXPECT_NEAR(result.perplexity, std::exp(sum / 12), 1e-4 * std::exp(sum / 12));
}

TEST_F(PerplexityTest, TheContextIsTheModelsAtMostAndChunksAreCounted) {
  Write(TinyModelBytes({.context_tokens = 32}));
  ASSERT_OK_AND_ASSIGN(const PerplexityResult result, Run(Text(100), {.most_windows = 2}));
  EXPECT_EQ(result.context_tokens, 32u);
  EXPECT_EQ(result.windows, 2u);
}

TEST_F(PerplexityTest, RefusesTextsThatCannotBeMeasured) {
  Write(TinyModelBytes());
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(Run("", {.context_tokens = 16}), StatusIs(kInvalid, HasSubstr("16 fewer")));
  EXPECT_THAT(Run(Text(13), {.context_tokens = 16}), StatusIs(kInvalid, HasSubstr("has 13 tokens, 3 fewer")));
  EXPECT_THAT(Run("\xff\xfe" + Text(40), {.context_tokens = 16}), StatusIs(kInvalid, HasSubstr("UTF-8")));
  EXPECT_THAT(Run(Text(40) + std::string(1, '\0'), {.context_tokens = 16}),
              StatusIs(kInvalid, HasSubstr("UTF-8")));
  EXPECT_THAT(Run(Text(40), {.context_tokens = 16, .stride = 16}), StatusIs(kInvalid, HasSubstr("stride")));
  EXPECT_THAT(Run(Text(40), {.context_tokens = 3}), StatusIs(kInvalid, HasSubstr("context of 3")));
}

TEST_F(PerplexityTest, WeightsThatOverflowAreNamed) {
  std::string bytes = TinyModelBytes();
  // The last values of the file, numbers all of them, are the largest floats.
  const float most = std::numeric_limits<float>::max();
  for (size_t at = bytes.size() - 4096; at < bytes.size(); at += sizeof most) {
    std::memcpy(bytes.data() + at, &most, sizeof most);
  }
  Write(bytes);
  EXPECT_THAT(Run(Text(40), {.context_tokens = 16}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("not finite")));
}

}  // namespace
}  // namespace linnet::tools
