#ifndef LINNET_RUNTIME_BASE_POSIX_STATUS_H_
#define LINNET_RUNTIME_BASE_POSIX_STATUS_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"

namespace linnet::base {

// Inside of the real file system, shared by its .cc files.

// errno as the codes that FileSystem promises: "PATH: cannot DOING: reason".
absl::Status ErrnoStatus(int error, std::string_view doing, const std::string& path);
absl::Status WriteAll(int fd, uint64_t offset, std::string_view bytes, const std::string& path);
// "." where the path has no folder.
std::string ParentFolder(const std::string& path);

// A file that has no name yet (O_TMPFILE) in the folder of `path`; null where the disk has no such files.
absl::StatusOr<std::unique_ptr<UnpublishedFile>> CreateUnnamed(const std::string& path, uint32_t mode);

}  // namespace linnet::base

#endif  // LINNET_RUNTIME_BASE_POSIX_STATUS_H_
