#ifndef LINNET_STORAGE_CHUNKS_PARTIAL_CHUNKS_H_
#define LINNET_STORAGE_CHUNKS_PARTIAL_CHUNKS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/base/mutex.h"

namespace linnet::chunks {

// Which chunks of the file that a store is making complete lie in its partial file, for readers beside it.
// Only what this process has hashed itself is noted; it is gone with the process. Thread-safe.
class PartialChunks {
 public:
  void Begin(std::string part);
  void Note(std::string_view sha256, uint64_t offset, uint32_t length);
  void End();  // the file is complete, or given up for now

  // Read and hashed again: NotFound when it is not (any more) there, whatever the reason.
  absl::StatusOr<std::string> Read(base::FileSystem& fs, std::string_view sha256) const;

 private:
  struct Where {
    uint64_t offset = 0;
    uint32_t length = 0;
  };

  mutable base::Mutex mutex_;
  std::string part_ ABSL_GUARDED_BY(mutex_);
  std::unordered_map<std::string, Where> chunks_ ABSL_GUARDED_BY(mutex_);  // at most kMostChunks
};

}  // namespace linnet::chunks

#endif  // LINNET_STORAGE_CHUNKS_PARTIAL_CHUNKS_H_
