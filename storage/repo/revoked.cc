#include "storage/repo/revoked.h"

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace linnet::repo {

absl::StatusOr<StoredRevoked> Revoked::Load() {
  LINNET_ASSIGN_OR_RETURN(db::Statement select, db_.Prepare("SELECT version, json FROM revoked"));
  LINNET_ASSIGN_OR_RETURN(const bool row, select.Step());
  if (!row) return StoredRevoked{};
  return StoredRevoked{static_cast<uint64_t>(select.Int(0)), std::string(select.Text(1))};
}

absl::Status Revoked::Replace(const StoredRevoked& list) {
  LINNET_ASSIGN_OR_RETURN(const StoredRevoked held, Load());
  if (list.version < held.version) {
    return absl::FailedPreconditionError(absl::StrCat("list of revoked devices: version ", list.version,
                                                      " is older than the version ", held.version,
                                                      " that this device holds"));
  }
  LINNET_ASSIGN_OR_RETURN(db::Statement put,
                          db_.Prepare("INSERT OR REPLACE INTO revoked(only, version, json) VALUES(1,?,?)"));
  put.Bind(1, static_cast<int64_t>(list.version)).BindText(2, list.json);
  return put.Run();
}

absl::Status Revoked::Forget() {
  LINNET_ASSIGN_OR_RETURN(db::Statement all, db_.Prepare("DELETE FROM revoked"));
  return all.Run();
}

}  // namespace linnet::repo
