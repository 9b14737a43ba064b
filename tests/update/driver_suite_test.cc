// A release that was signed with a suite runs on a device where enough of its answers are right.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "tests/support/status_matchers.h"
#include "tests/update/test_fleet.h"

namespace linnet::update {
namespace {

using ::linnet::testing::FakeClock;
using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

constexpr char kSuite[] = R"({"linnet_suite":1,"cases":[{"prompt":"a","expect":{"equals":"b"}}]})";

class SuiteTest : public ::testing::Test {
 protected:
  SuiteTest() { site_.suite = kSuite; }
  // Rolls out release `release` and waits until the device has reported.
  std::string Roll(std::string_view words, uint64_t release) {
    const std::string target = site_.PublishModel(ModelBytes(words), absl::StrCat(release), release);
    device_.link.plan = site_.PublishPlan(site_.PlanFor(target));
    EXPECT_TRUE(device_.RunUntilIdleAfter(static_cast<int>(++rolls_)))
        << device_.state_name() << ": " << device_.driver->last_error();
    return target;
  }
  FakeClock clock_;
  TestSite site_{clock_};
  TestDevice device_{site_, clock_};
  size_t rolls_ = 0;
};

TEST_F(SuiteTest, TheDeviceAsksWhatWasSignedAndInstallsWhatPasses) {
  device_.probe.score = R"({"cases":20,"passed":20,"failed":[]})";
  Roll("one", 1);
  EXPECT_EQ(device_.probe.suite, kSuite);
  EXPECT_EQ(device_.active(), ModelBytes("one"));
  EXPECT_EQ(device_.link.last_receipt()->outcome, Outcome::kPassed);
  // Without one, nothing is asked, whatever was asked before.
  site_.suite = "";
  device_.probe.score = "";
  Roll("two", 2);
  EXPECT_EQ(device_.probe.suite, "");
  EXPECT_EQ(device_.active(), ModelBytes("two"));
}

TEST_F(SuiteTest, AWorseModelNeverRunsAndTheOneBeforeGoesOn) {
  device_.probe.score = R"({"cases":20,"passed":20})";
  Roll("good", 1);
  site_.suite_least_ppm = 900'000;
  device_.probe.score = R"({"cases":20,"passed":17,"failed":["lamp"]})";
  const std::string target = Roll("worse", 2);
  EXPECT_EQ(device_.link.reasons().back(), Reason::kSelfCheckFailed);
  EXPECT_EQ(device_.link.last_receipt()->outcome, Outcome::kFailed);
  EXPECT_THAT(device_.driver->last_error(),
              AllOf(HasSubstr(target), HasSubstr("17 of 20"), HasSubstr("90 % must be")));
  EXPECT_EQ(device_.host->switches, 1) << "it was not even loaded";
  EXPECT_EQ(device_.host->running, ModelBytes("good"));
  // At the limit it is enough; and another signed plan may try the same bytes.
  device_.probe.score = R"({"cases":20,"passed":18})";
  device_.link.plan = site_.PublishPlan(site_.PlanFor(target));
  ASSERT_TRUE(device_.RunUntilIdleAfter(static_cast<int>(++rolls_)));
  EXPECT_EQ(device_.active(), ModelBytes("worse"));
}

TEST_F(SuiteTest, AScoreThatIsNotSaidIsNotPassed) {
  uint64_t release = 0;
  for (const char* score : {"", "7", "{}", R"({"cases":0,"passed":0})", R"({"cases":2,"passed":3})",
                            R"({"cases":"4","passed":"4"})", R"({"cases":4})", R"({"cases":4,"passed":-4})",
                            R"({"cases":4,"passed":4.5})"}) {
    device_.probe.score = score;
    ++release;
    Roll(absl::StrCat("model ", release), release);
    EXPECT_EQ(device_.link.reasons().back(), Reason::kSelfCheckFailed) << score;
    EXPECT_EQ(device_.host->switches, 0) << score;
  }
}

TEST_F(SuiteTest, ACoordinatorThatChangesOrWithholdsTheSuiteOnlyDelays) {
  device_.probe.score = R"({"cases":1,"passed":1})";
  const std::string target = site_.PublishModel(ModelBytes("one"), "1", 1);
  device_.link.plan = site_.PublishPlan(site_.PlanFor(target));
  device_.link.tamper = [](const std::string& what, std::string& bytes) {
    if (what == "chunk" && bytes.starts_with("{\"linnet_suite")) bytes[20] ^= 1;
  };
  ASSERT_TRUE(device_.RunChecks(3));
  EXPECT_THAT(device_.transcript, ::testing::Not(::testing::Contains("DOWNLOAD")));
  EXPECT_THAT(device_.driver->last_error(), HasSubstr("suite.json: the source sent other bytes"));
  EXPECT_EQ(device_.probe.runs, 0);
  device_.link.tamper = nullptr;
  ASSERT_TRUE(device_.RunUntilIdleAfter(1));
  EXPECT_EQ(device_.active(), ModelBytes("one"));
}

TEST_F(SuiteTest, AnOfferedFileIsAskedTooOrNotInstalled) {
  const std::string target = site_.PublishModel(ModelBytes("one"), "1", 1);
  const std::string file = device_.dir / "offered.linnet";
  ASSERT_THAT(base::FileSystem::Real().WriteFileAtomic(file, ModelBytes("one")), IsOk());
  device_.probe.score = R"({"cases":1,"passed":0})";
  EXPECT_THAT(device_.driver->Offer(file, ""), StatusIs(Code::kAborted, HasSubstr("0 of 1")));
  EXPECT_EQ(device_.active(), "");
  device_.probe.score = R"({"cases":1,"passed":1})";
  const std::string second = site_.PublishModel(ModelBytes("two"), "2", 2);
  ASSERT_THAT(base::FileSystem::Real().WriteFileAtomic(file, ModelBytes("two")), IsOk());
  device_.link.tamper = [](const std::string& what, std::string& bytes) {
    if (what == "chunk") bytes += "!";
  };
  EXPECT_THAT(
      device_.driver->Offer(file, ""),
      StatusIs(Code::kFailedPrecondition, AllOf(HasSubstr("signed with a suite"), HasSubstr("bundle"))));
  EXPECT_EQ(device_.active(), "");
  device_.link.tamper = nullptr;
  EXPECT_THAT(device_.driver->Offer(file, ""), IsOk());
  EXPECT_EQ(device_.probe.suite, kSuite);
}

TEST_F(SuiteTest, ABundleBringsItsSuite) {
  const std::string target = site_.PublishModel(ModelBytes("one"), "1", 1);
  const std::string dir = device_.dir / "bundle";
  site_.WriteBundle(dir, site_.PlanFor(target), ModelBytes("one"), absl::Hours(24 * 30));
  device_.link.online = false;
  device_.probe.score = R"({"cases":1,"passed":1})";
  ASSERT_THAT(device_.driver->InstallBundle(dir, ""), IsOk());
  EXPECT_EQ(device_.probe.suite, kSuite);
  EXPECT_EQ(device_.host->running, ModelBytes("one"));
}

TEST_F(SuiteTest, PowerMayGoAfterAnyState) {
  device_.probe.score = R"({"cases":1,"passed":1})";
  uint64_t release = 0;
  for (const State last : {State::kDownload, State::kVerify, State::kStage, State::kEval, State::kActivate,
                           State::kConfirm, State::kCommit}) {
    const std::string words = absl::StrCat("model ", ++release);
    const std::string target = site_.PublishModel(ModelBytes(words), absl::StrCat(release), release);
    device_.link.plan = site_.PublishPlan(site_.PlanFor(target));
    bool cut = false;
    device_.dies_after = [&](State to) { return to == last && !std::exchange(cut, true); };
    ASSERT_TRUE(device_.RunUntil([&] { return cut; })) << NameOf(last);
    device_.dies_after = nullptr;
    device_.Restart();
    ASSERT_TRUE(device_.RunUntilIdleAfter(static_cast<int>(release))) << NameOf(last);
    EXPECT_EQ(device_.active(), ModelBytes(words));
    EXPECT_EQ(device_.probe.suite, kSuite) << NameOf(last);
  }
}

}  // namespace
}  // namespace linnet::update
