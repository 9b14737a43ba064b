#include "storage/audit/chain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/db/database.h"
#include "storage/repo/audit.h"
#include "storage/repo/fleet_migrations.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace linnet::audit {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::testing::HasSubstr;

constexpr size_t kEntries = 9;

Entry Linked(std::string_view previous, Entry entry) {
  entry.hash = HashOf(previous, entry);
  return entry;
}

std::vector<Entry> Log(size_t size, std::string_view actor = "anna") {
  std::vector<Entry> log;
  for (size_t i = 0; i < size; ++i) {
    log.push_back(Linked(i == 0 ? "" : log.back().hash,
                         {.id = i + 1,
                          .time = absl::FromUnixMicros(1'800'000'000'000'000 + static_cast<int64_t>(i)),
                          .actor = std::string(actor),
                          .action = "did",
                          .subject = absl::StrCat("thing ", i),
                          .hash = ""}));
  }
  return log;
}

absl::Status WalkThrough(const std::vector<Entry>& log, std::optional<Head> kept = std::nullopt) {
  Walk walk(std::move(kept));
  for (const Entry& entry : log) {
    if (absl::Status status = walk.Next(entry); !status.ok()) return status;
  }
  return walk.End();
}

Head HeadOf(const std::vector<Entry>& log, size_t entries) { return {entries, log[entries - 1].hash}; }

// Every way to change one entry without touching another.
const std::vector<std::pair<std::string, std::function<void(Entry&)>>>& Changes() {
  static const std::vector<std::pair<std::string, std::function<void(Entry&)>>> changes = {
      {"id up", [](Entry& e) { ++e.id; }},
      {"id down", [](Entry& e) { --e.id; }},
      {"time", [](Entry& e) { e.time += absl::Microseconds(1); }},
      {"actor", [](Entry& e) { e.actor = "eve"; }},
      {"action", [](Entry& e) { e.action += "!"; }},
      {"subject", [](Entry& e) { e.subject.clear(); }},
      {"a letter moved from one text to the next",
       [](Entry& e) {
         e.action = e.actor.back() + e.action;
         e.actor.pop_back();
       }},
      {"hash", [](Entry& e) { e.hash[31] = static_cast<char>(e.hash[31] ^ 1); }},
      {"hash cut", [](Entry& e) { e.hash.pop_back(); }},
      {"hash gone", [](Entry& e) { e.hash.clear(); }},
  };
  return changes;
}

TEST(AuditChainTest, AWholeLogIsWholeAndSoIsAnEmptyOne) {
  EXPECT_THAT(WalkThrough({}), IsOk());
  for (size_t size = 1; size <= kEntries; ++size) EXPECT_THAT(WalkThrough(Log(size)), IsOk());
}

TEST(AuditChainTest, EveryChangeOfOneEntryIsFoundAndThatEntryNamed) {
  for (size_t i = 0; i < kEntries; ++i) {
    for (const auto& [what, change] : Changes()) {
      std::vector<Entry> log = Log(kEntries);
      change(log[i]);
      const absl::Status status = WalkThrough(log);
      EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss)) << what << " of entry " << i + 1;
      EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat("audit entry ", i + 1))) << what;
    }
  }
}

TEST(AuditChainTest, AChangeWithItsHashMendedBreaksTheNextLink) {
  for (size_t i = 0; i + 1 < kEntries; ++i) {
    std::vector<Entry> log = Log(kEntries);
    log[i].actor = "eve";
    log[i].hash = HashOf(i == 0 ? "" : log[i - 1].hash, log[i]);
    const absl::Status status = WalkThrough(log);
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss));
    EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat("audit entry ", i + 2, " does not")));
  }
}

TEST(AuditChainTest, EveryDeletionButOfTheTailIsFound) {
  for (size_t from = 0; from < kEntries; ++from) {
    for (size_t to = from + 1; to < kEntries; ++to) {
      std::vector<Entry> log = Log(kEntries);
      log.erase(log.begin() + static_cast<ptrdiff_t>(from), log.begin() + static_cast<ptrdiff_t>(to));
      const absl::Status status = WalkThrough(log);
      EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss)) << from << " to " << to;
      EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat("entry ", from + 1, " is missing")));
      // And when the rest is numbered anew.
      for (size_t i = 0; i < log.size(); ++i) log[i].id = i + 1;
      EXPECT_THAT(WalkThrough(log), StatusIs(absl::StatusCode::kDataLoss)) << from << " to " << to;
    }
  }
}

TEST(AuditChainTest, EveryInsertionIsFound) {
  for (size_t at = 0; at < kEntries; ++at) {
    const std::vector<Entry> whole = Log(kEntries);
    const std::string previous = at == 0 ? "" : whole[at - 1].hash;
    for (const bool numbered_anew : {false, true}) {
      std::vector<Entry> log = whole;
      Entry forged = whole[at];
      forged.actor = "eve";
      log.insert(log.begin() + static_cast<ptrdiff_t>(at), Linked(previous, forged));
      if (numbered_anew) {
        for (size_t i = at + 1; i < log.size(); ++i) ++log[i].id;
      }
      EXPECT_THAT(WalkThrough(log), StatusIs(absl::StatusCode::kDataLoss)) << "at " << at;
    }
    std::vector<Entry> twice = whole;
    twice.insert(twice.begin() + static_cast<ptrdiff_t>(at), whole[at]);
    EXPECT_THAT(WalkThrough(twice), StatusIs(absl::StatusCode::kDataLoss)) << "at " << at;
  }
}

TEST(AuditChainTest, EveryExchangeOfTwoEntriesIsFound) {
  for (size_t i = 0; i < kEntries; ++i) {
    for (size_t k = i + 1; k < kEntries; ++k) {
      std::vector<Entry> log = Log(kEntries);
      std::swap(log[i], log[k]);
      EXPECT_THAT(WalkThrough(log), StatusIs(absl::StatusCode::kDataLoss)) << i << " and " << k;
      std::swap(log[i].id, log[k].id);
      EXPECT_THAT(WalkThrough(log), StatusIs(absl::StatusCode::kDataLoss)) << i << " and " << k;
    }
  }
}

TEST(AuditChainTest, ALostTailShowsOnlyAgainstAKeptHead) {
  const std::vector<Entry> whole = Log(kEntries);
  for (size_t left = 0; left < kEntries; ++left) {
    const std::vector<Entry> cut = Log(left);
    EXPECT_THAT(WalkThrough(cut), IsOk());
    for (size_t kept = 1; kept <= kEntries; ++kept) {
      const absl::Status status = WalkThrough(cut, HeadOf(whole, kept));
      if (kept <= left) {
        EXPECT_THAT(status, IsOk());
      } else {
        EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss));
        EXPECT_THAT(std::string(status.message()), HasSubstr("its tail is lost"));
      }
    }
  }
}

TEST(AuditChainTest, ALogThatWasWrittenAnewShowsAgainstAKeptHead) {
  const std::vector<Entry> whole = Log(kEntries);
  const std::vector<Entry> anew = Log(kEntries, "eve");
  EXPECT_THAT(WalkThrough(anew), IsOk());
  for (size_t kept = 1; kept <= kEntries; ++kept) {
    EXPECT_THAT(WalkThrough(anew, HeadOf(whole, kept)), StatusIs(absl::StatusCode::kDataLoss));
    EXPECT_THAT(WalkThrough(whole, HeadOf(whole, kept)), IsOk());
  }
}

TEST(AuditHeadTest, IsReadAsItIsWritten) {
  for (const size_t size : {size_t{0}, size_t{1}, kEntries}) {
    const Head head = size == 0 ? Head() : HeadOf(Log(size), size);
    ASSERT_OK_AND_ASSIGN(const Head read, Head::Parse(head.ToString()));
    EXPECT_EQ(read.id, head.id);
    EXPECT_EQ(read.hash, head.hash);
  }
}

TEST(AuditHeadTest, RefusesWhatIsNone) {
  const std::string hash(64, 'a');
  for (const std::string& text :
       {std::string(), std::string(":"), std::string("7"), std::string("7:"), "7:" + hash.substr(1),
        "7:" + hash + "aa", "7 :" + hash, "-7:" + hash, "x:" + hash, "7:" + std::string(64, 'g'), "0:" + hash,
        "99999999999999999999:" + hash, ":" + hash}) {
    EXPECT_THAT(Head::Parse(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
}

// The same through SQL, on the table that the coordinator writes.
class AuditTableTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(db_, db::Database::Open(dir_ / "fleet.db", db::Durability::kNormal));
    ASSERT_THAT(db::Migrate(*db_, repo::FleetMigrations()), IsOk());
    repo::Audit audit(*db_);
    for (size_t i = 0; i < kEntries; ++i) {
      ASSERT_THAT(audit.Append(absl::FromUnixSeconds(1'800'000'000) + absl::Nanoseconds(i), "anna", "did",
                               i % 2 == 0 ? "rollout 1" : "rollout 2"),
                  IsOk());
    }
  }
  // Runs `sql`, looks, and takes it back.
  absl::Status After(const std::string& sql) {
    absl::Status verdict;
    const absl::Status undone = db_->Transact([&]() -> absl::Status {
      EXPECT_THAT(db_->Execute(sql), IsOk()) << sql;
      verdict = repo::Audit(*db_).Verify();
      return absl::AbortedError("taken back");
    });
    EXPECT_THAT(undone, StatusIs(absl::StatusCode::kAborted));
    return verdict;
  }

  testing::TempDir dir_;
  std::unique_ptr<db::Database> db_;
};

TEST_F(AuditTableTest, EveryRowThatIsChangedDeletedAddedOrMovedIsFound) {
  EXPECT_THAT(repo::Audit(*db_).Verify(), IsOk());
  for (size_t row = 1; row <= kEntries; ++row) {
    for (const char* change : {"time = time + 1", "actor = 'eve'", "action = ''", "subject = 'x'",
                               "hash = zeroblob(32)", "id = id + 1000", "hash = x''"}) {
      const std::string sql = absl::StrCat("UPDATE audit SET ", change, " WHERE id = ", row);
      // The last row can only be moved out of reach, and then its number shows.
      EXPECT_THAT(After(sql), StatusIs(absl::StatusCode::kDataLoss)) << sql;
    }
    if (row < kEntries) {
      EXPECT_THAT(After(absl::StrCat("DELETE FROM audit WHERE id = ", row)),
                  StatusIs(absl::StatusCode::kDataLoss));
    }
    // A copy of a row in every place that is free.
    EXPECT_THAT(After(absl::StrCat("INSERT INTO audit SELECT ", kEntries + 1,
                                   ", time, actor, action, subject, hash FROM audit WHERE id = ", row)),
                StatusIs(absl::StatusCode::kDataLoss));
    for (size_t other = 1; other < row; ++other) {
      EXPECT_THAT(
          After(absl::StrCat("UPDATE audit SET id = -1 WHERE id = ", row, ";UPDATE audit SET id = ", row,
                             " WHERE id = ", other, ";UPDATE audit SET id = ", other, " WHERE id = -1")),
          StatusIs(absl::StatusCode::kDataLoss));
    }
  }
}

TEST_F(AuditTableTest, PagesComeInOrderAndByWhatTheyAreAbout) {
  repo::Audit audit(*db_);
  std::vector<uint64_t> ids;
  while (true) {
    ASSERT_OK_AND_ASSIGN(const auto page, audit.After(ids.empty() ? 0 : ids.back(), 4));
    if (page.empty()) break;
    EXPECT_LE(page.size(), 4u);
    for (const Entry& entry : page) ids.push_back(entry.id);
  }
  EXPECT_THAT(ids, ::testing::ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9));
  ASSERT_OK_AND_ASSIGN(const auto about, audit.Newest(100, "rollout 2"));
  ASSERT_EQ(about.size(), kEntries / 2);
  EXPECT_EQ(about[0].id, 8u);
  ASSERT_OK_AND_ASSIGN(const auto wild, audit.Newest(100, "rollout _"));  // no pattern
  EXPECT_TRUE(wild.empty());
  ASSERT_OK_AND_ASSIGN(const auto behind, audit.After(UINT64_MAX, 100));
  EXPECT_TRUE(behind.empty());
}

}  // namespace
}  // namespace linnet::audit
