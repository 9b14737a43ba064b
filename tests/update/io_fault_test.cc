// Every call to the disk fails, once and for good, with every error that it may give, while a device takes an
// update: it goes on answering, says what is the matter, and ends with the new model when the fault is over.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "runtime/base/log.h"
#include "tests/support/disk_faults.h"
#include "tests/support/sim_disk.h"
#include "tests/support/status_matchers.h"
#include "tests/update/test_fleet.h"

namespace linnet::update {
namespace {

using ::linnet::testing::DiskFault;
using ::linnet::testing::EveryDiskFault;
using ::linnet::testing::FakeClock;
using ::linnet::testing::IsOk;
using ::linnet::testing::NamedFault;
using ::linnet::testing::NextCall;
using ::linnet::testing::SimDisk;
using ::linnet::testing::TempDir;
using ::linnet::testing::Unclear;
using ::linnet::testing::Unsynced;

constexpr int kMostPoints = 2000;     // of one kind of fault; a mistake here, not in what is tested
constexpr int kStepsUnderFault = 40;  // more than any retry that ends an attempt soon
constexpr int kMostSteps = 600;
constexpr int kMostSaid = 20;

class IoFaultTest : public ::testing::Test {
 protected:
  IoFaultTest() {
    base::SetLogSeverity(static_cast<base::Severity>(99));  // each fault would say several lines
    old_plan_ = site_.PublishPlan(site_.PlanFor(site_.PublishModel(old_, "1", 1)));
    const std::string target = site_.PublishModel(new_, "2", 2);
    new_plan_ = site_.PublishPlan(site_.PlanFor(target));
    again_plan_ = site_.PublishPlan(site_.PlanFor(target));
  }
  ~IoFaultTest() override { base::SetLogSeverity(base::Severity::kInfo); }

  SimDisk::Image Made(const std::string& plan) {
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
  void Load(const SimDisk::Image& image) {
    disk_.Load(image);
    disk_.PowerOn(Unsynced::kKept);
  }

  static std::string Say(std::string_view what, const TestDevice& device) {
    return absl::StrCat(std::string(what), " in ", device.state_name(), ": ", device.driver->last_error());
  }
  bool HasNew(const TestDevice& device) const {
    return device.driver->state() == State::kIdle && device.link.last_receipt() != nullptr &&
           device.host->running == new_;
  }

  // An update under the fault, and after it. Empty: as it must be.
  std::string Update(TestDevice& device, const DiskFault& fault, const std::string& had) {
    disk_.SetFault(fault);
    met_ = true;
    // A process that cannot open its databases says so and ends; it is started again.
    for (int start = 0; start < 3 && device.driver == nullptr; ++start) {
      const absl::Status started = device.TryRestart();
      if (std::string why = Unclear(started, disk_.root()); !why.empty()) return why;
    }
    bool answered = false;
    for (int i = 0; device.driver != nullptr && i < kStepsUnderFault && !HasNew(device); ++i) {
      const std::string& runs = device.host->running;
      if (answered && runs != had && runs != new_) return Say("stopped answering", device);
      answered |= !runs.empty();
      clock_.Advance(device.driver->Step());
    }
    met_ = disk_.failed();
    if (met_ && device.driver != nullptr && fault.for_good && !HasNew(device)) {
      const std::string said = device.driver->last_error();
      if (said.empty() || said.find('\n') != std::string::npos) return Say("says nothing clear", device);
    }
    disk_.Repair();
    if (device.driver == nullptr) {
      if (const absl::Status started = device.TryRestart(); !started.ok()) return started.ToString();
    }
    const auto done = [&] { return HasNew(device) && !device.slots().trial; };
    if (!device.RunUntil(done, kMostSteps)) {
      // A fault that stays ends an attempt, for a reason that is this device's; a signed retry gets through.
      const Reason reason = device.link.reasons().empty() ? Reason::kNone : device.link.reasons().back();
      const bool ours =
          reason == Reason::kNoSpace || reason == Reason::kDownloadFailed || reason == Reason::kWillNotLoad;
      if (!fault.for_good || !ours) {
        return absl::StrCat(Say("does not end", device), "; reason ", static_cast<int>(reason));
      }
      if (device.host->running != had) return Say("does not run the old one", device);
      device.link.plan = again_plan_;
      device.link.reports.clear();
      device.driver->CheckSoon();
      if (!device.RunUntil(done, kMostSteps)) return Say("no second try", device);
    }
    if (device.active() != new_) return "runs another model than the active one";
    if (device.link.last_receipt()->outcome != Outcome::kPassed) return "another outcome";
    // What it kept on the disk is whole: a new start needs nothing else.
    if (const absl::Status started = device.TryRestart(); !started.ok()) return started.ToString();
    return device.host->running == new_ ? "" : Say("another start", device);
  }

  // `each_for_good`: else only what befalls many kinds of calls stays.
  void FailEverywhere(const SimDisk::Image& image, const std::string& had, const std::string& what,
                      bool each_for_good) {
    const absl::Time begin = clock_.Now();
    int points = 0, bad = 0;
    for (const NamedFault& named : EveryDiskFault()) {
      DiskFault fault = named.fault;
      if (fault.for_good && !named.of_many && !each_for_good) continue;
      bool met = true;
      for (; met && fault.after < kMostPoints; fault.after = NextCall(fault.after)) {
        clock_.Set(begin);
        Load(image);
        TestDevice device(site_, clock_, disk_);
        device.link.plan = new_plan_;
        const std::string wrong = Update(device, fault, had);
        met = met_;
        device.Kill();
        points += met ? 1 : 0;
        if (wrong.empty()) continue;
        if (++bad <= kMostSaid) ADD_FAILURE() << named.name << ", call " << fault.after << ": " << wrong;
      }
      EXPECT_LT(fault.after, kMostPoints);
    }
    EXPECT_EQ(bad, 0);
    std::cout << what << ": the disk failed at each of " << points << " points: " << bad << " bad ends\n";
    clock_.Set(begin);
  }

  FakeClock clock_;
  TestSite site_{clock_};
  const std::string old_ = ModelBytes("old"), new_ = ModelBytes("new");
  std::string old_plan_, new_plan_, again_plan_;
  TempDir dir_{true};
  SimDisk disk_{dir_.path()};
  bool met_ = false;  // by the last Update
};

TEST_F(IoFaultTest, WhateverCallFailsAnUpdateEndsWithTheNewModelAndTheOldOneAnswersMeanwhile) {
  FailEverywhere(Made(old_plan_), old_, "an update", /*each_for_good=*/true);
}

TEST_F(IoFaultTest, WhateverCallFailsAFirstInstallEndsWithTheModel) {
  FailEverywhere(Made(""), "", "a first install", /*each_for_good=*/false);
}

// To read nothing of what is stored would be to forget it: an older timestamp would then be news.
TEST_F(IoFaultTest, ADeviceWithoutDescriptorsTakesNoOlderMetadata) {
  const std::string older = *site_.repository().Metadata("timestamp", 0);
  site_.PublishPlan(site_.PlanFor(site_.PublishModel(ModelBytes("third"), "3", 3)));
  const SimDisk::Image image = Made(old_plan_);
  const std::string path = disk_.root() + "/trust/timestamp.json";
  int points = 0;
  for (bool met = true; met; ++points) {
    Load(image);
    const std::string newest = *disk_.files().ReadFile(path, 1 << 20);
    ASSERT_NE(newest, older);
    TestDevice device(site_, clock_, disk_);
    ASSERT_THAT(device.TryRestart(), IsOk());
    device.link.tamper = [&](const std::string& role, std::string& bytes) {
      if (role == "timestamp") bytes = older;
    };
    device.link.plan = new_plan_;
    disk_.SetFault({.ops = linnet::testing::kReadFile, .error = EMFILE, .after = points});
    device.driver->CheckSoon();
    device.RunUntil([] { return false; }, 8);
    met = disk_.failed();
    disk_.Repair();
    EXPECT_EQ(*disk_.files().ReadFile(path, 1 << 20), newest) << "read " << points;
    device.Kill();
  }
  EXPECT_GT(points, 3);
}

}  // namespace
}  // namespace linnet::update
