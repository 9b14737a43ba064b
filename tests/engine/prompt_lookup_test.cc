#include "runtime/engine/prompt_lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/engine/engine_fixture.h"

namespace linnet::engine {
namespace {

using ::linnet::testing::WriteTinyModel;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using tokenizer::TokenId;

constexpr absl::Duration kToken = absl::Milliseconds(10);

TEST(PromptLookupTest, GuessesWhatFollowedTheLastTime) {
  PromptLookup lookup;
  const std::vector<TokenId> tokens = {1, 2, 3, 90, 1, 2, 3, 4, 5, 6, 7, 1, 2, 3};
  EXPECT_THAT(lookup.Guess(tokens, 3), IsEmpty());  // what a token costs is not known yet
  lookup.OnPlain(kToken);
  EXPECT_THAT(lookup.Guess(tokens, 3), ElementsAre(4, 5, 6));
  EXPECT_EQ(lookup.Guess(tokens, 100).size(), PromptLookup::kMostGuesses);
  EXPECT_THAT(lookup.Guess(tokens, 0), IsEmpty());
}

TEST(PromptLookupTest, GuessesARunOfItself) {
  PromptLookup lookup;
  lookup.OnPlain(kToken);
  EXPECT_THAT(lookup.Guess(std::vector<TokenId>{9, 5, 5, 5, 5}, 7), ElementsAre(5));
}

TEST(PromptLookupTest, HasNoIdeaWhereNothingRepeats) {
  PromptLookup lookup;
  lookup.OnPlain(kToken);
  for (const std::vector<TokenId>& tokens :
       {std::vector<TokenId>{}, {1}, {1, 2, 3}, {1, 2, 3, 4}, {2, 3, 1, 2, 3}, {1, 2, 3, 4, 5, 6}}) {
    EXPECT_THAT(lookup.Guess(tokens, 7), IsEmpty());
  }
}

TEST(PromptLookupTest, WhatDoesNotPayIsTriedEverMoreRarely) {
  PromptLookup lookup;
  lookup.OnPlain(kToken);
  const std::vector<TokenId> tokens = {1, 2, 3, 4, 1, 2, 3};
  for (const int pause : {1, 2, 4, 8, 16, 32, 64, 64}) {
    EXPECT_THAT(lookup.Guess(tokens, 1), ElementsAre(4));
    lookup.OnGuessed(2 * kToken, 1);  // twice the time, and nothing was right
    for (int i = 0; i < pause; ++i) EXPECT_THAT(lookup.Guess(tokens, 1), IsEmpty()) << pause;
  }
  EXPECT_THAT(lookup.Guess(tokens, 1), ElementsAre(4));
  lookup.OnGuessed(2 * kToken, 3);  // three tokens in the time of two
  EXPECT_THAT(lookup.Guess(tokens, 1), ElementsAre(4));
}

class SpeculationTest : public EngineFixture {};

TEST_F(SpeculationTest, GuessesChangeNothingInTheAnswer) {
  uint32_t guessed = 0, right = 0;
  for (const auto type :
       {kernels::WeightType::kF32, kernels::WeightType::kQ8_0, kernels::WeightType::kQ4_K}) {
    WriteTinyModel(path_, {.type = type, .dim = 256});
    const auto plain = Load({.threads = 1, .speculate = false});
    for (const int threads : {1, 2}) {
      const auto engine = Load({.threads = threads});
      for (const float temperature : {0.0f, 0.7f}) {
        for (const uint64_t seed : {1, 2}) {
          const auto request = [&] {
            GenerateRequest r = Request("on and on and on and on and on", 90);
            r.sampling = {.temperature = temperature, .top_k = 3, .seed = seed};
            return r;
          };
          ASSERT_OK_AND_ASSIGN(const GenerateResult expected, plain->Generate(request()));
          ASSERT_OK_AND_ASSIGN(const GenerateResult found, engine->Generate(request()));
          EXPECT_EQ(found.ids, expected.ids);
          EXPECT_EQ(found.text, expected.text);
          EXPECT_EQ(found.finish, expected.finish);
          EXPECT_EQ(expected.guessed_tokens, 0u);
          EXPECT_LE(found.right_guesses, found.guessed_tokens);
          guessed += found.guessed_tokens;
          right += found.right_guesses;
        }
      }
    }
  }
  EXPECT_GT(guessed, 0u);
  EXPECT_GT(right, 0u);
  RecordProperty("guessed", static_cast<int>(guessed));
  RecordProperty("right", static_cast<int>(right));
}

TEST_F(SpeculationTest, ItStopsWhereTheContextAndTheRequestEnd) {
  const auto plain = Load({.threads = 1, .context_tokens = 48, .speculate = false});
  const auto engine = Load({.threads = 1, .context_tokens = 48});
  for (uint32_t most = 1; most < 30; ++most) {
    ASSERT_OK_AND_ASSIGN(const auto expected, plain->Generate(Request("aaaaaaaa", most)));
    ASSERT_OK_AND_ASSIGN(const auto found, engine->Generate(Request("aaaaaaaa", most)));
    EXPECT_EQ(found.ids, expected.ids) << most;
  }
  const auto shifting = [] {
    GenerateRequest request = Request("aaaaaaaa", 150);
    request.context_shift_keep = 2;
    return request;
  };
  ASSERT_OK_AND_ASSIGN(const auto expected, plain->Generate(shifting()));
  ASSERT_OK_AND_ASSIGN(const auto found, engine->Generate(shifting()));
  EXPECT_EQ(found.ids, expected.ids);
  EXPECT_GT(found.context_shifts, 0u);
}

}  // namespace
}  // namespace linnet::engine
