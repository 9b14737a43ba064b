#ifndef LINNET_STORAGE_REPO_AUDIT_H_
#define LINNET_STORAGE_REPO_AUDIT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/audit/chain.h"
#include "storage/db/database.h"

namespace linnet::repo {

using AuditRow = audit::Entry;

// Who did what, append-only. One thread at a time; the caller holds the transaction of what is being done.
class Audit {
 public:
  explicit Audit(db::Database& db) : db_(db) {}

  absl::Status Append(absl::Time time, std::string_view actor, std::string_view action,
                      std::string_view subject);
  // `about`: only entries whose subject begins so; empty: all.
  absl::StatusOr<std::vector<AuditRow>> Newest(uint32_t limit, std::string_view about = "");  // newest first
  absl::StatusOr<std::vector<AuditRow>> After(uint64_t id, uint32_t limit,
                                              std::string_view about = "");  // oldest first
  // Walks the whole chain (audit/chain.h). DataLoss names the first broken link.
  absl::Status Verify();

 private:
  absl::StatusOr<std::vector<AuditRow>> Select(const std::string& where, int64_t id, uint32_t limit,
                                               std::string_view about);

  db::Database& db_;
};

}  // namespace linnet::repo

#endif  // LINNET_STORAGE_REPO_AUDIT_H_
