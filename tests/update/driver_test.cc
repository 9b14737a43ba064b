#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/update/receipts.h"
#include "runtime/base/hash.h"
#include "tests/support/status_matchers.h"
#include "tests/update/test_fleet.h"

namespace linnet::update {
namespace {

using ::linnet::testing::FakeClock;
using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DriverTest : public ::testing::Test {
 protected:
  // Publishes a model and a plan for everybody, and tells the device about it.
  std::string Roll(TestDevice& device, std::string_view words, std::string_view version, uint64_t release) {
    const std::string target = site_.PublishModel(ModelBytes(words), version, release);
    device.link.plan = site_.PublishPlan(site_.PlanFor(target));
    return target;
  }
  FakeClock clock_;
  TestSite site_{clock_};
};

TEST_F(DriverTest, AnUpdateWalksEveryStateAndEndsWithASignedReceipt) {
  TestDevice device(site_, clock_);
  const std::string target = Roll(device, "one", "1", 1);
  ASSERT_TRUE(device.RunUntilIdleAfter(1)) << device.state_name() << ": " << device.driver->last_error();
  EXPECT_EQ(absl::StrJoin(device.transcript, " "),
            "CHECK METADATA PLAN DOWNLOAD VERIFY STAGE EVAL ACTIVATE CONFIRM COMMIT REPORT IDLE");
  EXPECT_EQ(device.active(), ModelBytes("one"));
  EXPECT_EQ(device.host->running, ModelBytes("one"));
  EXPECT_FALSE(device.slots().trial);
  EXPECT_EQ(device.driver->active_target(), target);
  EXPECT_EQ(device.driver->last_error(), "");
  const Receipt* receipt = device.link.last_receipt();
  ASSERT_NE(receipt, nullptr);
  EXPECT_EQ(receipt->outcome, Outcome::kPassed);
  EXPECT_EQ(receipt->model_sha256, site_.Target(target).sha256);

  // The same plan is not followed twice.
  device.transcript.clear();
  ASSERT_TRUE(device.RunChecks(3));
  EXPECT_THAT(device.transcript, ::testing::Not(::testing::Contains("DOWNLOAD")));
  EXPECT_EQ(device.link.reasons().size(), 1u);
  EXPECT_EQ(device.link.last_facts.model_sha256, site_.Target(target).sha256);
  EXPECT_EQ(device.link.last_facts.release_counter, 1u);
}

TEST_F(DriverTest, ASecondUpdateFetchesOnlyWhatDiffersAndKeepsThePrevious) {
  TestDevice device(site_, clock_);
  std::string first = ModelBytes("one"), second = first;
  second[4200] = '!';  // in the fifth chunk
  device.link.plan = site_.PublishPlan(site_.PlanFor(site_.PublishModel(first, "1", 1)));
  ASSERT_TRUE(device.RunUntilIdleAfter(1));
  device.link.chunks_sent = 0;
  device.link.plan = site_.PublishPlan(site_.PlanFor(site_.PublishModel(second, "2", 2)));
  ASSERT_TRUE(device.RunUntilIdleAfter(2));
  EXPECT_EQ(device.link.chunks_sent, 3) << "plan, index, one chunk";
  EXPECT_EQ(device.active(), second);
  EXPECT_EQ(device.slots().previous.size(), 32u);
}

struct Failure {
  const char* words;
  Reason reason;
  Outcome outcome;
};
class FailingModelTest : public DriverTest, public ::testing::WithParamInterface<Failure> {};

TEST_P(FailingModelTest, GoesBackToTheOldOneSaysWhyAndIsNotTriedAgain) {
  TestDevice device(site_, clock_);
  Roll(device, "good", "1", 1);
  ASSERT_TRUE(device.RunUntilIdleAfter(1));
  const std::string target = Roll(device, GetParam().words, "2", 2);
  ASSERT_TRUE(device.RunUntilIdleAfter(2)) << device.state_name() << ": " << device.driver->last_error();
  EXPECT_EQ(device.active(), ModelBytes("good"));
  EXPECT_EQ(device.host->running, ModelBytes("good"));
  EXPECT_FALSE(device.slots().trial);
  EXPECT_EQ(device.link.reasons().back(), GetParam().reason);
  EXPECT_EQ(device.link.last_receipt()->outcome, GetParam().outcome);
  EXPECT_NE(device.driver->last_error(), "");
  const int runs = device.probe.runs;
  ASSERT_TRUE(device.RunChecks(3));
  EXPECT_EQ(device.probe.runs, runs) << "an ended plan is not followed again";
  EXPECT_THAT(device.driver->Offer(device.dir / "state.db", target),
              StatusIs(absl::StatusCode::kPermissionDenied));

  // Another plan is a signed retry.
  device.link.plan = site_.PublishPlan(site_.PlanFor(target));
  ASSERT_TRUE(device.RunUntilIdleAfter(3));
  EXPECT_GT(device.probe.runs, runs);
  // And a good release gets through.
  Roll(device, "better", "3", 3);
  ASSERT_TRUE(device.RunUntilIdleAfter(4));
  EXPECT_EQ(device.active(), ModelBytes("better"));
}

INSTANTIATE_TEST_SUITE_P(
    Models, FailingModelTest,
    ::testing::Values(Failure{"PROBE-CRASH ", Reason::kCrashed, Outcome::kFailed},
                      Failure{"PROBE-NO ", Reason::kWillNotLoad, Outcome::kFailed},
                      Failure{"PROBE-TIMEOUT", Reason::kTimedOut, Outcome::kFailed},
                      Failure{"PROBE-NOT-OK", Reason::kSelfCheckFailed, Outcome::kFailed},
                      Failure{"WONT-SWITCH", Reason::kWillNotLoad, Outcome::kRolledBack},
                      Failure{"BAD-ANSWERS", Reason::kSelfCheckFailed, Outcome::kRolledBack}));

TEST_F(DriverTest, OneCrashOfTheProbeMayBeAnAccident) {
  TestDevice device(site_, clock_);
  Roll(device, "PROBE-CRASH-ONCE", "1", 1);
  ASSERT_TRUE(device.RunUntilIdleAfter(1));
  EXPECT_EQ(device.link.last_receipt()->outcome, Outcome::kPassed);
}

TEST_F(DriverTest, AFirstModelThatFailsLeavesNone) {
  TestDevice device(site_, clock_);
  Roll(device, "BAD-ANSWERS", "1", 1);
  ASSERT_TRUE(device.RunUntilIdleAfter(1));
  EXPECT_EQ(device.slots().active, "");
  EXPECT_EQ(device.host->running, "");
}

TEST_F(DriverTest, AnOlderReleaseIsRefusedEvenWhenSigned) {
  TestDevice device(site_, clock_);
  const std::string old = site_.PublishModel(ModelBytes("old"), "1", 1);
  Roll(device, "new", "2", 2);
  ASSERT_TRUE(device.RunUntilIdleAfter(1));
  device.link.plan = site_.PublishPlan(site_.PlanFor(old));
  ASSERT_TRUE(device.RunUntilIdleAfter(2));
  EXPECT_EQ(device.link.reasons().back(), Reason::kOlderRelease);
  EXPECT_EQ(device.active(), ModelBytes("new"));
  EXPECT_THAT(device.driver->last_error(), HasSubstr("has committed release 2"));
}

TEST_F(DriverTest, APlanForAnUnsignedModelIsRefusedAndSaysSo) {
  TestDevice device(site_, clock_);
  trust::Plan plan = site_.PlanFor(site_.PublishModel(ModelBytes("one"), "1", 1));
  plan.model_target = "models/starter/nobody-signed-9.linnet";
  device.link.plan = site_.PublishPlan(plan, /*allow_unsigned_model=*/true);
  ASSERT_TRUE(device.RunUntilIdleAfter(1));
  EXPECT_EQ(device.link.reasons().back(), Reason::kUnsignedTarget);
  EXPECT_EQ(device.slots().active, "");
}

TEST_F(DriverTest, APlanAndAModelsKeyThatDisagreeInstallNothing) {
  TestDevice device(site_, clock_);
  const std::string target = site_.PublishModel(ModelBytes("one"), "1", 1);
  trust::Plan plan = site_.PlanFor(target);
  plan.model_sha256[0] ^= 1;
  device.link.plan = site_.PublishPlan(plan, true);
  ASSERT_TRUE(device.RunUntilIdleAfter(1));
  EXPECT_EQ(device.link.reasons().back(), Reason::kHashMismatch);
  plan = site_.PlanFor(target);
  plan.release_counter = 7;
  device.link.plan = site_.PublishPlan(plan, true);
  ASSERT_TRUE(device.RunUntilIdleAfter(2));
  EXPECT_EQ(device.link.reasons().back(), Reason::kOlderRelease);
  EXPECT_EQ(device.slots().active, "");
}

TEST_F(DriverTest, APlanThatNobodySignedIsIgnored) {
  TestDevice device(site_, clock_);
  site_.PublishModel(ModelBytes("one"), "1", 1);
  for (const char* path :
       {"plans/0123456789abcdef0123456789abcdef.json", "models/starter/m-1.linnet", "../etc", ""}) {
    device.link.plan = path;
    ASSERT_TRUE(device.RunChecks(1));
  }
  EXPECT_THAT(device.transcript, ::testing::Not(::testing::Contains("DOWNLOAD")));
  EXPECT_TRUE(device.link.reports.empty());
}

TEST_F(DriverTest, AnExpiredPlanIsIgnored) {
  TestDevice device(site_, clock_);
  trust::Plan plan = site_.PlanFor(site_.PublishModel(ModelBytes("one"), "1", 1));
  plan.expires = plan.created + absl::Hours(1);
  device.link.plan = site_.PublishPlan(plan);
  clock_.Advance(absl::Hours(2));
  ASSERT_TRUE(device.RunChecks(2));
  EXPECT_EQ(device.slots().active, "");
  EXPECT_THAT(device.driver->last_error(), HasSubstr("expired"));
}

TEST_F(DriverTest, TamperedMetadataAndChunksInstallNothing) {
  for (const char* what : {"timestamp", "snapshot", "targets", "plans", "models/starter", "chunk"}) {
    TestDevice device(site_, clock_);
    Roll(device, "one", "1", 1);
    device.link.tamper = [&](const std::string& name, std::string& bytes) {
      if (name == what) bytes[bytes.size() / 2] ^= 1;
    };
    EXPECT_FALSE(device.RunUntil([&] { return !device.slots().active.empty(); }, 60)) << what;
    EXPECT_NE(device.driver->last_error(), "") << what;
    device.link.tamper = nullptr;
    EXPECT_TRUE(device.RunUntil([&] { return !device.slots().active.empty() && !device.slots().trial; }, 300))
        << what << ": a lie is no reason to give up for ever; " << device.state_name() << " "
        << device.driver->last_error();
  }
}

TEST_F(DriverTest, WithoutACoordinatorItWaitsLongerAndLonger) {
  TestDevice device(site_, clock_);
  device.link.online = false;
  std::vector<absl::Duration> waits;
  for (int i = 0; i < 60; ++i) {
    const absl::Duration wait = device.driver->Step();
    clock_.Advance(wait);
    if (wait > absl::ZeroDuration()) waits.push_back(wait);
  }
  EXPECT_GE(*std::max_element(waits.begin(), waits.end()), absl::Minutes(29));
  EXPECT_LE(*std::max_element(waits.begin(), waits.end()), absl::Hours(1));
  device.link.online = true;
  Roll(device, "one", "1", 1);
  device.driver->CheckSoon();
  ASSERT_TRUE(device.RunUntilIdleAfter(1));
}

// However often a coordinator pushes: a check-in costs the day's uplink budget.
TEST_F(DriverTest, HintsMakeNoMoreThanOneCheckInASecond) {
  TestDevice device(site_, clock_);
  const auto push = [&] {
    absl::Duration wait;
    for (int i = 0; i < 50; ++i) {
      device.driver->CheckSoon();
      wait = device.driver->Step();
    }
    return wait;
  };
  ASSERT_TRUE(device.RunChecks(1));
  const int before = device.link.check_ins;
  const absl::Duration wait = push();
  EXPECT_EQ(device.link.check_ins, before);
  EXPECT_GT(wait, absl::ZeroDuration());
  EXPECT_LE(wait, absl::Seconds(1));
  clock_.Advance(wait);
  push();
  EXPECT_EQ(device.link.check_ins, before + 1) << "late, not lost";
  clock_.Advance(-absl::Hours(1));
  push();
  EXPECT_EQ(device.link.check_ins, before + 2) << "a clock that was set back holds nothing up";

  // On trial, too.
  clock_.Advance(absl::Hours(1));
  Roll(device, "one", "1", 1);
  device.driver->CheckSoon();
  ASSERT_TRUE(device.RunUntil([&] { return device.driver->state() == State::kConfirm; }));
  const int on_trial = device.link.check_ins;
  push();
  EXPECT_LE(device.link.check_ins, on_trial + 1);
}

TEST_F(DriverTest, ALineThatBreaksOftenFinishesAllTheSame) {
  TestDevice device(site_, clock_);
  Roll(device, "one", "1", 1);
  int sent = 0;
  device.link.tamper = [&](const std::string& name, std::string&) {
    if (name == "chunk" && ++sent % 2 == 0) device.link.online = false;
  };
  ASSERT_TRUE(device.RunUntil(
      [&] {
        device.link.online = true;
        return !device.slots().active.empty() && !device.slots().trial;
      },
      400));
  EXPECT_LE(device.link.chunks_sent, 7 + 4) << "plan, index, five chunks, and what was under way";
}

TEST_F(DriverTest, AFullDiskIsReportedAfterAFewTries) {
  TestDevice device(site_, clock_);
  Roll(device, "one", "1", 1);
  device.files.SetFreeBytes(1000);
  ASSERT_TRUE(device.RunUntilIdleAfter(1));
  EXPECT_EQ(device.link.reasons().back(), Reason::kNoSpace);
  EXPECT_THAT(device.driver->last_error(), HasSubstr("free some space"));
  device.files.SetFreeBytes(1 << 30);
  Roll(device, "one", "1", 1);  // the same model under another plan: it was never the model's fault
  ASSERT_TRUE(device.RunUntilIdleAfter(2));
  EXPECT_EQ(device.active(), ModelBytes("one"));
}

TEST_F(DriverTest, AMissingProbeIsNotTheModelsFault) {
  TestDevice device(site_, clock_);
  const std::string target = Roll(device, "one", "1", 1);
  device.probe.cannot_run = true;
  ASSERT_TRUE(device.RunUntil([&] { return device.probe.runs >= 2; }));
  device.probe.cannot_run = false;
  ASSERT_TRUE(device.RunUntilIdleAfter(1));
  EXPECT_EQ(device.link.last_receipt()->outcome, Outcome::kPassed);
}

TEST_F(DriverTest, AReportIsSentUntilItIsHeard) {
  TestDevice device(site_, clock_);
  Roll(device, "one", "1", 1);
  ASSERT_TRUE(device.RunUntil([&] { return device.driver->state() == State::kConfirm; }));
  device.link.online = false;
  EXPECT_FALSE(device.RunUntilIdleAfter(1)) << "needs the coordinator";
  EXPECT_EQ(device.driver->state(), State::kReport);
  EXPECT_FALSE(device.slots().trial) << "from ACTIVATE on no network is needed";
  device.Restart();
  EXPECT_EQ(device.driver->state(), State::kReport);
  device.link.online = true;
  ASSERT_TRUE(device.RunUntilIdleAfter(1));
  EXPECT_EQ(device.link.last_receipt()->outcome, Outcome::kPassed);
}

TEST_F(DriverTest, ACoordinatorThatRefusesReportsDoesNotHoldUpTheNextUpdate) {
  TestDevice device(site_, clock_);
  Roll(device, "one", "1", 1);
  device.link.report_answer = absl::PermissionDeniedError("who are you");
  ASSERT_TRUE(device.RunUntil(
      [&] { return device.driver->state() == State::kIdle && !device.slots().active.empty(); }, 300));
}

TEST_F(DriverTest, ADeviceThatLosesItsPowerInSelfChecksTriesThreeTimesMore) {
  for (const int cuts : {3, 4}) {
    TestDevice device(site_, clock_);
    Roll(device, absl::StrCat("one", cuts), absl::StrCat(cuts), 1);
    device.probe.dies = cuts;
    for (int cut = 0; cut < cuts; ++cut) {
      EXPECT_THROW(device.RunUntilIdleAfter(1), DiedInProbe) << cut;
      device.Restart();
      EXPECT_EQ(device.driver->state(), State::kStage);
    }
    ASSERT_TRUE(device.RunUntilIdleAfter(1));
    EXPECT_EQ(device.link.reasons().back(), cuts == 3 ? Reason::kNone : Reason::kCrashed);
    EXPECT_EQ(device.probe.runs, 4);
  }
}

TEST_F(DriverTest, ATrialThatNeverComesUpIsRolledBack) {
  TestDevice device(site_, clock_);
  Roll(device, "good", "1", 1);
  ASSERT_TRUE(device.RunUntilIdleAfter(1));
  Roll(device, "reboots", "2", 2);
  ASSERT_TRUE(device.RunUntil([&] { return device.driver->state() == State::kConfirm; }));
  for (int start = 1; start <= 3; ++start) {
    device.Restart();
    EXPECT_EQ(device.host->running, ModelBytes("reboots")) << "start " << start;
    EXPECT_TRUE(device.slots().trial);
  }
  device.Restart();
  EXPECT_EQ(device.host->running, ModelBytes("good"));
  EXPECT_FALSE(device.slots().trial);
  ASSERT_TRUE(device.RunUntilIdleAfter(2));
  EXPECT_EQ(device.link.reasons().back(), Reason::kCrashed);
  EXPECT_EQ(device.link.last_receipt()->outcome, Outcome::kRolledBack);
}

TEST_F(DriverTest, AClockThatIsSetBackOnlyMakesTheTrialLonger) {
  TestDevice device(site_, clock_);
  Roll(device, "one", "1", 1);
  ASSERT_TRUE(device.RunUntil([&] { return device.driver->state() == State::kConfirm; }));
  clock_.Advance(-absl::Hours(100));
  ASSERT_TRUE(device.RunUntil([&] { return !device.slots().trial; }));
}

// By an operator whose clock is wrong, or a thief of the plans key alone.
TEST_F(DriverTest, APlanThatWasMadeInTenYearsDoesNotEndAllUpdates) {
  TestDevice device(site_, clock_);
  trust::Plan plan = site_.PlanFor(site_.PublishModel(ModelBytes("one"), "1", 1));
  plan.created = clock_.Now() + absl::Hours(24 * 3650);
  plan.expires = plan.created + absl::Hours(24);
  device.link.plan = site_.PublishPlan(plan);
  ASSERT_TRUE(device.RunUntilIdleAfter(1)) << device.driver->last_error();
  EXPECT_EQ(device.active(), ModelBytes("one"));
  // A day at most.
  clock_.Advance(absl::Hours(25));
  device.link.plan = site_.PublishPlan(site_.PlanFor(site_.PublishModel(ModelBytes("two"), "2", 2)));
  ASSERT_TRUE(device.RunUntilIdleAfter(2)) << device.driver->last_error();
  EXPECT_EQ(device.active(), ModelBytes("two"));
}

TEST_F(DriverTest, AModelThatRunsAlreadyPassesAtOnce) {
  TestDevice device(site_, clock_);
  const std::string target = Roll(device, "one", "1", 1);
  ASSERT_TRUE(device.RunUntilIdleAfter(1));
  device.transcript.clear();
  device.link.plan = site_.PublishPlan(site_.PlanFor(target));
  ASSERT_TRUE(device.RunUntilIdleAfter(2));
  EXPECT_THAT(device.transcript, ElementsAre("CHECK", "METADATA", "PLAN", "COMMIT", "REPORT", "IDLE"));
  EXPECT_EQ(device.link.last_receipt()->outcome, Outcome::kPassed);
}

}  // namespace
}  // namespace linnet::update
