// The power goes after each saved state (at each change of the disk: power_cut_test.cc).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/faulty_vfs.h"
#include "tests/support/status_matchers.h"
#include "tests/update/test_fleet.h"

namespace linnet::update {
namespace {

using ::linnet::testing::FakeClock;
using ::linnet::testing::FaultyVfs;

class PowerTest : public ::testing::Test {
 protected:
  PowerTest() {
    old_ = ModelBytes("old");
    new_ = ModelBytes("new");
    old_plan_ = site_.PublishPlan(site_.PlanFor(site_.PublishModel(old_, "1", 1)));
    new_plan_ = site_.PublishPlan(site_.PlanFor(site_.PublishModel(new_, "2", 2)));
  }
  void InstallOld(TestDevice& device) {
    device.link.plan = old_plan_;
    ASSERT_TRUE(device.RunUntilIdleAfter(1)) << device.driver->last_error();
    device.link.plan = new_plan_;
    device.link.reports.clear();
    device.driver->CheckSoon();
  }
  // Never neither: one of the two is active, whole, and loaded.
  void ExpectWhole(const TestDevice& device, const std::string& when) {
    const std::string active = device.active();
    EXPECT_TRUE(active == old_ || active == new_) << when;
    EXPECT_EQ(device.host->running, active) << when;
  }
  void ExpectFinished(TestDevice& device, const std::string& when) {
    ASSERT_TRUE(device.RunUntil(
        [&] {
          return device.driver->state() == State::kIdle && device.active() == new_ && !device.slots().trial;
        },
        600))
        << when << ": " << device.state_name() << " " << device.driver->last_error();
    EXPECT_EQ(device.host->running, new_) << when;
    ASSERT_NE(device.link.last_receipt(), nullptr) << when;
    EXPECT_EQ(device.link.last_receipt()->outcome, Outcome::kPassed) << when;
  }

  FakeClock clock_;
  TestSite site_{clock_};
  std::string old_, new_, old_plan_, new_plan_;
};

TEST_F(PowerTest, AfterEachSavedStateTheUpdateGoesOn) {
  for (int state = static_cast<int>(State::kCheck); state <= static_cast<int>(State::kReport); ++state) {
    if (static_cast<State>(state) == State::kRollback) continue;  // has a test of its own
    TestDevice device(site_, clock_);
    InstallOld(device);
    bool died = false;
    device.dies_after = [&](State to) { return !died && (died = to == static_cast<State>(state)); };
    device.RunUntil([&] { return died; });
    ASSERT_TRUE(died) << state;
    const std::string when = "killed in " + std::string(NameOf(static_cast<State>(state)));
    device.Restart();
    ExpectWhole(device, when);
    ExpectFinished(device, when);
  }
}

TEST_F(PowerTest, TwoKillsInARowAreNoWorse) {
  for (int state = static_cast<int>(State::kDownload); state <= static_cast<int>(State::kReport); ++state) {
    if (static_cast<State>(state) == State::kRollback) continue;
    TestDevice device(site_, clock_);
    InstallOld(device);
    int left = 0;
    device.dies_after = [&](State to) { return static_cast<int>(to) >= state && left++ < 2; };
    for (int i = 0; i < 2; ++i) {
      device.RunUntil([&] { return left > i; });
      device.Restart();
      ExpectWhole(device, std::to_string(state));
    }
    ExpectFinished(device, std::to_string(state));
  }
}

TEST_F(PowerTest, AKillInRollbackStillGoesBack) {
  const std::string bad =
      site_.PublishPlan(site_.PlanFor(site_.PublishModel(ModelBytes("BAD-ANSWERS"), "3", 3)));
  for (const State where : {State::kActivate, State::kConfirm, State::kRollback, State::kReport}) {
    TestDevice device(site_, clock_);
    InstallOld(device);
    device.link.plan = bad;
    bool died = false;
    device.dies_after = [&](State to) { return !died && (died = to == where); };
    device.RunUntil([&] { return died; });
    ASSERT_TRUE(died) << NameOf(where);
    device.Restart();
    ASSERT_TRUE(device.RunUntil([&] { return device.driver->state() == State::kIdle; })) << NameOf(where);
    EXPECT_EQ(device.active(), old_) << NameOf(where);
    EXPECT_EQ(device.host->running, old_) << NameOf(where);
    EXPECT_EQ(device.link.last_receipt()->outcome, Outcome::kRolledBack) << NameOf(where);
  }
}

TEST_F(PowerTest, ADiskThatIsFullForAWhileOnlyCostsTime) {
  FaultyVfs vfs;
  TestDevice device(site_, clock_);
  InstallOld(device);
  for (int i = 0; i < 12; ++i) {
    vfs.FailAfter(3 * i, SQLITE_FULL);
    device.RunUntil([&] { return vfs.failed(); }, 20);
    vfs.Repair();
  }
  ExpectFinished(device, "disk full");
}

}  // namespace
}  // namespace linnet::update
