#include "coordinator/rollout_counts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace linnet::coordinator {
namespace {

using testing::IsOk;

class RolloutCountsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(fleet_, FleetDatabase::Open(dir_ / "fleet.db"));
    ASSERT_THAT(fleet_->db->Execute("PRAGMA synchronous=OFF"), IsOk());  // hundreds of commits
    ASSERT_OK_AND_ASSIGN(cohort_, Cohort::Load(*fleet_, {}));
    plan_.id = std::string(32, 'a');
    plan_.waves = {{.name = "named", .devices = {base::Hex(Id(3)), base::Hex(Id(5))}},
                   {.name = "some", .until_bucket = 3000},
                   {.name = "most", .until_bucket = 9000}};  // a tenth is left out
  }
  static std::string Id(int n) { return absl::StrCat(std::string(12, 'd'), 1000 + n); }
  void Put(int n, bool revoked) {
    repo::DeviceRow row;
    row.id = Id(n);
    row.name = absl::StrCat("device-", n);
    row.public_key = std::string(65, 'k');
    row.revoked = revoked;
    ASSERT_THAT(cohort_->Put(row), IsOk());
  }
  // What the counts should be, from nothing but the members and their words.
  void ExpectRight(const std::map<int, bool>& passed) {
    std::vector<RolloutCounts::Wave> waves(plan_.waves.size());
    uint32_t live = 0, unreported = 0, covered = 0;
    for (const auto& [id, member] : cohort_->all()) {
      const int n = std::stoi(id.substr(12)) - 1000;
      const auto wave = plan_.WaveOf(id);
      const auto word = passed.find(n);
      EXPECT_EQ(counts_.WaveOf(plan_, member), wave.ok() ? static_cast<int>(*wave) : RolloutCounts::kNoWave);
      if (!wave.ok() || (member.row.revoked && word == passed.end())) continue;
      ++covered;
      ++waves[*wave].devices;
      if (word != passed.end()) ++(word->second ? waves[*wave].passed : waves[*wave].failed);
      if (!member.row.revoked) ++live;
      if (!member.row.revoked && word == passed.end()) ++unreported;
    }
    counts_.CatchUp(plan_, *cohort_);
    EXPECT_EQ(counts_.live(), live);
    EXPECT_EQ(counts_.unreported(), unreported);
    EXPECT_EQ(counts_.covered(), covered);
    for (size_t i = 0; i < waves.size(); ++i) {
      EXPECT_EQ(counts_.wave(i).devices, waves[i].devices) << i;
      EXPECT_EQ(counts_.wave(i).passed, waves[i].passed) << i;
      EXPECT_EQ(counts_.wave(i).failed, waves[i].failed) << i;
    }
  }

  testing::TempDir dir_;
  std::unique_ptr<FleetDatabase> fleet_;
  std::unique_ptr<Cohort> cohort_;
  trust::Plan plan_;
  RolloutCounts counts_;
};

TEST_F(RolloutCountsTest, AreThoseOfAllMembersWhateverHappensInWhichOrder) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  std::map<int, bool> passed;
  int members = 0;
  for (int step = 0; step < 600; ++step) {
    const int n = members == 0 ? 0 : static_cast<int>(random() % members);
    switch (random() % 5) {
      case 0:
      case 1:
        Put(members++, false);
        break;
      case 2:
        if (members > 0) Put(n, random() % 2 == 0);  // revoked, or back
        break;
      case 3:
        if (members > 0) {
          passed[n] = random() % 2 == 0;
          counts_.Heard(*cohort_->FindMember(Id(n)), passed[n]);
        }
        break;
      default:
        if (random() % 8 == 0) {
          ASSERT_THAT(cohort_->Reload(), IsOk());
        }
        ExpectRight(passed);
    }
  }
  ExpectRight(passed);
  EXPECT_GT(counts_.covered(), 50u);
}

// A transaction that failed takes back a member that had joined in it.
TEST_F(RolloutCountsTest, ForgetWhoDidNotJoinAfterAll) {
  Put(1, false);
  counts_.CatchUp(plan_, *cohort_);
  const uint32_t before = counts_.live();
  const absl::Status failed = fleet_->db->Transact([&] {
    for (int n = 2; n < 40; ++n) Put(n, false);
    counts_.CatchUp(plan_, *cohort_);
    EXPECT_GT(counts_.live(), before);
    return absl::CancelledError("not after all");
  });
  ASSERT_FALSE(failed.ok());
  ASSERT_THAT(cohort_->Reload(), IsOk());
  ExpectRight({});
  EXPECT_EQ(counts_.live(), before);
  Put(50, false);
  ExpectRight({});
}

}  // namespace
}  // namespace linnet::coordinator
