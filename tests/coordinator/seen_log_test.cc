#include "coordinator/seen_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "absl/strings/str_cat.h"
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
    ASSERT_THAT(other->Execute("DROP TABLE seen"), IsOk());
  }
  std::promise<void> answered;
  log->Append("device", ReportAt(1), [&] { answered.set_value(); });
  answered.get_future().wait();
}

}  // namespace
}  // namespace linnet::coordinator
