// Roles over the years: renewed, their keys replaced, on one machine or on two, and models taken back. A
// device that trusts the first root follows all of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "runtime/base/hash.h"
#include "runtime/base/string_view.h"
#include "storage/trust/canonical_json.h"
#include "storage/trust/metadata.h"
#include "storage/trust/signing.h"
#include "tests/support/faulty_files.h"
#include "tests/trust/site_change_fixture.h"

namespace linnet::trust {
namespace {

using linnet::testing::IsOk;
using linnet::testing::StatusIs;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Code = absl::StatusCode;

constexpr absl::Duration kDay = absl::Hours(24);

TEST_F(SiteChangeTest, RenewedRolesHoldForLonger) {
  const std::vector<std::string> all = {"root", "targets", "plans", "models/starter"};
  for (int i = 0; i < 6; ++i) {  // three years
    clock_.Advance(170 * kDay);
    ASSERT_THAT(Publish(site_->Renew(all, absl::ZeroDuration(), repository_->Current())), IsOk());
    ASSERT_THAT(client_->Refresh(), IsOk()) << i;
    EXPECT_TRUE(client_->Finds(model_));
  }
  EXPECT_EQ(ExpiryOf("root"), clock_.Now() + 365 * kDay);
  EXPECT_EQ(ExpiryOf("plans"), clock_.Now() + 180 * kDay);
  ASSERT_THAT(Publish(site_->Renew({"plans"}, 7 * kDay, repository_->Current())), IsOk());
  EXPECT_EQ(ExpiryOf("plans"), clock_.Now() + 7 * kDay);
  clock_.Advance(181 * kDay);
  ASSERT_THAT(repository_->RefreshOnlineRoles(), IsOk());
  EXPECT_THAT(client_->Refresh(), StatusIs(Code::kFailedPrecondition, HasSubstr("expired")));
}

TEST_F(SiteChangeTest, ExpiredRolesAreRenewedToo) {
  clock_.Advance(1000 * kDay);
  ASSERT_THAT(Publish(site_->Renew({"root", "targets", "plans", "models/starter"}, absl::ZeroDuration(),
                                   repository_->Current())),
              IsOk());
  EXPECT_THAT(client_->Refresh(), IsOk());
}

TEST_F(SiteChangeTest, RenewingWhatIsNoRoleNamesThoseThatAre) {
  EXPECT_THAT(site_->Renew({"models/other"}, absl::ZeroDuration(), {}),
              StatusIs(Code::kNotFound, HasSubstr("models/starter, plans, root, targets")));
}

TEST_F(SiteChangeTest, ADeviceFollowsARootWhoseKeysHaveAllChanged) {
  const SiteStatus before = *site_->Status();
  for (const char* key : {"root-1", "2", "root-3"}) ASSERT_THAT(Publish(Rotate("root", key)), IsOk());
  EXPECT_EQ(repository_->versions().root, 4u);
  ASSERT_THAT(client_->Refresh(), IsOk());
  EXPECT_EQ(client_->version("root"), 4u);
  EXPECT_TRUE(client_->Finds(model_));
  const SiteStatus after = *site_->Status();
  for (size_t i = 0; i < after.roles.size(); ++i) {
    if (after.roles[i].role != "root") continue;
    for (const std::string& id : after.roles[i].keyids) {
      EXPECT_THAT(before.roles[i].keyids, ::testing::Not(Contains(id)));
    }
    EXPECT_THAT(after.roles[i].signed_by, SizeIs(2));
  }
  EXPECT_EQ(std::count_if(after.key_files.begin(), after.key_files.end(),
                          [](const KeyFileStatus& file) { return file.unlisted; }),
            3);
  // What the new keys sign from now on is believed; nothing of the old ones is needed.
  for (const KeyFileStatus& file : after.key_files) {
    if (file.unlisted) std::filesystem::remove(site_dir_ + "/" + file.path);
  }
  ASSERT_THAT(Publish(site_->Renew({"root"}, absl::ZeroDuration(), repository_->Current())), IsOk());
  EXPECT_THAT(client_->Refresh(), IsOk());
}

TEST_F(SiteChangeTest, ANewRootIsSignedByTheOldThresholdAndTheNew) {
  ASSERT_OK_AND_ASSIGN(const Change change, Rotate("root", "root-1"));
  ASSERT_THAT(change.signatures, SizeIs(2));
  EXPECT_FALSE(change.signatures[0].before);
  EXPECT_TRUE(change.signatures[1].before);
  for (const SignatureCount& count : change.signatures) EXPECT_EQ(count.have, 2u);
  EXPECT_THAT(change.says, Contains(HasSubstr("leaves")));
  EXPECT_THAT(change.says, Contains(HasSubstr("joins")));
  EXPECT_TRUE(change.complete());
}

TEST_F(SiteChangeTest, ADeviceFollowsNewKeysOfTargetsPlansAndModels) {
  const struct {
    const char *role, *key;
  } kRotations[] = {{"targets", "targets-2"}, {"plans", ""}, {"models/starter", ""}, {"plans", "plans"}};
  for (const auto& [role, key] : kRotations) {
    ASSERT_THAT(Publish(Rotate(role, key)), IsOk()) << role;
    ASSERT_THAT(client_->Refresh(), IsOk()) << role;
    EXPECT_TRUE(client_->Finds(model_)) << role;
  }
  // The new keys sign what comes next.
  ASSERT_OK_AND_ASSIGN(const Publication more, site_->PublishModel(Release("2"), repository_->Current()));
  ASSERT_THAT(repository_->Publish(more.metadata), IsOk());
  ASSERT_OK_AND_ASSIGN(const Publication plan,
                       site_->SignPlan(PlanFor(more.targets[0]), repository_->Current()));
  ASSERT_THAT(repository_->Publish(plan.metadata), IsOk());
  ASSERT_THAT(client_->Refresh(), IsOk());
  EXPECT_TRUE(client_->Finds(more.targets[0].path));
  EXPECT_TRUE(client_->Finds(plan.targets[0].path));
}

TEST_F(SiteChangeTest, AKeyThatLeftSignsNothingMore) {
  const std::string old_key = *fs_.ReadFile(site_dir_ + "/offline/models-starter.key", 10000);
  ASSERT_THAT(Publish(Rotate("models/starter")), IsOk());
  // The thief has the key, the metadata and the coordinator.
  const base::PrivateKey stolen = *base::OpenKey(old_key, "");
  auto current = repository_->Current();
  Json json = std::move(Envelope::Parse(current.at("models/starter"))->signed_part);
  SetVersion(json, 9, clock_.Now() + kDay);
  EXPECT_THAT(repository_->Publish({{"models/starter", SignMetadata(json, {&stolen, 1})}}),
              StatusIs(Code::kUnauthenticated, HasSubstr("0 of the 1")));
}

TEST_F(SiteChangeTest, SaysWhichKeysThereAreWhenNoneIsNamed) {
  EXPECT_THAT(Rotate("root"), StatusIs(Code::kInvalidArgument, HasSubstr("root-1 (")));
  EXPECT_THAT(Rotate("targets", "root-1"), StatusIs(Code::kNotFound, HasSubstr("targets-3 (")));
  EXPECT_THAT(Rotate("timestamp", "1"), StatusIs(Code::kInvalidArgument, HasSubstr("one key")));
  EXPECT_THAT(site_->RotateOnlineKeys({"snapshot", "targets"}, {}), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(Rotate("models/none"), StatusIs(Code::kNotFound));
  const std::string id = (*site_->Status()).roles.back().keyids[0];  // targets
  EXPECT_THAT(Rotate("targets", id.substr(0, 10)), IsOk());
}

TEST_F(SiteChangeTest, ARootIsNotChangedAgainBeforeItIsPublished) {
  ASSERT_OK_AND_ASSIGN(const Change first, Rotate("root", "1"));
  ASSERT_THAT(site_->Adopt(first, repository_->Current()), IsOk());
  EXPECT_THAT(Rotate("root", "2"), StatusIs(Code::kFailedPrecondition, HasSubstr("linnet site publish")));
  ASSERT_OK_AND_ASSIGN(const Publication left, site_->Unpublished(repository_->Current()));
  ASSERT_THAT(left.metadata, SizeIs(1));
  ASSERT_THAT(repository_->Publish(left.metadata), IsOk());
  EXPECT_THAT(Publish(Rotate("root", "2")), IsOk());
  EXPECT_THAT(client_->Refresh(), IsOk());
}

// Two people, each with a share, and the second one publishes.
TEST_F(SiteChangeTest, TwoMachinesReachAThresholdWithAFile) {
  const std::string other = CopyWithout("other", {"root-1.key", "targets-1.key", "root-3.key",
                                                  "targets-3.key", "plans.key", "models-starter.key"});
  for (const char* name : {"root-2", "root-3", "targets-2", "targets-3"}) {
    std::filesystem::remove(site_dir_ + "/offline/" + name + ".key");
  }
  for (const char* role : {"root", "targets", "plans", "models/starter"}) {
    const bool shared = role == std::string("root") || role == std::string("targets");
    ASSERT_OK_AND_ASSIGN(const Change begun, Rotate(role, shared ? "1" : ""));
    EXPECT_FALSE(begun.complete()) << role;
    EXPECT_THAT(site_->Adopt(begun, repository_->Current()), StatusIs(Code::kUnauthenticated));
    ASSERT_OK_AND_ASSIGN(auto second, Site::Open(fs_, other, "", clock_));
    ASSERT_OK_AND_ASSIGN(const Change done, second->Sign(site_->ChangeFile(begun), repository_->Current()));
    EXPECT_TRUE(done.complete()) << role;
    EXPECT_EQ(done.says, begun.says) << "the second person sees what the first one did";
    ASSERT_THAT(Publish(*second, done), IsOk()) << role;
    ASSERT_THAT(client_->Refresh(), IsOk()) << role;
    EXPECT_TRUE(client_->Finds(model_)) << role;
    // The first machine takes it over, from the coordinator or from the file, whichever is at hand.
    ASSERT_OK_AND_ASSIGN(const Change again, site_->Sign(second->ChangeFile(done), repository_->Current()));
    EXPECT_TRUE(again.complete());
    ASSERT_OK_AND_ASSIGN(const Publication nothing, site_->Adopt(again, repository_->Current()));
    EXPECT_THAT(nothing.metadata, IsEmpty());
  }
}

TEST_F(SiteChangeTest, WhatWasChangedOnItsWayIsNotCarriedOn) {
  ASSERT_OK_AND_ASSIGN(const Change change,
                       site_->Renew({"targets"}, absl::ZeroDuration(), repository_->Current()));
  const std::string file = site_->ChangeFile(change);
  EXPECT_THAT(site_->Sign("", {}), StatusIs(Code::kDataLoss, HasSubstr("no change to sign")));
  EXPECT_THAT(site_->Sign("{}", {}), StatusIs(Code::kDataLoss));
  EXPECT_THAT(site_->Sign(file.substr(0, file.size() / 2), {}), StatusIs(Code::kDataLoss));
  // Another site's.
  ASSERT_THAT(InitSite(fs_, dir_ / "foreign", options_, clock_), IsOk());
  ASSERT_OK_AND_ASSIGN(auto foreign, Site::Open(fs_, dir_ / "foreign", "", clock_));
  EXPECT_THAT(foreign->Sign(file, {}), StatusIs(Code::kPermissionDenied, HasSubstr(site_->id())));
  // Signatures cover every byte: what somebody changed on the way counts as not signed, and is said.
  std::string changed = file;
  ASSERT_EQ(change.signatures[0].have, 2u);
  const std::string without = CopyWithout("keyless", {"targets-1.key", "targets-2.key", "targets-3.key"});
  ASSERT_OK_AND_ASSIGN(auto keyless, Site::Open(fs_, without, "", clock_));
  changed.replace(changed.find("\"spec_version\""), 14, "\"spec_Version\"");
  EXPECT_THAT(keyless->Sign(changed, {}), StatusIs(Code::kDataLoss));
  changed = file;
  changed.replace(changed.find("plans/*"), 7, "plans/?");
  ASSERT_OK_AND_ASSIGN(const Change forged, keyless->Sign(changed, {}));
  EXPECT_EQ(forged.signatures[0].have, 0u);
  // Made from roles that have changed since.
  ASSERT_THAT(Publish(site_->Renew({"targets"}, 9 * kDay, repository_->Current())), IsOk());
  EXPECT_THAT(site_->Sign(file, repository_->Current()),
              StatusIs(Code::kFailedPrecondition, HasSubstr("make the change again")));
}

TEST_F(SiteChangeTest, AWithdrawnModelIsFoundByNobodyAndItsNumbersAreSpent) {
  ASSERT_OK_AND_ASSIGN(const Publication second, site_->PublishModel(Release("2"), repository_->Current()));
  ASSERT_THAT(repository_->Publish(second.metadata), IsOk());
  ASSERT_OK_AND_ASSIGN(const Change change, site_->Withdraw("linnet-starter-2", repository_->Current()));
  EXPECT_THAT(change.says, Contains(HasSubstr("- models/starter/linnet-starter-2.linnet")));
  ASSERT_THAT(Publish(change), IsOk());
  ASSERT_THAT(client_->Refresh(), IsOk());
  EXPECT_FALSE(client_->Finds(second.targets[0].path));
  EXPECT_FALSE(client_->Finds(second.targets[0].path + ".index.json"));
  EXPECT_TRUE(client_->Finds(model_));
  EXPECT_THAT(site_->SignPlan(PlanFor(second.targets[0]), repository_->Current()),
              StatusIs(Code::kFailedPrecondition));
  EXPECT_THAT(site_->Withdraw("linnet-starter-2", repository_->Current()), StatusIs(Code::kNotFound));
  // A device that committed release 2 must be able to take the next one.
  ASSERT_OK_AND_ASSIGN(const Publication third, site_->PublishModel(Release("3"), repository_->Current()));
  EXPECT_THAT(third.targets[0].custom_json, HasSubstr("\"release_counter\":3"));
  ASSERT_THAT(repository_->Publish(third.metadata), IsOk());
  // Nor does its name ever stand for other bytes; the same bytes may come back.
  ASSERT_THAT(fs_.WriteFileAtomic(dir_ / "model.linnet", "other"), IsOk());
  EXPECT_THAT(site_->PublishModel(Release("2"), repository_->Current()),
              StatusIs(Code::kAlreadyExists, HasSubstr("withdrawn")));
  ASSERT_THAT(fs_.WriteFileAtomic(dir_ / "model.linnet", "weights"), IsOk());
  ASSERT_OK_AND_ASSIGN(const Publication back, site_->PublishModel(Release("2"), repository_->Current()));
  EXPECT_THAT(back.targets[0].custom_json, HasSubstr("\"release_counter\":4"));
}

// Sites that signed GGUFs before models were packed have them still.
TEST_F(SiteChangeTest, AModelKeepsItsEndingWhenItIsReleasedAgainOrWithdrawn) {
  // What such a site signed, made from what this one does.
  ASSERT_OK_AND_ASSIGN(const Change renewed, site_->Renew({"models/starter"}, absl::ZeroDuration(), {}));
  std::string file = site_->ChangeFile(renewed);
  file = absl::StrReplaceAll(file, {{"linnet-starter-1.linnet", "linnet-starter-1.gguf"}});
  ASSERT_THAT(Publish(site_->Sign(file, {})), IsOk());
  for (const char* version : {"2", "3"}) {
    ASSERT_OK_AND_ASSIGN(const Publication p, site_->PublishModel(Release(version), repository_->Current()));
    ASSERT_THAT(repository_->Publish(p.metadata), IsOk());
    ASSERT_THAT(fs_.WriteFileAtomic(dir_ / "model.linnet", "others"), IsOk());
  }
  const std::string in_family = "models/starter/linnet-starter-";
  ASSERT_OK_AND_ASSIGN(const Publication gguf,
                       site_->ReleaseAgain(in_family + "1.gguf", repository_->Current()));
  EXPECT_EQ(gguf.targets[0].path, in_family + "1-again-4.gguf");
  EXPECT_EQ(gguf.targets[0].sha256, base::AsView(base::Sha256("weights")));
  ASSERT_THAT(repository_->Publish(gguf.metadata), IsOk());
  ASSERT_OK_AND_ASSIGN(const Publication pack,
                       site_->ReleaseAgain(in_family + "3.linnet", repository_->Current()));
  EXPECT_EQ(pack.targets[0].path, in_family + "3-again-5.linnet");
  ASSERT_THAT(repository_->Publish(pack.metadata), IsOk());
  for (const char* name : {"linnet-starter-1", "linnet-starter-3", "linnet-starter-3-again-5"}) {
    EXPECT_THAT(Publish(site_->Withdraw(name, repository_->Current())), IsOk()) << name;
  }
  ASSERT_THAT(client_->Refresh(), IsOk());
  EXPECT_FALSE(client_->Finds(in_family + "1.gguf"));
  EXPECT_FALSE(client_->Finds(in_family + "3-again-5.linnet"));
  EXPECT_TRUE(client_->Finds(in_family + "1-again-4.gguf"));
  EXPECT_TRUE(client_->Finds(in_family + "2.linnet"));
}

TEST_F(SiteChangeTest, AnUnclearNameIsNotWithdrawn) {
  ModelRelease other = Release();
  other.family = "other";
  ASSERT_OK_AND_ASSIGN(const Publication p, site_->PublishModel(other, repository_->Current()));
  ASSERT_THAT(repository_->Publish(p.metadata), IsOk());
  EXPECT_THAT(site_->Withdraw("linnet-starter-1", repository_->Current()),
              StatusIs(Code::kInvalidArgument, HasSubstr("give the whole path")));
  EXPECT_THAT(site_->Withdraw(model_, repository_->Current()), IsOk());
}

TEST_F(SiteChangeTest, APowerCutAtAnyWriteLeavesTheOldKeysOrTheNew) {
  int points = 0;
  testing::FaultyFiles faulty;
  for (int n = 0; n < 60; ++n) {
    site_.reset();
    ASSERT_OK_AND_ASSIGN(site_, Site::Open(faulty, site_dir_, "", clock_));
    const std::string role = n % 2 == 0 ? "plans" : "targets";
    ASSERT_OK_AND_ASSIGN(const Change change, Rotate(role, n % 2 == 0 ? "" : "1"));
    faulty.FailAfter(n / 2);
    const bool adopted = site_->Adopt(change, repository_->Current()).ok();
    points += faulty.failed() ? 1 : 0;
    faulty.CutPower();
    faulty.Repair();
    site_.reset();
    ASSERT_OK_AND_ASSIGN(site_, OpenSite());
    ASSERT_OK_AND_ASSIGN(const Publication left, site_->Unpublished(repository_->Current()));
    EXPECT_TRUE(!adopted || !left.metadata.empty()) << "an acknowledged change was lost, at write " << n / 2;
    if (!left.metadata.empty()) {
      ASSERT_THAT(repository_->Publish(left.metadata), IsOk()) << n;
    }
    ASSERT_THAT(client_->Refresh(), IsOk()) << n;
    ASSERT_TRUE(client_->Finds(model_)) << n;
    ASSERT_THAT(Publish(site_->Renew({"plans", "targets"}, absl::ZeroDuration(), repository_->Current())),
                IsOk())
        << n;
  }
  EXPECT_GT(points, 20);
}

TEST_F(SiteChangeTest, NewKeysAreSealedAsTheOthersAre) {
  options_.passphrase = "correct horse";
  ASSERT_THAT(InitSite(fs_, dir_ / "sealed", options_, clock_), IsOk());
  ASSERT_OK_AND_ASSIGN(auto sealed, Site::Open(fs_, dir_ / "sealed", "correct horse", clock_));
  ASSERT_OK_AND_ASSIGN(const Change change, sealed->RotateKey("plans", "", {}));
  ASSERT_THAT(sealed->Adopt(change, {}), IsOk());
  int offline = 0;
  ASSERT_OK_AND_ASSIGN(const SiteStatus status, sealed->Status());
  for (const KeyFileStatus& file : status.key_files) {
    EXPECT_EQ(file.mode, 0600u) << file.path;
    EXPECT_EQ(file.encrypted, file.path.starts_with("offline/")) << file.path;
    offline += file.path.starts_with("offline/plans") ? 1 : 0;
  }
  EXPECT_EQ(offline, 2);
}

}  // namespace
}  // namespace linnet::trust
