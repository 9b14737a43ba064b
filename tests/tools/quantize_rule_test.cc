#include "runtime/tools/quantize_rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"

namespace linnet::tools {
namespace {

using ::linnet::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The layers whose `matrix` gets `type`.
std::vector<uint32_t> Layers(std::string_view kind, const ModelShape& shape, const char* matrix,
                             std::string_view type) {
  const auto rule = QuantizeRule::Create(kind, shape, false);
  std::vector<uint32_t> layers;
  for (uint32_t l = 0; l < shape.layers; ++l) {
    if (rule->TypeOf(absl::StrCat("blk.", l, ".", matrix, ".weight"), 2048).name == type) layers.push_back(l);
  }
  return layers;
}

std::string_view TypeOf(std::string_view kind, const ModelShape& shape, const char* tensor, uint64_t cols) {
  return QuantizeRule::Create(kind, shape, false)->TypeOf(tensor, cols).name;
}

// Llama-3.2-1B (16 layers, 4 heads share one) as llama-quantize makes it.
TEST(QuantizeRuleTest, GivesMoreBitsWhereLlamaQuantizeDoes) {
  const ModelShape llama = {.layers = 16, .heads_per_kv_head = 4, .tied = true};
  EXPECT_THAT(Layers("Q4_K_M", llama, "attn_v", "Q6_K"), ElementsAre(0, 1, 4, 7, 10, 13, 14, 15));
  EXPECT_THAT(Layers("Q4_K_M", llama, "ffn_down", "Q6_K"), ElementsAre(0, 1, 4, 7, 10, 13, 14, 15));
  EXPECT_THAT(Layers("Q4_K_M", llama, "attn_q", "Q4_K").size(), 16u);
  EXPECT_THAT(Layers("Q4_K_S", llama, "attn_v", "Q5_K"), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(Layers("Q4_K_S", llama, "ffn_down", "Q5_K"), ElementsAre(0, 1));
  EXPECT_THAT(Layers("Q3_K_M", llama, "attn_v", "Q5_K"), ElementsAre(0, 1));
  EXPECT_THAT(Layers("Q3_K_M", llama, "ffn_down", "Q5_K"), ElementsAre(0));
  EXPECT_THAT(Layers("Q3_K_M", llama, "attn_output", "Q4_K").size(), 16u);
  EXPECT_THAT(Layers("Q2_K", llama, "attn_v", "Q4_K").size(), 16u);
  EXPECT_THAT(Layers("Q2_K", {.layers = 16}, "attn_v", "Q3_K").size(), 16u);
  EXPECT_THAT(Layers("IQ4_XS", llama, "ffn_down", "Q5_K"), ElementsAre(0, 1));
  ModelShape measured = llama;
  measured.importance = true;
  EXPECT_THAT(Layers("IQ4_XS", measured, "ffn_down", "Q5_K"), ElementsAre());
  EXPECT_THAT(Layers("Q4_0", measured, "ffn_down", "Q4_1"), ElementsAre(0, 1));
  EXPECT_THAT(Layers("Q4_0", llama, "ffn_down", "Q4_1"), ElementsAre());
}

TEST(QuantizeRuleTest, TheHeadGetsMoreAndTheEmbeddingWhereItIsTheHead) {
  const ModelShape tied = {.layers = 2, .tied = true}, untied = {.layers = 2};
  EXPECT_EQ(TypeOf("Q4_K_M", tied, "token_embd.weight", 2048), "Q6_K");
  EXPECT_EQ(TypeOf("Q4_K_M", untied, "token_embd.weight", 2048), "Q4_K");
  EXPECT_EQ(TypeOf("Q4_K_M", untied, "output.weight", 2048), "Q6_K");
  EXPECT_EQ(TypeOf("Q4_K_M", untied, "output.weight", 576), "Q8_0");  // 576 = 2.25 blocks of 256
  EXPECT_EQ(TypeOf("Q4_0", tied, "token_embd.weight", 2048), "Q6_K");
  EXPECT_EQ(TypeOf("Q8_0", tied, "token_embd.weight", 2048), "Q8_0");
  EXPECT_EQ(TypeOf("F16", tied, "token_embd.weight", 2048), "F16");
  EXPECT_EQ(TypeOf("TQ1_0", untied, "token_embd.weight", 2048), "Q4_K");
  EXPECT_EQ(QuantizeRule::Create("Q4_K_M", tied, true)->TypeOf("token_embd.weight", 2048).name, "Q4_K");
}

// llama.h enum llama_ftype.
TEST(QuantizeRuleTest, KindsHaveTheFilesNumbers) {
  const auto number = [](std::string_view kind) {
    return QuantizeRule::Create(kind, {}, false)->file_type();
  };
  EXPECT_EQ(number("F32"), 0u);
  EXPECT_EQ(number("f16"), 1u);
  EXPECT_EQ(number("Q4_0"), 2u);
  EXPECT_EQ(number("Q8_0"), 7u);
  EXPECT_EQ(number("q4_k"), 15u);
  EXPECT_EQ(number("Q4_K_M"), 15u);
  EXPECT_EQ(number("Q6_K"), 18u);
  EXPECT_EQ(number("IQ4_XS"), 30u);
  EXPECT_EQ(number("BF16"), 32u);
  EXPECT_THAT(QuantizeRule::Create("Q9", {}, false),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("Q4_K_M")));
}

TEST(QuantizeRuleTest, RowsThatAreNoWholeBlocksGetTheNearestType) {
  const auto fitting = [](std::string_view type, uint64_t cols) {
    return Fitting(*gguf::FindGgmlTypeByName(type), cols).name;
  };
  EXPECT_EQ(fitting("Q4_K", 2048), "Q4_K");
  EXPECT_EQ(fitting("Q4_K", 576), "Q5_0");
  EXPECT_EQ(fitting("Q5_K", 576), "Q5_1");
  EXPECT_EQ(fitting("Q6_K", 576), "Q8_0");
  EXPECT_EQ(fitting("Q2_K", 576), "Q4_0");
  EXPECT_EQ(fitting("Q3_K", 576), "Q4_0");
  EXPECT_EQ(fitting("IQ4_XS", 576), "IQ4_NL");
  EXPECT_EQ(fitting("TQ2_0", 576), "Q4_0");
  EXPECT_EQ(fitting("Q4_K", 172), "F16");
  EXPECT_EQ(fitting("Q8_0", 172), "F16");
  EXPECT_EQ(fitting("F32", 173), "F32");
}

TEST(QuantizeRuleTest, NormsBiasesAndTablesStay) {
  EXPECT_TRUE(Quantizable("blk.0.attn_q.weight", {64, 64}));
  EXPECT_TRUE(Quantizable("token_embd.weight", {64, 512}));
  EXPECT_FALSE(Quantizable("blk.0.attn_norm.weight", {64}));
  EXPECT_FALSE(Quantizable("blk.0.attn_q_norm.weight", {64, 4}));
  EXPECT_FALSE(Quantizable("blk.0.attn_q.bias", {64}));
  EXPECT_FALSE(Quantizable("blk.0.attn_q.bias", {64, 2}));
  EXPECT_FALSE(Quantizable("rope_freqs.weight", {64, 1}));
  EXPECT_FALSE(Quantizable("position_embd.weight", {64, 512}));
  EXPECT_FALSE(Quantizable("blk.0.shortconv.conv.weight", {3, 512}));
}

}  // namespace
}  // namespace linnet::tools
