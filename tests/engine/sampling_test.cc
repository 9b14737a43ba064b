#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <set>

#include "runtime/engine/dry_breakers.h"
#include "runtime/gguf/gguf_file.h"
#include "tests/engine/engine_fixture.h"

namespace linnet::engine {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::kTinyFirstMerged;
using ::linnet::testing::StatusIs;
using ::testing::HasSubstr;
using tokenizer::TokenId;

class SamplingTest : public EngineFixture {};

TEST_F(SamplingTest, BiasesAndPenaltiesReachTheText) {
  const auto engine = Load();
  const auto plain = engine->Generate(Request("Some prompt", 12));
  ASSERT_THAT(plain, IsOk());
  GenerateRequest without = Request("Some prompt", 12);
  for (const TokenId id : std::set<TokenId>(plain->ids.begin(), plain->ids.end())) {
    without.sampling.logit_bias.emplace_back(id, -std::numeric_limits<float>::infinity());
  }
  const auto other = engine->Generate(std::move(without));
  ASSERT_THAT(other, IsOk());
  for (const TokenId id : other->ids) EXPECT_EQ(std::count(plain->ids.begin(), plain->ids.end(), id), 0);

  GenerateRequest outside = Request("x", 2);
  outside.sampling.logit_bias = {{1, 1.0f}, {5000, 1.0f}};
  EXPECT_THAT(engine->Generate(std::move(outside)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("logit_bias: token 5000")));
}

TEST_F(SamplingTest, DryEndsALoop) {
  const auto engine = Load();
  const std::string prompt = "abcdabcdabcdabcdabcd";
  GenerateRequest request = Request(prompt, 40);
  request.sampling.dry_multiplier = 4;
  request.sampling.dry_allowed_length = 2;
  const auto result = engine->Generate(std::move(request));
  ASSERT_THAT(result, IsOk());
  // No four tokens of the answer come twice: a repeat of three costs 4 * 1.75, more than what lies between
  // the tiny model's logits.
  std::map<std::vector<TokenId>, int> seen;
  for (size_t i = 0; i + 4 <= result->ids.size(); ++i) {
    ++seen[{result->ids.begin() + static_cast<std::ptrdiff_t>(i),
            result->ids.begin() + static_cast<std::ptrdiff_t>(i + 4)}];
  }
  for (const auto& [four, count] : seen) EXPECT_EQ(count, 1);
}

TEST_F(SamplingTest, BreakersAreFoundInTheVocabulary) {
  const auto file = gguf::GgufFile::Open(base::FileSystem::Real(), path_);
  ASSERT_THAT(file, IsOk());
  const auto tokenizer = tokenizer::Tokenizer::Create(**file);
  ASSERT_THAT(tokenizer, IsOk());
  // One byte: its token, and every merged piece that holds it.
  const auto e = DryBreakersOf(**tokenizer, {"e"});
  const std::vector<std::vector<int32_t>> alone = {{}};
  EXPECT_EQ(e.at('e'), alone);
  for (TokenId id = kTinyFirstMerged; id < (*tokenizer)->vocabulary_size(); ++id) {
    const bool holds = (*tokenizer)->Piece(id).find('e') != std::string_view::npos;
    EXPECT_EQ(e.contains(id), holds) << (*tokenizer)->Piece(id);
  }
  // More: "the" whole, or a piece that ends with "t" before "he", or with "th" before "e".
  const auto the = DryBreakersOf(**tokenizer, {"the"});
  const TokenId he = (*tokenizer)->Encode("he", {.add_special = false})[0];
  EXPECT_EQ(the.at('t'), (std::vector<std::vector<int32_t>>{{he}}));
  EXPECT_EQ(the.at((*tokenizer)->Encode("the", {.add_special = false})[0]), alone);
  EXPECT_FALSE(the.contains('h'));
  EXPECT_FALSE(the.contains(he));
}

}  // namespace
}  // namespace linnet::engine
