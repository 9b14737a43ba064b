#include "storage/trust/repository.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "storage/trust/lifetimes.h"
#include "storage/trust/metadata.h"
#include "storage/trust/role_name.h"
#include "storage/trust/signing.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faulty_files.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace linnet::trust {
namespace {

using base::KeyType;
using base::PrivateKey;
using linnet::testing::IsOk;
using linnet::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Code = absl::StatusCode;

// A site's keys in the hand of the test.
class RepositoryTest : public ::testing::Test {
 protected:
  RepositoryTest() {
    const auto write = [&](const std::string& name, const std::string& bytes) {
      ASSERT_THAT(fs_.WriteFileAtomic(dir_ / name, bytes), IsOk());
    };
    write("1.root.json", Root(1, {root_[0], root_[1]}));
    targets_json_ = TargetsJson(1, clock_.Now() + kTargetsLifetime);
    AddDelegation(targets_json_, "plans", {.keys = {plans_.public_key()}}, {"plans/*"}, true);
    const std::string targets = SignMetadata(targets_json_, targets_);
    const std::string plans = Plans(1, {});
    const std::string snapshot = SignMetadata(
        SnapshotJson(1, clock_.Now() + kSnapshotLifetime,
                     {{"targets.json", MetaFileOf(1, targets)}, {"plans.json", MetaFileOf(1, plans)}}),
        {&snapshot_, 1});
    write("1.targets.json", targets);
    write("1.plans.json", plans);
    write("1.snapshot.json", snapshot);
    write("timestamp.json",
          SignMetadata(TimestampJson(1, clock_.Now() + kTimestampLifetime, 1, snapshot), {&timestamp_, 1}));
    repository_ = *Open();
  }
  absl::StatusOr<std::unique_ptr<Repository>> Open() { return OpenWith(fs_); }
  absl::StatusOr<std::unique_ptr<Repository>> OpenWith(base::FileSystem& fs) {
    return Repository::Open(fs, dir_.path(), These(snapshot_, timestamp_), clock_);
  }
  // Whatever the root says.
  static FindOnlineKeys These(const PrivateKey& snapshot, const PrivateKey& timestamp) {
    return [=](const trust::Root&) -> absl::StatusOr<OnlineKeys> { return OnlineKeys{snapshot, timestamp}; };
  }
  static RoleSigners Signers(const std::vector<PrivateKey>& keys, uint64_t threshold) {
    RoleSigners out{.threshold = threshold};
    for (const PrivateKey& key : keys) out.keys.push_back(key.public_key());
    return out;
  }
  std::string Root(uint64_t version, const std::vector<PrivateKey>& signers) {
    return SignMetadata(RootJson(version, clock_.Now() + kRootLifetime,
                                 {{"root", Signers(root_, 2)},
                                  {"targets", Signers(targets_, 2)},
                                  {"snapshot", Signers({snapshot_}, 1)},
                                  {"timestamp", Signers({timestamp_}, 1)}}),
                        signers);
  }
  std::string Plans(uint64_t version, const std::vector<std::string>& names,
                    absl::Duration lifetime = kTargetsLifetime) {
    Json json = TargetsJson(version, clock_.Now() + lifetime);
    for (const std::string& name : names) AddTarget(json, name, 3, base::AsView(base::Sha256("abc")), Json());
    return SignMetadata(json, {&plans_, 1});
  }
  std::string Targets(uint64_t version, const std::vector<PrivateKey>& signers) {
    SetVersion(targets_json_, version, clock_.Now() + kTargetsLifetime);
    return SignMetadata(targets_json_, signers);
  }
  // What a new client makes of the repository.
  absl::Status ClientRefreshes(const Repository& repository) {
    class Fetcher final : public MetadataFetcher {
     public:
      explicit Fetcher(const Repository& r) : r_(r) {}
      absl::StatusOr<std::string> Fetch(std::string_view role, uint64_t version, uint64_t) override {
        return r_.Metadata(role, version);
      }
      const Repository& r_;
    } fetcher(repository);
    testing::TempDir dir;
    TrustStore store(fs_, dir.path());
    EXPECT_THAT(store.Save("root", *repository.Metadata("root", 1)), IsOk());
    auto updater = Updater::Open(store, clock_.Now());
    if (!updater.ok()) return updater.status();
    const absl::Status refreshed = (*updater)->Refresh(fetcher);
    return refreshed.ok() ? (*updater)->FindTarget("plans/x", fetcher).status() : refreshed;
  }

  base::FileSystem& fs_ = base::FileSystem::Real();
  testing::TempDir dir_;
  testing::FakeClock clock_;
  static std::vector<PrivateKey> Three() {
    return {PrivateKey::Generate(KeyType::kEd25519), PrivateKey::Generate(KeyType::kEd25519),
            PrivateKey::Generate(KeyType::kEd25519)};
  }
  std::vector<PrivateKey> root_ = Three();
  std::vector<PrivateKey> targets_ = Three();
  PrivateKey plans_ = PrivateKey::Generate(KeyType::kEd25519);
  PrivateKey snapshot_ = PrivateKey::Generate(KeyType::kEd25519);
  PrivateKey timestamp_ = PrivateKey::Generate(KeyType::kEd25519);
  Json targets_json_;
  std::unique_ptr<Repository> repository_;
};

TEST_F(RepositoryTest, PublishesSignedRolesAndSurvivesARestart) {
  ASSERT_OK_AND_ASSIGN(const auto versions, repository_->Publish({{"plans", Plans(2, {"plans/x"})}}));
  EXPECT_EQ(versions.snapshot, 2u);
  EXPECT_EQ(versions.timestamp, 2u);
  EXPECT_THAT(repository_->Targets(), SizeIs(1));
  EXPECT_THAT(ClientRefreshes(*repository_), IsOk());
  ASSERT_OK_AND_ASSIGN(auto again, Open());
  EXPECT_EQ(again->versions().timestamp, 2u);
  EXPECT_EQ(again->Current(), repository_->Current());
  EXPECT_THAT(again->Targets(), SizeIs(1));
  EXPECT_EQ(*again->Metadata("plans", 1), Plans(1, {}));
  EXPECT_THAT(again->Metadata("plans", 3), StatusIs(Code::kNotFound));
  EXPECT_THAT(again->Metadata("root", 2), StatusIs(Code::kNotFound));
  EXPECT_THAT(again->Metadata("../timestamp", 1), StatusIs(Code::kNotFound));
}

TEST_F(RepositoryTest, PublishingTheSameBytesAgainChangesNothing) {
  ASSERT_THAT(repository_->Publish(repository_->Current()), IsOk());
  EXPECT_EQ(repository_->versions().timestamp, 1u);
}

TEST_F(RepositoryTest, RefusesWhatTheOfflineKeysDidNotSignAndChangesNothing) {
  const PrivateKey thief = PrivateKey::Generate(KeyType::kEd25519);
  const auto before = repository_->Current();
  const auto refused = [&](const std::map<std::string, std::string>& metadata, Code code,
                           const std::string& why) {
    EXPECT_THAT(repository_->Publish(metadata), StatusIs(code, HasSubstr(why)));
    EXPECT_THAT(repository_->Check(metadata), StatusIs(code, HasSubstr(why)));
    EXPECT_EQ(repository_->Current(), before);
    EXPECT_EQ(repository_->versions().timestamp, 1u);
  };
  refused({{"targets", Targets(2, {targets_[0]})}}, Code::kUnauthenticated, "targets: signed by 1 of the 2");
  refused({{"targets", Targets(2, {targets_[0], thief})}}, Code::kUnauthenticated, "targets");
  refused({{"root", Root(2, {root_[0]})}}, Code::kUnauthenticated, "root");
  refused({{"root", Root(3, {root_[0], root_[1]})}}, Code::kFailedPrecondition, "version 3");
  refused({{"plans", SignMetadata(TargetsJson(2, clock_.Now() + absl::Hours(1)), {&thief, 1})}},
          Code::kUnauthenticated, "plans");
  refused({{"models/x", Plans(1, {})}}, Code::kUnauthenticated, "does not delegate");
  refused({{"plans", Plans(1, {"plans/other"})}}, Code::kFailedPrecondition, "not newer");
  refused({{"plans", Plans(2, {}, absl::Seconds(-1))}}, Code::kFailedPrecondition, "expired");
  refused({{"plans", Plans(2, {"models/escape"})}}, Code::kFailedPrecondition, "outside the paths");
  refused({{"plans", "{}"}}, Code::kDataLoss, "signatures");
  refused({{"plans", std::string(5'000'001, ' ')}}, Code::kFailedPrecondition, "at most");
  refused({{"timestamp", "x"}}, Code::kFailedPrecondition, "cannot be published");
  refused({{"snapshot", "x"}}, Code::kFailedPrecondition, "cannot be published");
  // All or nothing: a good role beside a bad one.
  refused({{"plans", Plans(2, {"plans/x"})}, {"targets", Targets(2, {})}}, Code::kUnauthenticated, "targets");
}

TEST_F(RepositoryTest, RefusesADelegationThatDevicesCouldNotFollow) {
  const PrivateKey models = PrivateKey::Generate(KeyType::kEd25519);
  AddDelegation(targets_json_, "models/a", {.keys = {models.public_key()}}, {"models/a/*"}, true);
  EXPECT_THAT(repository_->Publish({{"targets", Targets(2, targets_)}}),
              StatusIs(Code::kFailedPrecondition, HasSubstr("models/a")));
  Json nested = TargetsJson(1, clock_.Now() + kTargetsLifetime);
  AddDelegation(nested, "deeper", {.keys = {models.public_key()}}, {"*"}, true);
  EXPECT_THAT(repository_->Publish(
                  {{"targets", Targets(2, targets_)}, {"models/a", SignMetadata(nested, {&models, 1})}}),
              StatusIs(Code::kFailedPrecondition, HasSubstr("may not delegate")));
  const std::string role = SignMetadata(TargetsJson(1, clock_.Now() + kTargetsLifetime), {&models, 1});
  EXPECT_THAT(repository_->Publish({{"targets", Targets(2, targets_)}, {"models/a", role}}), IsOk());
  EXPECT_THAT(ClientRefreshes(*repository_), IsOk());
}

TEST_F(RepositoryTest, CheckTellsWhatWouldBeVouchedForAndStoresNothing) {
  ASSERT_OK_AND_ASSIGN(const auto targets, repository_->Check({{"plans", Plans(2, {"plans/x", "plans/y"})}}));
  ASSERT_THAT(targets, SizeIs(2));
  EXPECT_EQ(targets[0].path, "plans/x");
  EXPECT_EQ(targets[0].role, "plans");
  EXPECT_THAT(repository_->Targets(), IsEmpty());
}

TEST_F(RepositoryTest, RenewsTimestampAndSnapshotBeforeTheyExpire) {
  EXPECT_THAT(*repository_->RefreshOnlineRoles(), false);
  clock_.Advance(absl::Hours(13));
  EXPECT_THAT(*repository_->RefreshOnlineRoles(), true);
  EXPECT_EQ(repository_->versions().timestamp, 2u);
  EXPECT_EQ(repository_->versions().snapshot, 1u);
  EXPECT_EQ(repository_->timestamp_expires(), clock_.Now() + kTimestampLifetime);
  EXPECT_THAT(*repository_->RefreshOnlineRoles(), false);
  clock_.Advance(absl::Hours(24 * 10));  // it was off; both have expired
  EXPECT_THAT(ClientRefreshes(*repository_), StatusIs(Code::kFailedPrecondition, HasSubstr("expired")));
  EXPECT_THAT(*repository_->RefreshOnlineRoles(), true);
  EXPECT_EQ(repository_->versions().snapshot, 2u);
  EXPECT_THAT(ClientRefreshes(*repository_), IsOk());
}

TEST_F(RepositoryTest, NeedsTheOnlineKeysThatTheRootNames) {
  const PrivateKey other = PrivateKey::Generate(KeyType::kEd25519);
  EXPECT_THAT(Repository::Open(fs_, dir_.path(), These(snapshot_, other), clock_),
              StatusIs(Code::kFailedPrecondition, HasSubstr("timestamp")));
  testing::TempDir empty;
  EXPECT_THAT(Repository::Open(fs_, empty.path(), These(snapshot_, timestamp_), clock_),
              StatusIs(Code::kFailedPrecondition, HasSubstr("site init")));
  // A root that takes our keys away cannot be published to us.
  std::swap(timestamp_, const_cast<PrivateKey&>(other));
  EXPECT_THAT(repository_->Publish({{"root", Root(2, {root_[0], root_[1]})}}),
              StatusIs(Code::kFailedPrecondition, HasSubstr("timestamp")));
}

TEST_F(RepositoryTest, TakesARootThatRotatesTargetsOnlyWithTargetsThatHold) {
  const std::vector<PrivateKey> old = targets_;
  targets_ = Three();
  const std::string root = Root(2, {root_[0], root_[1]});
  EXPECT_THAT(repository_->Publish({{"root", root}}), StatusIs(Code::kUnauthenticated, HasSubstr("targets")));
  EXPECT_THAT(repository_->Publish({{"root", root}, {"targets", Targets(2, old)}}),
              StatusIs(Code::kUnauthenticated));
  EXPECT_THAT(repository_->Publish({{"root", root}, {"targets", Targets(2, targets_)}}), IsOk());
  EXPECT_EQ(repository_->versions().root, 2u);
  EXPECT_THAT(ClientRefreshes(*repository_), IsOk());
}

TEST_F(RepositoryTest, TakesNewOnlineKeysWhenTheirFilesAreThereAndSignsWithNoOthers) {
  testing::TempDir keys;
  const auto write = [&](const std::string& name, const PrivateKey& key) {
    ASSERT_THAT(fs_.WriteFileAtomic(keys / name, base::SealKey(key, "")), IsOk());
  };
  write("snapshot.key", snapshot_);
  write("timestamp.key", timestamp_);
  const auto open = [&] {
    return Repository::Open(fs_, dir_.path(), OnlineKeysIn(fs_, keys.path()), clock_);
  };
  ASSERT_OK_AND_ASSIGN(repository_, open());
  const PrivateKey old = timestamp_;
  timestamp_ = PrivateKey::Generate(KeyType::kEd25519);
  const std::string file = OnlineKeyFile("timestamp", KeyId(timestamp_.public_key()));
  const std::map<std::string, std::string> change = {{"root", Root(2, {root_[0], root_[1]})}};
  for (const auto& status : {repository_->Check(change).status(), repository_->Publish(change).status()}) {
    EXPECT_THAT(status, StatusIs(Code::kFailedPrecondition,
                                 HasSubstr(absl::StrCat("copy coordinator/", file, " there"))));
    EXPECT_THAT(status, StatusIs(Code::kFailedPrecondition, HasSubstr(keys.path())));
  }
  // Under the right name there may lie another key, or none.
  write(file, old);
  EXPECT_THAT(repository_->Publish(change), StatusIs(Code::kFailedPrecondition, HasSubstr(file)));
  ASSERT_THAT(fs_.WriteFileAtomic(keys / file, "-----BEGIN"), IsOk());
  EXPECT_THAT(repository_->Publish(change), StatusIs(Code::kFailedPrecondition, HasSubstr(file)));
  EXPECT_EQ(repository_->versions().timestamp, 1u);
  write(file, timestamp_);
  ASSERT_THAT(repository_->Publish(change), IsOk());
  EXPECT_THAT(ClientRefreshes(*repository_), IsOk());
  EXPECT_EQ(repository_->versions().root, 2u);
  EXPECT_EQ(repository_->versions().timestamp, 1001u) << "a number that no device holds";
  // The old file stays, comes back, or goes: nothing is signed with it.
  clock_.Advance(absl::Hours(13));
  EXPECT_THAT(*repository_->RefreshOnlineRoles(), true);
  EXPECT_THAT(ClientRefreshes(*repository_), IsOk());
  ASSERT_OK_AND_ASSIGN(repository_, open());
  EXPECT_THAT(ClientRefreshes(*repository_), IsOk());
  ASSERT_THAT(fs_.Remove(keys / "timestamp.key"), IsOk());
  ASSERT_OK_AND_ASSIGN(repository_, open());
  ASSERT_THAT(fs_.Remove(keys / file), IsOk());
  EXPECT_THAT(open(), StatusIs(Code::kFailedPrecondition, HasSubstr(file)));
}

TEST_F(RepositoryTest, APowerCutWhileTheOnlineKeysChangeLeavesTheOldOnesOrTheNew) {
  testing::TempDir keys;
  const auto write = [&](const std::string& name, const PrivateKey& key) {
    ASSERT_THAT(fs_.WriteFileAtomic(keys / name, base::SealKey(key, "")), IsOk());
  };
  write("snapshot.key", snapshot_);
  write("timestamp.key", timestamp_);
  snapshot_ = PrivateKey::Generate(KeyType::kEd25519);
  timestamp_ = PrivateKey::Generate(KeyType::kEd25519);
  write(OnlineKeyFile("snapshot", KeyId(snapshot_.public_key())), snapshot_);
  write(OnlineKeyFile("timestamp", KeyId(timestamp_.public_key())), timestamp_);
  const std::map<std::string, std::string> change = {{"root", Root(2, {root_[0], root_[1]})},
                                                     {"plans", Plans(2, {"plans/x"})}};
  int resumed = 0;
  for (int n = 0;; ++n) {
    testing::TempDir copy;
    ASSERT_OK_AND_ASSIGN(const std::vector<std::string> names, fs_.List(dir_.path()));
    for (const std::string& name : names) {
      ASSERT_THAT(fs_.WriteFileAtomic(copy / name, *fs_.ReadFile(dir_ / name, 1 << 20)), IsOk());
    }
    testing::FaultyFiles faulty;
    const auto open = [&](base::FileSystem& fs) {
      return Repository::Open(fs, copy.path(), OnlineKeysIn(fs, keys.path()), clock_);
    };
    const auto signed_by = [&](const Repository& repository) {
      const Envelope timestamp = *Envelope::Parse(*repository.Metadata("timestamp", 0));
      const Envelope snapshot =
          *Envelope::Parse(*repository.Metadata("snapshot", repository.versions().snapshot));
      EXPECT_EQ(timestamp.signatures[0].keyid == KeyId(timestamp_.public_key()),
                snapshot.signatures[0].keyid == KeyId(snapshot_.public_key()))
          << "one key is old, one new, at change " << n;
      return timestamp.signatures[0].keyid == KeyId(timestamp_.public_key()) ? 2u : 1u;
    };
    ASSERT_OK_AND_ASSIGN(auto repository, open(faulty));
    faulty.FailAfter(n);
    const absl::Status status = repository->Publish(change).status();
    if (!status.ok()) {
      EXPECT_EQ(signed_by(*repository), 1u) << "in memory nothing changed";
      EXPECT_EQ(repository->versions().root, 1u);
      EXPECT_THAT(ClientRefreshes(*repository), IsOk());
    }
    faulty.CutPower();
    ASSERT_OK_AND_ASSIGN(auto reopened, open(fs_));
    ASSERT_THAT(ClientRefreshes(*reopened), IsOk()) << "power cut at change " << n;
    EXPECT_EQ(signed_by(*reopened), reopened->versions().root) << n;
    resumed += !status.ok() && reopened->versions().root == 2 ? 1 : 0;
    ASSERT_THAT(reopened->Publish(change), IsOk()) << n;
    EXPECT_EQ(reopened->versions().root, 2u);
    EXPECT_EQ(signed_by(*reopened), 2u);
    ASSERT_THAT(ClientRefreshes(*reopened), IsOk());
    if (status.ok()) break;
    ASSERT_LT(n, 100);
  }
  EXPECT_GT(resumed, 0) << "cut off between the root and the timestamp";
}

TEST_F(RepositoryTest, APowerCutWhilePublishingLeavesTheOldStateOrTheNew) {
  const std::vector<PrivateKey> old_targets = targets_;
  targets_ = Three();
  const std::map<std::string, std::string> change = {{"root", Root(2, {root_[0], root_[1]})},
                                                     {"targets", Targets(2, targets_)},
                                                     {"plans", Plans(2, {"plans/x"})}};
  for (int n = 0;; ++n) {
    testing::TempDir copy;
    ASSERT_OK_AND_ASSIGN(const std::vector<std::string> names, fs_.List(dir_.path()));
    for (const std::string& name : names) {
      ASSERT_THAT(fs_.WriteFileAtomic(copy / name, *fs_.ReadFile(dir_ / name, 1 << 20)), IsOk());
    }
    testing::FaultyFiles faulty;
    const auto open = [&](base::FileSystem& fs) {
      return Repository::Open(fs, copy.path(), These(snapshot_, timestamp_), clock_);
    };
    ASSERT_OK_AND_ASSIGN(auto repository, open(faulty));
    faulty.FailAfter(n);
    const absl::Status status = repository->Publish(change).status();
    if (!status.ok()) {
      EXPECT_EQ(repository->versions().targets, 1u) << "in memory nothing changed";
      EXPECT_THAT(ClientRefreshes(*repository), IsOk());
    }
    faulty.CutPower();
    ASSERT_OK_AND_ASSIGN(auto reopened, open(fs_));
    ASSERT_THAT(ClientRefreshes(*reopened), IsOk()) << "power cut at change " << n;
    const auto versions = reopened->versions();
    EXPECT_TRUE((versions.root == 1 && versions.targets == 1) ||
                (versions.root == 2 && versions.targets == 2))
        << n;
    ASSERT_THAT(reopened->Publish(change), IsOk()) << n;
    EXPECT_EQ(reopened->versions().targets, 2u);
    ASSERT_THAT(ClientRefreshes(*reopened), IsOk());
    if (status.ok()) break;
    ASSERT_LT(n, 100);
  }
}

}  // namespace
}  // namespace linnet::trust
