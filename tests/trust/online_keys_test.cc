// New keys for the coordinator, and a coordinator that is behind its site: by the operator's side, followed
// by a device.
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

}  // namespace
}  // namespace linnet::trust
