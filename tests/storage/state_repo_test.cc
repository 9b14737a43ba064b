#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "storage/repo/device.h"
#include "storage/repo/models.h"
#include "storage/repo/revoked.h"
#include "storage/repo/state_database.h"
#include "storage/repo/update_journal.h"
#include "storage/repo/uplink_journal.h"
#include "tests/support/faulty_vfs.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace linnet::repo {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::linnet::testing::TempDir;

class StateRepoTest : public ::testing::Test {
 protected:
  StateRepoTest() {
    auto state = StateDatabase::Open(":memory:");
    EXPECT_THAT(state, IsOk());
    state_ = *std::move(state);
  }
  db::Database& db() { return state_->db(); }
  static InstalledModel Model(char fill, uint64_t counter) {
    return {std::string(32, fill),
            absl::StrCat("models/a/b-", counter, ".gguf"),
            "MIT",
            10,
            counter,
            absl::FromUnixSeconds(1000 + static_cast<int64_t>(counter))};
  }
  std::unique_ptr<StateDatabase> state_;
};

TEST_F(StateRepoTest, TheDeviceKeepsItsIdForLife) {
  Device device(db());
  ASSERT_OK_AND_ASSIGN(const DeviceIdentity first, device.LoadOrCreate(""));
  EXPECT_EQ(first.id.size(), 16u);
  EXPECT_THAT(first.name, ::testing::StartsWith("linnet-"));
  ASSERT_THAT(device.SetName("press-line-3"), IsOk());
  ASSERT_OK_AND_ASSIGN(const DeviceIdentity second, device.LoadOrCreate("other"));
  EXPECT_EQ(second.id, first.id);
  EXPECT_EQ(second.name, "press-line-3");
}

TEST_F(StateRepoTest, EnrolmentRoundTrips) {
  Device device(db());
  ASSERT_OK_AND_ASSIGN(auto none, device.LoadEnrolment());
  EXPECT_FALSE(none.has_value());
  ASSERT_THAT(device.SaveEnrolment(
                  {"h:1", std::string(32, 'p'), "root", "chain", "a.key", "", absl::FromUnixSeconds(77)}),
              IsOk());
  ASSERT_THAT(device.SetPendingKey("b.key"), IsOk());
  ASSERT_OK_AND_ASSIGN(auto some, device.LoadEnrolment());
  ASSERT_TRUE(some.has_value());
  EXPECT_EQ(some->coordinator, "h:1");
  EXPECT_EQ(some->pending_key, "b.key");
  EXPECT_EQ(some->enrolled, absl::FromUnixSeconds(77));
}

TEST_F(StateRepoTest, BelievedTimeOnlyRises) {
  Device device(db());
  ASSERT_THAT(device.LoadOrCreate("x"), IsOk());
  ASSERT_THAT(device.RaiseBelievedTime(absl::FromUnixSeconds(500)), IsOk());
  ASSERT_THAT(device.RaiseBelievedTime(absl::FromUnixSeconds(400)), IsOk());
  ASSERT_OK_AND_ASSIGN(const absl::Time time, device.BelievedTime());
  EXPECT_EQ(time, absl::FromUnixSeconds(500));
}

TEST_F(StateRepoTest, AModelIsTriedCommittedAndReplaced) {
  Models models(db());
  ASSERT_THAT(models.Activate(Model('1', 1), 3), IsOk());
  ASSERT_THAT(models.Activate(Model('1', 1), 3), IsOk()) << "may run twice";
  ASSERT_OK_AND_ASSIGN(ModelSlots slots, models.Slots());
  EXPECT_EQ(slots.active, std::string(32, '1'));
  EXPECT_EQ(slots.previous, "");
  EXPECT_TRUE(slots.trial);
  EXPECT_EQ(models.FloorOf("models/a/b-9.gguf")->counter, 0u) << "a trial raises no floor";
  ASSERT_THAT(models.Commit(), IsOk());
  EXPECT_EQ(models.FloorOf("models/a/b-9.gguf")->counter, 1u);

  ASSERT_THAT(models.Activate(Model('2', 2), 3), IsOk());
  EXPECT_EQ(models.CountBoot().value_or(9), 2u);
  EXPECT_EQ(models.CountBoot().value_or(9), 1u);
  EXPECT_EQ(models.CountBoot().value_or(9), 0u);
  EXPECT_EQ(models.CountBoot().value_or(9), 0u);
  ASSERT_THAT(models.RollBack(), IsOk());
  ASSERT_THAT(models.RollBack(), IsOk()) << "may run twice";
  ASSERT_OK_AND_ASSIGN(slots, models.Slots());
  EXPECT_EQ(slots.active, std::string(32, '1'));
  EXPECT_FALSE(slots.trial);
  EXPECT_EQ(models.List()->size(), 1u);
  EXPECT_EQ(models.FloorOf("models/a/b-1.gguf")->counter, 1u);

  ASSERT_OK_AND_ASSIGN(const ReleaseFloor floor, models.FloorOf("models/a/b-1.gguf"));
  EXPECT_FALSE(floor.Allows(0, std::string(32, '1')));
  EXPECT_TRUE(floor.Allows(1, std::string(32, '1'))) << "the committed file itself may come back";
  EXPECT_FALSE(floor.Allows(1, std::string(32, '9'))) << "another file under the same release may not";
  EXPECT_TRUE(floor.Allows(2, std::string(32, '9')));

  ASSERT_THAT(models.Activate(Model('3', 3), 3), IsOk());
  ASSERT_THAT(models.Activate(Model('4', 4), 3), IsOk()) << "replaces a trial";
  ASSERT_OK_AND_ASSIGN(slots, models.Slots());
  EXPECT_EQ(slots.previous, std::string(32, '1')) << "what was on trial is nothing to go back to";
  ASSERT_THAT(models.Commit(), IsOk());
  EXPECT_EQ(models.List()->size(), 2u);
}

TEST_F(StateRepoTest, ATrialsStartIsCountedUnlessTheStopBeforeItWasMeant) {
  Models models(db());
  ASSERT_THAT(models.MarkCleanStop(), IsOk()) << "without a trial it means nothing";
  ASSERT_THAT(models.Activate(Model('1', 1), 3), IsOk());
  EXPECT_EQ(models.CountBoot().value_or(9), 2u);
  ASSERT_THAT(models.MarkCleanStop(), IsOk());
  EXPECT_TRUE(models.Slots()->clean_stop);
  EXPECT_EQ(models.CountBoot().value_or(9), 2u);
  EXPECT_FALSE(models.Slots()->clean_stop) << "a mark counts once";
  EXPECT_EQ(models.CountBoot().value_or(9), 1u);
  ASSERT_THAT(models.MarkCleanStop(), IsOk());
  ASSERT_THAT(models.Activate(Model('2', 2), 3), IsOk());
  EXPECT_EQ(models.CountBoot().value_or(9), 2u) << "of another trial";
}

TEST_F(StateRepoTest, ADamagedModelMakesWayAndIsRememberedUntilOneIsCommitted) {
  Models models(db());
  const auto install = [&](char fill, uint64_t release) {
    ASSERT_THAT(models.Activate(Model(fill, release), 3), IsOk());
    EXPECT_EQ(models.Slots()->trial, true);
    ASSERT_THAT(models.FallBack(), IsOk());
    EXPECT_EQ(models.Slots()->active, std::string(32, fill)) << "a trial is rolled back, not repaired";
    ASSERT_THAT(models.Commit(), IsOk());
  };
  install('1', 1);
  install('2', 2);
  ASSERT_THAT(models.FallBack(), IsOk());
  EXPECT_EQ(models.Slots()->active, std::string(32, '1'));
  EXPECT_EQ(models.Slots()->previous, "");
  EXPECT_EQ(models.Slots()->damaged, std::string(32, '2'));
  EXPECT_EQ(models.List()->size(), 2u) << "its row, and so its good chunks, stay";
  // Mended: as it was.
  install('2', 2);
  EXPECT_EQ(models.Slots()->previous, std::string(32, '1'));
  EXPECT_EQ(models.Slots()->damaged, "");
  // Both: the newer is what is to come back.
  ASSERT_THAT(models.FallBack(), IsOk());
  ASSERT_THAT(models.FallBack(), IsOk());
  ASSERT_THAT(models.FallBack(), IsOk()) << "may run twice";
  EXPECT_EQ(models.Slots()->active, "");
  EXPECT_EQ(models.Slots()->damaged, std::string(32, '2'));
  ASSERT_THAT(models.ForgetDamaged(), IsOk());
  EXPECT_EQ(models.Slots()->damaged, "");
  EXPECT_TRUE(models.List()->empty());
}

TEST_F(StateRepoTest, AFirstModelThatFailsLeavesNone) {
  Models models(db());
  EXPECT_THAT(models.Commit(), StatusIs(absl::StatusCode::kFailedPrecondition));
  ASSERT_THAT(models.Activate(Model('1', 1), 3), IsOk());
  ASSERT_THAT(models.RollBack(), IsOk());
  ASSERT_OK_AND_ASSIGN(const ModelSlots slots, models.Slots());
  EXPECT_EQ(slots.active, "");
}

TEST_F(StateRepoTest, AFloorIsKeptForAFamily) {
  EXPECT_EQ(Models::FamilyOf("models/a/b-12.gguf"), "models/a");
  EXPECT_EQ(Models::FamilyOf("models/a/b-v1.2-q4.gguf"), "models/a");
  EXPECT_EQ(Models::FamilyOf("plain"), "plain");
}

TEST_F(StateRepoTest, QuarantineHoldsForAPlan) {
  Models models(db());
  const std::string model(32, 'm'), plan(32, 'p'), other(32, 'q');
  ASSERT_THAT(models.Quarantine(model, plan, absl::FromUnixSeconds(1)), IsOk());
  EXPECT_TRUE(models.IsQuarantined(model, plan).value_or(false));
  EXPECT_FALSE(models.IsQuarantined(model, other).value_or(true)) << "a new plan is a signed retry";
  EXPECT_TRUE(models.IsQuarantined(model, "").value_or(false)) << "an offer has no plan to say so";
}

TEST_F(StateRepoTest, OneAttemptIsOpenAtMost) {
  UpdateJournal journal(db());
  UpdateAttempt attempt;
  attempt.state = 4;
  attempt.plan_sha256 = std::string(32, 'p');
  attempt.index_json = "{}";
  attempt.started = absl::FromUnixSeconds(5);
  ASSERT_OK_AND_ASSIGN(attempt.attempt, journal.Begin(attempt));
  EXPECT_THAT(journal.Begin(attempt), StatusIs(absl::StatusCode::kFailedPrecondition));
  attempt.state = 7;
  attempt.error = "it broke";
  attempt.state_time = absl::Milliseconds(90'500);
  attempt.inferences = 7;
  ASSERT_THAT(journal.Save(attempt), IsOk());
  ASSERT_OK_AND_ASSIGN(auto open, journal.Open());
  ASSERT_TRUE(open.has_value());
  EXPECT_EQ(open->state, 7);
  EXPECT_EQ(open->error, "it broke");
  EXPECT_EQ(open->state_time, absl::Milliseconds(90'500));
  EXPECT_EQ(open->inferences, 7u);
  EXPECT_EQ(open->started, absl::FromUnixSeconds(5));
  EXPECT_FALSE(journal.HasEnded(attempt.plan_sha256).value_or(true));
  attempt.outcome = 2;
  ASSERT_THAT(journal.Close(attempt), IsOk());
  EXPECT_TRUE(journal.HasEnded(attempt.plan_sha256).value_or(false));
  for (uint64_t i = 2; i < 70; ++i) {
    ASSERT_OK_AND_ASSIGN(attempt.attempt, journal.Begin(attempt));
    EXPECT_EQ(attempt.attempt, i) << "numbers are never used again";
    ASSERT_THAT(journal.Close(attempt), IsOk());
  }
  ASSERT_OK_AND_ASSIGN(auto last, journal.Last());
  EXPECT_EQ(last->attempt, 69u);
}

TEST_F(StateRepoTest, SoakStartsOnce) {
  UpdateJournal journal(db());
  EXPECT_EQ(*journal.SoakStart("p", absl::FromUnixSeconds(10)), absl::FromUnixSeconds(10));
  EXPECT_EQ(*journal.SoakStart("p", absl::FromUnixSeconds(20)), absl::FromUnixSeconds(10));
}

TEST_F(StateRepoTest, UplinkIsCountedByDayAndListedInOrder) {
  UplinkJournal journal(db());
  const absl::Time day = absl::FromUnixSeconds(86400 * 100);
  for (int i = 0; i < 5; ++i) {
    ASSERT_THAT(journal.Append({0,
                                day + absl::Hours(6 * i),
                                "linnet.fleet.v1.CheckInRequest",
                                100,
                                i == 1,
                                {{"state", 1, "OUTCOME", "3"}}}),
                IsOk());
  }
  ASSERT_OK_AND_ASSIGN(const UplinkTotals totals, journal.Totals(day + absl::Hours(23)));
  EXPECT_EQ(totals.messages, 5u);
  EXPECT_EQ(totals.bytes, 500u);
  EXPECT_EQ(totals.bytes_today, 400u);
  EXPECT_EQ(totals.budget_bytes_today, 300u) << "what an update needs is not counted against the budget";
  ASSERT_OK_AND_ASSIGN(const auto page, journal.List(2, 2));
  ASSERT_EQ(page.size(), 2u);
  EXPECT_EQ(page[0].id, 3u);
  EXPECT_EQ(page[0].fields.at(0).value, "3");
  EXPECT_EQ(page[0].time, day + absl::Hours(12));
}

TEST_F(StateRepoTest, UplinkIsPrunedByBytesAndTotalsStay) {
  UplinkJournal journal(db(), 10000);
  for (int i = 0; i < 300; ++i) {
    ASSERT_THAT(
        journal.Append(
            {0, absl::FromUnixSeconds(i), "m", 10, false, {{"mac", 32, "MAC", std::string(64, 'a')}}}),
        IsOk());
  }
  ASSERT_OK_AND_ASSIGN(const auto left, journal.List(0, 1000));
  EXPECT_LT(left.size(), 130u);
  EXPECT_GT(left.size(), 50u);
  EXPECT_EQ(left.back().id, 300u) << "the newest stay";
  EXPECT_EQ(journal.Totals(absl::FromUnixSeconds(1))->messages, 300u);
}

TEST_F(StateRepoTest, TheRevokedListNeverGoesBack) {
  Revoked revoked(db());
  ASSERT_OK_AND_ASSIGN(StoredRevoked held, revoked.Load());
  EXPECT_EQ(held.version, 0u);
  ASSERT_THAT(revoked.Replace({2, "two"}), IsOk());
  EXPECT_THAT(revoked.Replace({1, "one"}), StatusIs(absl::StatusCode::kFailedPrecondition));
  ASSERT_THAT(revoked.Replace({3, "three"}), IsOk());
  ASSERT_OK_AND_ASSIGN(held, revoked.Load());
  EXPECT_EQ(held.version, 3u);
  EXPECT_EQ(held.json, "three");
  ASSERT_THAT(revoked.Forget(), IsOk());
  EXPECT_EQ(revoked.Load()->version, 0u);
  EXPECT_THAT(revoked.Replace({1, "of another site"}), IsOk());
}

TEST(StateDatabaseTest, AStateFromBeforeTheRevokedListIsUpgraded) {
  TempDir dir;
  {
    ASSERT_OK_AND_ASSIGN(const auto old, db::Database::Open(dir / "state.db", db::Durability::kFull));
    ASSERT_THAT(db::Migrate(*old, {StateMigrations().front()}), IsOk());
    ASSERT_THAT(Device(*old).LoadOrCreate("pump"), IsOk());
  }
  ASSERT_OK_AND_ASSIGN(const auto state, StateDatabase::Open(dir / "state.db"));
  EXPECT_EQ(Device(state->db()).LoadOrCreate("")->name, "pump");
  EXPECT_EQ(Revoked(state->db()).Load()->version, 0u);
  EXPECT_THAT(Revoked(state->db()).Replace({1, "one"}), IsOk());
}

TEST(StateDatabaseTest, AnAttemptAndATrialFromBeforeRepairsAreUpgraded) {
  TempDir dir;
  {
    ASSERT_OK_AND_ASSIGN(const auto old, db::Database::Open(dir / "state.db", db::Durability::kFull));
    std::vector<db::Migration> before = StateMigrations();
    std::erase_if(before, [](const db::Migration& m) { return m.version >= 105; });
    ASSERT_THAT(db::Migrate(*old, before), IsOk());
    ASSERT_THAT(
        old->Execute("INSERT INTO model VALUES(zeroblob(32), 'models/a/b-1.linnet', '', 1, 1, 1);"
                     "UPDATE slots SET active=zeroblob(32), trial=1, boots_left=2;"
                     "INSERT INTO update_attempt(open, state, plan_path, plan_sha256, plan_json,"
                     " model_target, model_sha256, model_license, model_bytes, release_counter,"
                     " index_json, probe_json, probes, tries, sequence, outcome, reason, error, started,"
                     " changed) VALUES(1, 10, '', x'', '', '', zeroblob(32), '', 1, 1, '', '', 1, 0, 0,"
                     " 0, 0, '', 1, 1)"),
        IsOk());
  }
  ASSERT_OK_AND_ASSIGN(const auto state, StateDatabase::Open(dir / "state.db"));
  ASSERT_OK_AND_ASSIGN(const auto open, UpdateJournal(state->db()).Open());
  ASSERT_TRUE(open.has_value());
  EXPECT_EQ(open->state_time, absl::ZeroDuration());
  EXPECT_EQ(Models(state->db()).CountBoot().value_or(9), 1u);
  EXPECT_EQ(Models(state->db()).Slots()->damaged, "");
}

TEST(StateDatabaseTest, ThePowerCutLeavesTheOldRevokedListOrTheNew) {
  // Of many pages each, as a long list is.
  const std::string old_list(200'000, 'o'), new_list(300'000, 'n');
  int n = 0;
  for (;; ++n) {
    linnet::testing::FaultyVfs vfs;
    TempDir dir;
    const auto take = [&](uint64_t version, const std::string& json) -> absl::Status {
      auto state = StateDatabase::Open(dir / "state.db");
      if (!state.ok()) return state.status();
      return (*state)->Write([&] { return Revoked((*state)->db()).Replace({version, json}); });
    };
    ASSERT_THAT(take(1, old_list), IsOk());
    vfs.FailAfter(n);
    const absl::Status second = take(2, new_list);
    const bool failed = vfs.failed();
    vfs.Repair();
    ASSERT_OK_AND_ASSIGN(auto state, StateDatabase::Open(dir / "state.db"));
    ASSERT_OK_AND_ASSIGN(const StoredRevoked held, Revoked(state->db()).Load());
    EXPECT_EQ(held.json, held.version == 2 ? new_list : old_list) << "write " << n;
    EXPECT_TRUE(held.version == 2 || !second.ok()) << "write " << n << ": said to be stored, and is not";
    if (!failed) break;
  }
  EXPECT_GT(n, 3);
}

TEST(StateDatabaseTest, ActivationIsAllOrNothingAtEveryWrite) {
  int n = 0;
  for (;; ++n) {
    linnet::testing::FaultyVfs vfs;
    TempDir dir;
    const auto install = [&](char fill, uint64_t counter) -> absl::Status {
      auto state = StateDatabase::Open(dir / "state.db");
      if (!state.ok()) return state.status();
      Models models((*state)->db());
      return (*state)->Write([&]() -> absl::Status {
        InstalledModel model{
            std::string(32, fill),   absl::StrCat("models/a/b-", counter, ".gguf"), "", 1, counter,
            absl::FromUnixSeconds(1)};
        absl::Status status = models.Activate(model, 3);
        return status.ok() ? models.Commit() : status;
      });
    };
    ASSERT_THAT(install('1', 1), IsOk());
    vfs.FailAfter(n);
    const absl::Status second = install('2', 2);
    const bool failed = vfs.failed();
    vfs.Repair();
    ASSERT_OK_AND_ASSIGN(auto state, StateDatabase::Open(dir / "state.db"));
    Models models(state->db());
    ASSERT_OK_AND_ASSIGN(const ModelSlots slots, models.Slots());
    const uint64_t floor = models.FloorOf("models/a/b-1.gguf")->counter;
    EXPECT_FALSE(slots.trial);
    EXPECT_EQ(slots.active, std::string(32, floor == 2 ? '2' : '1')) << "write " << n;
    EXPECT_TRUE(!second.ok() || floor == 2u) << "write " << n;
    if (!failed) break;
  }
  EXPECT_GT(n, 3);
}

}  // namespace
}  // namespace linnet::repo
