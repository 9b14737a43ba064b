#include "coordinator/rollout_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>

#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace linnet::coordinator {
namespace {

using testing::IsOk;

class RolloutRecordTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(fleet_, FleetDatabase::Open(dir_ / "fleet.db"));
    ASSERT_THAT(fleet_->db->Execute("PRAGMA synchronous=OFF"), IsOk());  // hundreds of commits
    ASSERT_OK_AND_ASSIGN(cohort_, Cohort::Load(*fleet_, {}));
    trust::Plan plan;
    plan.id = std::string(32, 'a');
    plan.waves = {{.name = "few", .until_bucket = 1000},
                  {.name = "some", .until_bucket = 3000},
                  {.name = "most", .until_bucket = 9000}};  // a tenth is left out
    if (GetParam()) plan.waves[1].filter.least_ram_mib = 512;
    record_ = std::make_unique<RolloutRecord>(*cohort_, repo::RolloutRow{}, plan,
                                              std::vector<repo::ReceiptRow>{}, std::vector<repo::TurnRow>{});
  }
  static std::string Id(int n) { return absl::StrCat(std::string(12, 'd'), 1000 + n); }
  repo::DeviceRow Row(int n, bool revoked) const {
    repo::DeviceRow row;
    row.id = Id(n);
    row.name = absl::StrCat("device-", n);
    row.public_key = std::string(65, 'k');
    row.revoked = revoked;
    if (const repo::DeviceRow* known = cohort_->Find(row.id); known != nullptr) row.report = known->report;
    return row;
  }
  void Put(int n, bool revoked) {
    ASSERT_THAT(fleet_->devices.Put(Row(n, revoked)), IsOk());
    cohort_->Keep(Row(n, revoked));
  }
  void Start(int n) {
    const repo::DeviceRow* member = cohort_->Find(Id(n));
    const int wave = record_->WaveOf(Id(n), member->report);
    if (wave < 0 || !record_->Tell(Id(n), static_cast<size_t>(wave), now_)) return;
    record_->Start(Id(n), now_);
  }
  void Hear(int n, bool passed) {
    now_ += absl::Seconds(1);
    repo::ReceiptRow receipt;
    receipt.device = Id(n);
    receipt.outcome = passed ? fleet::v1::PASSED : fleet::v1::FAILED;
    receipt.received = now_;
    record_->Hear(receipt);
  }
  // What the counts should be, from nothing but the members and what they said.
  void ExpectRight() {
    std::vector<WaveCounts> waves(record_->plan.waves.size());
    std::map<size_t, std::vector<std::string>> passes;  // by their wave without filters
    for (const auto& [id, member] : cohort_->all()) {
      const auto receipt = record_->receipts().find(id);
      const bool reported = receipt != record_->receipts().end();
      const int wave = record_->WaveOf(id, member.report);
      if (member.revoked) continue;
      if (reported && Passed(receipt->second)) {
        const auto by_id = record_->plan.WaveOf(id);
        if (by_id.ok()) passes[*by_id].push_back(id);
      }
      if (wave < 0) continue;
      WaveCounts& counts = waves[static_cast<size_t>(wave)];
      ++counts.covered;
      counts.started += record_->HasStarted(id) ? 1 : 0;
      if (reported) ++(Passed(receipt->second) ? counts.passed : counts.failed);
    }
    const std::vector<WaveCounts>& found = record_->Counts();
    ASSERT_EQ(found.size(), waves.size());
    size_t earlier = 0;
    for (size_t i = 0; i < waves.size(); ++i) {
      EXPECT_EQ(found[i].covered, waves[i].covered) << i;
      EXPECT_EQ(found[i].started, waves[i].started) << i;
      EXPECT_EQ(found[i].passed, waves[i].passed) << i;
      EXPECT_EQ(found[i].failed, waves[i].failed) << i;
      EXPECT_EQ(record_->PassesBefore(i).size(), earlier) << i;
      earlier += passes[i].size();
    }
  }

  testing::TempDir dir_;
  std::unique_ptr<FleetDatabase> fleet_;
  std::unique_ptr<Cohort> cohort_;
  std::unique_ptr<RolloutRecord> record_;
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
};

TEST_P(RolloutRecordTest, CountsAreThoseOfAllMembersWhateverHappensInWhichOrder) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  int members = 0;
  for (int step = 0; step < 900; ++step) {
    const int n = members == 0 ? 0 : static_cast<int>(random() % static_cast<unsigned>(members));
    const unsigned what = members == 0 ? 0 : random() % 9;
    if (what <= 2) {
      Put(members++, false);
    } else if (what == 3) {
      Put(n, random() % 2 == 0);  // revoked, back, or renewed
    } else if (what == 4) {
      Start(n);
    } else if (what == 5) {
      Hear(n, random() % 2 == 0);
    } else if (what == 6) {
      repo::DeviceReport report = cohort_->Find(Id(n))->report;
      report.ram_mib = static_cast<uint32_t>(random() % 2) * 1024;
      cohort_->Saw(Id(n), report);
    } else if (what == 7) {
      record_->CountOn(random() % 40);
    } else {
      if (random() % 8 == 0) {
        ASSERT_THAT(cohort_->Reload(), IsOk());
      }
      ASSERT_NO_FATAL_FAILURE(ExpectRight());
    }
    if (HasFailure()) return;
  }
  ExpectRight();
  uint32_t covered = 0;
  for (const WaveCounts& counts : record_->Counts()) covered += counts.covered;
  EXPECT_GT(covered, 50u);
}

// Memory follows the disk again: members of whom that knows nothing go.
TEST_P(RolloutRecordTest, WhoIsNotOnTheDiskIsNotCountedAfterAReload) {
  Put(1, false);
  ExpectRight();
  for (int n = 2; n < 40; ++n) cohort_->Keep(Row(n, false));
  record_->CountOn(10);
  ASSERT_THAT(cohort_->Reload(), IsOk());
  EXPECT_EQ(cohort_->all().size(), 1u);
  ExpectRight();
  Put(50, false);
  ExpectRight();
}

INSTANTIATE_TEST_SUITE_P(Filters, RolloutRecordTest, ::testing::Bool(),
                         [](const auto& of) { return of.param ? "WithAFilter" : "WithoutFilters"; });

}  // namespace
}  // namespace linnet::coordinator
