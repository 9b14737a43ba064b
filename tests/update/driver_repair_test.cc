// A model's file rots after it was committed: the one before answers, and what is bad is fetched again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "tests/support/faulty_vfs.h"
#include "tests/support/sim_disk.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/update/test_fleet.h"

namespace linnet::update {
namespace {

using ::linnet::testing::FakeClock;
using ::linnet::testing::FaultyVfs;
using ::linnet::testing::IsOk;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

enum class Rot { kFlip, kDelete, kTruncate, kGrow };
constexpr Rot kAllRot[] = {Rot::kFlip, Rot::kDelete, Rot::kTruncate, Rot::kGrow};
const char* NameOf(Rot rot) {
  return rot == Rot::kFlip       ? "a byte flipped"
         : rot == Rot::kDelete   ? "deleted"
         : rot == Rot::kTruncate ? "truncated"
                                 : "grown";
}

class RepairTest : public ::testing::Test {
 protected:
  RepairTest() {
    one_ = ModelBytes("one");
    two_ = ModelBytes("two");
    one_plan_ = site_.PublishPlan(site_.PlanFor(site_.PublishModel(one_, "1", 1)));
    two_target_ = site_.PublishModel(two_, "2", 2);
    two_plan_ = site_.PublishPlan(site_.PlanFor(two_target_));
  }
  // Two is committed, one is the previous.
  void InstallBoth(TestDevice& device) {
    device.link.plan = one_plan_;
    ASSERT_TRUE(device.RunUntilIdleAfter(1)) << device.driver->last_error();
    device.link.plan = two_plan_;
    ASSERT_TRUE(device.RunUntilIdleAfter(2)) << device.driver->last_error();
    ASSERT_EQ(device.active(), two_);
    device.link.chunks_sent = 0;
    device.transcript.clear();
  }
  static std::string PathOf(TestDevice& device, std::string_view bytes) {
    return device.dir / ("models/" + base::Hex(base::AsView(base::Sha256(bytes))));
  }
  static void Damage(const std::string& path, Rot rot) {
    switch (rot) {
      case Rot::kFlip: {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(2345);
        const char was = static_cast<char>(file.get());
        file.seekp(2345);
        file.put(static_cast<char>(was ^ 0x40));
        break;
      }
      case Rot::kDelete:
        fs::remove(path);
        break;
      case Rot::kTruncate:
        fs::resize_file(path, 3500);
        break;
      case Rot::kGrow:
        std::ofstream(path, std::ios::binary | std::ios::app) << "and more";
        break;
    }
  }
  // A start, and the look at the whole file that comes right after it.
  static void StartAndLook(TestDevice& device) {
    device.Restart();
    device.driver->Step();
  }
  void ExpectRepaired(TestDevice& device, const std::string& when) {
    ASSERT_TRUE(device.RunUntil(
        [&] {
          return device.driver->state() == State::kIdle && device.host->running == two_ &&
                 !device.slots().trial;
        },
        600))
        << when << ": " << device.state_name() << " " << device.driver->last_error();
    EXPECT_EQ(device.active(), two_) << when;
    EXPECT_EQ(device.slots().damaged, "") << when;
  }

  FakeClock clock_;
  TestSite site_{clock_};
  std::string one_, two_, one_plan_, two_target_, two_plan_;
};

TEST_F(RepairTest, ThePreviousModelAnswersAndWhatIsBadIsFetchedAgain) {
  for (const Rot rot : kAllRot) {
    TestDevice device(site_, clock_);
    InstallBoth(device);
    Damage(PathOf(device, two_), rot);
    device.Restart();
    if (rot == Rot::kFlip) {
      EXPECT_NE(device.host->running, one_) << "it answers before all of it is read";
      device.driver->Step();
    }
    EXPECT_EQ(device.host->running, one_) << NameOf(rot);
    EXPECT_THAT(device.driver->last_error(),
                AllOf(HasSubstr(two_target_), HasSubstr("is damaged"), HasSubstr("the one before answers")))
        << NameOf(rot);
    const int runs = device.probe.runs;
    ExpectRepaired(device, NameOf(rot));
    EXPECT_GT(device.probe.runs, runs) << NameOf(rot) << ": through the probe, as any other";
    EXPECT_THAT(device.transcript, Contains("CONFIRM")) << NameOf(rot);
    // Only what is bad; the plan may be looked at again, too.
    const int bad = rot == Rot::kFlip ? 1 : rot == Rot::kDelete ? 5 : rot == Rot::kTruncate ? 2 : 0;
    EXPECT_GE(device.link.chunks_sent, bad) << NameOf(rot);
    EXPECT_LE(device.link.chunks_sent, bad + 1) << NameOf(rot);
    EXPECT_EQ(device.link.reasons().size(), 2u) << NameOf(rot) << ": says nothing about a plan";
    EXPECT_EQ(device.driver->last_error(), "") << NameOf(rot);
    EXPECT_EQ(device.slots().previous.size(), 32u) << NameOf(rot);
    // And all is as it was.
    device.Restart();
    EXPECT_EQ(device.host->running, two_) << NameOf(rot);
  }
}

TEST_F(RepairTest, TheCoordinatorIsToldWhatRuns) {
  TestDevice device(site_, clock_);
  InstallBoth(device);
  Damage(PathOf(device, two_), Rot::kFlip);
  device.Restart();
  const int check_ins = device.link.check_ins;
  ASSERT_TRUE(device.RunUntil([&] { return device.link.check_ins > check_ins; }));
  EXPECT_EQ(device.link.last_facts.release_counter, 1u);
  ExpectRepaired(device, "");
  ASSERT_TRUE(device.RunChecks(2));
  EXPECT_EQ(device.link.last_facts.release_counter, 2u);
}

TEST_F(RepairTest, WithoutACoordinatorThePreviousModelGoesOnUntilAStickComes) {
  TestDevice device(site_, clock_);
  InstallBoth(device);
  const std::string stick = device.dir / "stick";
  // The very plan that has ended here.
  trust::Plan plan = site_.PlanFor(two_target_);
  device.link.plan = site_.PublishPlan(plan);
  ASSERT_TRUE(device.RunUntilIdleAfter(3));
  site_.WriteBundle(stick, plan, two_, absl::Hours(24 * 30));
  Damage(PathOf(device, two_), Rot::kFlip);
  device.link.online = false;
  StartAndLook(device);
  EXPECT_FALSE(device.RunUntil([&] { return device.host->running != one_; }, 150));
  EXPECT_THAT(device.driver->last_error(), HasSubstr("damaged"));
  device.Restart();
  EXPECT_EQ(device.host->running, one_);
  ASSERT_THAT(device.driver->InstallBundle(stick, ""), IsOk());
  ExpectRepaired(device, "from the stick");
  EXPECT_EQ(device.link.reasons().size(), 3u);
}

TEST_F(RepairTest, ARepairThatWaitsGivesWayToTheOwnersFile) {
  TestDevice device(site_, clock_);
  InstallBoth(device);
  const std::string file = device.dir / "two.linnet";
  ASSERT_THAT(base::FileSystem::Real().WriteFileAtomic(file, two_), IsOk());
  Damage(PathOf(device, two_), Rot::kTruncate);
  device.link.online = false;
  device.Restart();
  ASSERT_TRUE(device.RunUntil([&] { return device.driver->state() == State::kDownload; }));
  EXPECT_FALSE(device.driver->busy());
  ASSERT_THAT(device.driver->Offer(file, ""), IsOk());
  EXPECT_TRUE(device.driver->busy());
  ExpectRepaired(device, "from the owner's hand");
}

TEST_F(RepairTest, ADeviceWithNoOtherModelRunsNoneUntilItsOwnIsWhole) {
  TestDevice device(site_, clock_);
  device.link.plan = one_plan_;
  ASSERT_TRUE(device.RunUntilIdleAfter(1));
  Damage(PathOf(device, one_), Rot::kFlip);
  device.link.online = false;
  StartAndLook(device);
  EXPECT_EQ(device.host->running, "") << "what nobody signed is not run";
  EXPECT_EQ(device.slots().active, "");
  EXPECT_THAT(device.driver->last_error(), HasSubstr("no other is here"));
  device.link.online = true;
  ASSERT_TRUE(device.RunUntil([&] { return device.host->running == one_ && !device.slots().trial; }, 400));
  EXPECT_EQ(device.active(), one_);
}

TEST_F(RepairTest, WhenBothAreDamagedTheNewerComesBack) {
  TestDevice device(site_, clock_);
  InstallBoth(device);
  Damage(PathOf(device, one_), Rot::kFlip);
  Damage(PathOf(device, two_), Rot::kDelete);
  device.Restart();
  EXPECT_EQ(device.host->running, "");
  ExpectRepaired(device, "both");
}

TEST_F(RepairTest, ANewerReleaseTakesTheDamagedOnesPlace) {
  TestDevice device(site_, clock_);
  InstallBoth(device);
  Damage(PathOf(device, two_), Rot::kFlip);
  device.link.online = false;
  device.Restart();
  ASSERT_TRUE(device.RunUntil([&] { return device.driver->state() == State::kDownload; }));
  clock_.Advance(absl::Minutes(5));
  device.link.plan = site_.PublishPlan(site_.PlanFor(site_.PublishModel(ModelBytes("three"), "3", 3)));
  device.link.online = true;
  ASSERT_TRUE(device.RunUntilIdleAfter(3)) << device.driver->last_error();
  EXPECT_EQ(device.host->running, ModelBytes("three"));
  EXPECT_EQ(device.slots().damaged, "");
  EXPECT_FALSE(fs::exists(PathOf(device, two_) + ".part"));
}

TEST_F(RepairTest, AModelThatRotsOnTrialIsRolledBackAndNotKeptAway) {
  TestDevice device(site_, clock_);
  device.link.plan = one_plan_;
  ASSERT_TRUE(device.RunUntilIdleAfter(1));
  device.link.plan = two_plan_;
  ASSERT_TRUE(device.RunUntil([&] { return device.driver->state() == State::kConfirm; }));
  Damage(PathOf(device, two_), Rot::kFlip);
  device.Restart();
  EXPECT_EQ(device.host->running, one_);
  ASSERT_TRUE(device.RunUntilIdleAfter(2));
  EXPECT_EQ(device.link.reasons().back(), Reason::kHashMismatch);
  clock_.Advance(absl::Seconds(1));
  device.link.plan = site_.PublishPlan(site_.PlanFor(two_target_));
  ASSERT_TRUE(device.RunUntilIdleAfter(3));
  EXPECT_EQ(device.active(), two_);
}

TEST_F(RepairTest, AModelThatRotsOnceItsTrialIsOverIsCommittedAndThenRepaired) {
  TestDevice device(site_, clock_);
  device.link.plan = one_plan_;
  ASSERT_TRUE(device.RunUntilIdleAfter(1));
  device.link.plan = two_plan_;
  bool died = false;
  device.dies_after = [&](State to) { return !died && (died = to == State::kCommit); };
  device.RunUntil([&] { return died; });
  ASSERT_TRUE(died);
  Damage(PathOf(device, two_), Rot::kFlip);
  device.Restart();
  EXPECT_EQ(device.host->running, one_);
  ExpectRepaired(device, "");
  EXPECT_THAT(device.link.reasons(), ::testing::ElementsAre(Reason::kNone, Reason::kNone));
}

TEST_F(RepairTest, AModelThatOnlyDoesNotLoadIsNotRepairedAndThePreviousAnswers) {
  TestDevice device(site_, clock_);
  InstallBoth(device);
  device.wont_switch_to = two_;
  device.Restart();
  EXPECT_EQ(device.host->running, one_);
  EXPECT_THAT(device.driver->last_error(),
              AllOf(HasSubstr("does not load"), HasSubstr("the one before answers")));
  ASSERT_TRUE(device.RunChecks(3));
  EXPECT_EQ(device.link.last_facts.release_counter, 1u) << "what answers";
  EXPECT_THAT(device.transcript, Not(Contains("DOWNLOAD")));
  EXPECT_THAT(device.driver->last_error(), HasSubstr("does not load"));
  device.wont_switch_to.clear();
  device.Restart();
  EXPECT_EQ(device.host->running, two_);
}

TEST_F(RepairTest, ADaemonThatRunsForMonthsLooksAgainEachWeek) {
  TestDevice device(site_, clock_);
  InstallBoth(device);
  Damage(PathOf(device, two_), Rot::kFlip);
  ASSERT_TRUE(device.RunChecks(3));
  EXPECT_EQ(device.host->running, two_) << "not at every check";
  clock_.Advance(absl::Hours(24 * 7));
  ASSERT_TRUE(device.RunUntil([&] { return device.host->running == one_; }));
  ExpectRepaired(device, "");
}

TEST_F(RepairTest, ARepairThatFailsTheProbeIsNotTriedForEver) {
  TestDevice device(site_, clock_);
  InstallBoth(device);
  Damage(PathOf(device, two_), Rot::kFlip);
  StartAndLook(device);
  device.probe.says_no = true;
  ASSERT_TRUE(device.RunUntil([&] { return device.slots().damaged.empty(); }));
  const int runs = device.probe.runs;
  EXPECT_FALSE(device.RunUntil([&] { return device.probe.runs > runs; }, 150));
  EXPECT_EQ(device.host->running, one_);
  EXPECT_EQ(device.link.reasons().size(), 2u);
}

TEST_F(RepairTest, APowerCutAfterAnySavedStateOfARepairCostsOnlyTime) {
  for (const State where : {State::kDownload, State::kVerify, State::kStage, State::kEval, State::kActivate,
                            State::kConfirm, State::kCommit, State::kReport}) {
    TestDevice device(site_, clock_);
    InstallBoth(device);
    Damage(PathOf(device, two_), Rot::kFlip);
    bool died = false;
    device.dies_after = [&](State to) { return !died && (died = to == where); };
    device.Restart();
    device.RunUntil([&] { return died; });
    const std::string when(NameOf(where));
    ASSERT_TRUE(died) << when;
    device.Restart();
    EXPECT_TRUE(device.host->running == one_ || device.host->running == two_) << when;
    ExpectRepaired(device, when);
  }
}

TEST_F(RepairTest, APowerCutAtAnyChangeOfAFileOrOfTheDatabaseCostsOnlyTime) {
  for (const bool database : {false, true}) {
    int n = 0;
    for (bool failed = true; failed; n += database ? 3 : 1) {
      FaultyVfs vfs;
      TestDevice device(site_, clock_);
      InstallBoth(device);
      Damage(PathOf(device, two_), Rot::kFlip);
      device.Kill();
      if (database) {
        // From the first step on: a start that cannot write does nothing, and says so.
        device.Restart();
        vfs.FailAfter(n);
      } else {
        device.files.FailAfter(n);
        device.Restart();
      }
      device.driver->Step();
      const auto hit = [&] { return database ? vfs.failed() : device.files.failed(); };
      device.RunUntil([&] { return hit() || (device.host->running == two_ && !device.slots().trial); });
      failed = hit();
      device.Kill();
      vfs.Repair();
      device.files.Repair();
      device.files.CutPower();
      device.Restart();
      const std::string when = absl::StrCat(database ? "database write " : "file change ", n);
      EXPECT_NE(device.host->running, "") << when;
      device.driver->Step();
      EXPECT_TRUE(device.host->running == one_ || device.host->running == two_) << when;
      ExpectRepaired(device, when);
    }
    EXPECT_GT(n, database ? 20 : 4);
  }
}

TEST_F(RepairTest, AStartInTheMiddleOfADownloadLooksAtTheActiveModelToo) {
  TestDevice device(site_, clock_);
  InstallBoth(device);
  device.link.plan = site_.PublishPlan(site_.PlanFor(site_.PublishModel(ModelBytes("three"), "3", 3)));
  ASSERT_TRUE(device.RunUntil([&] { return device.driver->state() == State::kDownload; }));
  Damage(PathOf(device, two_), Rot::kFlip);
  device.link.online = false;
  StartAndLook(device);
  EXPECT_EQ(device.driver->state(), State::kDownload);
  EXPECT_EQ(device.host->running, one_);
  device.link.online = true;
  ASSERT_TRUE(device.RunUntilIdleAfter(3)) << device.driver->last_error();
  EXPECT_EQ(device.host->running, ModelBytes("three"));
}

class RepairOnADiskTest : public RepairTest {
 protected:
  RepairOnADiskTest() {
    EXPECT_THAT(device_.Enrol(), IsOk());
    EXPECT_THAT(device_.TryRestart(), IsOk());
    InstallBoth(device_);
  }
  ::linnet::testing::SimDisk::Inode Inode() {  // of the newer model
    const std::lock_guard lock(disk_.mutex);
    return disk_.Find(disk_.root() + "/models/" + base::Hex(base::AsView(base::Sha256(two_))));
  }

  ::linnet::testing::TempDir dir_{true};
  ::linnet::testing::SimDisk disk_{dir_.path()};
  TestDevice device_{site_, clock_, disk_};
};

// It says nothing about the bytes, and the model answers.
TEST_F(RepairOnADiskTest, AFileThatCannotBeReadForAWhileIsLookedAtLater) {
  ASSERT_THAT(device_.TryRestart(), IsOk());
  disk_.SetFault({.ops = linnet::testing::kReadFile, .error = EIO});
  device_.driver->Step();
  EXPECT_TRUE(disk_.failed());
  disk_.Repair();
  EXPECT_EQ(device_.host->running, two_);
  EXPECT_EQ(device_.slots().damaged, "");
  Inode()->bytes[2345] ^= 0x40;
  ASSERT_TRUE(device_.RunUntil([&] { return device_.host->running == one_; })) << "and found damaged then";
  ExpectRepaired(device_, "");
}

// One sector: who has the file mapped dies of it.
TEST_F(RepairOnADiskTest, AFileThatCanNeverBeReadGivesWayToTheOneBeforeWhileItAnswers) {
  ASSERT_THAT(device_.TryRestart(), IsOk());
  disk_.SetFault({.ops = linnet::testing::kReadFile, .error = EIO, .for_good = true});
  ASSERT_FALSE(device_.RunUntil([&] { return device_.host->running != two_; }, 10))
      << "the one before, neither";
  disk_.Repair();
  Inode()->unreadable = true;
  ASSERT_TRUE(device_.RunUntil([&] { return device_.host->running == one_; }));
  ExpectRepaired(device_, "");
}

TEST_F(RepairOnADiskTest, AFileThatCannotBeReadInAMinuteOfTriesHasRotted) {
  disk_.SetFault({.ops = linnet::testing::kMapFile, .error = EIO, .for_good = true});
  EXPECT_EQ(device_.TryRestart().code(), absl::StatusCode::kUnavailable);
  const absl::Time start = clock_.Now();
  ASSERT_TRUE(device_.RunUntil([&] { return !device_.slots().damaged.empty(); }, 10));
  EXPECT_GE(clock_.Now() - start, absl::Seconds(40)) << "not at the first try";
  EXPECT_THAT(device_.driver->last_error(), HasSubstr("damaged"));
  disk_.Repair();
  ExpectRepaired(device_, "");
}

TEST_F(RepairOnADiskTest, WithoutDescriptorsNothingIsDamagedAndTheModelComesBackByItself) {
  disk_.SetFault({.ops = linnet::testing::kMapFile, .error = EMFILE, .for_good = true});
  EXPECT_EQ(device_.TryRestart().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_FALSE(device_.RunUntil([&] { return !device_.host->running.empty(); }, 30));
  EXPECT_EQ(device_.slots().damaged, "");
  EXPECT_THAT(device_.driver->last_error(), HasSubstr("does not load"));
  disk_.Repair();
  ASSERT_TRUE(device_.RunUntil([&] { return device_.host->running == two_; }));
  EXPECT_EQ(device_.driver->last_error(), "");
}

// The slots and the store are two commits: the power may go between them.
TEST_F(RepairTest, AFileThatIsKnownToBeBadWhileTheSlotsAreNotIsRepaired) {
  TestDevice device(site_, clock_);
  InstallBoth(device);
  Damage(PathOf(device, two_), Rot::kFlip);
  device.Kill();
  {
    auto db = db::Database::Open(device.dir / "state.db", db::Durability::kFull);
    ASSERT_THAT(db, IsOk());
    auto store = chunks::ChunkStore::Open(device.files, device.dir / "models", **db);
    ASSERT_THAT(store, IsOk());
    const std::string two_hash(base::AsView(base::Sha256(two_)));
    EXPECT_EQ((*store)->Recheck(two_hash, nullptr).code(), absl::StatusCode::kDataLoss);
  }
  device.Restart();
  EXPECT_EQ(device.host->running, one_);
  ExpectRepaired(device, "");
}

}  // namespace
}  // namespace linnet::update
