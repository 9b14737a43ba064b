#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/cohort.h"
#include "coordinator/fleet_database.h"
#include "coordinator/seen_log.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace linnet::coordinator {
namespace {

using testing::IsOk;
using testing::StatusIs;

class FleetRepoTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK_AND_ASSIGN(fleet_, FleetDatabase::Open(dir_ / "fleet.db")); }
  static repo::DeviceRow Device(char id, std::string name) {
    repo::DeviceRow device;
    device.id = std::string(16, id);
    device.name = std::move(name);
    device.public_key = std::string(65, id);
    device.enrolled = device.report.last_seen = now_;
    device.certificate_expires = now_ + absl::Hours(1);
    return device;
  }

  static constexpr absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  testing::TempDir dir_;
  std::unique_ptr<FleetDatabase> fleet_;
};

TEST_F(FleetRepoTest, KeepsDevices) {
  repo::DeviceRow device = Device('a', "fridge-kitchen");
  device.next_key = std::string(65, 'n');
  ASSERT_THAT(fleet_->devices.Put(device), IsOk());
  repo::DeviceReport report{.last_seen = now_ + absl::Seconds(5),
                            .update_state = 5,
                            .model_sha256 = std::string(32, 'm'),
                            .release_counter = 3,
                            .agent_version = 1002003,
                            .instruction_set = 2,
                            .ram_mib = 512,
                            .cores = 4,
                            .free_flash_mib = 4096};
  {
    ASSERT_OK_AND_ASSIGN(const auto log, SeenLog::Open(dir_ / "seen.db"));
    log->Append(device.id, report, nullptr);
  }
  fleet_.reset();
  ASSERT_OK_AND_ASSIGN(fleet_, FleetDatabase::Open(dir_ / "fleet.db"));
  ASSERT_OK_AND_ASSIGN(const auto log, SeenLog::Open(dir_ / "seen.db"));
  ASSERT_OK_AND_ASSIGN(const auto cohort, Cohort::Load(*fleet_, log->TakeLoaded()));
  ASSERT_OK_AND_ASSIGN(const auto devices, fleet_->devices.All());
  ASSERT_EQ(devices.size(), 1u);
  EXPECT_EQ(devices[0].name, "fridge-kitchen");
  EXPECT_EQ(devices[0].next_key, device.next_key);
  const repo::DeviceRow* known = cohort->Find(device.id);
  ASSERT_NE(known, nullptr);
  EXPECT_EQ(known->report.model_sha256, report.model_sha256);
  EXPECT_EQ(known->report.free_flash_mib, 4096u);
  EXPECT_EQ(known->report.last_seen, report.last_seen);
}

TEST_F(FleetRepoTest, ANameBelongsToOneMemberUntilItIsRevoked) {
  repo::DeviceRow first = Device('a', "press");
  ASSERT_THAT(fleet_->devices.Put(first), IsOk());
  EXPECT_THAT(fleet_->devices.Put(Device('b', "press")), StatusIs(absl::StatusCode::kAlreadyExists));
  first.revoked = true;
  ASSERT_THAT(fleet_->devices.Put(first), IsOk());
  EXPECT_THAT(fleet_->devices.Put(Device('b', "press")), IsOk());
}

TEST_F(FleetRepoTest, ForgetsExpiredTokensWithTheirSecrets) {
  const std::string id(8, 't');
  ASSERT_THAT(fleet_->tokens.Add({id, std::string(32, 's'), "hall", now_, ""}), IsOk());
  ASSERT_THAT(fleet_->tokens.Bind(id, std::string(65, 'k')), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto found, fleet_->tokens.Find(id));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->public_key, std::string(65, 'k'));
  ASSERT_THAT(fleet_->tokens.DeleteExpired(now_), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto gone, fleet_->tokens.Find(id));
  EXPECT_FALSE(gone.has_value());
}

TEST_F(FleetRepoTest, AChangedAuditEntryShows) {
  for (const char* subject : {"one", "two", "three"}) {
    ASSERT_THAT(fleet_->audit.Append(now_, "anna", "did", subject), IsOk());
  }
  EXPECT_THAT(fleet_->audit.Verify(), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto newest, fleet_->audit.Newest(2));
  ASSERT_EQ(newest.size(), 2u);
  EXPECT_EQ(newest[0].subject, "three");
  ASSERT_THAT(fleet_->db->Execute("UPDATE audit SET actor='eve' WHERE id=2"), IsOk());
  EXPECT_THAT(fleet_->audit.Verify(), StatusIs(absl::StatusCode::kDataLoss));
  ASSERT_THAT(fleet_->db->Execute("UPDATE audit SET actor='anna' WHERE id=2"), IsOk());
  ASSERT_THAT(fleet_->db->Execute("DELETE FROM audit WHERE id=1"), IsOk());
  EXPECT_THAT(fleet_->audit.Verify(), StatusIs(absl::StatusCode::kDataLoss));
  fleet_.reset();
  EXPECT_THAT(FleetDatabase::Open(dir_ / "fleet.db"), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(FleetRepoTest, KeepsTheNewerReceiptOfADevice) {
  const repo::DeviceRow device = Device('a', "press");
  ASSERT_THAT(fleet_->devices.Put(device), IsOk());
  repo::RolloutRow rollout{.id = "r",
                           .plan = "plans/r.json",
                           .plan_sha256 = std::string(32, 'p'),
                           .plan_json = "{}",
                           .state = 1,
                           .started = now_,
                           .changed = now_};
  ASSERT_THAT(fleet_->rollouts.Add(rollout), IsOk());
  ASSERT_THAT(fleet_->rollouts.OpenWave("r", 0, now_), IsOk());
  repo::ReceiptRow receipt{
      .device = device.id, .attempt = 1, .outcome = 2, .signature = "s", .leaf = "l", .received = now_};
  ASSERT_THAT(fleet_->rollouts.PutReceipt("r", receipt), IsOk());
  receipt.attempt = 2;
  receipt.outcome = 1;
  ASSERT_THAT(fleet_->rollouts.PutReceipt("r", receipt), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto receipts, fleet_->rollouts.ReceiptsOf("r"));
  ASSERT_EQ(receipts.size(), 1u);
  EXPECT_EQ(receipts[0].attempt, 2u);
  EXPECT_EQ(receipts[0].outcome, 1);
  ASSERT_OK_AND_ASSIGN(const auto rollouts, fleet_->rollouts.All());
  ASSERT_EQ(rollouts.size(), 1u);
  EXPECT_EQ(rollouts[0].waves_opened.size(), 1u);
}

TEST_F(FleetRepoTest, KeepsTurnsClosedWavesAndTheTimeOfTheLastLift) {
  const repo::DeviceRow device = Device('a', "press");
  ASSERT_THAT(fleet_->devices.Put(device), IsOk());
  ASSERT_THAT(fleet_->rollouts.Add({.id = "r",
                                    .plan = "plans/r.json",
                                    .plan_sha256 = std::string(32, 'p'),
                                    .plan_json = "{}",
                                    .state = 1,
                                    .started = now_,
                                    .changed = now_}),
              IsOk());
  ASSERT_THAT(fleet_->rollouts.OpenWave("r", 0, now_), IsOk());
  ASSERT_THAT(fleet_->rollouts.OpenWave("r", 1, now_), IsOk());
  ASSERT_THAT(fleet_->rollouts.CloseWave("r", 1, now_ + absl::Hours(1)), IsOk());
  ASSERT_THAT(fleet_->rollouts.SetLift("r", 1, 7, now_ + absl::Hours(2)), IsOk());
  ASSERT_THAT(fleet_->rollouts.PutTurn("r", {.device = device.id, .wave = 1, .told = now_, .started = {}}),
              IsOk());
  ASSERT_THAT(fleet_->rollouts.PutTurn(
                  "r", {.device = device.id, .wave = 1, .told = now_, .started = now_ + absl::Seconds(9)}),
              IsOk());
  ASSERT_OK_AND_ASSIGN(const auto turns, fleet_->rollouts.TurnsOf("r"));
  ASSERT_EQ(turns.size(), 1u);
  EXPECT_EQ(turns[0].device, device.id);
  EXPECT_EQ(turns[0].wave, 1u);
  EXPECT_EQ(turns[0].told, now_);
  EXPECT_EQ(turns[0].started, now_ + absl::Seconds(9));
  ASSERT_OK_AND_ASSIGN(const auto rollouts, fleet_->rollouts.All());
  ASSERT_EQ(rollouts.size(), 1u);
  EXPECT_EQ(rollouts[0].lifted, now_ + absl::Hours(2));
  EXPECT_EQ(rollouts[0].most_failures, 7u);
  ASSERT_EQ(rollouts[0].waves_closed.size(), 2u);
  EXPECT_EQ(rollouts[0].waves_closed[0], absl::UnixEpoch());
  EXPECT_EQ(rollouts[0].waves_closed[1], now_ + absl::Hours(1));
}

}  // namespace
}  // namespace linnet::coordinator
