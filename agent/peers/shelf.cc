#include "agent/peers/shelf.h"

#include "runtime/base/status_macros.h"

namespace linnet::peers {

absl::StatusOr<std::unique_ptr<Shelf>> Shelf::Open(base::FileSystem& fs, const std::string& dir,
                                                   const std::string& db_path,
                                                   const chunks::PartialChunks& partial) {
  std::unique_ptr<Shelf> shelf(new Shelf(fs, partial));
  const base::MutexLock lock(shelf->mutex_);
  LINNET_ASSIGN_OR_RETURN(shelf->db_, db::Database::Open(db_path, db::Durability::kFull));
  LINNET_ASSIGN_OR_RETURN(shelf->store_, chunks::ChunkStore::Open(fs, dir, *shelf->db_));
  return shelf;
}

absl::StatusOr<std::string> Shelf::Read(std::string_view sha256) const {
  // The partial file first: when it has just been renamed, its row is there.
  if (absl::StatusOr<std::string> data = partial_.Read(fs_, sha256); data.ok()) return data;
  const base::MutexLock lock(mutex_);
  return store_->ReadChunk(sha256);
}

}  // namespace linnet::peers
