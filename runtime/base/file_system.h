#ifndef LINNET_RUNTIME_BASE_FILE_SYSTEM_H_
#define LINNET_RUNTIME_BASE_FILE_SYSTEM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace linnet::base {

// Bytes of a file, mapped read-only. Valid for the object's life; a file that is truncated meanwhile raises
// SIGBUS, so only files that nobody else writes are mapped (our own stores; models a person names).
class MappedFile {
 public:
  virtual ~MappedFile() = default;
  virtual std::span<const std::byte> bytes() const = 0;
};

// A file open for writing at offsets. Not thread-safe. Closed by the destructor.
class WritableFile {
 public:
  virtual ~WritableFile() = default;
  virtual absl::Status WriteAt(uint64_t offset, std::span<const std::byte> bytes) = 0;
  virtual absl::Status Truncate(uint64_t size_bytes) = 0;
  // Data and size are on the disk when this returns OK.
  virtual absl::Status Sync() = 0;
};

// A file that is not there under its name until it is published. Not thread-safe. Destroyed before that, it
// leaves nothing.
class UnpublishedFile : public WritableFile {
 public:
  // Syncs it and gives it its name: readers see no file (or the old one), or all of this one. AlreadyExists
  // when a file is there and `replace` is false. Writes after it are the caller's mistake.
  virtual absl::Status Publish(bool replace) = 0;
};

struct FileInfo {
  uint64_t size_bytes = 0;
  uint32_t mode = 0;  // permission bits
  bool is_directory = false;
  uint64_t device = 0, inode = 0;  // the same in two names of one file
  int64_t modified_ns = 0;         // since 1970
};

// The only door to files, so that tests can inject faults and cut power. Paths are as the kernel takes them.
// Errors: NotFound, PermissionDenied, ResourceExhausted (disk full, too many open files), AlreadyExists,
// Unavailable (I/O); each message names the path and the system's reason. Thread-safe.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  static FileSystem& Real();

  virtual absl::StatusOr<std::unique_ptr<MappedFile>> Map(const std::string& path) = 0;
  // ResourceExhausted when the file is larger than `max_bytes`.
  virtual absl::StatusOr<std::string> ReadFile(const std::string& path, uint64_t max_bytes) = 0;
  virtual absl::StatusOr<std::string> ReadAt(const std::string& path, uint64_t offset,
                                             uint64_t size_bytes) = 0;
  // Temporary file beside it, fsync, rename, fsync of the folder: readers see the old or the new bytes, never
  // a mix.
  virtual absl::Status WriteFileAtomic(const std::string& path, std::string_view bytes,
                                       uint32_t mode = 0600) = 0;
  // Creates or opens; an existing file keeps its bytes.
  virtual absl::StatusOr<std::unique_ptr<WritableFile>> OpenForWrite(const std::string& path,
                                                                     uint32_t mode = 0600) = 0;
  // The new file `path`, for what takes long to write. On a disk that has files without names, a process that
  // dies meanwhile leaves nothing; elsewhere PATH.tmp-PID.
  virtual absl::StatusOr<std::unique_ptr<UnpublishedFile>> CreateUnpublished(const std::string& path,
                                                                             uint32_t mode = 0644);
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  // OK when it is not there.
  virtual absl::Status Remove(const std::string& path) = 0;
  // With parents; an existing folder is OK. A new one is on the disk when this returns OK.
  virtual absl::Status CreateDirectories(const std::string& path, uint32_t mode = 0700) = 0;
  virtual absl::Status SyncDirectory(const std::string& path) = 0;
  // Names, sorted, without "." and "..".
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& path) = 0;
  virtual absl::StatusOr<FileInfo> Stat(const std::string& path) = 0;
  // Bytes that this user may still write on the disk that holds `path`.
  virtual absl::StatusOr<uint64_t> FreeBytes(const std::string& path) = 0;
};

inline std::span<const std::byte> AsBytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string_view AsText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace linnet::base

#endif  // LINNET_RUNTIME_BASE_FILE_SYSTEM_H_
