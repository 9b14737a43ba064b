#ifndef LINNET_STORAGE_DB_DATABASE_H_
#define LINNET_STORAGE_DB_DATABASE_H_

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct sqlite3;
struct sqlite3_stmt;

namespace linnet::db {

enum class Durability : uint8_t {
  kFull,    // state.db: a commit that returned is on the disk
  kNormal,  // user.db: a commit survives a crash of the process, perhaps not of the power
};

class Statement;

// One SQLite connection in WAL mode, for one thread at a time (its repositories share a base::Mutex of their
// owner, or one thread). Errors: ResourceExhausted (disk full, too many open files), DataLoss (not a
// database, malformed), Unavailable (busy, I/O), AlreadyExists (constraint), each with the path and SQLite's
// words.
class Database {
 public:
  // ":memory:" for tests. Creates the file with mode 0600. Sets busy_timeout, foreign_keys, journal limits.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path, Durability durability);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  absl::Status Execute(const std::string& sql);  // no parameters, no rows; may hold several statements
  absl::StatusOr<Statement> Prepare(const std::string& sql);
  // Commits when `body` returns OK, rolls back otherwise. Not nested.
  absl::Status Transact(const std::function<absl::Status()>& body);
  int64_t last_insert_rowid() const;
  int64_t changes() const;
  const std::string& path() const { return path_; }

 private:
  Database(std::string path, sqlite3* db) : path_(std::move(path)), db_(db) {}
  absl::Status Error(int code, std::string_view doing) const;
  friend class Statement;
  std::string path_;
  sqlite3* db_;
};

// A prepared statement, to be reused: Bind*, then Step until it says false (which resets it). Parameters
// count from 1, columns from 0. Views of text and blob columns are valid until the next Step or Reset.
class Statement {
 public:
  Statement(Statement&&) noexcept;
  Statement& operator=(Statement&&) noexcept;
  ~Statement();

  Statement& Bind(int index, int64_t value);
  Statement& Bind(int index, double value);
  template <std::integral T>
  Statement& Bind(int index, T value) {
    return Bind(index, static_cast<int64_t>(value));
  }
  Statement& BindText(int index, std::string_view value);
  Statement& BindBlob(int index, std::string_view value);
  Statement& BindNull(int index);

  absl::StatusOr<bool> Step();  // true: a row
  absl::Status Run();           // Step to the end, rows dropped
  void Reset();

  bool IsNull(int column) const;
  int64_t Int(int column) const;
  double Double(int column) const;
  std::string_view Text(int column) const;
  std::string_view Blob(int column) const;

 private:
  friend class Database;
  Statement(Database* db, sqlite3_stmt* statement) : db_(db), statement_(statement) {}
  Database* db_;
  sqlite3_stmt* statement_;
};

struct Migration {
  int version;  // 1, 2, ...
  std::string_view name;
  std::string_view sql;
};

// Runs what is newer than PRAGMA user_version, each in its own transaction. Versions are major * 100 + minor;
// a minor step only adds, so that after a rollback the previous program reads what the later one wrote: a
// database with a newer minor step is left as it is, one with a newer major step is FailedPrecondition.
// `migrations` ascend.
absl::Status Migrate(Database& db, const std::vector<Migration>& migrations);

}  // namespace linnet::db

#endif  // LINNET_STORAGE_DB_DATABASE_H_
