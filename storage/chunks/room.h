#ifndef LINNET_STORAGE_CHUNKS_ROOM_H_
#define LINNET_STORAGE_CHUNKS_ROOM_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "runtime/base/file_system.h"

// Internal to this folder: whether a file will fit, found out before a byte of it is fetched.
namespace linnet::chunks {

// Left free for the databases: a full disk must never stop the device from saying so.
inline constexpr uint64_t kSpareBytes = 4 << 20;

// ResourceExhausted says how much is needed and free, in `dir`.
absl::Status CheckRoom(base::FileSystem& fs, const std::string& dir, uint64_t bytes);

// Claims the room of `file` (in `dir`), which will have `file_bytes` and lacks `missing_bytes`: others who
// fill the disk meanwhile end no download. What it has claimed before counts. Where the disk cannot do that,
// as CheckRoom. ResourceExhausted: not enough, and nothing beyond the file's size stays claimed.
absl::Status ReserveRoom(base::FileSystem& fs, const std::string& dir, base::WritableFile& file,
                         uint64_t file_bytes, uint64_t missing_bytes);
// Best effort: gives back what is claimed beyond the file's size.
void ReleaseRoom(base::WritableFile& file);

}  // namespace linnet::chunks

#endif  // LINNET_STORAGE_CHUNKS_ROOM_H_
