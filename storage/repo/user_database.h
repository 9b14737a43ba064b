#ifndef LINNET_STORAGE_REPO_USER_DATABASE_H_
#define LINNET_STORAGE_REPO_USER_DATABASE_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/base/mutex.h"
#include "storage/db/database.h"
#include "storage/repo/field_cipher.h"

namespace linnet::repo {

// user.db: everything on this device that is about its owner. Texts and readings are sealed field by field;
// plain are: row ids, times, counts, enumerations, and of the inventory the quantities (user_migrations.cc
// names every column). Lives in a folder of mode 0700 with its key file.
//
// The repositories on it (Readings, Anomalies, ...) are used inside Write or Read only, which serialise.
class UserDatabase {
 public:
  // Makes `directory` (0700), `directory`/key (0600) and `directory`/user.db as needed. Errors: those of
  // FieldCipher::FromFile and db::Database::Open; PermissionDenied when other users may enter the folder.
  static absl::StatusOr<std::unique_ptr<UserDatabase>> Open(base::FileSystem& fs,
                                                            const std::string& directory,
                                                            const base::KeyKeeping& keeping = {});
  static absl::StatusOr<std::unique_ptr<UserDatabase>> OpenInMemory(FieldCipher cipher);

  // One transaction: commits when `body` returns OK. Thread-safe, not nested.
  absl::Status Write(const std::function<absl::Status()>& body);
  absl::Status Read(const std::function<absl::Status()>& body);

  db::Database& db() { return *db_; }
  const FieldCipher& cipher() const { return cipher_; }

 private:
  UserDatabase(std::unique_ptr<db::Database> db, FieldCipher cipher)
      : db_(std::move(db)), cipher_(std::move(cipher)) {}
  base::Mutex mutex_;
  std::unique_ptr<db::Database> db_;
  FieldCipher cipher_;
};

}  // namespace linnet::repo

#endif  // LINNET_STORAGE_REPO_USER_DATABASE_H_
