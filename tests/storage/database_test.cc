#include "storage/db/database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "tests/support/faulty_vfs.h"
#include "tests/support/temp_dir.h"

namespace linnet::db {
namespace {

using ::linnet::testing::FaultyVfs;
using ::linnet::testing::TempDir;
using ::testing::HasSubstr;

std::string Text(const absl::Status& status) { return std::string(status.message()); }

int64_t Single(Database& db, const std::string& sql) {
  auto statement = db.Prepare(sql);
  EXPECT_TRUE(statement.ok()) << statement.status();
  auto row = statement->Step();
  EXPECT_TRUE(row.ok() && *row) << sql;
  return statement->Int(0);
}

std::unique_ptr<Database> OpenOrDie(const std::string& path, Durability durability = Durability::kFull) {
  auto db = Database::Open(path, durability);
  EXPECT_TRUE(db.ok()) << db.status();
  return *std::move(db);
}

TEST(DatabaseTest, FilesArePrivate) {
  TempDir dir;
  const std::string path = dir / "state.db";
  auto db = OpenOrDie(path);
  ASSERT_TRUE(db->Execute("CREATE TABLE t(x)").ok());
  for (const char* suffix : {"", "-wal", "-shm"}) {
    struct stat info;
    ASSERT_EQ(stat((path + suffix).c_str(), &info), 0) << suffix;
    EXPECT_EQ(info.st_mode & 0777, 0600u) << suffix;
  }
}

TEST(DatabaseTest, SettingsHold) {
  TempDir dir;
  auto full = OpenOrDie(dir / "a.db", Durability::kFull);
  EXPECT_EQ(Single(*full, "PRAGMA synchronous"), 2);
  EXPECT_EQ(Single(*full, "PRAGMA foreign_keys"), 1);
  EXPECT_EQ(Single(*full, "PRAGMA auto_vacuum"), 2);
  EXPECT_EQ(Single(*full, "PRAGMA wal_autocheckpoint"), 256);
  EXPECT_EQ(Single(*full, "PRAGMA journal_size_limit"), 1048576);
  EXPECT_GT(Single(*full, "PRAGMA busy_timeout"), 0);
  auto normal = OpenOrDie(dir / "b.db", Durability::kNormal);
  EXPECT_EQ(Single(*normal, "PRAGMA synchronous"), 1);
}

TEST(DatabaseTest, BindsAndReadsEveryType) {
  auto db = OpenOrDie(":memory:");
  ASSERT_TRUE(db->Execute("CREATE TABLE t(i INTEGER, d REAL, s TEXT, b BLOB, n)").ok());
  auto insert = db->Prepare("INSERT INTO t VALUES(?,?,?,?,?)");
  ASSERT_TRUE(insert.ok());
  const std::string blob("a\0b", 3);
  insert->Bind(1, int64_t{-5}).Bind(2, 0.25).BindText(3, "Grüße").BindBlob(4, blob).BindNull(5);
  ASSERT_TRUE(insert->Run().ok());
  insert->Bind(1, 7u).Bind(2, 1.0).BindText(3, {}).BindBlob(4, {}).BindNull(5);
  ASSERT_TRUE(insert->Run().ok());
  EXPECT_EQ(db->last_insert_rowid(), 2);
  EXPECT_EQ(db->changes(), 1);

  auto select = db->Prepare("SELECT i, d, s, b, n FROM t ORDER BY rowid");
  ASSERT_TRUE(select.ok());
  auto row = select->Step();
  ASSERT_TRUE(row.ok() && *row);
  EXPECT_EQ(select->Int(0), -5);
  EXPECT_EQ(select->Double(1), 0.25);
  EXPECT_EQ(select->Text(2), "Grüße");
  EXPECT_EQ(select->Blob(3), blob);
  EXPECT_TRUE(select->IsNull(4));
  row = select->Step();
  ASSERT_TRUE(row.ok() && *row);
  EXPECT_FALSE(select->IsNull(2)) << "an empty text is not NULL";
  EXPECT_FALSE(select->IsNull(3)) << "an empty blob is not NULL";
  row = select->Step();
  ASSERT_TRUE(row.ok());
  EXPECT_FALSE(*row);
  row = select->Step();  // it was reset: starts anew
  EXPECT_TRUE(row.ok() && *row);
}

TEST(DatabaseTest, TransactRollsBackWhatFailed) {
  auto db = OpenOrDie(":memory:");
  ASSERT_TRUE(db->Execute("CREATE TABLE t(x UNIQUE)").ok());
  EXPECT_TRUE(db->Transact([&] { return db->Execute("INSERT INTO t VALUES(1)"); }).ok());
  const absl::Status status = db->Transact([&]() -> absl::Status {
    EXPECT_TRUE(db->Execute("INSERT INTO t VALUES(2)").ok());
    return db->Execute("INSERT INTO t VALUES(1)");
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists) << status;
  EXPECT_EQ(Single(*db, "SELECT count(*) FROM t"), 1);
  EXPECT_TRUE(db->Transact([&] { return db->Execute("INSERT INTO t VALUES(3)"); }).ok());
}

TEST(DatabaseTest, ErrorsSayWhichFileAndWhatToDo) {
  TempDir dir;
  const std::string path = dir / "bad.db";
  std::ofstream(path) << std::string(4096, 'x');
  auto damaged = Database::Open(path, Durability::kFull);
  EXPECT_EQ(damaged.status().code(), absl::StatusCode::kDataLoss) << damaged.status();
  EXPECT_THAT(Text(damaged.status()), HasSubstr(path));

  auto nowhere = Database::Open(dir / "no/such/folder.db", Durability::kFull);
  EXPECT_EQ(nowhere.status().code(), absl::StatusCode::kNotFound) << nowhere.status();

  auto db = OpenOrDie(dir / "good.db");
  EXPECT_FALSE(db->Execute("SELEKT 1").ok());
  EXPECT_THAT(Text(db->Prepare("SELECT * FROM missing").status()), HasSubstr("no such table"));
  if (geteuid() != 0) {
    ASSERT_EQ(chmod(dir.path().c_str(), 0500), 0);
    auto refused = Database::Open(dir / "new.db", Durability::kFull);
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kPermissionDenied) << refused.status();
    ASSERT_EQ(chmod(dir.path().c_str(), 0700), 0);
  }
}

TEST(DatabaseTest, AFullDiskIsResourceExhausted) {
  FaultyVfs vfs;
  TempDir dir;
  auto db = OpenOrDie(dir / "state.db");
  ASSERT_TRUE(db->Execute("CREATE TABLE t(x)").ok());
  vfs.FailAfter(0, SQLITE_FULL);
  const absl::Status status = db->Execute("INSERT INTO t VALUES(1)");
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_THAT(Text(status), HasSubstr("free some space"));
  vfs.Repair();
  EXPECT_TRUE(db->Execute("INSERT INTO t VALUES(2)").ok());
  EXPECT_EQ(Single(*db, "SELECT x FROM t"), 2);
}

TEST(DatabaseTest, WithoutDescriptorsItIsResourceExhausted) {
  TempDir dir;
  {
    ASSERT_TRUE(OpenOrDie(dir / "state.db")->Execute("CREATE TABLE t(x)").ok());
  }
  rlimit before;
  getrlimit(RLIMIT_NOFILE, &before);
  int next = dup(0);  // the lowest that is free
  close(next);
  // Each number lets one more file of SQLite's be opened: the database, its log, its shared memory.
  for (int more = 0;; ++more) {
    const rlimit lower = {static_cast<rlim_t>(next + more), before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &lower);
    absl::Status status;
    {
      auto db = Database::Open(dir / "state.db", Durability::kFull);
      status = db.ok() ? (*db)->Execute("INSERT INTO t VALUES(1)") : db.status();
    }
    setrlimit(RLIMIT_NOFILE, &before);
    if (status.ok()) break;
    ASSERT_LT(more, 10) << status;
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << more << ": " << status;
    EXPECT_THAT(Text(status), HasSubstr(dir / "state.db"));
  }
}

TEST(DatabaseTest, AcknowledgedCommitsSurviveAFailureAtEveryWrite) {
  // Invariant: rows come in pairs that sum to zero. Fails from the n-th write on, for every n.
  int n = 0;
  for (;; ++n) {
    FaultyVfs vfs;
    TempDir dir;
    const std::string path = dir / "state.db";
    std::set<int64_t> acknowledged;
    vfs.FailAfter(n);
    {
      auto db = Database::Open(path, Durability::kFull);
      if (db.ok() && (*db)->Execute("CREATE TABLE IF NOT EXISTS t(x)").ok()) {
        (*db)->Execute("PRAGMA wal_autocheckpoint=2").IgnoreError();
        for (int64_t i = 1; i <= 6; ++i) {
          const absl::Status status = (*db)->Transact([&]() -> absl::Status {
            absl::Status s = (*db)->Execute("INSERT INTO t VALUES(" + std::to_string(i) + ")");
            if (s.ok()) s = (*db)->Execute("INSERT INTO t VALUES(-" + std::to_string(i) + ")");
            return s;
          });
          if (status.ok()) acknowledged.insert(i);
        }
      }
    }
    const bool failed = vfs.failed();
    vfs.Repair();
    auto db = OpenOrDie(path);
    ASSERT_TRUE(db->Execute("CREATE TABLE IF NOT EXISTS t(x)").ok());
    EXPECT_EQ(Single(*db, "SELECT coalesce(sum(x), 0) FROM t"), 0) << "write " << n;
    for (int64_t i : acknowledged) {
      EXPECT_EQ(Single(*db, "SELECT count(*) FROM t WHERE x=" + std::to_string(i)), 1) << "write " << n;
    }
    if (!failed) break;
  }
  EXPECT_GT(n, 20);
}

TEST(MigrateTest, RunsEachStepOnce) {
  TempDir dir;
  const std::vector<Migration> first = {{101, "start", "CREATE TABLE a(x); INSERT INTO a VALUES(1);"}};
  std::vector<Migration> second = first;
  second.push_back({102, "more", "ALTER TABLE a ADD COLUMN y INTEGER NOT NULL DEFAULT 7;"});
  {
    auto db = OpenOrDie(dir / "s.db");
    ASSERT_TRUE(Migrate(*db, first).ok());
    ASSERT_TRUE(Migrate(*db, first).ok());
    EXPECT_EQ(Single(*db, "SELECT count(*) FROM a"), 1);
  }
  auto db = OpenOrDie(dir / "s.db");
  ASSERT_TRUE(Migrate(*db, second).ok());
  EXPECT_EQ(Single(*db, "SELECT y FROM a"), 7);
  EXPECT_EQ(Single(*db, "PRAGMA user_version"), 102);
  EXPECT_TRUE(Migrate(*db, first).ok()) << "a program that was rolled back reads a later minor step";
  EXPECT_EQ(Single(*db, "PRAGMA user_version"), 102);
}

TEST(MigrateTest, AFailedStepLeavesNothing) {
  auto db = OpenOrDie(":memory:");
  const absl::Status status = Migrate(
      *db, {{101, "good", "CREATE TABLE a(x);"}, {102, "bad", "CREATE TABLE b(x); CREATE TABLE a(x);"}});
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(Text(status), HasSubstr("schema step 102 (bad)"));
  EXPECT_EQ(Single(*db, "PRAGMA user_version"), 101);
  EXPECT_EQ(Single(*db, "SELECT count(*) FROM sqlite_schema WHERE name='b'"), 0);
}

TEST(MigrateTest, RefusesANewerMajorStep) {
  auto db = OpenOrDie(":memory:");
  ASSERT_TRUE(db->Execute("PRAGMA user_version=201").ok());
  const absl::Status status = Migrate(*db, {{101, "start", "CREATE TABLE a(x);"}});
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
}

}  // namespace
}  // namespace linnet::db
