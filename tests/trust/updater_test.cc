#include "storage/trust/updater.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/faulty_files.h"
#include "tests/trust/updater_fixture.h"

namespace linnet::trust {
namespace {

using linnet::testing::IsOk;
using linnet::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Code = absl::StatusCode;

TEST_F(UpdaterTest, AsksInTheOrderOfTheSpecificationAndStoresWhatWasServed) {
  ASSERT_THAT(Refresh(), IsOk());
  EXPECT_THAT(repository_.requests, ElementsAre("2.root", "timestamp", "1.snapshot", "1.targets"));
  EXPECT_EQ(Stored("timestamp"), repository_.File("timestamp", 0));
  EXPECT_EQ(Stored("snapshot"), repository_.File("snapshot", 1));
  EXPECT_EQ(Stored("targets"), repository_.File("targets", 1));
  EXPECT_EQ(updater_->version("targets"), 1u);
}

TEST_F(UpdaterTest, DoesNotFetchAgainWhatItTrustsAndHas) {
  ASSERT_THAT(Refresh(), IsOk());
  ASSERT_THAT(Refresh(), IsOk());
  EXPECT_THAT(repository_.requests, ElementsAre("2.root", "timestamp"));
  repository_.PublishTimestamp();
  ASSERT_THAT(Refresh(), IsOk());
  EXPECT_THAT(repository_.requests, ElementsAre("2.root", "timestamp"));
  EXPECT_EQ(updater_->version("timestamp"), 2u);
}

TEST_F(UpdaterTest, KnowsTheStoredTimestampBeforeItRefreshes) {
  ASSERT_THAT(Refresh(), IsOk());
  ASSERT_OK_AND_ASSIGN(auto updater, Updater::Open(store_, repository_.now));
  EXPECT_EQ(updater->version("timestamp"), 1u);
}

TEST_F(UpdaterTest, RefusesAnInitialRootThatIsNoneWithoutAskingAnybody) {
  std::string root = repository_.File("root", 1);
  root.replace(root.find("\"version\":1"), 11, "\"version\":0");
  ASSERT_THAT(store_.Save("root", root), IsOk());
  EXPECT_THAT(Refresh(), StatusIs(Code::kDataLoss, HasSubstr("version")));
  root = repository_.File("root", 1);
  root.replace(root.find("\"sig\":\"") + 7, 2, root[root.find("\"sig\":\"") + 7] == '0' ? "11" : "00");
  ASSERT_THAT(store_.Save("root", root), IsOk());
  EXPECT_THAT(Refresh(), StatusIs(Code::kUnauthenticated));
  ASSERT_THAT(store_.Delete("root"), IsOk());
  EXPECT_THAT(Refresh(), StatusIs(Code::kFailedPrecondition, HasSubstr("root.json")));
  EXPECT_THAT(repository_.requests, IsEmpty());
}

TEST_F(UpdaterTest, RefusesUnsignedMetadataAndKeepsWhatCameBeforeIt) {
  repository_.roles["targets"].signers.clear();
  repository_.PublishAll();
  EXPECT_THAT(Refresh(), StatusIs(Code::kUnauthenticated, HasSubstr("targets")));
  EXPECT_TRUE(Stored("snapshot").has_value());
  EXPECT_FALSE(Stored("targets").has_value());
}

TEST_F(UpdaterTest, RefusesUnsignedMetadataOfEachRole) {
  for (const std::string role : {"root", "timestamp", "snapshot", "targets"}) {
    testing::LyingRepository fresh(repository_.now);
    fresh.roles[role].signers.clear();
    testing::TempDir dir;
    TrustStore store(base::FileSystem::Real(), dir.path());
    ASSERT_THAT(store.Save("root", fresh.File("root", 1)), IsOk());
    if (role == "root") {
      fresh.roles["root"].version = 1;
      auto json = RootJson(2, fresh.now + fresh.lifetime,
                           {{"root", fresh.roles["root"].listed},
                            {"timestamp", fresh.roles["timestamp"].listed},
                            {"snapshot", fresh.roles["snapshot"].listed},
                            {"targets", fresh.roles["targets"].listed}});
      fresh.File("root", 2) = SignMetadata(json, {});
    } else {
      fresh.PublishAll();
    }
    ASSERT_OK_AND_ASSIGN(auto updater, Updater::Open(store, fresh.now));
    EXPECT_THAT(updater->Refresh(fresh), StatusIs(Code::kUnauthenticated, HasSubstr(role)));
    EXPECT_EQ(updater->version(role), role == "root" ? 1u : 0u);
  }
}

TEST_F(UpdaterTest, TakesTheWholeRootChainButAtMostItsLimitInOneGo) {
  for (int i = 0; i < 300; ++i) repository_.PublishRoot();
  ASSERT_THAT(Refresh(), IsOk());
  EXPECT_EQ(updater_->version("root"), 257u);
  ASSERT_THAT(Refresh(), IsOk());
  EXPECT_EQ(updater_->version("root"), 301u);
  EXPECT_EQ(Stored("root"), repository_.File("root", 301));
}

TEST_F(UpdaterTest, KeepsAnExpiredRootAndThenStops) {
  repository_.lifetime = absl::Hours(-1);
  repository_.PublishRoot();
  EXPECT_THAT(Refresh(), StatusIs(Code::kFailedPrecondition, HasSubstr("expired")));
  EXPECT_EQ(Stored("root"), repository_.File("root", 2));
  EXPECT_FALSE(Requested("timestamp"));
  repository_.lifetime = absl::Hours(24);
  repository_.PublishRoot();
  EXPECT_THAT(Refresh(), IsOk()) << "an expired local root must still be able to move on";
}

TEST_F(UpdaterTest, AnUpdateWithAnExpiredLocalTimestampWorks) {
  ASSERT_THAT(Refresh(), IsOk());
  repository_.now += absl::Hours(25);
  repository_.PublishRoot();
  repository_.PublishAll();
  EXPECT_THAT(Refresh(), IsOk());
  EXPECT_EQ(updater_->version("timestamp"), 2u);
}

TEST_F(UpdaterTest, RefusesExpiredMetadataAndDoesNotStoreIt) {
  for (const std::string role : {"timestamp", "snapshot", "targets"}) {
    testing::LyingRepository fresh(repository_.now);
    testing::TempDir dir;
    TrustStore store(base::FileSystem::Real(), dir.path());
    ASSERT_THAT(store.Save("root", fresh.File("root", 1)), IsOk());
    const auto publish = [&](const std::string& name, auto step) {
      fresh.lifetime = name == role ? absl::ZeroDuration() : absl::Hours(24);  // at the very second: expired
      step();
    };
    publish("targets", [&] { fresh.PublishTargets(); });
    publish("snapshot", [&] { fresh.PublishSnapshot(); });
    publish("timestamp", [&] { fresh.PublishTimestamp(); });
    ASSERT_OK_AND_ASSIGN(auto updater, Updater::Open(store, fresh.now));
    EXPECT_THAT(updater->Refresh(fresh), StatusIs(Code::kFailedPrecondition, HasSubstr(role + ": expired")));
    EXPECT_FALSE((*store.Load(role)).has_value()) << role;
  }
}

TEST_F(UpdaterTest, SameTimestampVersionWithOtherContentIsIgnored) {
  ASSERT_THAT(Refresh(), IsOk());
  const std::optional<std::string> kept = Stored("timestamp");
  repository_.PublishTargets();
  repository_.PublishSnapshot();
  repository_.roles["timestamp"].version = 0;
  repository_.PublishTimestamp();  // version 1 again, naming snapshot 2
  EXPECT_THAT(Refresh(), IsOk());
  EXPECT_EQ(Stored("timestamp"), kept);
  EXPECT_THAT(repository_.requests, ElementsAre("2.root", "timestamp"));
}

TEST_F(UpdaterTest, RefusesAnOlderTimestamp) {
  repository_.PublishAll();
  ASSERT_THAT(Refresh(), IsOk());
  repository_.roles["timestamp"].version = 0;
  repository_.PublishTimestamp();
  EXPECT_THAT(Refresh(), StatusIs(Code::kFailedPrecondition, HasSubstr("version 1 is offered")));
}

TEST_F(UpdaterTest, RefusesAnOlderSnapshotUnderANewTimestamp) {
  for (const bool hashes : {false, true}) {
    repository_.list_hashes = hashes;
    repository_.PublishAll();
    ASSERT_THAT(Refresh(), IsOk());
    const uint64_t newest = repository_.roles["snapshot"].version;
    repository_.roles["snapshot"].version = newest - 2;
    repository_.PublishSnapshot();
    repository_.PublishTimestamp();
    EXPECT_THAT(Refresh(), StatusIs(Code::kFailedPrecondition, HasSubstr("snapshot.json")));
    repository_.roles["snapshot"].version = newest;
    repository_.PublishAll();
  }
}

TEST_F(UpdaterTest, RefusesOlderTargetsUnderANewSnapshot) {
  for (const bool hashes : {false, true}) {
    repository_.list_hashes = hashes;
    repository_.PublishAll();
    repository_.PublishAll();
    ASSERT_THAT(Refresh(), IsOk());
    const uint64_t newest = repository_.roles["targets"].version;
    repository_.roles["targets"].version = newest - 2;
    repository_.PublishAll();
    EXPECT_THAT(Refresh(), StatusIs(Code::kFailedPrecondition, HasSubstr("targets.json")));
    EXPECT_NE(Stored("snapshot"), repository_.File("snapshot", repository_.roles["snapshot"].version));
    repository_.roles["targets"].version = newest;
    repository_.PublishAll();
  }
}

TEST_F(UpdaterTest, RefusesASnapshotThatForgetsARole) {
  repository_.Delegate("targets", "models/a", {"models/a/*"});
  repository_.PublishTargets("models/a");
  repository_.PublishAll();
  ASSERT_THAT(Refresh(), IsOk());
  repository_.snapshot_meta.erase("models/a.json");
  repository_.PublishAll();
  EXPECT_THAT(Refresh(), StatusIs(Code::kFailedPrecondition, HasSubstr("models/a.json is gone")));
}

TEST_F(UpdaterTest, RollbackIsJudgedByTheStoredSnapshotEvenIfItsHashNoLongerMatches) {
  repository_.list_hashes = true;
  repository_.PublishAll();
  repository_.PublishAll();
  ASSERT_THAT(Refresh(), IsOk());
  // The timestamp's word about the snapshot's hash is new; the stored snapshot is older and differs.
  repository_.roles["targets"].version = 0;
  repository_.PublishTargets();
  repository_.PublishSnapshot();
  repository_.PublishTimestamp();
  EXPECT_THAT(Refresh(), StatusIs(Code::kFailedPrecondition, HasSubstr("was seen before")));
}

TEST_F(UpdaterTest, RefusesFilesWhoseVersionIsNotTheOneAskedFor) {
  repository_.PublishAll();
  repository_.File("snapshot", 2) = repository_.File("snapshot", 1);
  EXPECT_THAT(Refresh(),
              StatusIs(Code::kFailedPrecondition, HasSubstr("snapshot: has version 1, expected 2")));
  repository_.PublishAll();
  repository_.File("targets", 3) = repository_.File("targets", 1);
  EXPECT_THAT(Refresh(),
              StatusIs(Code::kFailedPrecondition, HasSubstr("targets: has version 1, expected 3")));
  repository_.PublishAll();
  repository_.PublishRoot();
  repository_.PublishRoot();
  repository_.File("root", 2) = repository_.File("root", 3);  // a gap
  EXPECT_THAT(Refresh(), StatusIs(Code::kFailedPrecondition, HasSubstr("root: has version 3, expected 2")));
  repository_.File("root", 2) = repository_.File("root", 1);
  EXPECT_THAT(Refresh(), StatusIs(Code::kFailedPrecondition, HasSubstr("root: has version 1, expected 2")));
}

TEST_F(UpdaterTest, RefusesFilesThatAreNotTheHashOrLengthThatWasSigned) {
  repository_.list_hashes = true;
  repository_.PublishAll();
  const std::string targets = repository_.File("targets", 2);
  repository_.File("targets", 2) = targets + " ";
  EXPECT_THAT(Refresh(), StatusIs(Code::kResourceExhausted));
  repository_.File("targets", 2) = targets.substr(0, targets.size() - 1);
  EXPECT_THAT(Refresh(), StatusIs(Code::kFailedPrecondition, HasSubstr("bytes")));
  repository_.File("targets", 2) = std::string(targets.size(), ' ');
  EXPECT_THAT(Refresh(), StatusIs(Code::kFailedPrecondition, HasSubstr("sha256")));
  EXPECT_FALSE(Stored("targets").has_value());
  repository_.File("targets", 2) = targets;
  EXPECT_THAT(Refresh(), IsOk());
}

TEST_F(UpdaterTest, RefusesAHashOfAnUnknownKind) {
  repository_.snapshot_meta["targets.json"].hashes = {{"blake3", "00"}};
  repository_.PublishSnapshot();
  repository_.PublishTimestamp();
  EXPECT_THAT(Refresh(), StatusIs(Code::kFailedPrecondition, HasSubstr("blake3")));
}

TEST_F(UpdaterTest, RefusesAWellSignedFileOfAnotherType) {
  // The snapshot's key signs a snapshot; served as timestamp, with that key in the timestamp role.
  repository_.roles["timestamp"] = repository_.roles["snapshot"];
  repository_.PublishRoot();
  repository_.File("timestamp", 0) = repository_.File("snapshot", 1);
  EXPECT_THAT(Refresh(), StatusIs(Code::kDataLoss, HasSubstr("it is of type \"snapshot\"")));
}

TEST_F(UpdaterTest, RefusesMoreBytesThanItsLimits) {
  for (const auto& [role, version, most] :
       std::vector<std::tuple<std::string, uint64_t, size_t>>{{"root", 2, 512'000},
                                                              {"timestamp", 0, 16'384},
                                                              {"snapshot", 1, 2'000'000},
                                                              {"targets", 1, 5'000'000}}) {
    const std::string honest = repository_.File(role, version);
    repository_.File(role, version) = std::string(most + 1, ' ');
    EXPECT_THAT(Refresh(), StatusIs(Code::kResourceExhausted)) << role;
    if (honest.empty()) {
      repository_.files.erase({role, version});
    } else {
      repository_.File(role, version) = honest + std::string(most - honest.size(), ' ');
    }
  }
  EXPECT_THAT(Refresh(), IsOk()) << "exactly the limit is allowed";
}

TEST_F(UpdaterTest, DoesNotBelieveAFetcherThatReturnsMoreThanItMay) {
  class Generous final : public MetadataFetcher {
   public:
    absl::StatusOr<std::string> Fetch(std::string_view role, uint64_t, uint64_t max_bytes) override {
      if (role == "root") return absl::NotFoundError("no");
      return std::string(max_bytes + 1, ' ');
    }
  } fetcher;
  ASSERT_OK_AND_ASSIGN(auto updater, Updater::Open(store_, repository_.now));
  EXPECT_THAT(updater->Refresh(fetcher), StatusIs(Code::kResourceExhausted));
}

TEST_F(UpdaterTest, PassesOnThatAServerIsAwayAndRecovers) {
  for (const char* role : {"root", "timestamp", "snapshot", "targets"}) {
    repository_.failures[role] = absl::UnavailableError("connection refused");
    EXPECT_THAT(Refresh(), StatusIs(Code::kUnavailable, HasSubstr(role)));
    repository_.failures.clear();
  }
  for (const char* role : {"timestamp", "snapshot", "targets"}) {
    repository_.PublishAll();
    repository_.failures[role] = absl::NotFoundError("404");
    EXPECT_THAT(Refresh(), StatusIs(Code::kNotFound, HasSubstr(role)));
    repository_.failures.clear();
  }
  EXPECT_THAT(Refresh(), IsOk());
}

TEST_F(UpdaterTest, WorksWithoutConsistentSnapshotsAndAcrossTheChange) {
  repository_.consistent_snapshot = false;
  repository_.PublishRoot();
  repository_.PublishAll();
  ASSERT_THAT(Refresh(), IsOk());
  EXPECT_THAT(repository_.requests, ElementsAre("2.root", "3.root", "timestamp", "snapshot", "targets"));
  repository_.consistent_snapshot = true;
  repository_.PublishRoot();
  repository_.PublishAll();
  ASSERT_THAT(Refresh(), IsOk());
  EXPECT_TRUE(Requested("3.snapshot"));
}

TEST_F(UpdaterTest, MetadataThatExpiresDuringTheCycleIsStillTaken) {
  // One time holds for the whole cycle: the caller's, however long the servers take.
  repository_.lifetime = absl::Seconds(1);
  repository_.PublishAll();
  EXPECT_THAT(Refresh(), IsOk());
}

TEST_F(UpdaterTest, APowerCutAtAnyWriteLeavesAStoreThatRecovers) {
  ASSERT_THAT(Refresh(), IsOk());
  repository_.Rotate("timestamp");
  repository_.PublishRoot();
  repository_.PublishAll();
  for (int n = 0;; ++n) {
    testing::TempDir dir;
    for (const char* role : {"root", "timestamp", "snapshot", "targets"}) {
      TrustStore copy(base::FileSystem::Real(), dir.path());
      ASSERT_THAT(copy.Save(role, *Stored(role)), IsOk());
    }
    testing::FaultyFiles faulty;
    TrustStore store(faulty, dir.path());
    faulty.FailAfter(n);
    absl::Status first;
    {
      ASSERT_OK_AND_ASSIGN(auto updater, Updater::Open(store, repository_.now));
      first = updater->Refresh(repository_);
    }
    faulty.CutPower();
    faulty.Repair();
    ASSERT_OK_AND_ASSIGN(auto updater, Updater::Open(store, repository_.now));
    ASSERT_THAT(updater->Refresh(repository_), IsOk()) << "power cut at change " << n;
    EXPECT_EQ(updater->version("timestamp"), repository_.roles["timestamp"].version);
    if (first.ok()) break;
    ASSERT_LT(n, 100);
  }
}

}  // namespace
}  // namespace linnet::trust
