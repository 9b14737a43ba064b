#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "storage/db/database.h"

namespace linnet::db {
namespace {

absl::StatusOr<int64_t> UserVersion(Database& db) {
  LINNET_ASSIGN_OR_RETURN(Statement statement, db.Prepare("PRAGMA user_version"));
  LINNET_ASSIGN_OR_RETURN(const bool row, statement.Step());
  if (!row) return absl::DataLossError(absl::StrCat(db.path(), ": no user_version"));
  return statement.Int(0);
}

}  // namespace

absl::Status Migrate(Database& db, const std::vector<Migration>& migrations) {
  LINNET_ASSIGN_OR_RETURN(const int64_t have, UserVersion(db));
  int64_t newest = 0;
  for (const Migration& migration : migrations) {
    LINNET_CHECK(migration.version > newest);
    newest = migration.version;
  }
  if (have / 100 > newest / 100) {
    return absl::FailedPreconditionError(
        absl::StrCat(db.path(), ": written by a later program (schema ", have, "), this one knows schema ",
                     newest, "; install the later program again, or start with a new folder"));
  }
  for (const Migration& migration : migrations) {
    if (migration.version <= have) continue;
    const absl::Status status = db.Transact([&]() -> absl::Status {
      LINNET_RETURN_IF_ERROR(db.Execute(std::string(migration.sql)));
      return db.Execute(absl::StrCat("PRAGMA user_version=", migration.version));
    });
    if (!status.ok()) {
      return absl::Status(status.code(), absl::StrCat("schema step ", migration.version, " (",
                                                      std::string(migration.name), "): ", status.message()));
    }
  }
  return absl::OkStatus();
}

}  // namespace linnet::db
