#include "storage/repo/user_database.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "storage/repo/user_migrations.h"

namespace linnet::repo {

absl::StatusOr<std::unique_ptr<UserDatabase>> UserDatabase::Open(base::FileSystem& fs,
                                                                 const std::string& directory,
                                                                 const base::KeyKeeping& keeping) {
  LINNET_RETURN_IF_ERROR(fs.CreateDirectories(directory, 0700));
  LINNET_ASSIGN_OR_RETURN(const base::FileInfo info, fs.Stat(directory));
  if ((info.mode & 077) != 0) {
    return absl::PermissionDeniedError(
        absl::StrCat(directory, ": other users may enter this folder; run: chmod 700 ", directory));
  }
  const std::string path = absl::StrCat(directory, "/user.db");
  const absl::StatusOr<base::FileInfo> existing = fs.Stat(path);
  const bool fresh = absl::IsNotFound(existing.status());
  LINNET_ASSIGN_OR_RETURN(FieldCipher cipher,
                          FieldCipher::FromFile(fs, absl::StrCat(directory, "/key"), fresh, keeping));
  LINNET_ASSIGN_OR_RETURN(std::unique_ptr<db::Database> db,
                          db::Database::Open(path, db::Durability::kNormal));
  LINNET_RETURN_IF_ERROR(db::Migrate(*db, UserMigrations()));
  return std::unique_ptr<UserDatabase>(new UserDatabase(std::move(db), std::move(cipher)));
}

absl::StatusOr<std::unique_ptr<UserDatabase>> UserDatabase::OpenInMemory(FieldCipher cipher) {
  LINNET_ASSIGN_OR_RETURN(std::unique_ptr<db::Database> db,
                          db::Database::Open(":memory:", db::Durability::kNormal));
  LINNET_RETURN_IF_ERROR(db::Migrate(*db, UserMigrations()));
  return std::unique_ptr<UserDatabase>(new UserDatabase(std::move(db), std::move(cipher)));
}

absl::Status UserDatabase::Write(const std::function<absl::Status()>& body) {
  base::MutexLock lock(mutex_);
  return db_->Transact(body);
}

absl::Status UserDatabase::Read(const std::function<absl::Status()>& body) {
  base::MutexLock lock(mutex_);
  return body();
}

}  // namespace linnet::repo
