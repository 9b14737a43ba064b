#ifndef LINNET_STORAGE_CHUNKS_CHUNK_STORE_H_
#define LINNET_STORAGE_CHUNKS_CHUNK_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "storage/db/database.h"

namespace linnet::chunks {

struct Chunk {
  std::string sha256;  // 32 bytes
  uint64_t offset = 0;
  uint32_t length = 0;  // at most kMaxChunkBytes
};

inline constexpr uint32_t kMaxChunkBytes = 1 << 20;
// Small content travels as one chunk: with its hash it fits a message of 4 MiB.
inline constexpr uint32_t kMaxSmallBytes = 3 << 20;

// How a file is cut: a JSON target of its own beside the file ("<file>.index.json"), signed like it.
struct ChunkIndex {
  std::string file_sha256;  // 32 bytes
  uint64_t file_bytes = 0;
  std::vector<Chunk> chunks;  // ascending, no gaps, no overlap

  // Canonical: sorted keys, no spaces; offsets follow from the lengths.
  std::string ToJson() const;
  // Exactly what ToJson writes; DataLoss says what is wrong.
  static absl::StatusOr<ChunkIndex> FromJson(std::string_view json);
  // No gap, no overlap, no empty or too long chunk, sums up to file_bytes; else DataLoss.
  absl::Status Check() const;
  // Cuts every part of the file by itself, at `chunk_bytes`; 0: 256 KiB, and more where the index would else
  // be above kMaxSmallBytes. `borders`: offsets at which parts begin (chunk_cuts.h); where even the largest
  // chunks are too many with them, they are passed over. InvalidArgument: a folder, or too large.
  static absl::StatusOr<ChunkIndex> OfFile(base::FileSystem& fs, const std::string& path,
                                           uint32_t chunk_bytes = 0,
                                           const std::vector<uint64_t>& borders = {});
  // What a store that holds `other` lacks: each chunk counted once.
  uint64_t BytesNotIn(const ChunkIndex& other) const;
};

// 256 KiB, and more for files whose index would else be above kMaxSmallBytes; 0: no size makes it fit.
uint32_t ChunkBytesFor(uint64_t file_bytes);

// Fetches chunks; the callback gets each as it arrives, unverified. Returning an error from it ends the
// fetch.
class ChunkSource {
 public:
  virtual ~ChunkSource() = default;
  virtual absl::Status Fetch(
      const std::vector<std::string>& sha256,
      const std::function<absl::Status(std::string_view sha256, std::string_view data)>& on_chunk) = 0;
};

class PartialChunks;

// Content-addressed files under <dir>/<sha256 hex>, and an index hash -> (file, offset) in SQLite, so that
// flash holds each byte once. A file being downloaded is <dir>/<sha256 hex>.part, each verified chunk written
// at its offset; after kill or power loss what is there is hashed again and only bad or missing chunks are
// fetched. A file that was complete and is damaged now becomes such a partial file again. Not thread-safe.
class ChunkStore {
 public:
  // Creates its tables in `db` (prefix chunk_). `partial`, which outlives it, is told what Complete has
  // verified of the file that it is at.
  static absl::StatusOr<std::unique_ptr<ChunkStore>> Open(base::FileSystem& fs, std::string dir,
                                                          db::Database& db, PartialChunks* partial = nullptr);
  virtual ~ChunkStore() = default;

  // Path of a complete, verified file. NotFound: it is not here; other errors: that cannot be said now. It
  // was verified when it became complete: what has happened to it since, but for its size, is Recheck's to
  // find out.
  virtual absl::StatusOr<std::string> PathOf(std::string_view file_sha256) const = 0;
  // Hashes a complete file again. DataLoss: it is not what it was, or is gone; from then on it is not
  // complete any more, and Complete fetches what is wrong with it, and nothing else. NotFound: it was not
  // complete. Unavailable, ResourceExhausted: it could not be read just now, no descriptor or memory to find
  // out with. Cancelled: `stop()` said true.
  virtual absl::Status Recheck(std::string_view file_sha256, const std::function<bool()>& stop) = 0;
  // How a file is cut that is complete, was, or is on its way: the index that Complete or Import was given.
  // NotFound: none was, or its rows are no index any more.
  virtual absl::StatusOr<ChunkIndex> IndexOf(std::string_view file_sha256) const = 0;
  // Makes the file of `index` complete: hashes what lies here under its name, copies chunks that other files
  // hold (partial ones, too), fetches the rest, checks the whole. ResourceExhausted before anything is
  // fetched when the disk lacks room; DataLoss when the source keeps lying; progress is kept.
  // `on_progress(done_bytes, total_bytes)` may be null. `stop()` true ends with Cancelled.
  virtual absl::StatusOr<std::string> Complete(const ChunkIndex& index, ChunkSource& source,
                                               const std::function<void(uint64_t, uint64_t)>& on_progress,
                                               const std::function<bool()>& stop) = 0;
  // Takes in a file that is on this machine already (verified against index). Copies.
  virtual absl::StatusOr<std::string> Import(const ChunkIndex& index, const std::string& path) = 0;
  // Small content (plans, indexes) by hash; at most kMaxSmallBytes, else InvalidArgument.
  virtual absl::Status PutSmall(std::string_view bytes) = 0;
  // Bytes of a chunk, or of a small file, verified; NotFound. Partial files count. Unavailable,
  // ResourceExhausted: a copy could not be read just now.
  virtual absl::StatusOr<std::string> ReadChunk(std::string_view sha256) const = 0;
  // Removes files that are not in `keep` (32-byte hashes).
  virtual absl::Status Collect(const std::vector<std::string>& keep) = 0;
};

}  // namespace linnet::chunks

#endif  // LINNET_STORAGE_CHUNKS_CHUNK_STORE_H_
