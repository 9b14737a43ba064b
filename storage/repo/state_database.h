#ifndef LINNET_STORAGE_REPO_STATE_DATABASE_H_
#define LINNET_STORAGE_REPO_STATE_DATABASE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/mutex.h"
#include "storage/db/database.h"

namespace linnet::repo {

// state.db: what a device is and runs, never what its owner says or measures: identity, enrolment, installed
// models, update journal, uplink journal. A commit that returned is on the disk.
//
// The repositories on it (Device, Models, UpdateJournal, UplinkJournal) are used inside Write or Read only,
// which serialise.
class StateDatabase {
 public:
  // ":memory:" for tests. Errors: those of db::Database::Open and db::Migrate.
  static absl::StatusOr<std::unique_ptr<StateDatabase>> Open(const std::string& path);

  // One transaction: commits when `body` returns OK. Thread-safe, not nested.
  absl::Status Write(const std::function<absl::Status()>& body);
  absl::Status Read(const std::function<absl::Status()>& body);

  db::Database& db() { return *db_; }

 private:
  explicit StateDatabase(std::unique_ptr<db::Database> db) : db_(std::move(db)) {}
  base::Mutex mutex_;
  std::unique_ptr<db::Database> db_;
};

std::vector<db::Migration> StateMigrations();

}  // namespace linnet::repo

#endif  // LINNET_STORAGE_REPO_STATE_DATABASE_H_
