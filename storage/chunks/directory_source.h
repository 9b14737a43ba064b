#ifndef LINNET_STORAGE_CHUNKS_DIRECTORY_SOURCE_H_
#define LINNET_STORAGE_CHUNKS_DIRECTORY_SOURCE_H_

#include <cstdint>
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

// Chunks of the files in a folder (a USB stick, say) that holds "<sha256 hex>.<name>" and, for files that are
// fetched in pieces, an index "<sha256 hex>.<name>.index.json". Neither names nor indexes are believed: they
// only say where to look, and who asks for a chunk hashes it.
class DirectorySource final : public ChunkSource {
 public:
  // Looks through `dir` and its folders: at most 10,000 names, 8 deep. NotFound: there is no such folder.
  static absl::StatusOr<std::unique_ptr<DirectorySource>> Open(base::FileSystem& fs, const std::string& dir);

  // NotFound names the first hash that no file here is said to have.
  absl::Status Fetch(
      const std::vector<std::string>& sha256,
      const std::function<absl::Status(std::string_view sha256, std::string_view data)>& on_chunk) override;

 private:
  struct Piece {
    std::string path;
    uint64_t offset = 0, length = 0;
  };
  explicit DirectorySource(base::FileSystem& fs, std::string dir) : fs_(fs), dir_(std::move(dir)) {}
  absl::Status Walk(const std::string& dir, int depth, int& names);
  void AddIndexes();

  base::FileSystem& fs_;
  const std::string dir_;
  std::map<std::string, Piece, std::less<>> files_;   // by the hash in the name
  std::map<std::string, Piece, std::less<>> chunks_;  // by the hash that an index gives
  std::vector<std::string> indexes_;                  // paths
};

}  // namespace linnet::chunks

#endif  // LINNET_STORAGE_CHUNKS_DIRECTORY_SOURCE_H_
