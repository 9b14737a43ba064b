// A coordinator whose disk fails at any call, once or for good, or loses its power at any change, from its
// first start through a publication, an enrolment, a rollout and a revocation: what it said is done is done.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>

#include "absl/strings/str_cat.h"
#include "runtime/base/log.h"
#include "tests/coordinator/small_coordinator.h"
#include "tests/support/disk_faults.h"

namespace linnet::coordinator {
namespace {

using ::linnet::testing::DiskFault;
using ::linnet::testing::EveryDiskFault;
using ::linnet::testing::NamedFault;
using ::linnet::testing::NextCall;
using ::linnet::testing::Unclear;
using ::linnet::testing::Unsynced;

constexpr int kMostPoints = 4000;  // of one kind; a mistake here, not in what is tested
constexpr int kMostSaid = 10;

class CoordinatorIoTest : public ::testing::Test {
 protected:
  CoordinatorIoTest() { base::SetLogSeverity(static_cast<base::Severity>(99)); }
  ~CoordinatorIoTest() override { base::SetLogSeverity(base::Severity::kInfo); }

  // Every step under the fault, then again without where it failed. Empty: as it must be.
  std::string Fail(const DiskFault& fault) {
    coordinator_.Reset();
    coordinator_.disk().SetFault(fault);
    met_ = true;
    for (const SmallCoordinator::Step& step : coordinator_.steps()) {
      const bool before = coordinator_.disk().failed();
      absl::Status status = step.run();
      if (!status.ok() && !before && !coordinator_.disk().failed()) {
        return absl::StrCat(step.name, ": ", status.ToString());  // by itself
      }
      for (int again = 0; !status.ok() && again < 2; ++again) {
        if (const std::string why = Unclear(status, coordinator_.disk().root()); !why.empty()) {
          return absl::StrCat(step.name, ": ", why);
        }
        if (again == 1) coordinator_.disk().Repair();
        status = step.run();
      }
      if (!status.ok()) return absl::StrCat(step.name, ", after the fault: ", status.ToString());
    }
    met_ = coordinator_.disk().failed();
    coordinator_.disk().Repair();
    coordinator_.CheckInAgain();  // one that was not saved is no failure: the next one is
    std::string wrong = coordinator_.WhatIsWrong();
    if (!wrong.empty()) return absl::StrCat("still running: ", wrong);
    coordinator_.Close();
    wrong = coordinator_.WhatIsWrong();
    return wrong.empty() ? "" : absl::StrCat("after a restart: ", wrong);
  }

  SmallCoordinator coordinator_;
  bool met_ = false;  // by the last Fail
};

TEST_F(CoordinatorIoTest, WhateverCallFailsNothingThatWasAcknowledgedIsLostAndTheNextTryWorks) {
  int points = 0, bad = 0;
  for (const NamedFault& named : EveryDiskFault()) {
    DiskFault fault = named.fault;
    if (fault.for_good && !named.of_many) continue;  // "a disk that is gone" is no less, at every call
    for (bool met = true; met && fault.after < kMostPoints; fault.after = NextCall(fault.after)) {
      const std::string wrong = Fail(fault);
      met = met_;
      points += met ? 1 : 0;
      if (wrong.empty()) continue;
      if (++bad <= kMostSaid) ADD_FAILURE() << named.name << ", call " << fault.after << ": " << wrong;
    }
    EXPECT_LT(fault.after, kMostPoints);
  }
  EXPECT_EQ(bad, 0);
  std::cout << "a coordinator: the disk failed at each of " << points << " points: " << bad << " bad ends\n";
}

TEST_F(CoordinatorIoTest, AtEachChangeThePowerMayGoAndWhatWasAcknowledgedIsThere) {
  constexpr Unsynced kLeft[] = {Unsynced::kLost, Unsynced::kTorn, Unsynced::kKept};
  int points = 0, bad = 0;
  for (bool cut = true; cut && points < kMostPoints; ++points) {
    // Each of the three at its third of the points; all at each with LINNET_TEST_EVERY_CALL.
    for (int i = 0; i < 3; ++i) {
      if (i != points % 3 && NextCall(kMostPoints) != kMostPoints + 1) continue;
      const Unsynced left = kLeft[i];
      coordinator_.Reset();
      coordinator_.disk().CutPowerAfter(points);
      std::string wrong;
      cut = false;
      for (const SmallCoordinator::Step& step : coordinator_.steps()) {
        const absl::Status status = step.run();
        if (status.ok() && coordinator_.disk().powered()) continue;
        if (cut || coordinator_.disk().powered()) {
          wrong = absl::StrCat(step.name, ": ", status.ToString());
          break;
        }
        cut = true;
        coordinator_.Close();
        coordinator_.disk().PowerOn(left, static_cast<uint64_t>(points));
        absl::Status again = coordinator_.steps().front().run();
        if (again.ok() && &step != &coordinator_.steps().front()) again = step.run();
        if (!again.ok()) wrong = absl::StrCat(step.name, ": ", again.ToString());
        if (!wrong.empty()) break;
      }
      if (wrong.empty()) wrong = coordinator_.WhatIsWrong();
      if (wrong.empty()) continue;
      if (++bad <= kMostSaid) {
        ADD_FAILURE() << "change " << points << ", unsynced " << static_cast<int>(left) << ": " << wrong;
      }
    }
  }
  EXPECT_EQ(bad, 0);
  EXPECT_LT(points, kMostPoints);
  std::cout << "a coordinator: power cut at each of " << points << " points: " << bad << " bad states\n";
}

}  // namespace
}  // namespace linnet::coordinator
