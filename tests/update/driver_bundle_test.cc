// Installing from a stick. Every refusal leaves the device as it was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "storage/repo/update_journal.h"
#include "tests/support/status_matchers.h"
#include "tests/update/test_fleet.h"

namespace linnet::update {
namespace {

using ::linnet::testing::FakeClock;
using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using Code = absl::StatusCode;
namespace fs = std::filesystem;

constexpr absl::Duration kDay = absl::Hours(24);

std::string ReadAll(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::map<std::string, std::string> FilesBelow(const std::string& dir) {
  std::map<std::string, std::string> files;
  if (!fs::exists(dir)) return files;
  for (const auto& entry : fs::recursive_directory_iterator(dir)) {
    if (entry.is_regular_file()) files[entry.path().string()] = ReadAll(entry.path());
  }
  return files;
}

class BundleTest : public ::testing::Test {
 protected:
  // A bundle of a new model.
  std::string Bundle(TestSite& site, std::string_view words, uint64_t release,
                     absl::Duration valid = 180 * kDay) {
    const std::string target = site.PublishModel(ModelBytes(words), absl::StrCat(release), release);
    return BundleOf(site, target, words, valid);
  }
  std::string BundleOf(TestSite& site, const std::string& target, std::string_view words,
                       absl::Duration valid = 180 * kDay) {
    trust::Plan plan = site.PlanFor(target);
    plan.expires = clock_.Now() + valid;
    std::string dir = dir_ / absl::StrCat("bundle-", ++bundles_);
    site.WriteBundle(dir, plan, ModelBytes(words), valid);
    return dir;
  }
  absl::StatusOr<std::string> Install(TestDevice& device, const std::string& dir,
                                      std::string_view root = "") {
    return device.driver->InstallBundle(dir, root);
  }
  void Confirm(TestDevice& device) {
    ASSERT_TRUE(device.RunUntil([&] { return device.driver->state() == State::kIdle; }))
        << device.state_name() << ": " << device.driver->last_error();
    ASSERT_FALSE(device.slots().trial);
  }
  // Everything that a refused bundle must leave alone.
  static std::map<std::string, std::string> Everything(TestDevice& device) {
    std::map<std::string, std::string> all = FilesBelow(device.dir / "trust");
    all.merge(FilesBelow(device.dir / "models"));
    all["running"] = device.host->running;
    all["active"] = device.slots().active;
    all["state"] = device.state_name();
    EXPECT_THAT(device.state->Read([&]() -> absl::Status {
      LINNET_ASSIGN_OR_RETURN(const auto open, repo::UpdateJournal(device.state->db()).Open());
      LINNET_ASSIGN_OR_RETURN(const auto last, repo::UpdateJournal(device.state->db()).Last());
      all["attempts"] = absl::StrCat(open ? open->attempt : 0, " open, ", last ? last->attempt : 0, " ended");
      return absl::OkStatus();
    }),
                IsOk());
    return all;
  }
  // A device that has never heard of a coordinator.
  static void Disown(TestDevice& device) {
    device.link.enrolled = device.link.online = false;
    fs::remove(device.dir / "trust/root.json");
  }
  std::string RootHash() { return std::string(base::AsView(base::Sha256(site_.RootJson()))); }

  FakeClock clock_;
  TestSite site_{clock_};
  linnet::testing::TempDir dir_{true};
  int bundles_ = 0;
};

TEST_F(BundleTest, AGoodBundleInstallsWithTheCoordinatorGone) {
  TestDevice device(site_, clock_);
  device.link.online = false;
  const std::string bundle = Bundle(site_, "one", 1);
  ASSERT_OK_AND_ASSIGN(const std::string target, Install(device, bundle));
  EXPECT_EQ(target, "models/starter/m-1.linnet");
  EXPECT_EQ(device.driver->state(), State::kConfirm);
  Confirm(device);
  EXPECT_EQ(device.host->running, ModelBytes("one"));
  EXPECT_TRUE(device.link.reports.empty()) << "what an owner does is not the fleet's business";
  EXPECT_EQ(device.link.check_ins, 0);
  // The same again is no work, and months later the next one comes.
  const int runs = device.probe.runs;
  ASSERT_THAT(Install(device, bundle), IsOk());
  EXPECT_EQ(device.probe.runs, runs);
  clock_.Advance(100 * kDay);
  ASSERT_THAT(Install(device, Bundle(site_, "two", 2)), IsOk());
  Confirm(device);
  EXPECT_EQ(device.host->running, ModelBytes("two"));
}

TEST_F(BundleTest, ADeviceThatTrustsNoSiteYetIsToldWhichByTheRootsHash) {
  TestDevice device(site_, clock_);
  Disown(device);
  const std::string bundle = Bundle(site_, "one", 1);
  const auto before = Everything(device);
  EXPECT_THAT(Install(device, bundle), StatusIs(Code::kFailedPrecondition, HasSubstr("--root")));
  EXPECT_THAT(Install(device, bundle, std::string(32, 'x')),
              StatusIs(Code::kPermissionDenied, HasSubstr("no root with the SHA-256")));
  EXPECT_EQ(Everything(device), before);
  ASSERT_THAT(Install(device, bundle, RootHash()), IsOk());
  Confirm(device);
  EXPECT_EQ(device.host->running, ModelBytes("one"));
  device.Restart();
  EXPECT_EQ(device.host->running, ModelBytes("one"));
  // From then on it follows that site, and no other, whatever hash is given.
  ASSERT_THAT(Install(device, Bundle(site_, "two", 2)), IsOk());
  Confirm(device);
  TestSite other(clock_);
  const std::string foreign = Bundle(other, "evil", 9);
  EXPECT_THAT(Install(device, foreign, base::AsView(base::Sha256(other.RootJson()))),
              StatusIs(Code::kPermissionDenied, HasSubstr("another site")));
}

TEST_F(BundleTest, ATamperedByteInAnyFileIsOneErrorAndNoChange) {
  TestDevice device(site_, clock_);  // trusts the root and nothing else yet, so it reads every file
  device.link.online = false;
  const std::string bundle = Bundle(site_, "one", 1);
  const auto before = Everything(device);
  int files = 0;
  for (const auto& [path, bytes] : FilesBelow(bundle)) {
    std::string bad = bytes;
    // Of metadata, a byte that signatures cover; of the rest, one in the middle.
    const bool is_metadata = path.find("/metadata/") != std::string::npos;
    bad[is_metadata ? bad.size() - 3 : bad.size() / 2] ^= 1;
    if (path.ends_with("bundle.json")) bad = bytes.substr(0, bytes.size() / 2);
    std::ofstream(path, std::ios::binary) << bad;
    const absl::Status status = Install(device, bundle).status();
    EXPECT_THAT(status.code(), AnyOf(Code::kDataLoss, Code::kUnauthenticated, Code::kFailedPrecondition,
                                     Code::kPermissionDenied))
        << path << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(bundle)) << path;
    EXPECT_EQ(Everything(device), before) << path;
    std::ofstream(path, std::ios::binary) << bytes;
    ++files;
  }
  EXPECT_EQ(files, 10) << "manifest, root, timestamp, snapshot, targets, plans, models; model, index, plan";
  ASSERT_THAT(Install(device, bundle), IsOk());
  Confirm(device);
  EXPECT_EQ(device.host->running, ModelBytes("one"));
}

TEST_F(BundleTest, AnyMissingFileIsOneErrorAndNoChange) {
  TestDevice device(site_, clock_);
  device.link.online = false;
  const std::string bundle = Bundle(site_, "one", 1);
  const auto before = Everything(device);
  for (const auto& [path, bytes] : FilesBelow(bundle)) {
    fs::remove(path);
    const absl::Status status = Install(device, bundle).status();
    EXPECT_THAT(status.code(), AnyOf(Code::kNotFound, Code::kFailedPrecondition)) << path << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(bundle)) << path;
    EXPECT_EQ(Everything(device), before) << path;
    std::ofstream(path, std::ios::binary) << bytes;
  }
  EXPECT_THAT(Install(device, dir_ / "nowhere"),
              StatusIs(Code::kNotFound, AllOf(HasSubstr("nowhere"), HasSubstr("is no bundle"))));
  ASSERT_THAT(Install(device, bundle), IsOk());
}

TEST_F(BundleTest, AnOlderBundleIsRefusedAfterANewerOne) {
  TestDevice device(site_, clock_);
  device.link.online = false;
  const std::string old = Bundle(site_, "one", 1);
  const std::string newer = Bundle(site_, "two", 2);
  ASSERT_THAT(Install(device, newer), IsOk());
  Confirm(device);
  const auto before = Everything(device);
  EXPECT_THAT(Install(device, old),
              StatusIs(Code::kFailedPrecondition, AllOf(HasSubstr("was seen before"), HasSubstr(old))));
  EXPECT_EQ(Everything(device), before);
  // Nor does a new bundle bring an old release.
  EXPECT_THAT(Install(device, BundleOf(site_, "models/starter/m-1.linnet", "one")),
              StatusIs(Code::kFailedPrecondition, HasSubstr("committed release 2")));
  EXPECT_EQ(device.host->running, ModelBytes("two"));
}

TEST_F(BundleTest, AnotherSitesBundleIsRefused) {
  TestDevice device(site_, clock_);
  TestSite other(clock_);
  const auto before = Everything(device);
  EXPECT_THAT(Install(device, Bundle(other, "one", 1)),
              StatusIs(Code::kPermissionDenied, HasSubstr("another site")));
  EXPECT_EQ(Everything(device), before);
}

TEST_F(BundleTest, AnExpiredBundleBlocksNewInstallsOnly) {
  TestDevice device(site_, clock_);
  device.link.online = false;
  ASSERT_THAT(Install(device, Bundle(site_, "one", 1)), IsOk());
  Confirm(device);
  const std::string bundle = Bundle(site_, "two", 2, 30 * kDay);
  clock_.Advance(31 * kDay);
  const auto before = Everything(device);
  EXPECT_THAT(Install(device, bundle), StatusIs(Code::kFailedPrecondition, HasSubstr("expired")));
  EXPECT_EQ(Everything(device), before);
  device.Restart();
  EXPECT_EQ(device.host->running, ModelBytes("one"));
  EXPECT_THAT(Install(device, BundleOf(site_, "models/starter/m-2.linnet", "two")), IsOk());
}

TEST_F(BundleTest, GoesOnAfterAPowerCutInAnyState) {
  for (const State cut : {State::kVerify, State::kStage, State::kEval, State::kActivate, State::kConfirm,
                          State::kCommit, State::kReport}) {
    TestSite site(clock_);
    TestDevice device(site, clock_);
    Disown(device);
    const std::string bundle = Bundle(site, "one", 1);
    const std::string root(base::AsView(base::Sha256(site.RootJson())));
    device.dies_after = [&](State to) { return to == cut; };
    Install(device, bundle, root).status().IgnoreError();
    device.RunUntil([&] { return device.driver->state() == cut; });
    device.dies_after = nullptr;
    device.Restart();
    Confirm(device);
    EXPECT_EQ(device.host->running, ModelBytes("one")) << NameOf(cut);
  }
}

TEST_F(BundleTest, AModelThatFailsIsKeptAwayUntilAnotherPlanNamesIt) {
  TestDevice device(site_, clock_);
  device.link.online = false;
  const std::string bundle = Bundle(site_, "PROBE-NO", 1);
  EXPECT_THAT(Install(device, bundle), StatusIs(Code::kAborted, HasSubstr("exit code 1")));
  EXPECT_EQ(device.driver->state(), State::kIdle);
  EXPECT_THAT(Install(device, bundle),
              StatusIs(Code::kFailedPrecondition, HasSubstr("failed on this device before")));
  const int runs = device.probe.runs;
  EXPECT_THAT(Install(device, BundleOf(site_, "models/starter/m-1.linnet", "PROBE-NO")),
              StatusIs(Code::kAborted));
  EXPECT_GT(device.probe.runs, runs) << "another bundle is a signed retry";
}

TEST_F(BundleTest, AGgufIsRefusedEvenWhenItIsSignedAndNothingIsChanged) {
  TestDevice device(site_, clock_);
  device.link.online = false;
  ASSERT_THAT(Install(device, Bundle(site_, "one", 1)), IsOk());
  ASSERT_TRUE(device.RunUntil([&] { return device.driver->state() == State::kIdle; }));
  const std::string gguf = "GGUF" + ModelBytes("two");
  trust::Plan plan = site_.PlanFor(site_.PublishModel(gguf, "2", 2));
  plan.expires = clock_.Now() + kDay;
  site_.WriteBundle(dir_ / "gguf", plan, gguf, kDay);
  const int runs = device.probe.runs;
  const auto before = FilesBelow(device.dir / "models");
  EXPECT_THAT(Install(device, dir_ / "gguf"),
              StatusIs(Code::kFailedPrecondition,
                       AllOf(HasSubstr("models/starter/m-2"), HasSubstr("is a GGUF"),
                             HasSubstr("linnet model publish"), HasSubstr("nothing was changed"))));
  EXPECT_EQ(device.probe.runs, runs) << "nothing of it was loaded";
  EXPECT_EQ(FilesBelow(device.dir / "models"), before);
  EXPECT_EQ(device.host->running, ModelBytes("one"));
  EXPECT_EQ(device.driver->state(), State::kIdle);
  EXPECT_THAT(Install(device, Bundle(site_, "three", 3)), IsOk());
}

TEST_F(BundleTest, ADownloadThatWaitsForADeadCoordinatorGivesWay) {
  TestDevice device(site_, clock_);
  device.link.plan = site_.PublishPlan(site_.PlanFor(site_.PublishModel(ModelBytes("one"), "1", 1)));
  ASSERT_TRUE(device.RunUntil([&] { return device.driver->state() == State::kDownload; }));
  device.link.online = false;
  device.RunUntil([] { return false; }, 5);
  ASSERT_EQ(device.driver->state(), State::kDownload);
  ASSERT_THAT(Install(device, Bundle(site_, "two", 2)), IsOk());
  Confirm(device);
  EXPECT_EQ(device.host->running, ModelBytes("two"));
}

TEST_F(BundleTest, OtherUpdatesUnderWayAreNotDisturbed) {
  TestDevice device(site_, clock_);
  ASSERT_THAT(Install(device, Bundle(site_, "one", 1)), IsOk());
  EXPECT_THAT(Install(device, Bundle(site_, "two", 2)),
              StatusIs(Code::kFailedPrecondition, HasSubstr("CONFIRM")));
  Confirm(device);
}

TEST_F(BundleTest, ACoordinatorsStopDoesNotReachIt) {
  TestDevice device(site_, clock_);
  device.driver->SetStop(true);
  ASSERT_THAT(Install(device, Bundle(site_, "one", 1)), IsOk());
  device.driver->SetStop(true);
  Confirm(device);
  EXPECT_EQ(device.host->running, ModelBytes("one"));
}

TEST_F(BundleTest, ARotatedRootIsFollowedFromTheStick) {
  TestDevice device(site_, clock_);
  Disown(device);
  const std::string root = RootHash();
  ASSERT_THAT(Install(device, Bundle(site_, "one", 1), root), IsOk());
  Confirm(device);
  for (const char* key : {"root-1", "root-2", "root-3"}) site_.RotateKey("root", key);
  site_.RotateKey("targets", "2");
  site_.RotateKey("models/starter", "");
  ASSERT_THAT(Install(device, Bundle(site_, "two", 2)), IsOk());
  Confirm(device);
  EXPECT_EQ(device.host->running, ModelBytes("two"));
  // A device that comes late begins with any of the roots.
  TestDevice late(site_, clock_, std::string(16, 'l'));
  Disown(late);
  EXPECT_THAT(Install(late, Bundle(site_, "three", 3), root), IsOk());
}

TEST_F(BundleTest, AWithdrawnModelIsInstalledByNoPlanAndRunsOnWhereItRuns) {
  TestDevice has(site_, clock_), lacks(site_, clock_, std::string(16, 'e'));
  const std::string target = site_.PublishModel(ModelBytes("one"), "1", 1);
  has.link.plan = site_.PublishPlan(site_.PlanFor(target));
  ASSERT_TRUE(has.RunUntilIdleAfter(1));
  lacks.link.plan = site_.PublishPlan(site_.PlanFor(target));
  site_.Withdraw(target);
  ASSERT_TRUE(lacks.RunUntilIdleAfter(1));
  EXPECT_THAT(lacks.link.reasons(), ::testing::ElementsAre(Reason::kUnsignedTarget));
  EXPECT_EQ(lacks.active(), "");
  ASSERT_TRUE(has.RunChecks(2));
  has.Restart();
  EXPECT_EQ(has.host->running, ModelBytes("one"));
}

}  // namespace
}  // namespace linnet::update
