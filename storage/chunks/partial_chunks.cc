#include "storage/chunks/partial_chunks.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"

namespace linnet::chunks {

void PartialChunks::Begin(std::string part) {
  const base::MutexLock lock(mutex_);
  part_ = std::move(part);
  chunks_.clear();
}

void PartialChunks::Note(std::string_view sha256, uint64_t offset, uint32_t length) {
  const base::MutexLock lock(mutex_);
  chunks_.insert_or_assign(std::string(sha256), Where{offset, length});
}

void PartialChunks::End() {
  const base::MutexLock lock(mutex_);
  part_.clear();
  chunks_.clear();
}

absl::StatusOr<std::string> PartialChunks::Read(base::FileSystem& fs, std::string_view sha256) const {
  std::string part;
  Where where;
  {
    const base::MutexLock lock(mutex_);
    if (const auto it = chunks_.find(std::string(sha256)); it != chunks_.end()) {
      part = part_;
      where = it->second;
    }
  }
  if (!part.empty()) {
    absl::StatusOr<std::string> data = fs.ReadAt(part, where.offset, where.length);
    if (data.ok() && base::AsView(base::Sha256(*data)) == sha256) return data;
  }
  return absl::NotFoundError(absl::StrCat("chunk ", base::Hex(sha256), ": not among the verified ones"));
}

}  // namespace linnet::chunks
