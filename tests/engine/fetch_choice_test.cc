#include "runtime/engine/fetch_choice.h"

#include <gtest/gtest.h>

namespace linnet::engine {
namespace {

using kernels::FetchAhead;

// Passes of `asked` and `left` milliseconds, the first a hundred times as long; how many were left to the
// processor.
uint32_t Left(FetchChoice& choice, uint32_t passes, double asked, double left) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < passes; ++i) {
    const bool is_left = choice.next() == FetchAhead::kByProcessor;
    count += is_left ? 1 : 0;
    choice.Took(absl::Milliseconds((is_left ? left : asked) * (i == 0 ? 100 : 1)));
  }
  return count;
}

TEST(FetchChoiceTest, TriesBothAndKeepsTheFaster) {
  constexpr uint32_t kTried = 1 + 2 * FetchChoice::kTrials;
  FetchChoice choice;
  EXPECT_EQ(Left(choice, kTried, 10, 9), FetchChoice::kTrials);
  EXPECT_EQ(Left(choice, 100, 10, 9), 100u);
  FetchChoice other;
  EXPECT_EQ(Left(other, kTried, 9, 10), FetchChoice::kTrials);
  EXPECT_EQ(Left(other, 100, 9, 10), 0u);
}

TEST(FetchChoiceTest, OneSlowTokenDecidesNothing) {
  FetchChoice choice;
  Left(choice, 2, 10, 9);
  choice.Took(absl::Seconds(1));
  Left(choice, 2 * FetchChoice::kTrials - 2, 10, 9);
  EXPECT_EQ(choice.next(), FetchAhead::kByProcessor);
}

TEST(FetchChoiceTest, TriesAgainLater) {
  FetchChoice choice;
  Left(choice, FetchChoice::kOften, 10, 9);
  EXPECT_EQ(choice.next(), FetchAhead::kByProcessor);
  EXPECT_EQ(Left(choice, FetchChoice::kOften, 9, 10), 1 + FetchChoice::kTrials);
  EXPECT_EQ(choice.next(), FetchAhead::kByRequest);
}

}  // namespace
}  // namespace linnet::engine
