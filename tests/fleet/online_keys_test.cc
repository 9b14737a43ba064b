// A site whose coordinator was stolen, or restored from an old copy, gives it new keys for snapshot and
// timestamp; its devices come back by themselves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>

#include "absl/strings/match.h"
#include "storage/trust/metadata.h"
#include "storage/trust/updater.h"
#include "tests/fleet/hostile_coordinator.h"
#include "tests/fleet/member_fixture.h"
#include "tests/support/status_matchers.h"

namespace linnet::fleet {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
namespace files = std::filesystem;

class OnlineKeysTest : public MemberFixture {
 protected:
  void SetUp() override {
    member_ = NewMember("press-line-3");
    model_ = SignModel("1");
    ASSERT_TRUE(Publish(model_).ok());
    ASSERT_TRUE(RunUntil([&] { return VersionOf("timestamp") == 2; }));
    config_.listen = coordinator_->fleet_address();  // where devices look for it
  }
  // What the device trusts now; 0: none.
  uint64_t VersionOf(std::string_view role) const {
    const trust::TrustStore store(base::FileSystem::Real(), member_->dir / "trust");
    const auto bytes = store.Load(role);
    if (!bytes.ok() || !bytes->has_value()) return 0;
    const auto envelope = trust::Envelope::Parse(**bytes);
    EXPECT_THAT(envelope, IsOk());
    return static_cast<uint64_t>(*envelope->signed_part.Find("version")->integer());
  }
  std::string Error() const { return member_->agent->status().last_update_error; }
  void StopCoordinator() {
    admin_.reset();
    coordinator_.reset();
  }
  void Copy(const std::string& from, const std::string& to) const {
    files::remove_all(dir_ / to);
    files::copy(dir_ / from, dir_ / to, files::copy_options::recursive);
  }
  // From here on the host, and the keys that lie there now, are another's.
  void Steal(const std::string& keys) {
    const auto honest = CurrentMetadata();
    StopCoordinator();
    thief_ = std::make_unique<HostileCoordinator>(dir_ / keys, config_.state_dir, config_.listen, clock_);
    thief_->Serve(honest);
    thief_->AddModel(model_.bytes, model_.index_json);
    thief_->Answer({});
  }
  void Offer(const SignedPlan& plan) {
    fleet::v1::CheckInResponse answer;
    answer.set_plan(plan.target);
    thief_->AddFile(plan.json);
    thief_->Answer(answer);
  }
  // Another release, rolled out by the honest coordinator, is taken.
  void ExpectInstalls(const std::string& version, uint64_t release) {
    const Model model = SignModel(version);
    ASSERT_TRUE(Publish(model).ok());
    const SignedPlan plan = PublishPlan(model, {}, absl::ZeroDuration(), 1, release);
    ASSERT_TRUE(Start(plan).ok());
    EXPECT_TRUE(RunUntil([&] { return member_->host->running() == model.bytes && member_->Committed(); }))
        << Error();
  }

  std::unique_ptr<Member> member_;
  Model model_;
  std::unique_ptr<HostileCoordinator> thief_;
};

TEST_F(OnlineKeysTest, DevicesFollowNewOnesWithoutARestartOfAnybody) {
  const auto before = member_->agent->log();
  ASSERT_TRUE(before.ok() && before->newest.has_value());
  ASSERT_TRUE(RotateOnlineKeys().ok());
  ASSERT_TRUE(RunUntil([&] { return VersionOf("root") == 2 && VersionOf("timestamp") != 0; })) << Error();
  // The log goes on; the device takes its head under the new key.
  std::optional<audit::LogHead> newest;
  ASSERT_TRUE(RunUntil([&] {
    newest = member_->agent->log()->newest;
    return newest.has_value() && audit::VerifyHead(*newest, OnlineKeysNow().timestamp.public_key()).ok();
  }));
  EXPECT_GT(newest->size, before->newest->size);
  EXPECT_THAT(member_->agent->log()->evidence, IsEmpty());
  ExpectInstalls("2", 2);
  member_->Restart();
  RestartCoordinator();
  ExpectInstalls("3", 3);
}

TEST_F(OnlineKeysTest, AHostThatWasStolenIsGivenNewOnesAndNothingOfTheThiefsCountsAnyMore) {
  Copy("site/coordinator", "stolen");
  // The thief runs the versions far ahead, and shows a log of its own.
  Steal("stolen");
  ASSERT_TRUE(RunUntil([&] { return VersionOf("timestamp") > 1'000'000; })) << Error();
  thief_.reset();
  StartCoordinator();
  ASSERT_TRUE(RunUntil([&] { return absl::StrContains(Error(), "seen before"); })) << Error();
  EXPECT_GT(VersionOf("timestamp"), 1'000'000u);
  ASSERT_TRUE(RotateOnlineKeys().ok());
  ASSERT_TRUE(RunUntil([&] { return VersionOf("root") == 2 && VersionOf("timestamp") != 0; })) << Error();
  EXPECT_LT(VersionOf("timestamp"), 2'000u);
  EXPECT_LT(VersionOf("snapshot"), 100u);
  EXPECT_THAT(member_->agent->log()->evidence, IsEmpty());
  ExpectInstalls("2", 2);
  // The same thief with the same keys, at the same address: the plan that it offers is signed, and what
  // vouches for it is not.
  const Model third = SignModel("3");
  ASSERT_TRUE(Publish(third).ok());
  const SignedPlan plan = PublishPlan(third, {}, absl::ZeroDuration(), 1, 3);
  const uint64_t timestamp = VersionOf("timestamp");
  Steal("stolen");
  thief_->AddModel(third.bytes, third.index_json);
  Offer(plan);
  // Refused, it waits in real time, twice as long each time.
  const auto it_had_its_chance = [&] {
    const int before = thief_->check_ins();
    return RunUntil([&] { return thief_->check_ins() >= before + 3; });
  };
  ASSERT_TRUE(it_had_its_chance());
  EXPECT_THAT(Error(), HasSubstr("timestamp: signed by 0 of the 1"));
  EXPECT_EQ(VersionOf("timestamp"), timestamp);
  member_->Restart();
  ASSERT_TRUE(it_had_its_chance());
  EXPECT_THAT(Error(), HasSubstr("timestamp: signed by 0 of the 1"));
  EXPECT_NE(member_->host->running(), third.bytes);
}

// The copy is of a day when there were fewer models, plans and roots.
TEST_F(OnlineKeysTest, ACoordinatorThatIsRestoredFromAnOldCopyIsFollowedAgainWithoutForgetLog) {
  StopCoordinator();
  Copy("state", "backup");
  StartCoordinator();
  ExpectInstalls("2", 2);
  // Two roots since: one that everybody saw, with a new key of targets.
  for (const char* key : {"targets-1", "targets-2"}) {
    const auto current = CurrentMetadata();
    const auto change = site_->RotateKey("targets", key, current);
    ASSERT_THAT(change, IsOk());
    const auto publication = site_->Adopt(*change, current);
    ASSERT_THAT(publication, IsOk());
    ASSERT_TRUE(PublishParts(publication->metadata, publication->small_targets).ok());
  }
  clock_.Advance(absl::Hours(13));
  coordinator_->Tick();
  ASSERT_TRUE(RunUntil([&] { return VersionOf("root") == 3; })) << Error();
  const std::string running = member_->host->running();

  StopCoordinator();
  Copy("backup", "state");
  StartCoordinator();
  ASSERT_TRUE(RunUntil([&] { return absl::StrContains(Error(), "seen before"); })) << Error();
  EXPECT_EQ(member_->host->running(), running);

  // What the README says: a new timestamp key, and all that was signed since, without the files that are
  // lost.
  const auto current = CurrentMetadata();
  const auto published = [&](const trust::Publication& publication, bool files_are_lost) {
    return PublishParts(publication.metadata, publication.small_targets, files_are_lost);
  };
  auto behind = site_->RotateOnlineKeys({"timestamp"}, current);
  EXPECT_THAT(behind, StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("linnet site publish")));
  const auto left = site_->Unpublished(current);
  ASSERT_THAT(left, IsOk());
  const grpc::Status refused = published(*left, false);
  EXPECT_THAT(refused.error_message(), HasSubstr("--lost-files"));
  const grpc::Status taken = published(*left, true);
  ASSERT_TRUE(taken.ok()) << taken.error_message();
  EXPECT_TRUE(site_->Unpublished(CurrentMetadata())->metadata.empty());
  ASSERT_TRUE(RotateOnlineKeys({"timestamp"}).ok());
  ASSERT_TRUE(RunUntil([&] { return VersionOf("root") == 4 && VersionOf("timestamp") != 0; })) << Error();
  EXPECT_EQ(member_->host->running(), running);
  // The lost model's bytes come again; its plan is lost, and a new one is made.
  ExpectInstalls("3", 3);
  EXPECT_THAT(member_->agent->log()->evidence, IsEmpty());
  EXPECT_FALSE(member_->agent->log()->holding.has_value());
  const Model second = SignModel("2");
  EXPECT_TRUE(second.publication.metadata.empty());
  const grpc::Status again = Publish(second);
  EXPECT_TRUE(again.ok()) << again.error_message();
}

}  // namespace
}  // namespace linnet::fleet
