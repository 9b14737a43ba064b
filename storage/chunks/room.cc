#include "storage/chunks/room.h"

#include "absl/strings/str_cat.h"
#include "runtime/base/reservable.h"
#include "runtime/base/status_macros.h"

namespace linnet::chunks {
namespace {

absl::Status NoRoom(const std::string& dir, uint64_t needed, uint64_t free) {
  return absl::ResourceExhaustedError(absl::StrCat(dir, ": ", needed, " bytes needed (and ", kSpareBytes,
                                                   " to spare), ", free,
                                                   " free; free some space on this disk"));
}

}  // namespace

absl::Status CheckRoom(base::FileSystem& fs, const std::string& dir, uint64_t bytes) {
  LINNET_ASSIGN_OR_RETURN(const uint64_t free, fs.FreeBytes(dir));
  if (bytes == 0 || free >= bytes + kSpareBytes) return absl::OkStatus();
  return NoRoom(dir, bytes, free);
}

absl::Status ReserveRoom(base::FileSystem& fs, const std::string& dir, base::WritableFile& file,
                         uint64_t file_bytes, uint64_t missing_bytes) {
  if (missing_bytes == 0) return absl::OkStatus();
  auto* reservable = dynamic_cast<base::Reservable*>(&file);
  if (reservable == nullptr) return CheckRoom(fs, dir, missing_bytes);
  LINNET_ASSIGN_OR_RETURN(const uint64_t before, fs.FreeBytes(dir));
  const absl::Status reserved = reservable->Reserve(file_bytes);
  if (absl::IsUnimplemented(reserved)) return CheckRoom(fs, dir, missing_bytes);
  if (!reserved.ok()) {
    ReleaseRoom(file);
    return absl::IsResourceExhausted(reserved) ? NoRoom(dir, missing_bytes, before) : reserved;
  }
  // Room that was claimed in an earlier try takes nothing from the others now.
  LINNET_ASSIGN_OR_RETURN(const uint64_t after, fs.FreeBytes(dir));
  if (after >= kSpareBytes || after >= before) return absl::OkStatus();
  ReleaseRoom(file);
  return NoRoom(dir, missing_bytes, before);
}

void ReleaseRoom(base::WritableFile& file) {
  if (auto* reservable = dynamic_cast<base::Reservable*>(&file)) reservable->Release().IgnoreError();
}

}  // namespace linnet::chunks
