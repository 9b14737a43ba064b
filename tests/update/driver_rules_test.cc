// What a plan says of hardware and of times, kept by the device whatever the coordinator says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/repo/device.h"
#include "tests/support/status_matchers.h"
#include "tests/update/test_fleet.h"

namespace linnet::update {
namespace {

using ::linnet::testing::FakeClock;
using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class RulesTest : public ::testing::Test {
 protected:
  RulesTest() {
    plan_ = site_.PlanFor(site_.PublishModel(ModelBytes("one"), "1", 1));
    device_.facts = {.kernels = "neon_dotprod",
                     .architecture = "aarch64",
                     .ram_mib = 2048,
                     .cores = 4,
                     .agent_version = 3'000};
    device_.Restart();
  }
  trust::WaveFilter& filter() { return plan_.waves[0].filter; }
  void Publish() { device_.link.plan = site_.PublishPlan(plan_); }
  bool Starts() {
    device_.transcript.clear();
    device_.RunChecks(2);
    return std::find(device_.transcript.begin(), device_.transcript.end(), "DOWNLOAD") !=
           device_.transcript.end();
  }
  // A window of every day, from so many minutes after now on.
  trust::WaveWindow Daily(int after, int length) {
    const int now = static_cast<int>((clock_.Now() - absl::UnixEpoch()) / absl::Minutes(1) % 1440);
    const int from = (now + after) % 1440, to = (from + length) % 1440;
    return {.days = 0x7f,
            .from_minute = static_cast<uint16_t>(from),
            .to_minute = static_cast<uint16_t>(to == 0 ? 1440 : to)};
  }
  bool Waits() { return device_.driver->state() == State::kEval && device_.slots().active.empty(); }
  // Steps until the clock has moved so far.
  void Run(absl::Duration time) {
    const absl::Time end = clock_.Now() + time;
    device_.RunUntil([&] { return clock_.Now() >= end; }, 5000);
  }

  FakeClock clock_;
  TestSite site_{clock_};
  TestDevice device_{site_, clock_};
  trust::Plan plan_;
};

TEST_F(RulesTest, HardwareThatIsNotOursIsRefusedWhateverTheCoordinatorSays) {
  const trust::WaveFilter filters[] = {{.architectures = {"x86_64"}},
                                       {.kernels = {"avx2", "neon"}},
                                       {.least_ram_mib = 2049},
                                       {.least_cores = 5},
                                       {.least_agent_version = 3'001}};
  for (const trust::WaveFilter& other : filters) {
    plan_ = site_.PlanFor(plan_.model_target);
    filter() = other;
    Publish();
    EXPECT_FALSE(Starts()) << other.ToText();
    EXPECT_THAT(device_.driver->last_error(), HasSubstr("is not for this device: it has ")) << other.ToText();
    EXPECT_THAT(device_.link.reports, IsEmpty()) << "what it is made of stays here";
  }
  plan_ = site_.PlanFor(plan_.model_target);
  filter() = {.architectures = {"aarch64"},
              .kernels = {"neon_dotprod"},
              .least_ram_mib = 2048,
              .least_cores = 4,
              .least_agent_version = 3'000};
  Publish();
  EXPECT_TRUE(Starts()) << device_.driver->last_error();
}

TEST_F(RulesTest, WhatADeviceDoesNotKnowOfItselfFitsNoFilter) {
  device_.facts = {};
  device_.Restart();
  filter() = {.least_ram_mib = 1};
  Publish();
  EXPECT_FALSE(Starts());
  EXPECT_THAT(device_.driver->last_error(), HasSubstr("no known MiB of memory"));
}

TEST_F(RulesTest, ANewerAgentOrMoreMemoryLetsItIn) {
  filter() = {.least_agent_version = 4'000};
  Publish();
  EXPECT_FALSE(Starts());
  device_.facts.agent_version = 4'000;
  device_.Restart();
  ASSERT_TRUE(device_.RunUntilIdleAfter(1)) << device_.driver->last_error();
  EXPECT_EQ(device_.active(), ModelBytes("one"));
}

TEST_F(RulesTest, ItGoesWithTheFirstWaveThatFits) {
  filter() = {.architectures = {"x86_64"}};
  plan_.waves.push_back({.name = "rest", .soak = absl::Minutes(30)});
  Publish();
  EXPECT_FALSE(Starts());
  EXPECT_THAT(device_.driver->last_error(), HasSubstr("wave rest soaks until"));
  ASSERT_TRUE(device_.RunUntilIdleAfter(1)) << device_.driver->last_error();
  EXPECT_EQ(device_.active(), ModelBytes("one"));
}

TEST_F(RulesTest, OutsideItsWindowItDownloadsAndTriesButDoesNotActivate) {
  plan_.waves[0].windows = {Daily(120, 60)};
  Publish();
  std::vector<absl::Time> activated;
  device_.dies_after = [&](State to) {
    if (to == State::kActivate) activated.push_back(clock_.Now());
    return false;
  };
  const absl::Time start = clock_.Now();
  Run(absl::Minutes(100));
  ASSERT_TRUE(Waits()) << device_.state_name();
  EXPECT_EQ(device_.probe.runs, 1);
  EXPECT_EQ(device_.host->switches, 0);
  EXPECT_THAT(device_.driver->last_error(), HasSubstr("waits for its window: daily 02:00-03:00 utc"));
  device_.Restart();  // the wait survives, and tries nothing twice
  Run(absl::Minutes(10));
  ASSERT_TRUE(Waits());
  EXPECT_EQ(device_.probe.runs, 1);
  ASSERT_TRUE(device_.RunUntilIdleAfter(1)) << device_.driver->last_error();
  ASSERT_EQ(activated.size(), 1u);
  EXPECT_GE(activated[0], start + absl::Minutes(120));
  EXPECT_LT(activated[0], start + absl::Minutes(122));
  EXPECT_EQ(device_.active(), ModelBytes("one"));
}

TEST_F(RulesTest, ALocalWindowIsByTheDevicesOwnZone) {
  device_.zone = absl::FixedTimeZone(-3600);
  device_.Restart();
  plan_.waves[0].windows = {Daily(0, 30)};
  plan_.waves[0].windows[0].local = true;  // so it opens an hour later here
  Publish();
  const absl::Time start = clock_.Now();
  Run(absl::Minutes(50));
  ASSERT_TRUE(Waits()) << device_.state_name();
  ASSERT_TRUE(device_.RunUntilIdleAfter(1)) << device_.driver->last_error();
  EXPECT_GE(clock_.Now(), start + absl::Hours(1));
  EXPECT_LT(clock_.Now(), start + absl::Minutes(95));
}

TEST_F(RulesTest, APowerCutInTheWindowsLastMinuteWaitsForTheNext) {
  plan_.waves[0].windows = {Daily(0, 5)};
  Publish();
  device_.dies_after = [](State to) { return to == State::kActivate; };
  device_.RunUntil([&] { return device_.driver->state() == State::kActivate; });
  ASSERT_EQ(device_.driver->state(), State::kActivate);
  device_.dies_after = nullptr;
  const absl::Time start = clock_.Now();
  clock_.Advance(absl::Hours(2));
  device_.Restart();
  Run(absl::Hours(20));
  EXPECT_EQ(device_.driver->state(), State::kActivate);
  EXPECT_EQ(device_.slots().active, "");
  ASSERT_TRUE(device_.RunUntil([&] { return device_.driver->state() == State::kConfirm; }, 5000));
  EXPECT_GT(clock_.Now(), start + absl::Hours(23));
}

TEST_F(RulesTest, AStopIsObeyedWhileItWaits) {
  plan_.waves[0].windows = {Daily(300, 60)};
  Publish();
  Run(absl::Minutes(30));
  ASSERT_TRUE(Waits());
  device_.link.stop = true;  // heard by a check-in: it goes on asking
  ASSERT_TRUE(device_.RunUntil([&] { return device_.driver->state() == State::kIdle; }, 50));
  EXPECT_EQ(device_.link.reasons().back(), Reason::kStopped);
  EXPECT_EQ(device_.link.last_receipt(), nullptr) << "it says nothing about the model";
  EXPECT_EQ(device_.slots().active, "");
}

TEST_F(RulesTest, RevocationWhileItWaitsIsSeenBeforeActivation) {
  plan_.waves[0].windows = {Daily(60, 60)};
  Publish();
  Run(absl::Minutes(30));
  ASSERT_TRUE(Waits());
  site_.Revoke(*device_.link.credentials());
  ASSERT_TRUE(device_.RunUntil([&] { return device_.driver->state() == State::kIdle; }, 500));
  EXPECT_THAT(device_.transcript, Not(Contains("ACTIVATE")));
  EXPECT_EQ(device_.slots().active, "");
}

TEST_F(RulesTest, ADeviceThatDoesNotKnowTheTimeWaits) {
  FakeClock battery_is_dead(absl::UnixEpoch() + absl::Minutes(5));
  TestDevice device(site_, battery_is_dead);
  ASSERT_THAT(device.state->Write([&] { return repo::Device(device.state->db()).LoadOrCreate("").status(); }),
              IsOk());  // as the agent does at its first start: here the believed time is kept
  plan_.waves[0].windows = {{.days = 0x7f, .from_minute = 0, .to_minute = 1440}};  // open at any time
  device.link.plan = site_.PublishPlan(plan_);
  device.RunUntil([&] { return battery_is_dead.Now() > absl::UnixEpoch() + absl::Hours(3); }, 5000);
  EXPECT_EQ(device.driver->state(), State::kEval) << device.driver->last_error();
  EXPECT_EQ(device.slots().active, "");
  EXPECT_THAT(device.driver->last_error(), HasSubstr("its clock is behind"));
  battery_is_dead.Set(clock_.Now() + absl::Hours(1));  // the time came over the network
  ASSERT_TRUE(device.RunUntilIdleAfter(1)) << device.driver->last_error();
  EXPECT_EQ(device.active(), ModelBytes("one"));
}

TEST_F(RulesTest, WhoBringsAStickChoosesTheMomentButNotTheHardware) {
  linnet::testing::TempDir dir(true);
  plan_.waves[0].windows = {Daily(300, 60)};
  site_.WriteBundle(dir / "now", plan_, ModelBytes("one"), absl::Hours(48));
  EXPECT_THAT(device_.driver->InstallBundle(dir / "now", ""), IsOk());
  EXPECT_EQ(device_.active(), ModelBytes("one"));
  ASSERT_TRUE(device_.RunUntil([&] { return device_.driver->state() == State::kIdle; }));
  plan_ = site_.PlanFor(site_.PublishModel(ModelBytes("two"), "2", 2));
  filter() = {.architectures = {"x86_64"}};
  site_.WriteBundle(dir / "other", plan_, ModelBytes("two"), absl::Hours(48));
  EXPECT_THAT(device_.driver->InstallBundle(dir / "other", ""),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("is not for this device")));
  EXPECT_EQ(device_.active(), ModelBytes("one"));
}

}  // namespace
}  // namespace linnet::update
