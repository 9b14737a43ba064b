#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/posix_status.h"
#include "runtime/base/status_macros.h"

namespace linnet::base {
namespace {

std::string TemporaryName(const std::string& path) { return absl::StrCat(path, ".tmp-", getpid()); }

absl::Status AlreadyThere(const std::string& path) {
  return absl::AlreadyExistsError(absl::StrCat(path, ": a file of that name is there already"));
}

// On any file system: another name until it is published.
class RenamedFile final : public UnpublishedFile {
 public:
  RenamedFile(FileSystem& fs, std::unique_ptr<WritableFile> file, std::string path)
      : fs_(fs), file_(std::move(file)), path_(std::move(path)) {}
  ~RenamedFile() override {
    if (!published_) fs_.Remove(TemporaryName(path_)).IgnoreError();
  }
  absl::Status WriteAt(uint64_t offset, std::span<const std::byte> bytes) override {
    return file_->WriteAt(offset, bytes);
  }
  absl::Status Truncate(uint64_t size_bytes) override { return file_->Truncate(size_bytes); }
  absl::Status Sync() override { return file_->Sync(); }
  absl::Status Publish(bool replace) override {
    LINNET_RETURN_IF_ERROR(file_->Sync());
    if (!replace && fs_.Stat(path_).ok()) return AlreadyThere(path_);
    LINNET_RETURN_IF_ERROR(fs_.Rename(TemporaryName(path_), path_));
    published_ = true;
    return fs_.SyncDirectory(ParentFolder(path_));
  }

 private:
  FileSystem& fs_;
  std::unique_ptr<WritableFile> file_;
  std::string path_;
  bool published_ = false;
};

class UnnamedFile final : public UnpublishedFile {
 public:
  UnnamedFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~UnnamedFile() override { close(fd_); }
  absl::Status WriteAt(uint64_t offset, std::span<const std::byte> bytes) override {
    return WriteAll(fd_, offset, AsText(bytes), path_);
  }
  absl::Status Truncate(uint64_t size_bytes) override {
    if (ftruncate(fd_, static_cast<off_t>(size_bytes)) != 0) return ErrnoStatus(errno, "resize", path_);
    return absl::OkStatus();
  }
  absl::Status Sync() override {
    if (fsync(fd_) != 0) return ErrnoStatus(errno, "sync", path_);
    return absl::OkStatus();
  }
  absl::Status Publish(bool replace) override {
    LINNET_RETURN_IF_ERROR(Sync());
    if (!replace) {
      if (Link(path_)) return FileSystem::Real().SyncDirectory(ParentFolder(path_));
      return errno == EEXIST ? AlreadyThere(path_) : ErrnoStatus(errno, "create", path_);
    }
    // A link never replaces a file; a rename does.
    const std::string temporary = TemporaryName(path_);
    unlink(temporary.c_str());
    if (!Link(temporary)) return ErrnoStatus(errno, "create", temporary);
    if (rename(temporary.c_str(), path_.c_str()) != 0) {
      const absl::Status status = ErrnoStatus(errno, "rename", temporary);
      unlink(temporary.c_str());
      return status;
    }
    return FileSystem::Real().SyncDirectory(ParentFolder(path_));
  }

 private:
  bool Link(const std::string& name) const {
    const std::string self = absl::StrCat("/proc/self/fd/", fd_);
    return linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0;
  }

  int fd_;
  std::string path_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<UnpublishedFile>> CreateUnnamed(const std::string& path, uint32_t mode) {
  if (access("/proc/self/fd", X_OK) != 0) return nullptr;  // the only way to name it later
  const std::string folder = ParentFolder(path);
  const int fd = open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
  if (fd >= 0) return std::make_unique<UnnamedFile>(fd, path);
  if (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL) return nullptr;
  return ErrnoStatus(errno, "create", path);
}

absl::StatusOr<std::unique_ptr<UnpublishedFile>> FileSystem::CreateUnpublished(const std::string& path,
                                                                               uint32_t mode) {
  const std::string temporary = TemporaryName(path);
  LINNET_RETURN_IF_ERROR(Remove(temporary));
  LINNET_ASSIGN_OR_RETURN(auto file, OpenForWrite(temporary, mode));
  return std::make_unique<RenamedFile>(*this, std::move(file), path);
}

}  // namespace linnet::base
