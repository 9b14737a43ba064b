#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/engine/engine_fixture.h"
#include "tests/engine/script_constraint.h"

namespace linnet::engine {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::testing::HasSubstr;
using tokenizer::TokenId;

class ContextShiftTest : public EngineFixture {
 protected:
  static constexpr uint32_t kContext = 32;

  // Letters without an end, so that the length is ours to choose.
  static GenerateRequest Letters(std::string_view prompt, uint32_t max_tokens, std::optional<uint32_t> keep) {
    GenerateRequest request = Request(prompt, max_tokens);
    request.constraint = std::make_unique<LettersOnly>();
    request.context_shift_keep = keep;
    return request;
  }
};

TEST_F(ContextShiftTest, IsOffUnlessAskedFor) {
  const auto engine = Load({.threads = 1, .context_tokens = kContext});
  EXPECT_THAT(engine->Generate(Letters("0123456789", 23, std::nullopt)),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("context of 32 by 1")));
  const auto full = engine->Generate(Letters("0123456789", 22, std::nullopt));
  ASSERT_THAT(full, IsOk());
  EXPECT_EQ(full->finish, FinishReason::kLength);
  EXPECT_EQ(full->context_shifts, 0u);
}

// What is generated after a shift is what a fresh engine with a larger context says to the tokens that are
// left.
TEST_F(ContextShiftTest, GoesOnExactlyFromWhatIsLeft) {
  constexpr uint32_t kKeep = 6;
  const auto engine = Load({.threads = 1, .context_tokens = kContext, .prefill_chunk = 7});
  const auto result = engine->Generate(Letters("0123456789", 120, kKeep));
  ASSERT_THAT(result, IsOk());
  ASSERT_EQ(result->ids.size(), 120u);
  EXPECT_EQ(result->finish, FinishReason::kLength);
  EXPECT_GE(result->context_shifts, 6u);

  const auto fresh = Load();
  std::vector<TokenId> window = Letters("0123456789", 1, std::nullopt).prompt;
  uint32_t shifts = 0;
  for (const TokenId id : result->ids) {
    if (window.size() > kContext) {
      window.erase(window.begin() + kKeep, window.begin() + kKeep + (kContext + 1 - kKeep) / 2);
      ++shifts;
    }
    const auto logits = fresh->Logits(window);
    ASSERT_THAT(logits, IsOk());
    TokenId best = 'a';
    for (TokenId letter = 'a'; letter <= 'z'; ++letter) {
      if ((*logits)[static_cast<size_t>(letter)] > (*logits)[static_cast<size_t>(best)]) best = letter;
    }
    ASSERT_EQ(id, best);
    window.push_back(id);
  }
  EXPECT_EQ(result->context_shifts, shifts);
}

TEST_F(ContextShiftTest, TheSlotStaysRightForTheNextRequest) {
  const auto engine = Load({.threads = 1, .context_tokens = kContext});
  ASSERT_THAT(engine->Generate(Letters("0123456789", 60, 4)), IsOk());
  const auto again = engine->Generate(Letters("0123456789", 20, std::nullopt));
  const auto fresh = Load({.threads = 1, .context_tokens = kContext});
  const auto expected = fresh->Generate(Letters("0123456789", 20, std::nullopt));
  ASSERT_THAT(again, IsOk());
  ASSERT_THAT(expected, IsOk());
  EXPECT_EQ(again->ids, expected->ids);
}

TEST_F(ContextShiftTest, SameSeedSameTextOverManyShifts) {
  const auto run = [&](uint32_t chunk, int threads) {
    const auto engine = Load({.threads = threads, .context_tokens = kContext, .prefill_chunk = chunk});
    GenerateRequest request = Letters("0123456789", 100, 0);
    request.sampling.temperature = 1.5f;
    request.sampling.seed = 7;
    const auto result = engine->Generate(std::move(request));
    EXPECT_THAT(result, IsOk());
    return result->ids;
  };
  const auto ids = run(64, 1);
  EXPECT_EQ(run(3, 2), ids);
  // Positions go on counting, so the random numbers do not come round again with the context.
  const std::vector<TokenId> second(ids.begin() + 40, ids.begin() + 60);
  EXPECT_EQ(std::search(ids.begin() + 60, ids.end(), second.begin(), second.end()), ids.end());
}

TEST_F(ContextShiftTest, RefusesWhatLeavesNoRoom) {
  const auto engine = Load({.threads = 1, .context_tokens = kContext});
  EXPECT_THAT(engine->Generate(Letters(std::string(32, 'x'), 5, 0)),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("by 1")));
  EXPECT_THAT(engine->Generate(Letters(std::string(31, 'x'), 5, 31)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("expected at most 30")));
  // "All of the prompt" is what a larger number means.
  const auto all = engine->Generate(Letters(std::string(30, 'x'), 9, UINT32_MAX));
  ASSERT_THAT(all, IsOk());
  EXPECT_EQ(all->ids.size(), 9u);
  // Forced tokens may be more than there is room for.
  GenerateRequest forced = Request("say ", 90);
  forced.constraint = std::make_unique<Script>(std::string(70, 'y'), "!");
  forced.context_shift_keep = 2;
  const auto scripted = engine->Generate(std::move(forced));
  ASSERT_THAT(scripted, IsOk());
  EXPECT_EQ(scripted->ids.size(), 72u);
}

}  // namespace
}  // namespace linnet::engine
