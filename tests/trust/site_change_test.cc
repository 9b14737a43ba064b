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
#include "tests/trust/site_fixture.h"

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

// A device, for as long as the test lasts.
class Client {
 public:
  // `root`: the version that it trusts; 0: the newest.
  Client(const Repository& repository, const base::Clock& clock, uint64_t root = 0)
      : repository_(repository), clock_(clock) {
    const uint64_t version = root == 0 ? repository.versions().root : root;
    EXPECT_THAT(store_.Save("root", *repository.Metadata("root", version)), IsOk());
  }
  absl::Status Refresh() {
    RepositoryFetcher fetcher(repository_);
    return Refresh(fetcher);
  }
  absl::Status Refresh(MetadataFetcher& fetcher) {
    auto updater = Updater::Open(store_, clock_.Now());
    if (!updater.ok()) return updater.status();
    updater_ = *std::move(updater);
    return updater_->Refresh(fetcher);
  }
  // After Refresh.
  bool Finds(const std::string& path) {
    RepositoryFetcher fetcher(repository_);
    const auto found = updater_->FindTarget(path, fetcher);
    EXPECT_THAT(found, IsOk());
    return found.ok() && found->has_value();
  }
  uint64_t version(std::string_view role) const { return updater_->version(role); }

 private:
  testing::TempDir dir_;
  TrustStore store_{base::FileSystem::Real(), dir_.path()};
  const Repository& repository_;
  const base::Clock& clock_;
  std::unique_ptr<Updater> updater_;
};

class SiteChangeTest : public SiteTest {
 protected:
  void SetUp() override {
    SiteTest::SetUp();
    ASSERT_OK_AND_ASSIGN(site_, OpenSite());
    ASSERT_OK_AND_ASSIGN(const Publication p, site_->PublishModel(Release(), {}));
    ASSERT_THAT(repository_->Publish(p.metadata), IsOk());
    model_ = p.targets[0].path;
    client_ = std::make_unique<Client>(*repository_, clock_);
    ASSERT_THAT(client_->Refresh(), IsOk());
    ASSERT_TRUE(client_->Finds(model_));
  }
  absl::Status Publish(Site& site, const absl::StatusOr<Change>& change) {
    if (!change.ok()) return change.status();
    const absl::StatusOr<Publication> publication = site.Adopt(*change, repository_->Current());
    if (!publication.ok()) return publication.status();
    return repository_->Publish(publication->metadata).status();
  }
  absl::Status Publish(const absl::StatusOr<Change>& change) { return Publish(*site_, change); }
  absl::StatusOr<Change> Rotate(const std::string& role, std::string_view key = "") {
    return site_->RotateKey(role, key, repository_->Current());
  }
  absl::Time ExpiryOf(const std::string& role) {
    const absl::StatusOr<SiteStatus> status = site_->Status();
    EXPECT_THAT(status, IsOk());
    for (const RoleStatus& r : status->roles) {
      if (r.role == role) return r.expires;
    }
    return absl::InfinitePast();
  }
  // The same site in another folder, with only some of its offline keys.
  std::string CopyWithout(const std::string& name, const std::vector<std::string>& keys) {
    const std::string to = dir_ / name;
    std::filesystem::copy(site_dir_, to, std::filesystem::copy_options::recursive);
    for (const std::string& key : keys) std::filesystem::remove(to + "/offline/" + key);
    return to;
  }

  std::unique_ptr<Site> site_;
  std::unique_ptr<Client> client_;
  std::string model_;
};

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

// A coordinator in a folder of its own, which has what was copied to its machine.
class OnlineKeysTest : public SiteChangeTest {
 protected:
  void SetUp() override {
    SiteChangeTest::SetUp();
    host_ = dir_ / "host";
    std::filesystem::copy(site_dir_ + "/coordinator", host_, std::filesystem::copy_options::recursive);
    ASSERT_OK_AND_ASSIGN(repository_,
                         Repository::Open(fs_, host_ + "/repository", OnlineKeysIn(fs_, host_), clock_));
    client_ = std::make_unique<Client>(*repository_, clock_);
    ASSERT_THAT(client_->Refresh(), IsOk());
  }
  void CopyToHost(const std::string& site, const Change& change) {
    ASSERT_THAT(change.online_key_files, SizeIs(both_.size()));
    for (const std::string& file : change.online_key_files) {
      std::filesystem::copy(site + "/" + file, host_);
    }
  }
  std::map<std::string, std::string> OnlineKeyIds() {
    std::map<std::string, std::string> out;
    const absl::StatusOr<SiteStatus> status = site_->Status();
    EXPECT_THAT(status, IsOk());
    for (const OnlineKeyStatus& key : status->online_keys) out[key.role] = key.keyid;
    return out;
  }
  const std::vector<std::string> both_ = {"snapshot", "timestamp"};
  std::string host_;
};

TEST_F(OnlineKeysTest, TheCoordinatorGetsNewOnesAndDevicesFollow) {
  const auto before = OnlineKeyIds();
  ASSERT_OK_AND_ASSIGN(const Change change, site_->RotateOnlineKeys(both_, repository_->Current()));
  EXPECT_TRUE(change.complete());
  EXPECT_THAT(change.says,
              Contains(HasSubstr("timestamp: key " + before.at("timestamp").substr(0, 8) + " leaves")));
  EXPECT_THAT(change.says,
              Contains(HasSubstr("snapshot: key " + before.at("snapshot").substr(0, 8) + " leaves")));
  EXPECT_EQ(OnlineKeyIds(), before) << "not in force yet";
  EXPECT_THAT(Publish(change), StatusIs(Code::kFailedPrecondition, HasSubstr(change.online_key_files[0])));
  EXPECT_THAT(client_->Refresh(), IsOk());
  EXPECT_EQ(client_->version("root"), 1u);
  CopyToHost(site_dir_, change);
  // As linnet site publish does.
  ASSERT_OK_AND_ASSIGN(const Publication left, site_->Unpublished(repository_->Current()));
  ASSERT_THAT(repository_->Publish(left.metadata), IsOk());
  ASSERT_THAT(client_->Refresh(), IsOk());
  EXPECT_EQ(client_->version("root"), 2u);
  EXPECT_TRUE(client_->Finds(model_));
  // The site knows what goes where, and that two files are good for nothing more.
  const SiteStatus status = *site_->Status();
  ASSERT_THAT(status.online_keys, SizeIs(2));
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(status.online_keys[i].file, change.online_key_files[i]);
    EXPECT_NE(status.online_keys[i].keyid, before.at(status.online_keys[i].role));
  }
  std::vector<std::string> unlisted;
  for (const KeyFileStatus& file : status.key_files) {
    EXPECT_EQ(file.mode, 0600u) << file.path;
    if (file.unlisted) unlisted.push_back(file.path);
  }
  EXPECT_THAT(unlisted, ElementsAre("coordinator/snapshot.key", "coordinator/timestamp.key"));
  // And once more; one alone.
  ASSERT_OK_AND_ASSIGN(const Change again, Rotate("timestamp"));
  ASSERT_THAT(again.online_key_files, SizeIs(1));
  std::filesystem::copy(site_dir_ + "/" + again.online_key_files[0], host_);
  ASSERT_THAT(Publish(again), IsOk());
  ASSERT_THAT(client_->Refresh(), IsOk());
  EXPECT_TRUE(client_->Finds(model_));
}

// Timestamp and snapshot of versions that the coordinator reaches in years, by who has its keys.
TEST_F(OnlineKeysTest, ANewKeyUndoesAFastForwardAndTheOldOneShowsNothingMore) {
  class Thief final : public MetadataFetcher {
   public:
    Thief(const Repository& repository, const std::string& dir, uint64_t version, absl::Time now)
        : repository_(repository) {
      const auto key = [&](const char* role) {
        return *base::OpenKey(*base::FileSystem::Real().ReadFile(dir + "/" + OnlineKeyFile(role), 10000), "");
      };
      const base::PrivateKey snapshot = key("snapshot"), timestamp = key("timestamp");
      std::map<std::string, MetaFile> meta;
      for (const auto& [role, bytes] : repository.Current()) {
        const Json part = Envelope::Parse(bytes)->signed_part;
        const Json* version_of = part.Find("version");
        if (role != "root")
          meta[role + ".json"] = MetaFileOf(static_cast<uint64_t>(*version_of->integer()), bytes);
      }
      snapshot_ = SignMetadata(SnapshotJson(version, now + kDay, meta), {&snapshot, 1});
      timestamp_ = SignMetadata(TimestampJson(version, now + kDay, version, snapshot_), {&timestamp, 1});
    }
    absl::StatusOr<std::string> Fetch(std::string_view role, uint64_t version, uint64_t) override {
      if (role == "timestamp") return timestamp_;
      if (role == "snapshot") return snapshot_;
      return repository_.Metadata(role, version);
    }

   private:
    const Repository& repository_;
    std::string snapshot_, timestamp_;
  };
  Thief thief(*repository_, host_, 1'000'000, clock_.Now());
  ASSERT_THAT(client_->Refresh(thief), IsOk());
  EXPECT_EQ(client_->version("timestamp"), 1'000'000u);
  EXPECT_THAT(client_->Refresh(), StatusIs(Code::kFailedPrecondition, HasSubstr("seen before")));
  ASSERT_OK_AND_ASSIGN(const Change change, site_->RotateOnlineKeys(both_, repository_->Current()));
  CopyToHost(site_dir_, change);
  ASSERT_THAT(Publish(change), IsOk());
  ASSERT_THAT(client_->Refresh(), IsOk());
  EXPECT_LT(client_->version("timestamp"), 2'000u);
  EXPECT_TRUE(client_->Finds(model_));
  Thief later(*repository_, host_, 2'000'000, clock_.Now());
  EXPECT_THAT(client_->Refresh(later), StatusIs(Code::kUnauthenticated, HasSubstr("timestamp")));
  EXPECT_THAT(client_->Refresh(), IsOk());
}

TEST_F(OnlineKeysTest, TwoMachinesSignTheRootThatNamesThem) {
  options_.passphrase = "correct horse";
  site_dir_ = dir_ / "sealed";
  ASSERT_THAT(InitSite(fs_, site_dir_, options_, clock_), IsOk());
  const std::string other = CopyWithout("other", {"root-1.key", "root-3.key"});
  for (const char* name : {"root-2", "root-3"})
    std::filesystem::remove(site_dir_ + "/offline/" + name + ".key");
  std::filesystem::remove_all(host_);
  std::filesystem::copy(site_dir_ + "/coordinator", host_, std::filesystem::copy_options::recursive);
  ASSERT_OK_AND_ASSIGN(repository_,
                       Repository::Open(fs_, host_ + "/repository", OnlineKeysIn(fs_, host_), clock_));
  ASSERT_OK_AND_ASSIGN(auto wrong, OpenSite("battery staple"));
  EXPECT_THAT(wrong->RotateOnlineKeys(both_, {}), StatusIs(Code::kUnauthenticated));
  EXPECT_THAT(*fs_.List(site_dir_ + "/coordinator"), SizeIs(10)) << "no key was made";
  wrong.reset();
  ASSERT_OK_AND_ASSIGN(site_, OpenSite("correct horse"));
  ASSERT_OK_AND_ASSIGN(const Change begun, site_->RotateOnlineKeys(both_, repository_->Current()));
  EXPECT_FALSE(begun.complete());
  ASSERT_OK_AND_ASSIGN(auto second, Site::Open(fs_, other, "correct horse", clock_));
  ASSERT_OK_AND_ASSIGN(const Change done, second->Sign(site_->ChangeFile(begun), repository_->Current()));
  EXPECT_TRUE(done.complete());
  EXPECT_EQ(done.says, begun.says);
  EXPECT_THAT(Publish(*second, done),
              StatusIs(Code::kFailedPrecondition, HasSubstr(begun.online_key_files[0])));
  CopyToHost(site_dir_, begun);
  ASSERT_THAT(Publish(*second, done), IsOk());
  client_ = std::make_unique<Client>(*repository_, clock_);
  EXPECT_THAT(client_->Refresh(), IsOk());
}

// A site that signs for itself has them in its own folder.
TEST_F(SiteChangeTest, TheSitesOwnRepositoryGoesOnWithNewOnlineKeys) {
  ASSERT_OK_AND_ASSIGN(const Change change,
                       site_->RotateOnlineKeys({"timestamp", "snapshot"}, repository_->Current()));
  ASSERT_THAT(Publish(change), IsOk());
  ASSERT_THAT(client_->Refresh(), IsOk());
  Reopen();
  ASSERT_THAT(repository_->SignOnlineRoles(180 * kDay), IsOk());
  EXPECT_THAT(ClientFinds(model_),
              ::testing::Truly([](const auto& found) { return found.ok() && found->has_value(); }));
  for (const char* left : {"snapshot.key", "timestamp.key"})
    std::filesystem::remove(site_dir_ + "/coordinator/" + left);
  Reopen();
  clock_.Advance(100 * kDay);
  EXPECT_THAT(ClientFinds(model_),
              ::testing::Truly([](const auto& found) { return found.ok() && found->has_value(); }));
}

// Restored from an old copy, or made anew from the folder of the first day: it is handed every root in
// between, though some have expired and their keys are gone.
TEST_F(SiteChangeTest, ACoordinatorThatIsBehindGetsEveryRootOrNone) {
  const std::string first_day = dir_ / "first-day";
  std::filesystem::copy(site_dir_ + "/coordinator", first_day, std::filesystem::copy_options::recursive);
  ASSERT_THAT(Publish(Rotate("targets", "1")), IsOk());
  ASSERT_THAT(Publish(Rotate("root", "1")), IsOk());
  clock_.Advance(400 * kDay);  // longer than a root holds
  ASSERT_THAT(Publish(site_->RotateOnlineKeys({"timestamp", "snapshot"}, repository_->Current())), IsOk());
  ASSERT_THAT(Publish(site_->Renew({"targets", "plans", "models/starter"}, absl::ZeroDuration(),
                                   repository_->Current())),
              IsOk());
  ASSERT_OK_AND_ASSIGN(const Change last, Rotate("targets", "2"));
  ASSERT_OK_AND_ASSIGN(const std::vector<std::string> names, fs_.List(site_dir_ + "/coordinator"));
  for (const std::string& name : names) {
    if (name.ends_with(".key"))
      std::filesystem::copy(site_dir_ + "/coordinator/" + name, first_day,
                            std::filesystem::copy_options::skip_existing);
  }
  int whole = 0;
  for (int n = 0;; ++n) {
    const std::string host = dir_ / absl::StrCat("host-", n);
    std::filesystem::copy(first_day, host, std::filesystem::copy_options::recursive);
    testing::FaultyFiles faulty;
    const auto open = [&](base::FileSystem& fs) {
      return Repository::Open(fs, host + "/repository", OnlineKeysIn(fs, host), clock_);
    };
    ASSERT_OK_AND_ASSIGN(auto behind, open(faulty));
    ASSERT_EQ(behind->versions().root, 1u);
    if (n == 0) {
      ASSERT_THAT(Publish(last), IsOk());
    }
    ASSERT_OK_AND_ASSIGN(const Publication left, site_->Unpublished(behind->Current()));
    EXPECT_TRUE(left.metadata.contains("2.root") && left.metadata.contains("4.root"));
    // One that is missing on the way, or comes alone, is refused.
    auto gap = left.metadata;
    gap.erase("3.root");
    EXPECT_FALSE(behind->Check(gap).ok());
    EXPECT_THAT(behind->Check({{"2.root", left.metadata.at("2.root")}}), StatusIs(Code::kFailedPrecondition));
    EXPECT_THAT(behind->Check({{"3.root", left.metadata.at("2.root")}}), StatusIs(Code::kFailedPrecondition));
    faulty.FailAfter(n);
    const absl::Status status = behind->Publish(left.metadata).status();
    faulty.CutPower();
    ASSERT_OK_AND_ASSIGN(auto reopened, open(fs_));
    const uint64_t root = reopened->versions().root;
    EXPECT_TRUE(root == 1 || root == 5) << root << " after a power cut at change " << n;
    whole += root == 5 ? 1 : 0;
    ASSERT_THAT(reopened->Publish(left.metadata), IsOk()) << n;
    Client follower(*reopened, clock_, 1);
    ASSERT_THAT(follower.Refresh(), IsOk()) << n;
    EXPECT_EQ(follower.version("root"), 5u);
    EXPECT_TRUE(follower.Finds(model_));
    if (status.ok()) break;
    ASSERT_LT(n, 100);
  }
  EXPECT_GT(whole, 1) << "cut off between the roots and the timestamp";
  // Without one of them the site says where it may be.
  std::filesystem::remove(site_dir_ + "/offline/metadata/3.root.json");
  ASSERT_OK_AND_ASSIGN(
      auto behind, Repository::Open(fs_, first_day + "/repository", OnlineKeysIn(fs_, first_day), clock_));
  EXPECT_THAT(site_->Unpublished(behind->Current()),
              StatusIs(Code::kFailedPrecondition, HasSubstr("3.root.json")));
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
