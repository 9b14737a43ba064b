#ifndef LINNET_COORDINATOR_PUBLISHED_LOG_H_
#define LINNET_COORDINATOR_PUBLISHED_LOG_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "linnet/admin/v1/admin.pb.h"
#include "linnet/fleet/v1/fleet.pb.h"
#include "runtime/base/keys.h"
#include "runtime/base/mutex.h"
#include "storage/db/database.h"
#include "storage/repo/published.h"
#include "storage/trust/repository.h"

namespace linnet::coordinator {

// The log of all signed metadata that this coordinator published: on the disk (published.db), its Merkle tree
// in memory (64 bytes a file, under 1,000 files a year where nobody publishes), its head signed with the
// timestamp key. The repository tells it of a file before it shows it to anybody. Under a new timestamp key
// it goes on: what was published stays in it, and who kept a head of it sees it grow. Thread-safe.
class PublishedLog {
 public:
  // DataLoss: the file is damaged. It has no head before the first Append.
  static absl::StatusOr<std::unique_ptr<PublishedLog>> Open(const std::string& path);

  // Those that are not in it, in this order, in one commit; then its head is signed with `timestamp_key`.
  // InvalidArgument: that is no Ed25519 key.
  absl::Status Append(const std::vector<trust::Repository::File>& files,
                      const base::PrivateKey& timestamp_key);

  uint64_t size() const;
  // For GetLogProof. NotFound: this timestamp or snapshot was never published here.
  absl::Status Prove(const fleet::v1::GetLogProofRequest& request,
                     fleet::v1::GetLogProofResponse& response) const;
  absl::Status List(const admin::v1::ListPublishedRequest& request,
                    admin::v1::ListPublishedResponse& response) const;

 private:
  explicit PublishedLog(std::unique_ptr<db::Database> db) : db_(std::move(db)), rows_(*db_) {}
  // What the tree lacks of the rows.
  absl::Status Load() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Include(std::string_view role, uint64_t version, fleet::v1::LogProof& proof) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::unique_ptr<db::Database> db_;
  mutable base::Mutex mutex_;
  mutable repo::Published rows_ ABSL_GUARDED_BY(mutex_);
  audit::MerkleTree tree_ ABSL_GUARDED_BY(mutex_);
  audit::LogHead head_ ABSL_GUARDED_BY(mutex_);  // of the whole tree; size 0: nothing yet
};

}  // namespace linnet::coordinator

#endif  // LINNET_COORDINATOR_PUBLISHED_LOG_H_
