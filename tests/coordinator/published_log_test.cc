// The log of what the coordinator published: whatever happens to an honest one, it never contradicts itself.
#include "coordinator/published_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "runtime/base/hash.h"
#include "runtime/base/string_view.h"
#include "storage/audit/published.h"
#include "storage/trust/metadata.h"
#include "tests/coordinator/fleet_fixture.h"
#include "tests/support/status_matchers.h"

namespace linnet::coordinator {
namespace {

using ::linnet::testing::IsOk;

audit::Proof HashesOf(const fleet::v1::LogProof& proof) {
  return {proof.sha256().begin(), proof.sha256().end()};
}

class PublishedLogTest : public FleetFixture {
 protected:
  // Of a device that holds what is published now.
  fleet::v1::GetLogProofResponse Ask(const TestDevice& device, const std::vector<audit::LogHead>& old) {
    admin::v1::StatusResponse status;
    Context admin_context;
    EXPECT_TRUE(admin().Status(&admin_context, {}, &status).ok());
    fleet::v1::GetLogProofRequest request;
    request.set_protocol(1);
    request.set_timestamp_version(status.timestamp_version());
    request.set_snapshot_version(status.snapshot_version());
    for (const audit::LogHead& head : old) request.add_old()->set_size(head.size);
    Context context;
    fleet::v1::GetLogProofResponse response;
    const grpc::Status answered = As(device)->GetLogProof(&context, request, &response);
    EXPECT_TRUE(answered.ok()) << answered.error_message();
    return response;
  }
  std::string Metadata(const TestDevice& device, fleet::v1::Role role, uint64_t version) {
    fleet::v1::GetMetadataRequest request;
    request.set_protocol(1);
    request.set_role(role);
    request.set_version(version);
    Context context;
    fleet::v1::GetMetadataResponse response;
    EXPECT_TRUE(As(device)->GetMetadata(&context, request, &response).ok());
    return response.metadata();
  }
  // What a device checks, against every head that was ever shown; and remembers this one.
  void Witness(const TestDevice& device) {
    const fleet::v1::GetLogProofResponse response = Ask(device, seen_);
    const audit::LogHead head{response.head().size(), response.head().root_sha256(),
                              response.head().signature()};
    ASSERT_THAT(audit::VerifyHead(head, OnlineKeysNow().timestamp.public_key()), IsOk());
    ASSERT_EQ(static_cast<size_t>(response.grown_size()), seen_.size());
    for (size_t i = 0; i < seen_.size(); ++i) {
      ASSERT_THAT(audit::VerifyOneLog(seen_[i], head, HashesOf(response.grown(static_cast<int>(i)))), IsOk());
    }
    const std::string timestamp = Metadata(device, fleet::v1::TIMESTAMP, 0);
    const auto envelope = trust::Envelope::Parse(timestamp);
    ASSERT_THAT(envelope, IsOk());
    const auto parsed = trust::ParseTimestamp(*envelope);
    const std::string snapshot = Metadata(device, fleet::v1::SNAPSHOT, parsed->snapshot.version);
    const auto included = [&](const char* role, uint64_t version, const std::string& bytes,
                              const fleet::v1::LogProof& proof) {
      const audit::PublishedFile file{role, version, std::string(base::AsView(base::Sha256(bytes)))};
      return audit::VerifyInclusion(audit::LeafHashOf(file), proof.index(), head.size, head.root,
                                    HashesOf(proof));
    };
    EXPECT_THAT(included("timestamp", parsed->version, timestamp, response.timestamp()), IsOk());
    EXPECT_THAT(included("snapshot", parsed->snapshot.version, snapshot, response.snapshot()), IsOk());
    if (seen_.size() < 32) seen_.push_back(head);
  }

  std::vector<audit::LogHead> seen_;
};

TEST_F(PublishedLogTest, GrowsThroughPublicationsRefreshesAndRestarts) {
  const auto device = NewDevice("fridge-kitchen");
  Witness(*device);
  for (int i = 1; i <= 6; ++i) {
    ASSERT_TRUE(Publish(SignModel(std::to_string(i))).ok());
    Witness(*device);
    RestartCoordinator();
    const uint64_t before = seen_.back().size;
    Witness(*device);
    EXPECT_EQ(seen_.back().size, before) << "a restart is nothing new";
    EXPECT_EQ(seen_.back().signature, seen_[seen_.size() - 2].signature);
    clock_.Advance(absl::Hours(13));
    coordinator_->Tick();
    Witness(*device);
    EXPECT_GT(seen_.back().size, before);
  }
}

// Who kept a head under the old key sees that the same log went on under the new one.
TEST_F(PublishedLogTest, GoesOnUnderANewTimestampKeyWithoutARestart) {
  const auto device = NewDevice("fridge-kitchen");
  Witness(*device);
  const std::string before = OnlineKeysNow().timestamp.public_key().Raw();
  for (const std::vector<std::string>& roles :
       std::vector<std::vector<std::string>>{{"timestamp"}, {"snapshot"}, {"snapshot", "timestamp"}}) {
    const grpc::Status published = RotateOnlineKeys(roles);
    ASSERT_TRUE(published.ok()) << published.error_message();
    Witness(*device);
    RestartCoordinator();
    Witness(*device);
    EXPECT_EQ(seen_.back().size, seen_[seen_.size() - 2].size) << "a restart is nothing new";
  }
  EXPECT_NE(OnlineKeysNow().timestamp.public_key().Raw(), before);
  EXPECT_EQ(seen_.size(), 7u);
}

TEST_F(PublishedLogTest, ACheckInSaysItsSizeAndStaysSmall) {
  const auto device = NewDevice("fridge-kitchen");
  fleet::v1::CheckInResponse response;
  ASSERT_TRUE(CheckIn(*device, &response).ok());
  EXPECT_EQ(response.log_size(), Ask(*device, {}).head().size());
  EXPECT_GE(response.log_size(), 5u) << "root, targets, plans, snapshot, timestamp";
  EXPECT_LE(response.ByteSizeLong(), 60u);
}

TEST_F(PublishedLogTest, AnswersWhatNobodyHoldsWithAClearCode) {
  const auto device = NewDevice("fridge-kitchen");
  fleet::v1::GetLogProofRequest request;
  request.set_protocol(1);
  request.set_timestamp_version(1'000);
  request.set_snapshot_version(1);
  const auto code = [&] {
    Context context;
    fleet::v1::GetLogProofResponse response;
    return As(*device)->GetLogProof(&context, request, &response).error_code();
  };
  EXPECT_EQ(code(), grpc::StatusCode::NOT_FOUND);
  request.set_timestamp_version(1);
  request.add_old()->set_size(UINT64_MAX);  // larger than the log: no proof, and no harm
  request.add_old()->set_size(0);
  EXPECT_EQ(code(), grpc::StatusCode::OK);
  for (int i = 0; i < 40; ++i) request.add_old()->set_size(1);
  EXPECT_EQ(code(), grpc::StatusCode::INVALID_ARGUMENT);
}

// A repository and its log, killed in between at every place where that can happen.
TEST_F(PublishedLogTest, KilledBetweenTheDiskAndTheLogItShowsNothingThatIsNotInIt) {
  coordinator_.reset();
  const base::PrivateKey timestamp_key = OnlineKeysNow().timestamp;
  const std::string path = dir_ / "own.db";
  audit::LogHead newest;
  int told = 0;
  for (int round = 0; round < 12; ++round) {
    ASSERT_OK_AND_ASSIGN(const auto log, PublishedLog::Open(path));
    // At the call that comes `die_at`-th the process ends, before or after the log has it.
    const int die_at = round % 3;
    const bool has_it = round % 2 == 1;
    int calls = 0;
    const auto open =
        trust::Repository::Open(base::FileSystem::Real(), config_.state_dir + "/repository",
                                trust::OnlineKeysIn(base::FileSystem::Real(), config_.site_dir), clock_,
                                [&](const auto& files, const auto& key) -> absl::Status {
                                  ++told;
                                  const bool dies = calls++ == die_at;
                                  if (!dies || has_it) {
                                    EXPECT_THAT(log->Append(files, key), IsOk());
                                  }
                                  return dies ? absl::UnavailableError("the power went") : absl::OkStatus();
                                });
    if (open.ok()) {
      for (int i = 0; i < 3; ++i) {
        const uint64_t before = (*open)->versions().timestamp;
        const absl::Status signed_online = (*open)->SignOnlineRoles(absl::Hours(24));
        if (signed_online.ok()) continue;
        EXPECT_EQ((*open)->versions().timestamp, before) << "what is not in the log is not shown";
        break;
      }
    }
    // The next process.
    ASSERT_OK_AND_ASSIGN(const auto again, PublishedLog::Open(path));
    ASSERT_OK_AND_ASSIGN(const auto repository,
                         trust::Repository::Open(
                             base::FileSystem::Real(), config_.state_dir + "/repository",
                             trust::OnlineKeysIn(base::FileSystem::Real(), config_.site_dir), clock_,
                             [&](const auto& files, const auto& key) { return again->Append(files, key); }));
    fleet::v1::GetLogProofRequest request;
    request.set_timestamp_version(repository->versions().timestamp);
    request.set_snapshot_version(repository->versions().snapshot);
    if (newest.size > 0) request.add_old()->set_size(newest.size);
    fleet::v1::GetLogProofResponse response;
    ASSERT_THAT(again->Prove(request, response), IsOk()) << round;
    const audit::LogHead head{response.head().size(), response.head().root_sha256(),
                              response.head().signature()};
    ASSERT_THAT(audit::VerifyHead(head, timestamp_key.public_key()), IsOk());
    if (newest.size > 0) {
      ASSERT_THAT(audit::VerifyOneLog(newest, head, HashesOf(response.grown(0))), IsOk()) << round;
    }
    const std::string timestamp = *repository->Metadata("timestamp", 0);
    const audit::PublishedFile file{"timestamp", repository->versions().timestamp,
                                    std::string(base::AsView(base::Sha256(timestamp)))};
    EXPECT_THAT(audit::VerifyInclusion(audit::LeafHashOf(file), response.timestamp().index(), head.size,
                                       head.root, HashesOf(response.timestamp())),
                IsOk());
    newest = head;
  }
  EXPECT_GT(told, 12);
}

// A tree that was told of a failure goes on from what is on the disk.
TEST_F(PublishedLogTest, TwoOnOneFileNeverDisagree) {
  const base::PrivateKey timestamp_key = OnlineKeysNow().timestamp;
  const std::string path = dir_ / "own.db";
  ASSERT_OK_AND_ASSIGN(const auto first, PublishedLog::Open(path));
  ASSERT_OK_AND_ASSIGN(const auto second, PublishedLog::Open(path));
  for (uint64_t version = 1; version < 20; ++version) {
    const auto& log = version % 3 == 0 ? first : second;
    ASSERT_THAT(log->Append({{"timestamp", version, std::string(32, 't')}}, timestamp_key), IsOk());
    EXPECT_EQ(log->size(), version);
  }
}

}  // namespace
}  // namespace linnet::coordinator
