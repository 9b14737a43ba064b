// A newer plan ends a download; an older or a made-up one does not; and a download does not last for ever.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/support/status_matchers.h"
#include "tests/update/test_fleet.h"

namespace linnet::update {
namespace {

using ::linnet::testing::FakeClock;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class SupersedeTest : public ::testing::Test {
 protected:
  std::string Publish(std::string_view bytes, uint64_t release) {
    const std::string target = site_.PublishModel(bytes, absl::StrCat(release), release);
    clock_.Advance(absl::Seconds(1));  // plans count seconds
    return site_.PublishPlan(site_.PlanFor(target));
  }
  // Steps until `chunks` of a model were sent, and the line broke.
  void DownloadSome(TestDevice& device, int chunks) {
    ASSERT_TRUE(device.RunUntil([&] { return device.driver->state() == State::kDownload; }))
        << device.driver->last_error();
    int sent = 0;
    device.link.tamper = [&device, &sent, chunks](const std::string& what, std::string&) {
      if (what == "chunk" && ++sent > chunks) device.link.online = false;
    };
    device.RunUntil([&] { return !device.link.online; }, 5);
    ASSERT_FALSE(device.link.online);
    device.link.tamper = nullptr;
    device.link.online = true;
    ASSERT_EQ(device.driver->state(), State::kDownload);
    device.transcript.clear();
    device.link.chunks_sent = 0;
  }
  FakeClock clock_;
  TestSite site_{clock_};
};

TEST_F(SupersedeTest, ANewerPlanEndsADownloadAndItsGoodChunksAreKept) {
  TestDevice device(site_, clock_);
  const std::string first = ModelBytes("one");
  std::string second = first;
  second[4200] = '!';  // in the fifth chunk
  device.link.plan = Publish(first, 1);
  DownloadSome(device, 3);
  device.link.plan = Publish(second, 2);
  device.driver->CheckSoon();
  ASSERT_TRUE(device.RunUntilIdleAfter(2)) << device.state_name() << ": " << device.driver->last_error();
  EXPECT_EQ(device.active(), second);
  EXPECT_THAT(absl::StrJoin(device.transcript, " "),
              HasSubstr("REPORT IDLE CHECK METADATA PLAN DOWNLOAD VERIFY STAGE EVAL ACTIVATE"));
  // The plan and the index, looked at twice; of the model what the first three or four chunks are not.
  EXPECT_LE(device.link.chunks_sent, 2 * 2 + 2);
  EXPECT_THAT(device.link.reasons(), Contains(Reason::kStopped));
  ASSERT_NE(device.link.last_receipt(), nullptr);
  EXPECT_EQ(device.link.last_receipt()->outcome, Outcome::kPassed);
  for (const OutcomeReport& report : device.link.reports) {
    EXPECT_FALSE(report.receipt.has_value() && report.reason == Reason::kStopped)
        << "the plan that was left says nothing about its model";
  }
}

TEST_F(SupersedeTest, ItIsSeenBetweenTwoBatchesOfALongDownload) {
  TestDevice device(site_, clock_);
  std::string bytes = "LINNETPK";
  for (int i = 0; bytes.size() < 200'000; ++i) absl::StrAppend(&bytes, "weight ", i, ";");
  device.link.plan = Publish(bytes, 1);
  ASSERT_TRUE(device.RunUntil([&] { return device.driver->state() == State::kDownload; }));
  int sent = 0;
  device.link.tamper = [&](const std::string& what, std::string&) {
    if (what != "chunk" || ++sent != 70) return;
    device.link.plan = Publish(ModelBytes("two"), 2);
    device.driver->CheckSoon();
  };
  ASSERT_TRUE(device.RunUntil([&] { return !device.slots().active.empty(); }));
  EXPECT_EQ(device.active(), ModelBytes("two"));
  EXPECT_LT(sent, 150) << "of 200";
}

TEST_F(SupersedeTest, AnOlderPlanOrAHintThatIsNothingEndsNoDownload) {
  TestDevice device(site_, clock_);
  const std::string older = Publish(ModelBytes("older"), 1);
  const std::string ours = Publish(ModelBytes("one"), 2);
  trust::Plan others = site_.PlanFor(site_.PublishModel(ModelBytes("others"), "3", 3));
  others.waves = {{.name = "others", .devices = {std::string(32, '0')}}};
  others.created += absl::Hours(1);
  const std::string foreign = site_.PublishPlan(others);
  device.link.plan = ours;
  DownloadSome(device, 2);
  for (const std::string& hint : {older, foreign, std::string("plans/0123456789abcdef0123456789abcdef.json"),
                                  std::string("models/starter/m-1.linnet"), std::string("../etc/passwd")}) {
    device.link.plan = hint;
    device.link.online = true;
    const int check_ins = device.link.check_ins;
    // Of the model nothing more comes; plans, indexes and metadata do.
    device.link.tamper = [&](const std::string& what, std::string& bytes) {
      if (what != "chunk" || bytes.starts_with("{")) return;
      bytes[0] ^= 1;
      device.link.online = false;
    };
    clock_.Advance(absl::Minutes(2));
    device.RunUntil([&] { return device.link.check_ins > check_ins; }, 3);
    EXPECT_GT(device.link.check_ins, check_ins) << hint;
    EXPECT_EQ(device.driver->state(), State::kDownload) << hint;
  }
  device.link.tamper = nullptr;
  device.link.online = true;
  ASSERT_TRUE(device.RunUntil([&] { return !device.slots().active.empty(); }));
  EXPECT_EQ(device.active(), ModelBytes("one"));
  EXPECT_THAT(device.transcript, Not(Contains("IDLE")));
}

TEST_F(SupersedeTest, AStopThatACheckInBringsEndsADownload) {
  TestDevice device(site_, clock_);
  device.link.plan = Publish(ModelBytes("one"), 1);
  DownloadSome(device, 2);
  device.link.stop = true;
  clock_.Advance(absl::Minutes(2));
  ASSERT_TRUE(device.RunUntil([&] { return device.driver->state() == State::kIdle; }));
  EXPECT_EQ(device.slots().active, "");
  EXPECT_THAT(device.link.reasons(), Contains(Reason::kStopped));
}

TEST_F(SupersedeTest, ASourceThatTricklesIsGivenUpAfterTwoWeeksOfUpTime) {
  TestDevice device(site_, clock_);
  std::string bytes = "LINNETPK";
  for (int i = 0; bytes.size() < 400'000; ++i) absl::StrAppend(&bytes, "weight ", i, ";");
  device.link.plan = Publish(bytes, 1);
  ASSERT_TRUE(device.RunUntil([&] { return device.driver->state() == State::kDownload; }));
  const absl::Time begun = clock_.Now();
  // One chunk an hour, each time with a line that breaks.
  device.link.tamper = [&](const std::string& what, std::string& data) {
    if (what != "chunk" || data.find("weight") == std::string::npos) return;
    clock_.Advance(absl::Hours(1));
    device.link.online = false;
  };
  ASSERT_TRUE(device.RunUntil(
      [&] {
        device.link.online = true;
        return device.driver->state() == State::kReport;
      },
      900));
  EXPECT_GE(clock_.Now() - begun, absl::Hours(24 * 14));
  EXPECT_LE(clock_.Now() - begun, absl::Hours(24 * 15));
  EXPECT_THAT(device.driver->last_error(), HasSubstr("DOWNLOAD was not over after"));
  ASSERT_TRUE(device.RunUntilIdleAfter(1));
  EXPECT_EQ(device.link.reasons().back(), Reason::kDownloadFailed);
  EXPECT_EQ(device.slots().active, "");
}

TEST_F(SupersedeTest, ADeviceThatWasOffForAMonthGoesOnWithItsDownload) {
  TestDevice device(site_, clock_);
  trust::Plan plan = site_.PlanFor(site_.PublishModel(ModelBytes("one"), "1", 1));
  plan.expires = plan.created + absl::Hours(24 * 180);
  device.link.plan = site_.PublishPlan(plan);
  DownloadSome(device, 2);
  device.link.online = false;
  device.Kill();
  clock_.Advance(absl::Hours(24 * 31));
  device.Restart();
  device.link.online = true;
  ASSERT_TRUE(device.RunUntil([&] { return device.driver->state() == State::kVerify; }))
      << device.driver->last_error();
}

TEST_F(SupersedeTest, APlanThatExpiresEndsItsDownloadAndSaysNothingAboutTheModel) {
  TestDevice device(site_, clock_);
  trust::Plan plan = site_.PlanFor(site_.PublishModel(ModelBytes("one"), "1", 1));
  plan.expires = plan.created + absl::Hours(5);
  device.link.plan = site_.PublishPlan(plan);
  DownloadSome(device, 2);
  device.link.online = false;
  ASSERT_TRUE(device.RunUntil([&] { return device.driver->state() == State::kReport; }));
  EXPECT_GE(clock_.Now(), plan.expires);
  EXPECT_THAT(device.driver->last_error(), HasSubstr("its plan expired"));
  device.link.online = true;
  ASSERT_TRUE(device.RunUntilIdleAfter(1));
  EXPECT_EQ(device.link.reasons().back(), Reason::kExpired);
  EXPECT_EQ(device.link.last_receipt(), nullptr);
}

}  // namespace
}  // namespace linnet::update
