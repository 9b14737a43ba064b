#include "coordinator/content_store.h"

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace linnet::coordinator {

absl::StatusOr<std::unique_ptr<ContentStore>> ContentStore::Open(base::FileSystem& fs,
                                                                 const std::string& state_dir) {
  std::unique_ptr<ContentStore> content(new ContentStore);
  for (Side* side : {&content->taking_in_, &content->reading_}) {
    const base::MutexLock lock(side->mutex);
    LINNET_ASSIGN_OR_RETURN(
        side->db, db::Database::Open(absl::StrCat(state_dir, "/content.db"), db::Durability::kFull));
    LINNET_ASSIGN_OR_RETURN(side->store,
                            chunks::ChunkStore::Open(fs, absl::StrCat(state_dir, "/content"), *side->db));
  }
  return content;
}

absl::StatusOr<bool> ContentStore::Has(std::string_view file_sha256) const {
  const base::MutexLock lock(reading_.mutex);
  const absl::Status found = reading_.store->PathOf(file_sha256).status();
  if (absl::IsNotFound(found)) return false;
  LINNET_RETURN_IF_ERROR(found);
  return true;
}

absl::StatusOr<std::string> ContentStore::Read(std::string_view sha256) const {
  const base::MutexLock lock(reading_.mutex);
  return reading_.store->ReadChunk(sha256);
}

absl::Status ContentStore::Import(const chunks::ChunkIndex& index, const std::string& path) {
  const base::MutexLock lock(taking_in_.mutex);
  return taking_in_.store->Import(index, path).status();
}

absl::Status ContentStore::PutSmall(std::string_view bytes) {
  const base::MutexLock lock(taking_in_.mutex);
  return taking_in_.store->PutSmall(bytes);
}

}  // namespace linnet::coordinator
