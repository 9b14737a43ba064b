// The power goes at each write, fsync, rename, new or removed name of whole updates, of files and of SQLite,
// under one count; what was not synced is lost, torn, or there. One process, on a disk in memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/log.h"
#include "runtime/base/string_view.h"
#include "tests/support/sim_disk.h"
#include "tests/support/status_matchers.h"
#include "tests/update/test_fleet.h"

namespace linnet::update {
namespace {

using ::linnet::testing::FakeClock;
using ::linnet::testing::IsOk;
using ::linnet::testing::SimDisk;
using ::linnet::testing::TempDir;
using ::linnet::testing::Unsynced;

constexpr int kMostPoints = 2000;  // of one update; a mistake here, not in what is tested
constexpr int kMostSteps = 600;
#ifdef LINNET_SANITIZED
constexpr int kEvery = 7;  // slow there, and the same code
#else
constexpr int kEvery = 1;
#endif
constexpr int kMostSaid = 5;

class PowerCutTest : public ::testing::Test {
 protected:
  PowerCutTest() {
    base::SetLogSeverity(static_cast<base::Severity>(99));  // each cut would say several lines
    old_plan_ = Roll(old_, "1", 1);
    new_plan_ = Roll(new_, "2", 2);
  }
  ~PowerCutTest() override { base::SetLogSeverity(base::Severity::kInfo); }

  std::string Roll(const std::string& bytes, std::string_view version, uint64_t release) {
    return site_.PublishPlan(site_.PlanFor(site_.PublishModel(bytes, version, release)));
  }
  // A device that joined; with `plan`, it has followed that one.
  SimDisk::Image Made(const std::string& plan) {
    disk_.Load({});
    disk_.PowerOn(Unsynced::kKept);
    TestDevice device(site_, clock_, disk_);
    EXPECT_THAT(device.Enrol(), IsOk());
    device.link.plan = plan;
    if (!plan.empty()) {
      EXPECT_THAT(device.TryRestart(), IsOk());
      EXPECT_TRUE(device.RunUntilIdleAfter(1)) << device.driver->last_error();
    }
    device.Kill();
    return disk_.Save();
  }

  struct Update {
    std::string plan;
    std::string before, tried, after;  // the models; empty: none
    Outcome outcome = Outcome::kPassed;
    bool repair = false;    // no plan's business
    std::string meanwhile;  // in a repair
  };
  bool Ended(const TestDevice& device, const Update& update) const {
    const repo::ModelSlots slots = device.slots();
    if (device.driver->state() != State::kIdle || slots.trial || !slots.damaged.empty()) return false;
    return update.repair ? device.host->running == update.after : device.link.last_receipt() != nullptr;
  }
  // From a start to a stop, with a clean stop in the middle of the trial: all that a device writes.
  void RunWhole(TestDevice& device, const Update& update) {
    if (!device.TryRestart().ok()) return;
    device.RunUntil([&] { return !disk_.powered() || device.driver->state() == State::kConfirm; });
    device.driver->Quit();
    device.driver->Finish();
    if (!disk_.powered() || !device.TryRestart().ok()) return;
    device.RunUntil([&] { return !disk_.powered() || Ended(device, update); });
    device.Kill();
  }
  // The device starts again. Empty: as it must be, now and in the end.
  std::string Recover(TestDevice& device, const Update& update) {
    if (const absl::Status started = device.TryRestart(); !started.ok()) {
      return absl::StrCat("does not start: ", started.ToString());
    }
    const std::string active = device.active();
    const bool between = update.repair && active == update.meanwhile;
    if (active != update.before && active != update.tried && !between)
      return "neither the old nor the new model";
    if (device.host->running != active) return "does not run what is active";
    const bool ended = device.RunUntil([&] { return Ended(device, update); }, kMostSteps);
    if (!ended) return absl::StrCat("stuck in ", device.state_name(), ": ", device.driver->last_error());
    if (device.active() != update.after || device.host->running != update.after) {
      return absl::StrCat("ends without the model: ", device.driver->last_error());
    }
    return update.repair || device.link.last_receipt()->outcome == update.outcome ? "" : "another outcome";
  }

  void CutEverywhere(const SimDisk::Image& image, const Update& update, const std::string& what) {
    const absl::Time begin = clock_.Now();
    int bad = 0, points = 0;
    for (int n = 0; n < kMostPoints; n += kEvery, ++points) {
      clock_.Set(begin);
      disk_.Load(image);
      disk_.PowerOn(Unsynced::kKept);
      TestDevice device(site_, clock_, disk_);
      device.link.plan = update.plan;
      disk_.CutPowerAfter(n, [&] { device.link.online = false; });
      RunWhole(device, update);
      if (disk_.powered()) break;  // after the last change
      device.Kill();
      const SimDisk::Image dead = disk_.Save();
      const std::vector<OutcomeReport> heard = device.link.reports;
      const absl::Time now = clock_.Now();
      bool good = true;
      for (const Unsynced left : {Unsynced::kLost, Unsynced::kTorn, Unsynced::kKept}) {
        clock_.Set(now);
        disk_.Load(dead);
        disk_.PowerOn(left, static_cast<uint64_t>(n));
        device.link.online = true;
        device.link.reports = heard;
        const std::string wrong = Recover(device, update);
        device.Kill();
        if (wrong.empty()) continue;
        good = false;
        if (bad < kMostSaid) {
          ADD_FAILURE() << what << ", change " << n << ", unsynced " << static_cast<int>(left) << ": "
                        << wrong;
        }
      }
      bad += good ? 0 : 1;
    }
    EXPECT_LT(points, kMostPoints);
    EXPECT_EQ(bad, 0);
    std::cout << what << ": power cut at each of " << points << " points: " << bad << " bad states\n";
    points_ = kEvery * points;
    clock_.Set(begin);
  }

  FakeClock clock_;
  TestSite site_{clock_};
  const std::string old_ = ModelBytes("old"), new_ = ModelBytes("new");
  std::string old_plan_, new_plan_;
  TempDir dir_{true};
  SimDisk disk_{dir_.path()};
  int points_ = 0;
};

TEST_F(PowerCutTest, AtEachChangeOfAnUpdateTheDeviceHasTheOldOrTheNewModelAndTheUpdateEnds) {
  CutEverywhere(Made(old_plan_), {.plan = new_plan_, .before = old_, .tried = new_, .after = new_},
                "an update");
  EXPECT_GT(points_, 100);
}

TEST_F(PowerCutTest, AtEachChangeOfAFirstInstallThereIsNothingOrTheWholeModelAndItEnds) {
  CutEverywhere(Made(""), {.plan = new_plan_, .before = "", .tried = new_, .after = new_}, "a first install");
  EXPECT_GT(points_, 150);
}

TEST_F(PowerCutTest, AtEachChangeOfARollBackTheDeviceEndsWithTheOldModel) {
  const std::string bad = ModelBytes("BAD-ANSWERS");
  CutEverywhere(Made(old_plan_),
                {.plan = Roll(bad, "3", 3),
                 .before = old_,
                 .tried = bad,
                 .after = old_,
                 .outcome = Outcome::kRolledBack},
                "a roll-back");
  EXPECT_GT(points_, 100);
}

TEST_F(PowerCutTest, AtEachChangeOfARepairTheDeviceHasTheOldOrTheNewModelAndTheRepairEnds) {
  Made(old_plan_);
  {
    TestDevice device(site_, clock_, disk_);
    device.link.plan = new_plan_;
    ASSERT_THAT(device.TryRestart(), IsOk());
    ASSERT_TRUE(device.RunUntilIdleAfter(1)) << device.driver->last_error();
    device.Kill();
  }
  std::string rotten = new_;
  rotten[2345] ^= 0x40;
  {
    const std::string path = disk_.root() + "/models/" + base::Hex(base::AsView(base::Sha256(new_)));
    const std::lock_guard lock(disk_.mutex);
    disk_.Find(path)->bytes = disk_.Find(path)->durable = rotten;
  }
  CutEverywhere(
      disk_.Save(),
      {.plan = new_plan_, .before = rotten, .tried = new_, .after = new_, .repair = true, .meanwhile = old_},
      "a repair");
  EXPECT_GT(points_, 100);
}

}  // namespace
}  // namespace linnet::update
