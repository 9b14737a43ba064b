#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "runtime/gguf/gguf_file.h"
#include "runtime/kernels/kernel_table.h"
#include "runtime/model/transformer.h"
#include "tests/support/status_matchers.h"
#include "tests/support/tiny_families.h"

// Files of every family with something wrong: one error that names it.
namespace linnet::model {
namespace {

using ::linnet::testing::StatusIs;
using ::linnet::testing::TinyFamilies;
using ::linnet::testing::TinyFamily;
using ::linnet::testing::TinyFamilyBytes;
using ::linnet::testing::TinyFamilyNamed;
using ::testing::HasSubstr;

absl::Status Create(const std::string& bytes) {
  auto file = gguf::GgufFile::Parse("tiny", std::as_bytes(std::span(bytes.data(), bytes.size())));
  if (!file.ok()) return file.status();
  base::ThreadPool pool(1);
  return Transformer::Create(**file, kernels::Variants().begin()->ops, pool, 8).status();
}

// The bytes with the first `from` overwritten by `to`, which is as long.
std::string Overwritten(std::string bytes, const std::string& from, const std::string& to) {
  const size_t at = bytes.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  EXPECT_EQ(from.size(), to.size());
  return bytes.replace(at, to.size(), to);
}

class EveryFamilyTest : public ::testing::TestWithParam<TinyFamily> {};

TEST_P(EveryFamilyTest, NamesAMissingTensor) {
  const std::string bytes = TinyFamilyBytes(GetParam());
  for (const std::string name : {"blk.1.ffn_down.weight", "blk.2.ffn_up.weight", "token_embd.weight"}) {
    std::string other = name;
    other.back() = 'x';
    EXPECT_THAT(Create(Overwritten(bytes, name, other)),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr(name + " is missing")));
  }
}

TEST_P(EveryFamilyTest, NamesATensorOfAnotherShape) {
  TinyFamily family = GetParam();
  family.uints["feed_forward_length"] = family.ffn + 1;
  EXPECT_THAT(Create(TinyFamilyBytes(family)),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("tensor blk.0.ffn_up.weight is [64, ")));
  family = GetParam();
  family.uints["embedding_length"] = family.dim * 2;
  EXPECT_FALSE(Create(TinyFamilyBytes(family)).ok());
}

TEST_P(EveryFamilyTest, NamesAMissingKeyAndOneThatMakesNoSense) {
  const TinyFamily& family = GetParam();
  const std::string bytes = TinyFamilyBytes(family);
  for (const std::string key :
       {"context_length", "block_count", "feed_forward_length", "attention.head_count"}) {
    const std::string name = family.architecture + "." + key;
    std::string other = name;
    other.back() = 'X';
    EXPECT_THAT(Create(Overwritten(bytes, name, other)),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("metadata has no " + name)));
    TinyFamily huge = family;
    huge.uints[key] = std::numeric_limits<uint32_t>::max();
    EXPECT_THAT(Create(TinyFamilyBytes(huge)), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(name)));
    huge.uints[key] = 0;
    EXPECT_THAT(Create(TinyFamilyBytes(huge)), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(name)));
  }
}

TEST_P(EveryFamilyTest, RefusesExpertsAndTensorsThatItWouldIgnore) {
  TinyFamily family = GetParam();
  family.uints["expert_count"] = 8;
  EXPECT_THAT(Create(TinyFamilyBytes(family)),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("expert_count")));
  // Where a list has a value for each layer, its length shows first.
  if (GetParam().architecture == "lfm2" || GetParam().architecture == "granitehybrid") return;
  family = GetParam();
  ++family.layers;
  family.uints["block_count"] = family.layers - 1;
  EXPECT_THAT(Create(TinyFamilyBytes(family)),
              StatusIs(absl::StatusCode::kUnimplemented,
                       HasSubstr("blk." + std::to_string(family.layers - 1) + ".")));
}

TEST(BadFamiliesTest, ATensorThatTheFamilyMustHaveIsMissed) {
  for (const auto& [family, name] :
       std::vector<std::pair<std::string, std::string>>{{"qwen2", "blk.1.attn_k.bias"},
                                                        {"qwen3", "blk.1.attn_k_norm.weight"},
                                                        {"gemma3", "blk.4.post_ffw_norm.weight"},
                                                        {"stablelm", "blk.0.attn_norm.bias"},
                                                        {"stablelm-parallel", "blk.1.attn_k_norm.weight"},
                                                        {"phi2", "output.bias"},
                                                        {"phi3-longrope", "rope_factors_short.weight"},
                                                        {"gpt2", "position_embd.weight"},
                                                        {"lfm2", "blk.3.shortconv.conv.weight"},
                                                        {"granitehybrid", "blk.2.ssm_dt.bias"}}) {
    std::string other = name;
    other.back() = 'x';
    EXPECT_THAT(Create(Overwritten(TinyFamilyBytes(TinyFamilyNamed(family)), name, other)),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr(name + " is missing")));
  }
}

INSTANTIATE_TEST_SUITE_P(Tiny, EveryFamilyTest, ::testing::ValuesIn(TinyFamilies()),
                         [](const auto& param_info) {
                           std::string name = param_info.param.name;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

struct Wrong {
  std::string family;
  std::function<void(TinyFamily&)> change;
  absl::StatusCode code;
  std::string names;
};

TEST(BadFamiliesTest, EachSettingHasItsError) {
  constexpr auto kData = absl::StatusCode::kDataLoss;
  constexpr auto kNever = absl::StatusCode::kUnimplemented;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Wrong kWrong[] = {
      {"llama", [](TinyFamily& f) { f.uints["attention.head_count_kv"] = 3; }, kData, "cannot share evenly"},
      {"llama", [](TinyFamily& f) { f.uints["attention.head_count_kv"] = 0; }, kData, "head_count_kv"},
      {"llama", [](TinyFamily& f) { f.uints["attention.value_length"] = 12; }, kNever, "value_length"},
      {"llama", [](TinyFamily& f) { f.uints["rope.dimension_count"] = 7; }, kData, "rope.dimension_count"},
      {"llama", [](TinyFamily& f) { f.uints["rope.dimension_count"] = 22; }, kData, "rope.dimension_count"},
      {"llama", [&](TinyFamily& f) { f.floats["rope.freq_base"] = nan; }, kData, "rope.freq_base"},
      {"llama", [](TinyFamily& f) { f.floats["rope.freq_base"] = 1.0F; }, kData, "rope.freq_base"},
      {"llama", [&](TinyFamily& f) { f.floats["attention.layer_norm_rms_epsilon"] = nan; }, kData, "epsilon"},
      {"llama", [](TinyFamily& f) { f.strings["rope.scaling.type"] = "su"; }, kNever, "\"su\""},
      {"llama", [](TinyFamily& f) { f.strings["rope.scaling.type"] = "linear"; }, kData,
       "rope.scaling.factor"},
      {"llama", [](TinyFamily& f) { f.strings["rope.scaling.type"] = "longrope"; }, kData,
       "rope_factors_long"},
      {"llama", [](TinyFamily& f) { f.bools["attention.causal"] = false; }, kNever, "attention.causal"},
      {"llama", [](TinyFamily& f) { f.floats["final_logit_softcapping"] = 30.0F; }, kNever, "softcapping"},
      {"llama", [](TinyFamily& f) { f.floats["logit_scale"] = 8.0F; }, kNever, "logit_scale"},
      {"llama", [](TinyFamily& f) { f.floats["attention.clamp_kqv"] = 8.0F; }, kNever, "clamp_kqv"},
      {"qwen2-yarn", [](TinyFamily& f) { f.floats.erase("rope.scaling.factor"); }, kData,
       "rope.scaling.factor"},
      {"qwen2-yarn", [](TinyFamily& f) { f.floats["rope.scaling.factor"] = 0.5F; }, kData,
       "rope.scaling.factor"},
      {"qwen2-yarn", [](TinyFamily& f) { f.floats["rope.scaling.yarn_log_multiplier"] = -1.0F; }, kData,
       "yarn_log"},
      {"llama", [](TinyFamily& f) { f.floats["attention.temperature_scale"] = 0.1F; }, kNever,
       "temperature_scale"},
      {"qwen3", [](TinyFamily& f) { f.options = {"biases"}; }, kNever, "attn_q.bias"},
      {"gemma", [](TinyFamily& f) { f.tied = false; }, kNever, "output.weight"},
      {"gemma2", [](TinyFamily& f) { f.floats["attn_logit_softcapping"] = -1.0F; }, kData, "softcapping"},
      {"gemma3", [](TinyFamily& f) { f.bool_lists["attention.sliding_window_pattern"] = {true}; }, kData,
       "a list of 1"},
      {"gemma3", [](TinyFamily& f) { f.strings["attention.sliding_window_pattern"] = "x"; },
       absl::StatusCode::kInvalidArgument, "sliding_window_pattern"},
      {"gemma3", [](TinyFamily& f) { f.uints["attention.key_length_swa"] = 16; }, kNever, "key_length_swa"},
      {"phi3-longrope",
       [](TinyFamily& f) {
         f.options.clear();
         f.strings["rope.scaling.type"] = "longrope";
       },
       kData, "rope_factors_long.weight is missing"},
      {"phi3-longrope",
       [](TinyFamily& f) {
         f.strings["rope.scaling.type"] = "longrope";
         f.floats["rope.scaling.factor"] = 2.0F;
       },
       kNever, "rope.scaling.factor"},
      {"granite", [](TinyFamily& f) { f.floats.erase("logit_scale"); }, kData, "granite.logit_scale"},
      {"granite", [](TinyFamily& f) { f.floats["residual_scale"] = std::numeric_limits<float>::quiet_NaN(); },
       kData, "residual_scale"},
      {"olmo2", [](TinyFamily& f) { f.tied = true; }, kData, "output.weight is missing"},
      {"gpt2", [](TinyFamily& f) { f.uints["context_length"] = 255; }, kData, "position_embd.weight"},
      {"granitehybrid", [](TinyFamily& f) { f.uints["ssm.group_count"] = 3; }, kData, "ssm.inner_size"},
      {"granitehybrid", [](TinyFamily& f) { f.uints["ssm.state_size"] = 0; }, kData, "ssm.state_size"},
      {"lfm2", [](TinyFamily& f) { f.uints["shortconv.l_cache"] = 1; }, kData, "shortconv.l_cache"},
      {"lfm2", [](TinyFamily& f) { f.uints["attention.head_count_kv"] = 2; }, kData,
       "blk.0.attn_q.weight is missing"},
  };
  for (const Wrong& wrong : kWrong) {
    TinyFamily family = TinyFamilyNamed(wrong.family);
    wrong.change(family);
    EXPECT_THAT(Create(TinyFamilyBytes(family)), StatusIs(wrong.code, HasSubstr(wrong.names)))
        << wrong.family << ", " << wrong.names;
  }
}

}  // namespace
}  // namespace linnet::model
