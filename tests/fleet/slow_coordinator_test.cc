// A coordinator that is slow on purpose, over real TLS: what it sends is taken, and then it is left.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "agent/fleet/fleet_client.h"
#include "linnet/fleet/v1/fleet.pb.h"
#include "runtime/base/hash.h"
#include "runtime/base/string_view.h"
#include "runtime/net/tls.h"
#include "tests/fleet/hostile_coordinator.h"
#include "tests/fleet/member_fixture.h"
#include "tests/support/status_matchers.h"

namespace linnet::fleet {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::testing::HasSubstr;

class SlowCoordinatorTest : public MemberFixture {
 protected:
  void SetUp() override {
    const std::string address = coordinator_->fleet_address();
    const auto honest = CurrentMetadata();
    admin_.reset();
    coordinator_.reset();
    slow_ =
        std::make_unique<HostileCoordinator>(dir_ / "site/coordinator", config_.state_dir, address, clock_);
    slow_->Serve(honest);
    for (int i = 0; i < 6; ++i) {
      const std::string chunk(1000, static_cast<char>('a' + i));
      slow_->AddFile(chunk);
      hashes_.emplace_back(base::AsView(base::Sha256(chunk)));
    }
    auto state = repo::StateDatabase::Open(dir_ / "device.db");
    ASSERT_THAT(state, IsOk());
    state_ = *std::move(state);
    gate_ = std::make_unique<UplinkGate>(*state_, clock_, 1 << 20);
    auto client = FleetClient::Create(
        address, std::nullopt, [](const auto&) { return absl::OkStatus(); }, *gate_,
        {.call = absl::Milliseconds(1500), .chunks = {.window = absl::Seconds(1), .bytes = 1500}});
    ASSERT_THAT(client, IsOk());
    client_ = *std::move(client);
  }
  absl::Status Fetch() {
    return client_->GetChunks(hashes_, [&](std::string_view, std::string_view) {
      ++chunks_;
      return absl::OkStatus();
    });
  }
  absl::Status Timestamp() {
    v1::GetMetadataRequest request;
    request.set_role(v1::TIMESTAMP);
    return client_->GetMetadata(request).status();
  }

  std::unique_ptr<HostileCoordinator> slow_;
  std::vector<std::string> hashes_;
  int chunks_ = 0;
  std::unique_ptr<repo::StateDatabase> state_;
  std::unique_ptr<UplinkGate> gate_;
  std::unique_ptr<FleetClient> client_;
};

TEST_F(SlowCoordinatorTest, OneThatTricklesChunksIsLeft) {
  ASSERT_THAT(Fetch(), IsOk());  // connected
  EXPECT_EQ(chunks_, 6);
  chunks_ = 0;
  // One a window, which is less than its least. All six would come in time for the batch.
  slow_->Trickle(absl::Milliseconds(800));
  EXPECT_THAT(Fetch(), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("coordinator: too slow")));
  EXPECT_LT(chunks_, 6);
  slow_->Trickle(absl::ZeroDuration());
  chunks_ = 0;
  EXPECT_THAT(Fetch(), IsOk());
  EXPECT_EQ(chunks_, 6);
}

TEST_F(SlowCoordinatorTest, OneThatStallsIsLeft) {
  ASSERT_THAT(Fetch(), IsOk());
  slow_->Trickle(absl::Seconds(2));
  const absl::Duration begun = base::Uptime();
  EXPECT_THAT(Fetch(), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("too slow, 0 bytes")));
  EXPECT_LT(base::Uptime() - begun, absl::Seconds(2));
}

TEST_F(SlowCoordinatorTest, OurOwnPausesAreNotIts) {
  const absl::Status fetched = client_->GetChunks(hashes_, [&](std::string_view, std::string_view) {
    absl::SleepFor(absl::Milliseconds(300));  // a slow flash
    ++chunks_;
    return absl::OkStatus();
  });
  EXPECT_THAT(fetched, IsOk());
  EXPECT_EQ(chunks_, 6);
}

TEST_F(SlowCoordinatorTest, MetadataThatDoesNotComeIsNotWaitedFor) {
  ASSERT_THAT(Timestamp(), IsOk());
  slow_->Trickle(absl::Seconds(2));
  EXPECT_THAT(Timestamp(), StatusIs(absl::StatusCode::kDeadlineExceeded));
  slow_->Trickle(absl::ZeroDuration());
  EXPECT_THAT(Timestamp(), IsOk());
}

}  // namespace
}  // namespace linnet::fleet
