#include "runtime/tools/prune.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "absl/strings/str_cat.h"
#include "runtime/base/thread_pool.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/gguf/gguf_writer.h"
#include "runtime/kernels/kernel_table.h"
#include "runtime/model/transformer.h"
#include "runtime/quant/quant.h"
#include "runtime/tokenizer/tokenizer.h"
#include "runtime/tools/prune_measure.h"
#include "runtime/tools/vocabulary_cut.h"
#include "tests/model/reference.h"
#include "tests/support/shared_data.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_families.h"
#include "tests/support/tiny_model.h"

namespace linnet::tools {
namespace {

using kernels::WeightType;
using ::linnet::testing::IsOk;
using ::linnet::testing::SharedData;
using ::linnet::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr std::string_view kText = "hello the hen and on and on hell rein in the lea";

std::vector<float> Logits(const gguf::GgufFile& file, const std::vector<int32_t>& tokens) {
  std::string error;
  base::ThreadPool pool(1);
  auto model = model::Transformer::Create(file, kernels::Select("", &error)->ops, pool, 64);
  EXPECT_TRUE(model.ok()) << model.status();
  auto kv = model::KvCache::Create((*model)->config(), 256);
  std::vector<float> logits((*model)->config().vocabulary);
  (*model)->Forward(tokens, **kv, logits);
  return logits;
}

class PruneTest : public ::testing::Test {
 protected:
  void SetUp() override { testing::WriteTinyModel(in_, {.layers = 6}); }
  absl::StatusOr<PruneResult> Run(const PruneOptions& options) {
    return Prune(fs_, in_, {out_, true}, options, nullptr);
  }
  std::unique_ptr<gguf::GgufFile> Open(const std::string& path) {
    auto file = gguf::GgufFile::Open(fs_, path);
    EXPECT_TRUE(file.ok()) << file.status();
    return *std::move(file);
  }

  base::FileSystem& fs_ = base::FileSystem::Real();
  testing::TempDir dir_;
  const std::string in_ = dir_ / "in.gguf", out_ = dir_ / "out.gguf", other_ = dir_ / "other.gguf";
};

TEST_F(PruneTest, ADroppedLayerIsAModelWrittenWithoutIt) {
  ASSERT_OK_AND_ASSIGN(const PruneResult result, Run({.drop_layers = {2, 4}}));
  EXPECT_THAT(result.dropped_layers, ElementsAre(2, 4));
  EXPECT_EQ(result.layers_after, 4u);
  // By hand: the same keys but one, the layers' tensors under their new numbers.
  const auto in = Open(in_);
  gguf::GgufWriter writer;
  writer.CopyMetadata(*in);
  writer.SetUint32("llama.block_count", 4);
  const std::map<char, char> numbers = {{'0', '0'}, {'1', '1'}, {'3', '2'}, {'5', '3'}};
  for (const gguf::TensorInfo& t : in->tensors()) {
    std::string name = t.name;
    if (name.starts_with("blk.")) {
      if (!numbers.contains(name[4])) continue;
      name[4] = numbers.at(name[4]);
    }
    writer.AddTensorView(name, t.ggml_type, t.shape, t.data);
  }
  EXPECT_EQ(*fs_.ReadFile(out_, 1 << 26), *writer.Serialize());
}

TEST_F(PruneTest, LayersAreChosenByTheCosineOfTheirInputAndOutput) {
  // Layers 1 and 4 hardly change their input.
  const auto in = Open(in_);
  gguf::GgufWriter writer;
  writer.CopyMetadata(*in);
  for (const gguf::TensorInfo& t : in->tensors()) {
    std::vector<float> values = quant::Dequantize(t.type, t.data);
    const bool quiet = t.name.starts_with("blk.1.") || t.name.starts_with("blk.4.");
    if (quiet &&
        (t.name.find("attn_output") != std::string::npos || t.name.find("down") != std::string::npos)) {
      for (float& v : values) v *= 0.01F;
    }
    writer.AddTensor(t.name, t.type, t.shape, quant::Quantize(t.type, values));
  }
  ASSERT_THAT(writer.WriteTo(fs_, other_), IsOk());
  ASSERT_OK_AND_ASSIGN(
      const PruneResult result,
      Prune(fs_, other_, {out_}, {.keep_layers = 4, .text = kText, .context_tokens = 200}, nullptr));
  EXPECT_THAT(result.dropped_layers, ElementsAre(1, 4));

  // The cosines, in double.
  const auto file = Open(other_);
  ASSERT_OK_AND_ASSIGN(const auto tokenizer, tokenizer::Tokenizer::Create(*file));
  std::map<std::string, std::vector<std::vector<double>>> in_layer;
  model::ReferenceLogits(*file, tokenizer->Encode(kText, {.add_special = false}), 256,
                         [&](const std::string& where, const std::vector<double>& x) {
                           if (where.empty() || where.ends_with(".")) in_layer[where].push_back(x);
                         });
  for (uint32_t l = 0; l < 6; ++l) {
    const auto& before = in_layer.at(absl::StrCat("blk.", l, "."));
    const auto& after = in_layer.at(l == 5 ? "" : absl::StrCat("blk.", l + 1, "."));
    double mean = 0;
    for (size_t t = 0; t < before.size(); ++t) {
      double dot = 0, aa = 0, bb = 0;
      for (size_t i = 0; i < before[t].size(); ++i) {
        dot += before[t][i] * after[t][i];
        aa += before[t][i] * before[t][i];
        bb += after[t][i] * after[t][i];
      }
      mean += dot / std::sqrt(aa * bb) / static_cast<double>(before.size());
    }
    EXPECT_NEAR(result.similarity[l], mean, 1e-5) << l;
  }
}

TEST_F(PruneTest, ChannelsThatAddNothingAreCutAndNothingChanges) {
  // Of 96 channels every third adds nothing: its column of ffn_down is zero.
  const auto in = Open(in_);
  gguf::GgufWriter writer;
  writer.CopyMetadata(*in);
  for (const gguf::TensorInfo& t : in->tensors()) {
    std::vector<float> values = quant::Dequantize(t.type, t.data);
    for (size_t i = 0; t.name.ends_with("ffn_down.weight") && i < values.size(); ++i) {
      if (i % 96 % 3 == 1) values[i] = 0;
    }
    writer.AddTensor(t.name, t.type, t.shape, quant::Quantize(t.type, values));
  }
  ASSERT_THAT(writer.WriteTo(fs_, other_), IsOk());
  ASSERT_OK_AND_ASSIGN(const PruneResult result,
                       Prune(fs_, other_, {out_}, {.ffn_percent = 34, .text = kText}, nullptr));
  EXPECT_EQ(result.ffn_before, 96u);
  EXPECT_EQ(result.ffn_after, 64u);
  const auto before = Open(other_), after = Open(out_);
  EXPECT_EQ(*after->GetUint("llama.feed_forward_length"), 64u);
  const gguf::TensorInfo &up = *before->FindTensor("blk.3.ffn_up.weight"), &cut = *after->FindTensor(up.name);
  EXPECT_EQ(cut.shape, (std::vector<uint64_t>{64, 64}));
  const auto all = quant::Dequantize(up.type, up.data), kept = quant::Dequantize(cut.type, cut.data);
  for (size_t row = 0; row < 64; ++row) {
    const size_t old = row / 2 * 3 + (row % 2) * 2;  // 0, 2, 3, 5, 6, ...
    EXPECT_EQ(kept[row * 64], all[old * 64]) << row;
  }
  const std::vector<int32_t> tokens = {1, 5, 77, 30, 200};
  const auto then = Logits(*before, tokens), now = Logits(*after, tokens);
  for (size_t i = 0; i < then.size(); ++i) EXPECT_NEAR(then[i], now[i], 1e-4F) << i;
}

TEST_F(PruneTest, QuantizedColumnsAreRoundedAgainAndItSaysSo) {
  testing::WriteTinyModel(in_, {.type = WeightType::kQ8_0, .layers = 2, .ffn = 128});
  ASSERT_OK_AND_ASSIGN(const PruneResult result, Run({.ffn_percent = 25, .text = kText}));
  EXPECT_EQ(result.ffn_after, 96u);
  EXPECT_TRUE(result.rounded_again);
  EXPECT_EQ(Open(out_)->FindTensor("blk.0.ffn_down.weight")->type_name, "Q8_0");
  EXPECT_EQ(Logits(*Open(out_), {1, 2, 3}).size(), 273u);
}

TEST_F(PruneTest, RefusesWhatCannotBe) {
  EXPECT_THAT(Run({.drop_layers = {6}}), StatusIs(kInvalid, HasSubstr("0 to 5")));
  EXPECT_THAT(Run({.drop_layers = {0, 1, 2, 3, 4, 5}}), StatusIs(kInvalid, HasSubstr("not all")));
  EXPECT_THAT(Run({.keep_layers = 7, .text = kText}), StatusIs(kInvalid, HasSubstr("only 6")));
  EXPECT_THAT(Run({.keep_layers = 3}), StatusIs(kInvalid, HasSubstr("--text-file")));
  EXPECT_THAT(Run({.ffn_percent = 10}), StatusIs(kInvalid, HasSubstr("--text-file")));
  EXPECT_FALSE(fs_.Stat(out_).ok());
}

// SmolLM3: every fourth layer is without RoPE. Without layer 1, layer 4 would be the third.
TEST_F(PruneTest, LayersThatDependOnTheirPlaceStayThere) {
  gguf::GgufWriter writer;
  const auto in = Open(in_);
  for (const std::string_view key : in->Keys()) {
    auto value = *in->GetStored(key);
    std::string name(key);
    if (name.starts_with("llama.")) name.replace(0, 5, "smollm3");
    writer.SetRaw(name, value.type, value.bytes);
  }
  writer.SetString("general.architecture", "smollm3");
  for (const gguf::TensorInfo& t : in->tensors()) writer.AddTensorView(t.name, t.ggml_type, t.shape, t.data);
  ASSERT_THAT(writer.WriteTo(fs_, other_), IsOk());
  EXPECT_THAT(Prune(fs_, other_, {out_, true}, {.drop_layers = {1}}, nullptr),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("layer 3 cannot become layer 2")));
  EXPECT_THAT(Prune(fs_, other_, {out_, true}, {.drop_layers = {1, 2, 3, 4}}, nullptr), IsOk());
  EXPECT_THAT(Prune(fs_, other_, {out_, true}, {.drop_layers = {4, 5}}, nullptr), IsOk());
}

TEST_F(PruneTest, EveryFamilyLosesItsLastLayerAndSomeChannels) {
  const std::vector<int32_t> tokens = {7, 100, 3, 3, 250, 64, 12};
  for (const linnet::testing::TinyFamily& family : linnet::testing::TinyFamilies()) {
    SCOPED_TRACE(family.name);
    ASSERT_THAT(fs_.WriteFileAtomic(other_, TinyFamilyBytes(family)), IsOk());
    ASSERT_OK_AND_ASSIGN(
        const PruneResult result,
        Prune(fs_, other_, {out_, true},
              {.drop_layers = {family.layers - 1}, .ffn_percent = 30, .text = kText}, nullptr));
    EXPECT_EQ(result.layers_after, family.layers - 1);
    EXPECT_EQ(result.ffn_after, 64u);
    const auto file = Open(out_);
    const auto expected = model::ReferenceLogits(*file, tokens);
    const auto found = Logits(*file, tokens);
    double most = 0;
    for (const double e : expected) most = std::max(most, std::fabs(e));
    for (size_t i = 0; i < found.size(); ++i) ASSERT_NEAR(found[i], expected[i], 1e-4 * most) << i;
  }
}

// A byte-level vocabulary of several scripts, in a model whose every row differs.
class VocabularyTest : public PruneTest {
 protected:
  void WriteModel(const std::string& vocabulary) {
    const auto from = Open(vocabulary);
    const uint64_t tokens = from->GetStringArray("tokenizer.ggml.tokens")->size();
    gguf::GgufWriter writer;
    const auto tiny = Open(in_);
    for (const std::string_view key : tiny->Keys()) {
      if (key.starts_with("tokenizer.")) continue;
      auto value = *tiny->GetStored(key);
      writer.SetRaw(key, value.type, value.bytes);
    }
    for (const std::string_view key : from->Keys()) {
      if (!key.starts_with("tokenizer.")) continue;
      auto value = *from->GetStored(key);
      writer.SetRaw(key, value.type, value.bytes);
    }
    writer.SetUint32("llama.vocab_size", static_cast<uint32_t>(tokens));
    for (const gguf::TensorInfo& t : tiny->tensors()) {
      if (t.name != "token_embd.weight") {
        writer.AddTensorView(t.name, t.ggml_type, t.shape, t.data);
        continue;
      }
      std::vector<float> values(64 * tokens);
      for (size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<float>(i) * 0.37F);
      writer.AddTensor(t.name, WeightType::kF32, {64, tokens}, quant::Quantize(WeightType::kF32, values));
    }
    ASSERT_THAT(writer.WriteTo(fs_, other_), IsOk());
  }

  // What must hold for every vocabulary.
  void Check(std::string_view corpus, const std::vector<std::string>& same,
             const std::vector<std::string>& back) {
    ASSERT_OK_AND_ASSIGN(const PruneResult result,
                         Prune(fs_, other_, {out_, true}, {.corpus = corpus}, nullptr));
    EXPECT_LT(result.vocabulary_after, result.vocabulary_before);
    const auto before = Open(other_), after = Open(out_);
    ASSERT_OK_AND_ASSIGN(const auto old_tokenizer, tokenizer::Tokenizer::Create(*before));
    ASSERT_OK_AND_ASSIGN(const auto new_tokenizer, tokenizer::Tokenizer::Create(*after));
    ASSERT_OK_AND_ASSIGN(const auto cut, CutVocabulary(*before, *old_tokenizer, corpus));
    for (const std::string& text : same) {
      std::vector<int32_t> expected;
      for (const int32_t id : old_tokenizer->Encode(text, {})) {
        expected.push_back(cut.new_ids[static_cast<size_t>(id)]);
      }
      const auto found = new_tokenizer->Encode(text, {});
      EXPECT_EQ(found, expected) << text;
      EXPECT_EQ(new_tokenizer->Decode(found), old_tokenizer->Decode(old_tokenizer->Encode(text, {}))) << text;
    }
    for (const std::string& text : back) {
      EXPECT_EQ(new_tokenizer->Decode(new_tokenizer->Encode(text, {})), text);
    }
    for (const char* special : {"bos", "eos"}) {
      const std::string key = absl::StrCat("tokenizer.ggml.", special, "_token_id");
      if (!before->Has(key)) continue;
      EXPECT_EQ(before->GetStringArray("tokenizer.ggml.tokens")->at(*before->GetUint(key)),
                after->GetStringArray("tokenizer.ggml.tokens")->at(*after->GetUint(key)));
    }
    // The same logits for the tokens that stay.
    const std::vector<int32_t> tokens(cut.kept.begin() + 40, cut.kept.begin() + 60);
    std::vector<int32_t> renamed;
    for (const int32_t id : tokens) renamed.push_back(cut.new_ids[static_cast<size_t>(id)]);
    const auto then = Logits(*before, tokens), now = Logits(*after, renamed);
    ASSERT_EQ(now.size(), cut.kept.size());
    for (size_t i = 0; i < now.size(); ++i) ASSERT_EQ(now[i], then[static_cast<size_t>(cut.kept[i])]) << i;
  }
};

constexpr std::string_view kGerman = "Die Lüftung läuft, größer als gewöhnlich. 21,5 °C – \"gut\" …";
const std::vector<std::string> kAlike = {std::string(kGerman),
                                         "",
                                         " ",
                                         "The quick brown fox",
                                         "élève naïve, çà et là; Łódź",
                                         "x = {\"a\": [1, 2]}\n\t\n",
                                         "42 \xe2\x82\xac \xf0\x9f\x98\x80 \xe2\x88\x91"};
const std::vector<std::string> kForeign = {"привет мир", "你好世界", "مرحبا", "日本語のテキスト"};

TEST_F(VocabularyTest, ByteLevelVocabulariesLoseScriptsAndKeepEveryText) {
  for (const char* name : {"gpt-2", "smollm2", "starcoder", "falcon"}) {
    const std::string path = SharedData(absl::StrCat("tokenizers/ggml-vocab-", name, ".gguf"));
    LINNET_SHARED_OR_SKIP(path);
    SCOPED_TRACE(name);
    WriteModel(path);
    std::vector<std::string> back = kForeign;
    back.insert(back.end(), kAlike.begin(), kAlike.end());
    Check(kGerman, kAlike, back);
  }
}

TEST_F(VocabularyTest, SentencePieceVocabulariesDoToo) {
  const std::string path = SharedData("tokenizers/ggml-vocab-llama-spm.gguf");
  LINNET_SHARED_OR_SKIP(path);
  WriteModel(path);
  Check(kGerman, kAlike, {kAlike[3], kForeign[0], kForeign[1], kForeign[2], kForeign[3]});
}

// WordPiece folds case and accents, so that texts do not come back; their tokens stay.
TEST_F(VocabularyTest, WordPieceVocabulariesKeepTheirTokens) {
  const std::string path = SharedData("tokenizers/ggml-vocab-bert-bge.gguf");
  LINNET_SHARED_OR_SKIP(path);
  WriteModel(path);
  Check(kGerman, kAlike, {});
}

TEST_F(VocabularyTest, TheCorpusSaysWhichScriptsStay) {
  const std::string path = SharedData("tokenizers/ggml-vocab-smollm2.gguf");
  LINNET_SHARED_OR_SKIP(path);
  WriteModel(path);
  const auto size = [&](std::string_view corpus) {
    return Prune(fs_, other_, {out_, true}, {.corpus = corpus}, nullptr)->vocabulary_after;
  };
  const uint32_t german = size(kGerman), russian = size("привет"), both = size("Größe привет");
  EXPECT_GT(both, german);
  EXPECT_GT(both, russian);
  EXPECT_LT(russian, german);
  Check("Größe привет 你好", {"привет, мир", "größer", "你好，世界"}, kForeign);
}

}  // namespace
}  // namespace linnet::tools
