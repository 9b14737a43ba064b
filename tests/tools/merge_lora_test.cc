#include "runtime/tools/merge_lora.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "runtime/engine/engine.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/quant/quant.h"
#include "tests/support/lora_adapter.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_model.h"

namespace linnet::tools {
namespace {

using kernels::WeightType;
using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::testing::HasSubstr;

class MergeLoraTest : public ::testing::Test {
 protected:
  void Write(WeightType type) {
    testing::WriteTinyModel(base_, {.type = type});
    ASSERT_OK_AND_ASSIGN(const auto base, gguf::GgufFile::Open(fs_, base_));
    const std::string bytes = testing::AdapterBytes(
        {.alpha = 8, .tensors = {{"blk.0.attn_q.weight", 4}, {"blk.1.ffn_down.weight", 4}}}, *base);
    ASSERT_THAT(fs_.WriteFileAtomic(adapter_, bytes), IsOk());
  }
  absl::StatusOr<MergeLoraResult> Run(float scale = 1) {
    return MergeLora(fs_, base_, adapter_, {out_, true}, scale, nullptr);
  }
  std::vector<float> Values(const std::string& path, const std::string& name) {
    const auto file = gguf::GgufFile::Open(fs_, path);
    const gguf::TensorInfo* tensor = (*file)->FindTensor(name);
    return quant::Dequantize(tensor->type, tensor->data);
  }

  base::FileSystem& fs_ = base::FileSystem::Real();
  testing::TempDir dir_;
  const std::string base_ = dir_ / "base.gguf", adapter_ = dir_ / "lora.gguf", out_ = dir_ / "out.gguf";
};

TEST_F(MergeLoraTest, AddsTheProductToTheWeights) {
  Write(WeightType::kF32);
  ASSERT_OK_AND_ASSIGN(const MergeLoraResult result, Run(0.5F));
  EXPECT_EQ(result.changed, 2u);
  EXPECT_EQ(result.to_f16, 0u);
  for (const std::string name : {"blk.0.attn_q.weight", "blk.1.ffn_down.weight"}) {
    const auto w = Values(base_, name), a = Values(adapter_, name + ".lora_a"),
               b = Values(adapter_, name + ".lora_b");
    const auto merged = Values(out_, name);
    const size_t cols = a.size() / 4;
    double change = 0;
    for (size_t i = 0; i < w.size(); ++i) {
      double sum = 0;
      for (size_t r = 0; r < 4; ++r) {
        sum += static_cast<double>(b[i / cols * 4 + r]) * static_cast<double>(a[r * cols + i % cols]);
      }
      const double expected = static_cast<double>(w[i]) + 0.5 * (8.0 / 4.0) * sum;
      ASSERT_EQ(merged[i], static_cast<float>(expected)) << name << " " << i;
      change = std::max(change, std::fabs(expected - static_cast<double>(w[i])));
    }
    EXPECT_GT(change, 0.001);
  }
  ASSERT_OK_AND_ASSIGN(const auto before, gguf::GgufFile::Open(fs_, base_));
  ASSERT_OK_AND_ASSIGN(const auto after, gguf::GgufFile::Open(fs_, out_));
  for (const gguf::TensorInfo& t : before->tensors()) {
    if (t.name == "blk.0.attn_q.weight" || t.name == "blk.1.ffn_down.weight") continue;
    EXPECT_EQ(base::AsText(t.data), base::AsText(after->FindTensor(t.name)->data)) << t.name;
  }
  EXPECT_EQ(before->Keys(), after->Keys());
}

TEST_F(MergeLoraTest, QuantizedTensorsThatChangeBecomeF16) {
  Write(WeightType::kQ8_0);
  ASSERT_OK_AND_ASSIGN(const MergeLoraResult result, Run());
  EXPECT_EQ(result.to_f16, 2u);
  ASSERT_OK_AND_ASSIGN(const auto after, gguf::GgufFile::Open(fs_, out_));
  EXPECT_EQ(after->FindTensor("blk.0.attn_q.weight")->type_name, "F16");
  EXPECT_EQ(after->FindTensor("blk.0.attn_k.weight")->type_name, "Q8_0");
}

TEST_F(MergeLoraTest, TheEngineChoosesAnAdapterForEachRequest) {
  Write(WeightType::kF32);
  ASSERT_THAT(Run(), IsOk());
  engine::EngineOptions options = {.threads = 1};
  options.adapters = {{"accent", adapter_, 1.0F}};
  ASSERT_OK_AND_ASSIGN(const auto both, engine::Engine::Load(fs_, base_, options));
  ASSERT_OK_AND_ASSIGN(const auto plain, engine::Engine::Load(fs_, base_, {.threads = 1}));
  ASSERT_OK_AND_ASSIGN(const auto merged, engine::Engine::Load(fs_, out_, {.threads = 1}));
  const auto run = [](engine::Engine& engine, const std::string& adapter) {
    engine::GenerateRequest request;
    for (int i = 0; i < 40; ++i) request.prompt.push_back(i * 7 % 250);
    request.max_tokens = 12;
    request.adapter = adapter;
    return engine.Generate(std::move(request));
  };
  ASSERT_OK_AND_ASSIGN(const auto without, run(*plain, ""));
  ASSERT_OK_AND_ASSIGN(const auto with, run(*merged, ""));
  ASSERT_NE(with.ids, without.ids);
  // What one adapter evaluated is no use to another; its own is.
  for (int round = 0; round < 2; ++round) {
    ASSERT_OK_AND_ASSIGN(const auto none, run(*both, ""));
    EXPECT_EQ(none.ids, without.ids);
    ASSERT_OK_AND_ASSIGN(const auto accent, run(*both, "accent"));
    EXPECT_EQ(accent.ids, with.ids);
    EXPECT_GE(accent.evaluated_tokens, 40u);
    ASSERT_OK_AND_ASSIGN(const auto again, run(*both, "accent"));
    EXPECT_EQ(again.ids, with.ids);
    EXPECT_LT(again.evaluated_tokens, 40u);
  }
  EXPECT_THAT(run(*both, "other"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("'other' is not loaded")));
}

TEST_F(MergeLoraTest, RefusesAnAdapterOfAnotherModel) {
  Write(WeightType::kF32);
  testing::WriteTinyModel(base_, {.dim = 32, .heads = 2});
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("expected [32, rank]")));
  EXPECT_FALSE(fs_.Stat(out_).ok());
  EXPECT_THAT(MergeLora(fs_, base_, adapter_, {adapter_, true}, 1, nullptr),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("input")));
}

}  // namespace
}  // namespace linnet::tools
