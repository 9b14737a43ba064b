// Every state ends: what each does when its time is over.
#include "agent/update/deadlines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "runtime/base/status_macros.h"
#include "storage/repo/update_journal.h"
#include "tests/support/status_matchers.h"
#include "tests/update/test_fleet.h"

namespace linnet::update {
namespace {

using ::linnet::testing::FakeClock;
using ::linnet::testing::IsOk;
using ::testing::AllOf;
using ::testing::HasSubstr;

class DeadlinesTest : public ::testing::Test {
 protected:
  void Roll(std::string_view words, uint64_t release, uint32_t inferences = 2) {
    trust::Plan plan = site_.PlanFor(site_.PublishModel(ModelBytes(words), std::to_string(release), release));
    plan.confirm_inferences = inferences;
    plan.expires = plan.created + absl::Hours(24 * 180);
    device_.link.plan = site_.PublishPlan(plan);
  }
  // As if the device had been in its state so long, over several starts.
  void HaveSpent(absl::Duration time) {
    ASSERT_THAT(device_.state->Write([&]() -> absl::Status {
      repo::UpdateJournal journal(device_.state->db());
      LINNET_ASSIGN_OR_RETURN(auto open, journal.Open());
      open->state_time = time;
      return journal.Save(*open);
    }),
                IsOk());
    device_.Restart();
  }
  FakeClock clock_;
  TestSite site_{clock_};
  TestDevice device_{site_, clock_};
};

TEST_F(DeadlinesTest, EverySavedStateThatCanEndOtherwiseHasOne) {
  const absl::Duration trial = absl::Minutes(10);
  for (int i = static_cast<int>(State::kIdle); i <= static_cast<int>(State::kReport); ++i) {
    const auto state = static_cast<State>(i);
    // COMMIT and ROLLBACK wait for state.db alone, which every other way out needs, too.
    const bool waits = IsSaved(state) && state != State::kCommit && state != State::kRollback;
    EXPECT_EQ(DeadlineOf(state, trial) < absl::InfiniteDuration(), waits) << NameOf(state);
  }
  EXPECT_GT(DeadlineOf(State::kConfirm, absl::Hours(1000)), absl::Hours(1000)) << "it follows the plan";
  EXPECT_LE(MostCounted(State::kConfirm), absl::Minutes(1));
}

TEST_F(DeadlinesTest, UpToActivateItIsReportedAndTheOldModelGoesOn) {
  Roll("old", 1);
  ASSERT_TRUE(device_.RunUntilIdleAfter(1));
  int reports = 1;
  uint64_t release = 1;
  for (const State state :
       {State::kDownload, State::kVerify, State::kStage, State::kEval, State::kActivate}) {
    ++release;
    Roll("new " + std::to_string(release), release);
    ASSERT_TRUE(device_.RunUntil([&] { return device_.driver->state() == state; })) << NameOf(state);
    HaveSpent(DeadlineOf(state, absl::Seconds(10)) - absl::Minutes(1));
    EXPECT_EQ(device_.driver->state(), state) << "not yet";
    clock_.Advance(absl::Minutes(2));
    ASSERT_TRUE(device_.RunUntilIdleAfter(++reports)) << NameOf(state);
    EXPECT_EQ(device_.link.reasons().back(),
              state < State::kStage ? Reason::kDownloadFailed : Reason::kTimedOut)
        << NameOf(state);
    EXPECT_EQ(device_.active(), ModelBytes("old")) << NameOf(state);
    EXPECT_EQ(device_.host->running, ModelBytes("old")) << NameOf(state);
    EXPECT_THAT(device_.driver->last_error(),
                AllOf(HasSubstr(std::string(NameOf(state))), HasSubstr("was not over after")));
  }
}

TEST_F(DeadlinesTest, ATrialThatNeverShowsItselfIsRolledBack) {
  Roll("old", 1);
  ASSERT_TRUE(device_.RunUntilIdleAfter(1));
  Roll("new", 2, /*inferences=*/4'000'000'000);
  ASSERT_TRUE(device_.RunUntil([&] { return device_.driver->state() == State::kConfirm; }));
  const absl::Time begun = clock_.Now();
  for (int i = 0; i < 2000 && device_.driver->state() == State::kConfirm; ++i) {
    device_.driver->Step();
    clock_.Advance(absl::Minutes(1));
  }
  EXPECT_GE(clock_.Now() - begun, absl::Hours(24));
  EXPECT_LE(clock_.Now() - begun, absl::Hours(25));
  ASSERT_TRUE(device_.RunUntilIdleAfter(2));
  EXPECT_EQ(device_.link.reasons().back(), Reason::kTimedOut);
  EXPECT_EQ(device_.host->running, ModelBytes("old"));
}

TEST_F(DeadlinesTest, AReportThatNobodyTakesForAMonthLetsTheNextUpdateIn) {
  Roll("one", 1);
  device_.link.report_answer = absl::UnavailableError("not now");
  ASSERT_TRUE(device_.RunUntil([&] { return device_.driver->state() == State::kReport; }));
  HaveSpent(absl::Hours(24 * 29));
  Roll("two", 2);
  EXPECT_FALSE(device_.RunUntil([&] { return device_.driver->state() != State::kReport; }, 60));
  HaveSpent(absl::Hours(24 * 30));
  ASSERT_TRUE(device_.RunUntil([&] { return device_.host->running == ModelBytes("two"); }));
}

TEST_F(DeadlinesTest, ACoordinatorThatAnswersSlowlyHoldsUpNoCheckForMoreThanMinutes) {
  // Of METADATA, then of PLAN: each answer takes 4 minutes, or each small file 11.
  for (const bool metadata : {true, false}) {
    TestDevice device(site_, clock_);
    Roll("one", 1);
    device.link.plan = device_.link.plan;
    device.link.tamper = [&](const std::string& what, std::string&) {
      if (metadata && what != "chunk") clock_.Advance(absl::Minutes(4));
      if (!metadata && what == "chunk") clock_.Advance(absl::Minutes(11));
    };
    ASSERT_TRUE(device.RunUntil(
        [&] { return device.driver->state() == State::kIdle && !device.driver->last_error().empty(); }));
    EXPECT_THAT(device.driver->last_error(), HasSubstr("has not answered everything within"));
    EXPECT_EQ(device.slots().active, "");
    EXPECT_EQ(std::count(device.transcript.begin(), device.transcript.end(), "PLAN"), metadata ? 0 : 1);
    device.link.tamper = nullptr;
    ASSERT_TRUE(device.RunUntilIdleAfter(1)) << device.driver->last_error();
  }
}

}  // namespace
}  // namespace linnet::update
