#ifndef LINNET_STORAGE_CHUNKS_CHUNK_TRANSFER_H_
#define LINNET_STORAGE_CHUNKS_CHUNK_TRANSFER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "storage/chunks/chunk_store.h"

namespace linnet::chunks {

class PartialChunks;

// One file on its way to completeness: what its partial file holds, what it lacks. Internal to ChunkStore.
//
// Invariant: a chunk counts as present only after its bytes were hashed, either when they arrived or when the
// partial file was read again by Open.
class ChunkTransfer {
 public:
  using Progress = std::function<void(uint64_t, uint64_t)>;
  using Stop = std::function<bool()>;
  using Local = std::function<absl::StatusOr<std::string>(std::string_view sha256)>;

  // Opens or creates `part` and hashes what it holds. `partial` (may be null) is told of each chunk that
  // counts as present.
  static absl::StatusOr<std::unique_ptr<ChunkTransfer>> Open(base::FileSystem& fs, std::string part,
                                                             const ChunkIndex& index,
                                                             const Progress& progress, const Stop& stop,
                                                             PartialChunks* partial);

  ~ChunkTransfer();
  // Claims the room for the rest (room.h), held over tries that fail; a transfer that was stopped gives it
  // back.
  absl::Status Reserve(const std::string& dir);
  // Takes what `local` has (verified by it).
  absl::Status CopyFrom(const Local& local);
  // Fetches the rest. See ChunkStore::Complete for the errors.
  absl::Status FetchFrom(ChunkSource& source);
  // Data on the disk, whole hash right. DataLoss, and the partial file is gone, when the index named a wrong
  // hash.
  absl::Status Finish();

 private:
  ChunkTransfer(base::FileSystem& fs, std::string part, const ChunkIndex& index, Progress progress, Stop stop,
                PartialChunks* partial)
      : fs_(fs),
        part_(std::move(part)),
        index_(index),
        progress_(std::move(progress)),
        stop_(std::move(stop)),
        partial_(partial) {}
  absl::Status HashWhatIsThere();
  absl::Status Take(std::string_view sha256, std::string_view data);
  absl::Status FetchBatch(ChunkSource& source, const std::vector<std::string>& batch, int& bad);
  void Note(const Chunk& chunk) const;
  void Report() const {
    if (progress_) progress_(done_bytes_, index_.file_bytes);
  }
  absl::Status CheckStop() {
    stopped_ = stopped_ || (stop_ && stop_());
    return stopped_ ? absl::CancelledError("stopped") : absl::OkStatus();
  }

  base::FileSystem& fs_;
  const std::string part_;
  const ChunkIndex& index_;
  const Progress progress_;
  const Stop stop_;
  PartialChunks* const partial_;
  std::unique_ptr<base::WritableFile> file_;
  std::map<std::string, std::vector<size_t>, std::less<>> missing_;  // hash -> indexes into chunks
  uint64_t done_bytes_ = 0;
  uint64_t unsynced_bytes_ = 0;
  bool stopped_ = false;
};

}  // namespace linnet::chunks

#endif  // LINNET_STORAGE_CHUNKS_CHUNK_TRANSFER_H_
