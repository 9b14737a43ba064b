#include "runtime/tools/synth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <vector>

#include "runtime/base/file_system.h"
#include "runtime/engine/engine.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/gguf/gguf_writer.h"
#include "runtime/tokenizer/tokenizer.h"
#include "runtime/tools/known_shapes.h"
#include "runtime/tools/quantize.h"
#include "runtime/tools/quantize_rule.h"
#include "runtime/tools/synth_vocabulary.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace linnet::tools {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::testing::HasSubstr;

class SynthTest : public ::testing::Test {
 protected:
  absl::StatusOr<SynthResult> Plan(std::string_view shape, std::string_view type) {
    return Synth(fs_, {}, {.shape = std::string(shape), .type = std::string(type), .dry_run = true}, nullptr);
  }
  absl::StatusOr<SynthResult> Make(const SynthOptions& options, const std::string& name = "model.gguf") {
    return Synth(fs_, {dir_ / name, true}, options, nullptr);
  }

  base::FileSystem& fs_ = base::FileSystem::Real();
  testing::TempDir dir_;
};

// As the models' pages on huggingface.co give them.
TEST_F(SynthTest, ShapesHaveThePublishedNumberOfParameters) {
  const std::map<std::string_view, uint64_t> published = {
      {"SmolLM2-135M", 134515008}, {"SmolLM2-360M", 361821120},  {"Qwen2.5-0.5B", 494032768},
      {"Gemma-3-270M", 268098176}, {"Llama-3.2-1B", 1235814400}, {"Qwen3-0.6B", 596049920},
  };
  ASSERT_EQ(KnownShapes().size(), published.size());
  for (const KnownShape& shape : KnownShapes()) {
    ASSERT_OK_AND_ASSIGN(const SynthResult plan, Plan(shape.name, "F16"));
    const uint64_t divisors = shape.llama3_rope ? shape.head_dim / 2 : 0;  // no parameters
    EXPECT_EQ(plan.parameters - divisors, published.at(shape.name)) << shape.name;
    std::set<std::string> names;
    for (const SynthTensor& tensor : plan.tensors) EXPECT_TRUE(names.insert(tensor.name).second);
  }
}

// What llama-quantize (b10573) made of these shapes, in MiB of tensor data.
TEST_F(SynthTest, MixesComeToTheSizesOfLlamaQuantize) {
  struct Size {
    const char *shape, *type;
    double mib;
  };
  for (const Size& size : {Size{"SmolLM2-135M", "Q8_0", 136.4}, Size{"SmolLM2-135M", "Q4_0", 85.8},
                           Size{"SmolLM2-135M", "Q4_K_M", 98.9}, Size{"SmolLM2-135M", "Q6_K", 130.3},
                           Size{"Qwen2.5-0.5B", "Q8_0", 500.8}, Size{"Qwen2.5-0.5B", "Q4_0", 330.2},
                           Size{"Qwen2.5-0.5B", "Q4_K_M", 373.7}, Size{"Llama-3.2-1B", "Q8_0", 1252.4},
                           Size{"Llama-3.2-1B", "Q4_0", 727.8}, Size{"Llama-3.2-1B", "Q4_K_M", 762.8},
                           Size{"Gemma-3-270M", "Q8_0", 271.8}, Size{"Gemma-3-270M", "Q4_0", 224.0},
                           Size{"Gemma-3-270M", "Q4_K_M", 235.2}}) {
    ASSERT_OK_AND_ASSIGN(const SynthResult plan, Plan(size.shape, size.type));
    uint64_t bytes = 0;
    for (const SynthTensor& tensor : plan.tensors) bytes += tensor.bytes;
    EXPECT_NEAR(static_cast<double>(bytes) / (1 << 20), size.mib, 0.1) << size.shape << " " << size.type;
  }
}

TEST_F(SynthTest, GivesEachTensorTheTypeThatQuantizeWould) {
  const SynthOptions floats = {.shape = "SmolLM2-135M", .type = "F16", .layers = 8, .vocabulary = 512};
  ASSERT_THAT(Make(floats), IsOk());
  for (const std::string& kind : QuantizeRule::Kinds()) {
    ASSERT_OK_AND_ASSIGN(const QuantizeResult quantized,
                         Quantize(fs_, dir_ / "model.gguf", {}, {.type = kind, .dry_run = true}, nullptr));
    SynthOptions options = floats;
    options.type = kind;
    options.dry_run = true;
    ASSERT_OK_AND_ASSIGN(const SynthResult made, Make(options));
    ASSERT_EQ(made.tensors.size(), quantized.tensors.size());
    for (size_t i = 0; i < made.tensors.size(); ++i) {
      EXPECT_EQ(made.tensors[i].name, quantized.tensors[i].name);
      EXPECT_EQ(made.tensors[i].type, quantized.tensors[i].to) << kind << " " << made.tensors[i].name;
    }
  }
}

TEST_F(SynthTest, EveryShapeRuns) {
  for (const KnownShape& shape : KnownShapes()) {
    ASSERT_THAT(Make({.shape = std::string(shape.name), .type = "Q4_0", .layers = 1, .vocabulary = 1024}),
                IsOk());
    const auto engine = engine::Engine::Load(fs_, dir_ / "model.gguf", {.context_tokens = 32});
    ASSERT_THAT(engine, IsOk()) << shape.name;
    EXPECT_EQ((*engine)->info().architecture, shape.architecture);
    EXPECT_EQ((*engine)->info().vocabulary, 1024u);
    const auto logits = (*engine)->Logits({300, 301, 302});
    ASSERT_THAT(logits, IsOk()) << shape.name;
    double squares = 0;
    for (const float logit : *logits) squares += static_cast<double>(logit) * logit;
    // Neither vanished nor exploded.
    EXPECT_GT(squares / 1024, 0.05) << shape.name;
    EXPECT_LT(squares / 1024, 20) << shape.name;
  }
}

TEST_F(SynthTest, TheSameSeedGivesTheSameFileWithAnyThreads) {
  SynthOptions options = {.shape = "SmolLM2-135M", .type = "Q4_K_M", .layers = 1, .vocabulary = 300};
  const auto bytes = [&] {
    EXPECT_THAT(Make(options), IsOk());
    return *fs_.ReadFile(dir_ / "model.gguf", 1 << 30);
  };
  options.threads = 1;
  const std::string one = bytes();
  options.threads = 3;
  EXPECT_EQ(bytes(), one);
  options.seed = 2;
  EXPECT_NE(bytes(), one);
}

TEST_F(SynthTest, VocabulariesOfFullSizeEncodeAnyTextWithMerges) {
  const std::string text = "the rain in Spain \xc3\xa9\xe2\x82\xac\n\tstays 42 times";
  for (const KnownShape& shape : KnownShapes()) {
    gguf::GgufWriter writer;
    writer.SetString("general.architecture", shape.architecture);
    ASSERT_THAT(SetVocabulary(*shape.tokens, shape.vocabulary, writer), IsOk());
    ASSERT_THAT(writer.WriteTo(fs_, dir_ / "vocabulary.gguf"), IsOk());
    ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Open(fs_, dir_ / "vocabulary.gguf"));
    ASSERT_OK_AND_ASSIGN(const auto tokenizer, tokenizer::Tokenizer::Create(*file));
    EXPECT_EQ(tokenizer->vocabulary_size(), static_cast<int32_t>(shape.vocabulary));
    const auto ids = tokenizer->Encode(text, {.add_special = false});
    EXPECT_EQ(tokenizer->Decode(ids), text) << shape.name;
    EXPECT_LT(ids.size(), text.size() - 5) << shape.name;
    for (const ControlToken& control : shape.tokens->named) {
      const int32_t id = control.id < 0 ? tokenizer->vocabulary_size() + control.id : control.id;
      if (control.text == "<unk>") continue;
      EXPECT_EQ(tokenizer->Encode(std::string(control.text), {.add_special = false, .parse_special = true}),
                std::vector<tokenizer::TokenId>{id});
    }
    const int32_t eos = shape.tokens->eos;
    EXPECT_TRUE(tokenizer->IsEnd(eos < 0 ? tokenizer->vocabulary_size() + eos : eos)) << shape.name;
  }
}

TEST_F(SynthTest, RefusesWhatMakesNoSense) {
  const auto refused = [&](const SynthOptions& options, const char* why) {
    const auto result = Make(options, "refused.gguf");
    EXPECT_THAT(result, StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(std::string(result.status().message()), HasSubstr(why));
    EXPECT_THAT(fs_.Stat(dir_ / "refused.gguf"), StatusIs(absl::StatusCode::kNotFound));
  };
  refused({.shape = "GPT-9", .type = "Q8_0"}, "SmolLM2-135M, SmolLM2-360M");
  refused({.shape = "smollm2-135m", .type = "Q9"}, "Q4_K_M");
  refused({.shape = "smollm2-135m", .type = "Q8_0", .vocabulary = 272}, "expected 273 to");
  refused({.shape = "gemma-3-270m", .type = "Q8_0", .vocabulary = 1u << 30}, "expected 589 to");
  refused({.shape = "smollm2-135m", .type = "Q8_0", .layers = 5000}, "at most 1024");
  ASSERT_THAT(fs_.WriteFileAtomic(dir_ / "there.gguf", "x", 0644), IsOk());
  EXPECT_THAT(Synth(fs_, {dir_ / "there.gguf"}, {.shape = "SmolLM2-135M", .type = "Q8_0"}, nullptr),
              StatusIs(absl::StatusCode::kAlreadyExists));
}

}  // namespace
}  // namespace linnet::tools
