#ifndef LINNET_COORDINATOR_CONTENT_STORE_H_
#define LINNET_COORDINATOR_CONTENT_STORE_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/base/mutex.h"
#include "storage/chunks/chunk_store.h"
#include "storage/db/database.h"

namespace linnet::coordinator {

// Published bytes by hash: models in chunks, and plans and indexes whole. A database of its own, and in it
// one connection and lock for readers and one for what is taken in: devices go on fetching while a model of
// gigabytes is hashed and copied. Thread-safe.
class ContentStore {
 public:
  static absl::StatusOr<std::unique_ptr<ContentStore>> Open(base::FileSystem& fs,
                                                            const std::string& state_dir);

  // Is all of this file here?
  absl::StatusOr<bool> Has(std::string_view file_sha256) const;
  // A chunk, or a file that was put whole; NotFound.
  absl::StatusOr<std::string> Read(std::string_view sha256) const;
  absl::Status Import(const chunks::ChunkIndex& index, const std::string& path);
  absl::Status PutSmall(std::string_view bytes);

 private:
  struct Side {
    mutable base::Mutex mutex;
    std::unique_ptr<db::Database> db ABSL_GUARDED_BY(mutex);
    std::unique_ptr<chunks::ChunkStore> store ABSL_GUARDED_BY(mutex);
  };
  ContentStore() = default;

  Side reading_, taking_in_;
};

}  // namespace linnet::coordinator

#endif  // LINNET_COORDINATOR_CONTENT_STORE_H_
