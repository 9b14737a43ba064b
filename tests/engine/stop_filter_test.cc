#include "runtime/engine/stop_filter.h"

#include <gtest/gtest.h>

#include <string>

namespace linnet::engine {
namespace {

TEST(StopFilterTest, HoldsBackWhatMayBecomeAStop) {
  StopFilter filter({"END", "\n\n"});
  EXPECT_EQ(filter.Push("some E"), "some ");
  EXPECT_EQ(filter.Push("N"), "");
  EXPECT_EQ(filter.Push("emy\n"), "ENemy");
  EXPECT_EQ(filter.Push("x"), "\nx");
  EXPECT_EQ(filter.Push("y EN"), "y ");
  EXPECT_EQ(filter.Push("D more"), "");
  EXPECT_TRUE(filter.stopped());
  EXPECT_EQ(filter.Push("nothing"), "");
  EXPECT_EQ(filter.Finish(), "");
}

TEST(StopFilterTest, FirstOfSeveralCuts) {
  StopFilter filter({"late", "soon"});
  EXPECT_EQ(filter.Push("is soon late"), "is ");
  EXPECT_TRUE(filter.stopped());
}

TEST(StopFilterTest, FinishGivesTheRest) {
  StopFilter filter({"END"});
  EXPECT_EQ(filter.Push("the EN"), "the ");
  EXPECT_EQ(filter.Finish(), "EN");
  EXPECT_FALSE(filter.stopped());
}

TEST(StopFilterTest, EveryCutOfATextGivesTheSame) {
  const std::string text = "aababababc rest", stop = "ababc";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    StopFilter filter({stop});
    std::string shown = filter.Push(text.substr(0, cut));
    shown += filter.Push(text.substr(cut));
    shown += filter.Finish();
    EXPECT_EQ(shown, "aabab") << cut;
  }
}

TEST(StopFilterTest, WithoutStopsEverythingPasses) {
  StopFilter filter({});
  EXPECT_EQ(filter.Push("all"), "all");
  EXPECT_EQ(filter.Finish(), "");
}

}  // namespace
}  // namespace linnet::engine
