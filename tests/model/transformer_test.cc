#include "runtime/model/transformer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "runtime/gguf/gguf_file.h"
#include "runtime/kernels/kernel_table.h"
#include "runtime/kernels/weight_types.h"
#include "tests/model/reference.h"
#include "tests/support/status_matchers.h"
#include "tests/support/tiny_model.h"

namespace linnet::model {
namespace {

using ::linnet::testing::StatusIs;
using ::linnet::testing::TinyModelBytes;
using ::linnet::testing::TinyModelOptions;
using ::testing::HasSubstr;

// Threads see no difference between kernel sets, and under this sanitizer each takes minutes.
#ifdef LINNET_SANITIZED_THREADS
constexpr bool kOneSet = true;
#else
constexpr bool kOneSet = false;
#endif

std::span<const std::byte> Bytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::vector<int32_t> SomeTokens(size_t n) {
  std::vector<int32_t> tokens;
  for (size_t i = 0; i < n; ++i) tokens.push_back(static_cast<int32_t>(i * 37 % 251));
  return tokens;
}

std::vector<float> Logits(const gguf::GgufFile& file, const kernels::Variant& variant, int threads,
                          size_t chunk, const std::vector<int32_t>& tokens, KvType kv_type = KvType::kF32) {
  base::ThreadPool pool(threads);
  auto model = Transformer::Create(file, variant.ops, pool, static_cast<uint32_t>(chunk));
  EXPECT_TRUE(model.ok()) << model.status();
  auto kv = KvCache::Create((*model)->config(), 256, kv_type);
  std::vector<float> logits((*model)->config().vocabulary);
  for (size_t i = 0; i < tokens.size(); i += chunk) {
    (*model)->Forward(std::span(tokens).subspan(i, std::min(chunk, tokens.size() - i)), **kv, logits);
  }
  return logits;
}

const kernels::Variant& Best() {
  std::string error;
  return *kernels::Select("", &error);
}

TEST(TransformerTest, ComputesWhatThePaperSays) {
  for (const bool tied : {true, false}) {
    for (const kernels::WeightType type : {kernels::WeightType::kF32, kernels::WeightType::kF16}) {
      const std::string bytes = TinyModelBytes({.type = type, .tied = tied});
      ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Parse("tiny", Bytes(bytes)));
      const auto tokens = SomeTokens(70);
      const auto expected = ReferenceLogits(*file, tokens);
      const auto found = Logits(*file, Best(), 2, 16, tokens);
      ASSERT_EQ(found.size(), expected.size());
      double scale = 0;
      for (const double e : expected) scale = std::max(scale, std::fabs(e));
      for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 2e-5 * scale) << i;
    }
  }
}

TEST(TransformerTest, HalvesOfKeysAndValuesMoveLogitsLittle) {
  const std::string bytes = TinyModelBytes({});
  ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Parse("tiny", Bytes(bytes)));
  const auto tokens = SomeTokens(70);
  const auto expected = ReferenceLogits(*file, tokens);
  const auto found = Logits(*file, Best(), 2, 16, tokens, KvType::kF16);
  double scale = 0, worst = 0;
  for (const double e : expected) scale = std::max(scale, std::fabs(e));
  for (size_t i = 0; i < found.size(); ++i) {
    worst = std::max(worst, std::fabs(static_cast<double>(found[i]) - expected[i]));
  }
  EXPECT_LE(worst, 2e-3 * scale);  // a half's relative error is 2^-11
  EXPECT_GT(worst, 2e-5 * scale);  // more than float32's: they were halves
}

TEST(TransformerTest, BytesOfKeysAndValuesMoveLogitsLittle) {
  const std::string bytes = TinyModelBytes({});
  ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Parse("tiny", Bytes(bytes)));
  const auto tokens = SomeTokens(70);
  const auto expected = ReferenceLogits(*file, tokens);
  const auto found = Logits(*file, Best(), 2, 16, tokens, KvType::kQ8);
  double scale = 0, worst = 0;
  for (const double e : expected) scale = std::max(scale, std::fabs(e));
  for (size_t i = 0; i < found.size(); ++i) {
    worst = std::max(worst, std::fabs(static_cast<double>(found[i]) - expected[i]));
  }
  EXPECT_LE(worst, 2e-2 * scale);  // a block's error is at most 1/254 of its largest
  EXPECT_GT(worst, 2e-3 * scale);  // more than halves': they were bytes
}

TEST(TransformerTest, HalvesAreForModelsThatAreNoMorePrecise) {
  for (const auto& [type, kv] : {std::pair{kernels::WeightType::kF32, KvType::kF32},
                                 std::pair{kernels::WeightType::kF16, KvType::kF16},
                                 std::pair{kernels::WeightType::kQ8_0, KvType::kF16}}) {
    const std::string bytes = TinyModelBytes({.type = type});
    ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Parse("tiny", Bytes(bytes)));
    base::ThreadPool pool(1);
    ASSERT_OK_AND_ASSIGN(const auto model, Transformer::Create(*file, Best().ops, pool, 1));
    EXPECT_EQ(KvTypeFor(model->weights()), kv);
    EXPECT_EQ(KvCache::SizeBytes(model->config(), 10, KvType::kF16) * 2,
              KvCache::SizeBytes(model->config(), 10, KvType::kF32));
    EXPECT_EQ(KvCache::SizeBytes(model->config(), 10, KvType::kQ8),
              10 * 2 * model->config().layers * model->config().kv_heads *
                  kernels::KvRowBytes(KvType::kQ8, model->config().head_dim));
  }
}

TEST(TransformerTest, ALayerOfOneTokenHasAtMostFiveBarriers) {
  // Large enough that everything is shared out.
  const TinyModelOptions shape = {.type = kernels::WeightType::kQ8_0, .dim = 512, .layers = 3, .ffn = 1024};
  const std::string bytes = TinyModelBytes(shape);
  ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Parse("tiny", Bytes(bytes)));
  base::ThreadPool pool(2);
  ASSERT_OK_AND_ASSIGN(const auto model, Transformer::Create(*file, Best().ops, pool, 128));
  for (const KvType type : {KvType::kF16, KvType::kQ8}) {
    ASSERT_OK_AND_ASSIGN(const auto kv, KvCache::Create(model->config(), 256, type));
    std::vector<float> logits(model->config().vocabulary);
    model->Forward(SomeTokens(128), *kv, {});
    for (const int32_t token : SomeTokens(20)) {
      const uint64_t before = model->barriers();
      model->Forward({&token, 1}, *kv, logits);
      EXPECT_LE(model->barriers() - before, 5u * shape.layers + 1);  // the head
    }
  }
}

TEST(TransformerTest, ALayerOfAPromptHasAtMostFiveBarriers) {
  for (const kernels::WeightType type :
       {kernels::WeightType::kQ8_0, kernels::WeightType::kQ4_K, kernels::WeightType::kF16}) {
    const TinyModelOptions shape = {.type = type, .dim = 512, .layers = 3, .ffn = 1024};
    const std::string bytes = TinyModelBytes(shape);
    ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Parse("tiny", Bytes(bytes)));
    base::ThreadPool pool(2);
    ASSERT_OK_AND_ASSIGN(const auto model, Transformer::Create(*file, Best().ops, pool, 128));
    ASSERT_OK_AND_ASSIGN(const auto kv, KvCache::Create(model->config(), 256, KvType::kF16));
    std::vector<float> logits(model->config().vocabulary);
    model->Forward(SomeTokens(128), *kv, logits);
    // The first layer's input, and the head.
    EXPECT_LE(model->barriers(), 5u * shape.layers + 2) << kernels::InfoOf(type).name;
  }
}

// Threads, and chunks of one or several groups of tokens, decide who finishes a token, a block or a head.
TEST(TransformerTest, WhoFinishesAProductCannotBeSeen) {
  for (const kernels::WeightType type :
       {kernels::WeightType::kQ8_0, kernels::WeightType::kQ4_K, kernels::WeightType::kF16}) {
    const TinyModelOptions shape = {.type = type, .dim = 512, .layers = 2, .ffn = 1280};
    const std::string bytes = TinyModelBytes(shape);
    ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Parse("tiny", Bytes(bytes)));
    const auto tokens = SomeTokens(100);
    const auto expected = Logits(*file, Best(), 1, 100, tokens);
    for (const int threads : {1, 2, 5}) {
      for (const uint32_t chunk : {1, 7, 47, 53, 100}) {
        EXPECT_EQ(Logits(*file, Best(), threads, chunk, tokens), expected)
            << kernels::InfoOf(type).name << " threads " << threads << " chunk " << chunk;
      }
    }
  }
}

TEST(TransformerTest, QuantizedActivationsStayCloseToThePaper) {
  for (const kernels::WeightType type : {kernels::WeightType::kQ8_0, kernels::WeightType::kQ4_0}) {
    const std::string bytes = TinyModelBytes({.type = type});
    ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Parse("tiny", Bytes(bytes)));
    const auto tokens = SomeTokens(20);
    const auto expected = ReferenceLogits(*file, tokens);
    const auto found = Logits(*file, Best(), 1, 64, tokens);
    double dot = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < found.size(); ++i) {
      dot += expected[i] * static_cast<double>(found[i]);
      aa += expected[i] * expected[i];
      bb += static_cast<double>(found[i]) * static_cast<double>(found[i]);
    }
    EXPECT_GE(dot / std::sqrt(aa * bb), 0.999);
  }
}

TEST(TransformerTest, LogitsHaveTheSameBitsForEverySetThreadsAndChunk) {
  for (const auto type : {kernels::WeightType::kF32, kernels::WeightType::kF16, kernels::WeightType::kQ8_0,
                          kernels::WeightType::kQ4_0}) {
    // Large enough that the matrices are shared out among threads.
    const std::string bytes = TinyModelBytes({.type = type, .dim = 128, .ffn = 352});
    ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Parse("tiny", Bytes(bytes)));
    const auto tokens = SomeTokens(67);
    for (const KvType kv : {KvType::kF32, KvType::kF16, KvType::kQ8}) {
      const auto expected = Logits(*file, Best(), 1, 67, tokens, kv);
      for (const kernels::Variant& variant : kernels::Variants()) {
        if (!kernels::Supported(variant) || (kOneSet && &variant != &Best())) continue;
        for (const auto& [threads, chunk] : {std::pair{1, 7}, {2, 1}, {2, 64}, {3, 7}}) {
          const auto found = Logits(*file, variant, threads, static_cast<size_t>(chunk), tokens, kv);
          ASSERT_EQ(std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)), 0)
              << variant.name << " threads " << threads << " chunk " << chunk << " type "
              << static_cast<int>(type) << " kv " << static_cast<int>(kv);
        }
      }
    }
  }
}

TEST(TransformerTest, LogitsOfSeveralTokensAreThoseOfEachAlone) {
  for (const auto type : {kernels::WeightType::kF32, kernels::WeightType::kQ8_0}) {
    const std::string bytes = TinyModelBytes({.type = type});
    ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Parse("tiny", Bytes(bytes)));
    const auto tokens = SomeTokens(20);
    base::ThreadPool pool(2);
    ASSERT_OK_AND_ASSIGN(const auto model, Transformer::Create(*file, Best().ops, pool, 20));
    const size_t vocabulary = model->config().vocabulary;
    ASSERT_OK_AND_ASSIGN(const auto kv, KvCache::Create(model->config(), 32));
    std::vector<float> last(12 * vocabulary);
    model->Forward(tokens, *kv, last);
    for (size_t i = 0; i < 12; ++i) {
      const std::vector<int32_t> so_far(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(9 + i));
      const auto alone = Logits(*file, Best(), 1, 20, so_far);
      EXPECT_EQ(std::memcmp(last.data() + i * vocabulary, alone.data(), vocabulary * sizeof(float)), 0) << i;
    }
  }
}

// A tiny model's bytes with one string replaced by another of the same length.
absl::Status CreateAfter(const std::string& from, const std::string& to) {
  std::string bytes = TinyModelBytes({});
  const size_t at = bytes.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  bytes.replace(at, to.size(), to);
  auto file = gguf::GgufFile::Parse("tiny", Bytes(bytes));
  if (!file.ok()) return file.status();
  base::ThreadPool pool(1);
  return Transformer::Create(**file, Best().ops, pool, 8).status();
}

TEST(TransformerTest, APassThatIsGivenUpLeavesNoTrace) {
  const std::string bytes = TinyModelBytes();
  ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Parse("tiny", Bytes(bytes)));
  const std::vector<int32_t> tokens = SomeTokens(20);
  const std::vector<float> expected = Logits(*file, Best(), 1, 10, tokens);

  base::ThreadPool pool(1);
  ASSERT_OK_AND_ASSIGN(const auto model, Transformer::Create(*file, Best().ops, pool, 10));
  ASSERT_OK_AND_ASSIGN(const auto kv, KvCache::Create(model->config(), 256, KvType::kF32));
  std::vector<float> logits(model->config().vocabulary);
  model->Forward(std::span(tokens).first(10), *kv, logits);
  const Segment rest = {std::span(tokens).subspan(10), kv.get(), 1};
  for (uint32_t layers = 1; layers < model->config().layers; ++layers) {
    uint32_t asked = 0;
    EXPECT_FALSE(model->ForwardUnless([&] { return ++asked == layers; }, {&rest, 1}, logits));
    EXPECT_EQ(asked, layers);
    EXPECT_EQ(kv->size(), 10u);
  }
  EXPECT_TRUE(model->ForwardUnless([] { return false; }, {&rest, 1}, logits));
  EXPECT_EQ(logits, expected);
}

TEST(TransformerTest, RefusesWhatItDoesNotKnowByName) {
  const std::string key = "general.architecture";
  const std::string value = std::string("\x08\0\0\0\x05\0\0\0\0\0\0\0", 12);  // string of 5 bytes
  EXPECT_THAT(CreateAfter(key + value + "llama", key + value + "lamma"),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("lamma")));
  EXPECT_THAT(CreateAfter("blk.1.ffn_gate.weight", "blk.1.ffn_gato.weight"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("blk.1.ffn_gate.weight is missing")));
  EXPECT_THAT(CreateAfter("llama.block_count", "llama.blockxcount"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("llama.block_count")));
}

TEST(TransformerTest, RefusesTensorsThatItWouldIgnore) {
  std::string bytes = TinyModelBytes({.tied = false});
  // The untied head, not blk.N.attn_output.weight.
  size_t head = bytes.find("output.weight");
  while (head != std::string::npos && bytes[head - 1] == '_') head = bytes.find("output.weight", head + 1);
  ASSERT_NE(head, std::string::npos);
  bytes.replace(head, 13, "outpux.weight");
  ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Parse("tiny", Bytes(bytes)));
  base::ThreadPool pool(1);
  EXPECT_THAT(Transformer::Create(*file, Best().ops, pool, 8),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("outpux.weight")));
}

}  // namespace
}  // namespace linnet::model
