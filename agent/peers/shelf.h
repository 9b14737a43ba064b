#ifndef LINNET_AGENT_PEERS_SHELF_H_
#define LINNET_AGENT_PEERS_SHELF_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/base/mutex.h"
#include "storage/chunks/chunk_store.h"
#include "storage/chunks/partial_chunks.h"
#include "storage/db/database.h"

namespace linnet::peers {

// The chunks that this device may give away: of files that are complete (their rows are written when the
// whole file is right by its signed index), and what this process has verified of the one that it is
// fetching. Each is hashed again as it is read. On a connection of its own, so that it waits for no download.
// Thread-safe.
class Shelf {
 public:
  // `partial` and `fs` outlive it. `dir` and `db_path` are the store's.
  static absl::StatusOr<std::unique_ptr<Shelf>> Open(base::FileSystem& fs, const std::string& dir,
                                                     const std::string& db_path,
                                                     const chunks::PartialChunks& partial);
  // NotFound: not here.
  absl::StatusOr<std::string> Read(std::string_view sha256) const;

 private:
  Shelf(base::FileSystem& fs, const chunks::PartialChunks& partial) : fs_(fs), partial_(partial) {}

  base::FileSystem& fs_;
  const chunks::PartialChunks& partial_;
  mutable base::Mutex mutex_;
  std::unique_ptr<db::Database> db_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<chunks::ChunkStore> store_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace linnet::peers

#endif  // LINNET_AGENT_PEERS_SHELF_H_
