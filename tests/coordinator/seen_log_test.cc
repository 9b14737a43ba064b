#include "coordinator/seen_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/support/faulty_vfs.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace linnet::coordinator {
namespace {

using testing::IsOk;

repo::DeviceReport ReportAt(int64_t seconds) {
  return {
      .last_seen = absl::FromUnixSeconds(seconds), .update_state = 5, .model_sha256 = "m", .ram_mib = 512};
}

TEST(SeenLogTest, WhatWasAnsweredIsOnTheDisk) {
  const testing::TempDir dir;
  constexpr int kDevices = 200;
  ASSERT_OK_AND_ASSIGN(auto log, SeenLog::Open(dir / "seen.db"));
  std::vector<std::promise<void>> answered(kDevices);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = t; i < kDevices; i += 4) {
        log->Append(absl::StrCat("device", i), ReportAt(1000 + i), [&, i] { answered[i].set_value(); });
      }
    });
  }
  for (std::promise<void>& one : answered) one.get_future().wait();
  for (std::thread& thread : threads) thread.join();
  // A second reader of the file, while the log is still open: nothing is only in memory.
  ASSERT_OK_AND_ASSIGN(const auto db, db::Database::Open(dir / "seen.db", db::Durability::kFull));
  ASSERT_OK_AND_ASSIGN(repo::Sightings sightings, repo::Sightings::Prepare(*db));
  ASSERT_OK_AND_ASSIGN(const auto all, sightings.All());
  ASSERT_EQ(all.size(), static_cast<size_t>(kDevices));
  for (int i = 0; i < kDevices; ++i) {
    EXPECT_EQ(all.at(absl::StrCat("device", i)).last_seen, absl::FromUnixSeconds(1000 + i));
  }
}

TEST(SeenLogTest, TheLatestReportOfADeviceStays) {
  const testing::TempDir dir;
  {
    ASSERT_OK_AND_ASSIGN(const auto log, SeenLog::Open(dir / "seen.db"));
    for (int i = 0; i <= 100; ++i) log->Append("device", ReportAt(i), nullptr);
  }  // writes what waits
  ASSERT_OK_AND_ASSIGN(const auto log, SeenLog::Open(dir / "seen.db"));
  const auto loaded = log->TakeLoaded();
  ASSERT_EQ(loaded.size(), 1u);
  EXPECT_EQ(loaded.at("device").last_seen, absl::FromUnixSeconds(100));
  EXPECT_EQ(loaded.at("device").ram_mib, 512u);
}

TEST(SeenLogTest, ADiskThatRefusesKeepsNobodyWaiting) {
  const testing::TempDir dir;
  ASSERT_OK_AND_ASSIGN(const auto log, SeenLog::Open(dir / "seen.db"));
  {
    ASSERT_OK_AND_ASSIGN(const auto other, db::Database::Open(dir / "seen.db", db::Durability::kFull));
    ASSERT_THAT(other->Execute("DROP TABLE heard"), IsOk());
  }
  std::promise<void> answered;
  log->Append("device", ReportAt(1), [&] { answered.set_value(); });
  answered.get_future().wait();
}

class SightingsTest : public ::testing::Test {
 protected:
  void Open(db::Durability durability = db::Durability::kFull) {
    ASSERT_OK_AND_ASSIGN(db_, db::Database::Open(dir_ / "seen.db", durability));
    ASSERT_THAT(db::Migrate(*db_, repo::SightingMigrations()), IsOk());
  }
  // One commit: what so many devices say at `second`.
  absl::Status Say(repo::Sightings& sightings, int first, int last, int64_t second) {
    const absl::Status said = db_->Transact([&]() -> absl::Status {
      for (int i = first; i < last; ++i) {
        const absl::Status put = sightings.Put(absl::StrCat("device", i), ReportAt(second));
        if (!put.ok()) return put;
      }
      return sightings.Tidy(2 * (last - first));
    });
    if (!said.ok()) sightings.Reload().IgnoreError();
    return said;
  }

  testing::TempDir dir_;
  std::unique_ptr<db::Database> db_;
};

TEST_F(SightingsTest, KeepTheLastWordOfEachInNotManyMoreThanTwoRowsADevice) {
  Open(db::Durability::kNormal);  // hundreds of commits: no syncs
  ASSERT_OK_AND_ASSIGN(repo::Sightings sightings, repo::Sightings::Prepare(*db_));
  ASSERT_THAT(Say(sightings, 0, 300, 1), IsOk());  // of these most never say anything again
  for (int i = 0; i < 400; ++i) ASSERT_THAT(Say(sightings, 10, 50, 2 + i), IsOk());
  EXPECT_LT(sightings.rows(), 2 * 300 + 4096 + 80);
  EXPECT_GT(sightings.rows(), 4096);  // it has come to tidying
  db_.reset();
  Open();
  ASSERT_OK_AND_ASSIGN(repo::Sightings again, repo::Sightings::Prepare(*db_));
  ASSERT_OK_AND_ASSIGN(const auto all, again.All());
  ASSERT_EQ(all.size(), 300u);
  for (const auto& [device, report] : all) {
    const int n = std::stoi(device.substr(6));
    EXPECT_EQ(report.last_seen, absl::FromUnixSeconds(n >= 10 && n < 50 ? 401 : 1)) << device;
  }
}

// A word that was acknowledged is never lost, and what failed leaves no trace, wherever the disk fails.
TEST_F(SightingsTest, ADiskThatFailsAtAnyWriteLosesNothingThatWasSaved) {
  testing::FaultyVfs vfs;
  vfs.Repair();
  Open();
  {
    ASSERT_OK_AND_ASSIGN(repo::Sightings sightings, repo::Sightings::Prepare(*db_));
    for (int i = 0; i < 110; ++i) ASSERT_THAT(Say(sightings, 0, 40, i), IsOk());
    int failures = 0;
    int64_t saved = 109;
    for (int n = 0; n < 60; ++n) {
      vfs.FailAfter(n % 12);
      const int64_t second = saved + 1;
      const absl::Status said = Say(sightings, 20, 60, second);
      vfs.Repair();
      if (said.ok()) saved = second;
      failures += said.ok() ? 0 : 1;
      ASSERT_OK_AND_ASSIGN(const auto all, sightings.All());
      ASSERT_EQ(all.at("device5").last_seen, absl::FromUnixSeconds(109));
      ASSERT_EQ(all.at("device30").last_seen, absl::FromUnixSeconds(saved)) << said;
    }
    EXPECT_GT(failures, 5);
    EXPECT_GT(saved, 110);
  }
  db_.reset();  // while its files can still be closed
}

TEST_F(SightingsTest, WhatTheProgramBeforeWroteIsReadUnlessItIsOlder) {
  Open();
  const std::string row = ",2,x'6d',1,1,1,1,1,1)";
  ASSERT_THAT(db_->Execute(absl::StrCat("INSERT INTO seen VALUES(CAST('old' AS BLOB),5000000", row, ";",
                                        "INSERT INTO seen VALUES(CAST('device1' AS BLOB),9000000", row, ";",
                                        "INSERT INTO seen VALUES(CAST('device2' AS BLOB),1000000", row)),
              IsOk());
  ASSERT_OK_AND_ASSIGN(repo::Sightings sightings, repo::Sightings::Prepare(*db_));
  ASSERT_THAT(Say(sightings, 1, 3, 7), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto all, sightings.All());
  EXPECT_EQ(all.at("old").last_seen, absl::FromUnixSeconds(5));
  EXPECT_EQ(all.at("device1").last_seen, absl::FromUnixSeconds(9));  // it ran again meanwhile
  EXPECT_EQ(all.at("device2").last_seen, absl::FromUnixSeconds(7));
}

TEST_F(SightingsTest, TheLogIsCopiedBackByHandAndBeginsAnew) {
  Open(db::Durability::kNormal);
  ASSERT_THAT(repo::CopyBackByHand(*db_, 32 << 20), IsOk());
  ASSERT_OK_AND_ASSIGN(repo::Sightings sightings, repo::Sightings::Prepare(*db_));
  const auto log_bytes = [&] { return std::filesystem::file_size(dir_ / "seen.db-wal"); };
  for (int i = 0; i < 300; ++i) ASSERT_THAT(Say(sightings, 0, 40, i), IsOk());
  const auto grown = log_bytes();
  EXPECT_GT(grown, 1'200'000u);  // by itself SQLite would have begun anew at 1 MiB
  ASSERT_OK_AND_ASSIGN(const repo::WalState state, repo::CopyBack(*db_));
  EXPECT_GT(state.pages, 256);
  EXPECT_EQ(state.copied, state.pages);
  for (int i = 0; i < 200; ++i) ASSERT_THAT(Say(sightings, 0, 40, 300 + i), IsOk());
  EXPECT_EQ(log_bytes(), grown);
}

}  // namespace
}  // namespace linnet::coordinator
