#ifndef LINNET_STORAGE_REPO_REVOKED_H_
#define LINNET_STORAGE_REPO_REVOKED_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/db/database.h"

namespace linnet::repo {

struct StoredRevoked {
  uint64_t version = 0;  // 0: none is held
  std::string json;      // as signed
};

// The site's list of revoked devices as this device holds it. Used inside StateDatabase::Write or Read.
class Revoked {
 public:
  explicit Revoked(db::Database& db) : db_(db) {}

  absl::StatusOr<StoredRevoked> Load();
  // FailedPrecondition: the list that is held is newer.
  absl::Status Replace(const StoredRevoked& list);
  // For a device that joins a site: versions are each site's own.
  absl::Status Forget();

 private:
  db::Database& db_;
};

}  // namespace linnet::repo

#endif  // LINNET_STORAGE_REPO_REVOKED_H_
