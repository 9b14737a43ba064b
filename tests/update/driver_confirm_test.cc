// A trial: up-time over all its starts, and enough use, or the suite once more; a start that was meant costs
// none.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "storage/repo/update_journal.h"
#include "tests/support/status_matchers.h"
#include "tests/update/test_fleet.h"

namespace linnet::update {
namespace {

using ::linnet::testing::FakeClock;
using ::linnet::testing::IsOk;
using ::testing::HasSubstr;

constexpr char kSuite[] = R"({"linnet_suite":1,"cases":[{"prompt":"a","expect":{"equals":"b"}}]})";

class ConfirmTest : public ::testing::Test {
 protected:
  // A model on trial for `time` and so many inferences.
  void BeginTrial(absl::Duration time, uint32_t inferences, std::string_view words = "one") {
    trust::Plan plan = site_.PlanFor(site_.PublishModel(ModelBytes(words), "1", 1));
    plan.confirm_time = time;
    plan.confirm_inferences = inferences;
    device_.link.plan = site_.PublishPlan(plan);
    ASSERT_TRUE(OnTrialSoon()) << device_.driver->last_error();
  }
  bool OnTrialSoon() {
    return device_.RunUntil([&] { return device_.driver->state() == State::kConfirm; });
  }
  // So much of the trial, in steps as they come.
  void Run(absl::Duration time) {
    const absl::Time until = clock_.Now() + time;
    device_.RunUntil([&] { return clock_.Now() >= until; }, 2000);
  }
  bool Committed() { return !device_.slots().active.empty() && !device_.slots().trial; }
  // How long it takes from now on, in steps as they come.
  absl::Duration UntilCommitted() {
    const absl::Time begun = clock_.Now();
    EXPECT_TRUE(device_.RunUntil([&] { return Committed(); }, 2000)) << device_.driver->last_error();
    return clock_.Now() - begun;
  }
  FakeClock clock_;
  TestSite site_{clock_};
  TestDevice device_{site_, clock_};
};

TEST_F(ConfirmTest, UpTimeIsSummedOverStarts) {
  BeginTrial(absl::Minutes(10), 20);
  for (int i = 0; i < 4; ++i) {
    Run(absl::Minutes(2));
    device_.Kill();
    clock_.Advance(absl::Hours(5));  // off: no up-time
    device_.Restart();
    ASSERT_FALSE(Committed()) << i;
    if (i >= 2) break;  // crashes: a fourth start would be one too many
  }
  // 6 minutes are over, less what crashes took: a minute each at most.
  const absl::Duration rest = UntilCommitted();
  EXPECT_GE(rest, absl::Minutes(4));
  EXPECT_LE(rest, absl::Minutes(7) + absl::Seconds(30));
}

TEST_F(ConfirmTest, ACleanStartCostsNoTrialBootAndNoUpTime) {
  BeginTrial(absl::Minutes(10), 20);
  for (int i = 0; i < 9; ++i) {
    Run(absl::Minutes(1));
    device_.RestartCleanly();
    EXPECT_EQ(device_.slots().boots_left, 3u) << i;
    EXPECT_EQ(device_.host->running, ModelBytes("one")) << i;
    ASSERT_TRUE(device_.slots().trial) << i;
  }
  EXPECT_LE(UntilCommitted(), absl::Minutes(2));
}

TEST_F(ConfirmTest, ACrashCostsOneAlsoAfterCleanStarts) {
  BeginTrial(absl::Minutes(10), 20);
  device_.RestartCleanly();
  device_.Restart();
  EXPECT_EQ(device_.slots().boots_left, 2u) << "the mark of a clean stop counts once";
  device_.Restart();
  device_.Restart();
  EXPECT_EQ(device_.slots().boots_left, 0u);
  device_.RestartCleanly();
  EXPECT_TRUE(device_.slots().trial) << "the last start came up, and was stopped on purpose";
  device_.Restart();
  EXPECT_FALSE(device_.slots().trial);
  EXPECT_EQ(device_.slots().active, "");
}

TEST_F(ConfirmTest, AStopThatWasMeantInAnyOtherStateIsNoMarkForALaterTrial) {
  trust::Plan plan = site_.PlanFor(site_.PublishModel(ModelBytes("one"), "1", 1));
  device_.link.plan = site_.PublishPlan(plan);
  ASSERT_TRUE(device_.RunUntil([&] { return device_.driver->state() == State::kStage; }));
  device_.RestartCleanly();
  ASSERT_TRUE(OnTrialSoon());
  device_.Restart();
  EXPECT_EQ(device_.slots().boots_left, 2u);
}

TEST_F(ConfirmTest, TheSumIsWrittenSeldom) {
  BeginTrial(absl::Minutes(10), 20);
  std::set<absl::Duration> saved;
  while (!Committed()) {
    clock_.Advance(std::max(device_.driver->Step(), absl::Milliseconds(1)));
    ASSERT_THAT(device_.state->Read([&]() -> absl::Status {
      LINNET_ASSIGN_OR_RETURN(const auto open, repo::UpdateJournal(device_.state->db()).Open());
      if (open.has_value() && open->state == static_cast<int>(State::kConfirm))
        saved.insert(open->state_time);
      return absl::OkStatus();
    }),
                IsOk());
    ASSERT_LE(saved.size(), 12u) << "a write of the flash a minute";
  }
  EXPECT_GE(saved.size(), 9u);
}

TEST_F(ConfirmTest, AClockThatIsSetForwardConfirmsNothing) {
  BeginTrial(absl::Minutes(10), 2);
  Run(absl::Minutes(1));
  clock_.Advance(absl::Hours(24 * 365 * 40));  // a device that booted in 1970 learns the time
  EXPECT_GE(UntilCommitted(), absl::Minutes(7));
}

TEST_F(ConfirmTest, AnIdleDeviceAsksItselfWhereNoSuiteWasSigned) {
  BeginTrial(absl::Minutes(10), 20);
  UntilCommitted();
  EXPECT_GE(device_.host->self_checks, 20);
  EXPECT_LE(device_.host->self_checks, 45) << "people's questions come first";
  EXPECT_EQ(device_.probe.runs, 1);
}

TEST_F(ConfirmTest, AnIdleDeviceAnswersTheSuiteOnceMore) {
  site_.suite = kSuite;
  device_.probe.score = R"({"cases":1,"passed":1})";
  BeginTrial(absl::Minutes(10), 20);
  EXPECT_EQ(device_.probe.runs, 1);
  Run(absl::Minutes(9));
  EXPECT_EQ(device_.probe.runs, 1) << "at the end, and only if nobody has asked it enough";
  UntilCommitted();
  EXPECT_EQ(device_.probe.runs, 2);
  EXPECT_EQ(device_.probe.suite, kSuite);
}

TEST_F(ConfirmTest, ADeviceThatIsUsedNeedNot) {
  site_.suite = kSuite;
  device_.probe.score = R"({"cases":1,"passed":1})";
  BeginTrial(absl::Minutes(10), 20);
  Run(absl::Minutes(2));
  device_.host->Use(15);
  Run(absl::Minutes(2));
  device_.RestartCleanly();  // uses are summed, too
  device_.host->Use(5);
  UntilCommitted();
  EXPECT_EQ(device_.probe.runs, 1);
}

TEST_F(ConfirmTest, ASuiteThatFailsOnTrialRollsBack) {
  site_.suite = kSuite;
  device_.probe.score = R"({"cases":1,"passed":1})";
  BeginTrial(absl::Minutes(10), 20);
  device_.probe.score = R"({"cases":1,"passed":0})";
  ASSERT_TRUE(device_.RunUntilIdleAfter(1));
  EXPECT_EQ(device_.slots().active, "");
  EXPECT_EQ(device_.link.reasons().back(), Reason::kSelfCheckFailed);
  EXPECT_EQ(device_.link.last_receipt()->outcome, Outcome::kRolledBack);
  EXPECT_THAT(device_.driver->last_error(), HasSubstr("0 of 1 answers"));
}

TEST_F(ConfirmTest, AProbeThatCannotBeRunOnTrialIsNotTheModelsFault) {
  site_.suite = kSuite;
  device_.probe.score = R"({"cases":1,"passed":1})";
  BeginTrial(absl::Minutes(10), 20);
  device_.probe.cannot_run = true;
  UntilCommitted();
  EXPECT_EQ(device_.link.last_receipt() == nullptr, true) << "not told yet";
  ASSERT_TRUE(device_.RunUntilIdleAfter(1));
  EXPECT_EQ(device_.link.last_receipt()->outcome, Outcome::kPassed);
}

TEST_F(ConfirmTest, ATrialThatIsHeldStandsStill) {
  BeginTrial(absl::Minutes(10), 20);
  Run(absl::Minutes(5));
  device_.driver->SetStop(true);
  device_.link.stop = true;
  Run(absl::Hours(2));
  clock_.Advance(absl::Hours(24 * 9));
  Run(absl::Minutes(1));
  EXPECT_TRUE(device_.slots().trial) << "a stop never confirms, and never rolls back";
  device_.driver->SetStop(false);
  device_.link.stop = false;
  EXPECT_GE(UntilCommitted(), absl::Minutes(4));
}

TEST_F(ConfirmTest, PowerMayGoAtAnyTimeOfATrial) {
  for (const absl::Duration when : {absl::Seconds(0), absl::Seconds(59), absl::Seconds(61), absl::Minutes(5),
                                    absl::Minutes(9) + absl::Seconds(59)}) {
    TestDevice device(site_, clock_);
    trust::Plan plan = site_.PlanFor(site_.PublishModel(ModelBytes("one"), "1", 1));
    plan.confirm_time = absl::Minutes(10);
    device.link.plan = site_.PublishPlan(plan);
    ASSERT_TRUE(device.RunUntil([&] { return device.driver->state() == State::kConfirm; }));
    const absl::Time until = clock_.Now() + when;
    device.RunUntil([&] { return clock_.Now() >= until; });
    device.Restart();
    EXPECT_EQ(device.host->running, ModelBytes("one"));
    EXPECT_EQ(device.slots().boots_left, 2u);
    ASSERT_TRUE(device.RunUntilIdleAfter(1)) << when;
    EXPECT_EQ(device.link.last_receipt()->outcome, Outcome::kPassed) << when;
  }
}

}  // namespace
}  // namespace linnet::update
