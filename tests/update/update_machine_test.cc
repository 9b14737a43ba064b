#include "agent/update/update_machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "tests/support/status_matchers.h"

namespace linnet::update {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;

std::vector<State> AllStates() {
  std::vector<State> all;
  for (int i = static_cast<int>(State::kIdle); i <= static_cast<int>(State::kReport); ++i) {
    all.push_back(static_cast<State>(i));
  }
  return all;
}

std::vector<Event> AllEvents() {
  std::vector<Event> all;
  for (int i = 0; i <= static_cast<int>(Event::kReported); ++i) all.push_back(static_cast<Event>(i));
  return all;
}

TEST(UpdateMachineTest, EveryStateAndEventGoesWhereTheTableSaysOrNowhere) {
  size_t found = 0;
  for (const State state : AllStates()) {
    for (const Event event : AllEvents()) {
      const Transition* row = nullptr;
      for (const Transition& t : Transitions()) {
        if (t.from == state && t.event == event) {
          EXPECT_EQ(row, nullptr) << NameOf(state) << " by " << NameOf(event) << " is there twice";
          row = &t;
        }
      }
      const auto next = Next(state, event);
      if (row == nullptr) {
        EXPECT_THAT(next, StatusIs(absl::StatusCode::kFailedPrecondition,
                                   ::testing::AllOf(::testing::HasSubstr(std::string(NameOf(state))),
                                                    ::testing::HasSubstr(std::string(NameOf(event))))));
      } else {
        ++found;
        ASSERT_THAT(next, IsOk());
        EXPECT_EQ(*next, row->to);
      }
    }
  }
  EXPECT_EQ(found, Transitions().size());
}

TEST(UpdateMachineTest, EveryStateIsReachedAndReachesIdle) {
  const auto reachable = [](State from) {
    std::set<State> seen = {from};
    for (bool grew = true; grew;) {
      grew = false;
      for (const Transition& t : Transitions()) {
        if (seen.contains(t.from) && seen.insert(t.to).second) grew = true;
      }
    }
    return seen;
  };
  EXPECT_EQ(reachable(State::kIdle).size(), AllStates().size());
  for (const State state : AllStates()) EXPECT_TRUE(reachable(state).contains(State::kIdle)) << NameOf(state);
}

TEST(UpdateMachineTest, NothingIsCommittedWithoutATrialOrRolledBackByAStop) {
  for (const Transition& t : Transitions()) {
    if (t.to == State::kCommit) {
      EXPECT_TRUE(t.from == State::kConfirm || t.event == Event::kPresent);
    }
    if (t.to == State::kActivate) {
      EXPECT_EQ(t.from, State::kEval);
    }
    if (t.to == State::kRollback) {
      EXPECT_EQ(t.event, Event::kBroken);
    }
    if (t.event == Event::kStopped && t.from > State::kActivate) {
      EXPECT_EQ(t.from, t.to) << "a stop only holds";
    }
  }
}

TEST(UpdateMachineTest, NumbersAndNamesAreThoseOfTheProtocol) {
  const char* names[] = {"IDLE", "CHECK",    "METADATA", "PLAN",   "DOWNLOAD", "VERIFY", "STAGE",
                         "EVAL", "ACTIVATE", "CONFIRM",  "COMMIT", "ROLLBACK", "REPORT"};
  for (int i = 1; i <= 13; ++i) {
    EXPECT_EQ(NameOf(static_cast<State>(i)), names[i - 1]);
    EXPECT_THAT(StateOf(i), IsOk());
  }
  EXPECT_THAT(StateOf(0), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(StateOf(14), StatusIs(absl::StatusCode::kDataLoss));
  std::set<std::string_view> events;
  for (const Event event : AllEvents()) events.insert(NameOf(event));
  EXPECT_EQ(events.size(), AllEvents().size());
  EXPECT_FALSE(events.contains("?"));
}

}  // namespace
}  // namespace linnet::update
