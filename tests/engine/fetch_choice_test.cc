#include "runtime/engine/fetch_choice.h"

#include <gtest/gtest.h>

namespace linnet::engine {
namespace {

using kernels::FetchAhead;

// Passes of `far` and `near` milliseconds, the first a hundred times as long; how many were near.
uint32_t Near(FetchChoice& choice, uint32_t passes, double far, double near) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < passes; ++i) {
    const bool is_near = choice.next() == FetchAhead::kNear;
    count += is_near ? 1 : 0;
    choice.Took(absl::Milliseconds((is_near ? near : far) * (i == 0 ? 100 : 1)));
  }
  return count;
}

TEST(FetchChoiceTest, TriesBothAndKeepsTheFaster) {
  constexpr uint32_t kTried = 1 + 2 * FetchChoice::kTrials;
  FetchChoice choice;
  EXPECT_EQ(Near(choice, kTried, 10, 9), FetchChoice::kTrials);
  EXPECT_EQ(Near(choice, 100, 10, 9), 100u);
  FetchChoice other;
  EXPECT_EQ(Near(other, kTried, 9, 10), FetchChoice::kTrials);
  EXPECT_EQ(Near(other, 100, 9, 10), 0u);
}

TEST(FetchChoiceTest, OneSlowTokenDecidesNothing) {
  FetchChoice choice;
  Near(choice, 2, 10, 9);
  choice.Took(absl::Seconds(1));
  Near(choice, 2 * FetchChoice::kTrials - 2, 10, 9);
  EXPECT_EQ(choice.next(), FetchAhead::kNear);
}

TEST(FetchChoiceTest, TriesAgainLater) {
  FetchChoice choice;
  Near(choice, FetchChoice::kOften, 10, 9);
  EXPECT_EQ(choice.next(), FetchAhead::kNear);
  EXPECT_EQ(Near(choice, FetchChoice::kOften, 9, 10), 1 + FetchChoice::kTrials);
  EXPECT_EQ(choice.next(), FetchAhead::kFar);
}

}  // namespace
}  // namespace linnet::engine
