#include "storage/repo/state_database.h"

#include <utility>

#include "runtime/base/status_macros.h"

namespace linnet::repo {

absl::StatusOr<std::unique_ptr<StateDatabase>> StateDatabase::Open(const std::string& path) {
  LINNET_ASSIGN_OR_RETURN(std::unique_ptr<db::Database> db, db::Database::Open(path, db::Durability::kFull));
  LINNET_RETURN_IF_ERROR(db::Migrate(*db, StateMigrations()));
  return std::unique_ptr<StateDatabase>(new StateDatabase(std::move(db)));
}

absl::Status StateDatabase::Write(const std::function<absl::Status()>& body) {
  base::MutexLock lock(mutex_);
  return db_->Transact(body);
}

absl::Status StateDatabase::Read(const std::function<absl::Status()>& body) {
  base::MutexLock lock(mutex_);
  return body();
}

}  // namespace linnet::repo
