#include "runtime/base/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/posix_status.h"
#include "runtime/base/reservable.h"
#include "runtime/base/status_macros.h"

namespace linnet::base {
namespace {

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

class PosixMappedFile final : public MappedFile {
 public:
  PosixMappedFile(void* data, size_t size) : data_(data), size_(size) {}
  ~PosixMappedFile() override {
    if (size_ > 0) munmap(data_, size_);
  }
  std::span<const std::byte> bytes() const override { return {static_cast<const std::byte*>(data_), size_}; }

 private:
  void* data_;
  size_t size_;
};

class PosixWritableFile final : public WritableFile, public Reservable {
 public:
  PosixWritableFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  absl::Status WriteAt(uint64_t offset, std::span<const std::byte> bytes) override {
    return WriteAll(fd_.get(), offset, AsText(bytes), path_);
  }
  absl::Status Truncate(uint64_t size_bytes) override {
    if (ftruncate(fd_.get(), static_cast<off_t>(size_bytes)) != 0) return ErrnoStatus(errno, "resize", path_);
    return absl::OkStatus();
  }
  absl::Status Sync() override {
    if (fsync(fd_.get()) != 0) return ErrnoStatus(errno, "sync", path_);
    return absl::OkStatus();
  }
  absl::Status Reserve(uint64_t size_bytes) override {
    // Not posix_fallocate: it changes the size, and where the disk cannot reserve it writes to every block.
    int failed = 0;
    do {
      failed = fallocate(fd_.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size_bytes)) == 0 ? 0 : errno;
    } while (failed == EINTR);
    if (failed == 0) return absl::OkStatus();
    if (failed == EOPNOTSUPP || failed == ENOSYS) {
      return absl::UnimplementedError(absl::StrCat(path_, ": this disk reserves no room"));
    }
    return ErrnoStatus(failed, "reserve room for", path_);
  }
  absl::Status Release() override {
    struct stat info;
    if (fstat(fd_.get(), &info) != 0) return ErrnoStatus(errno, "stat", path_);
    return Truncate(static_cast<uint64_t>(info.st_size));
  }

 private:
  Fd fd_;
  std::string path_;
};

class PosixFileSystem final : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<MappedFile>> Map(const std::string& path) override {
    // O_NONBLOCK: a pipe that nobody writes to is an error here, not a reason to wait for ever.
    Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (fd.get() < 0) return ErrnoStatus(errno, "open", path);
    struct stat info;
    if (fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, "stat", path);
    if (!S_ISREG(info.st_mode))
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": not a regular file; name a file, not a folder or a device"));
    const auto size = static_cast<size_t>(info.st_size);
    void* data = nullptr;
    if (size > 0) {
      data = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
      if (data == MAP_FAILED) return ErrnoStatus(errno, "map", path);
    }
    return std::make_unique<PosixMappedFile>(data, size);
  }

  absl::StatusOr<std::string> ReadFile(const std::string& path, uint64_t max_bytes) override {
    LINNET_ASSIGN_OR_RETURN(const FileInfo info, Stat(path));
    if (info.size_bytes > max_bytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat(path, ": ", info.size_bytes, " bytes, at most ", max_bytes, " expected"));
    }
    // Pipes ("--passphrase-file <(...)") and files of /proc have no size: read to the end.
    return info.size_bytes > 0 ? ReadAt(path, 0, info.size_bytes) : ReadToEnd(path, max_bytes);
  }

  static absl::StatusOr<std::string> ReadToEnd(const std::string& path, uint64_t max_bytes) {
    Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (fd.get() < 0) return ErrnoStatus(errno, "open", path);
    std::string out;
    char part[4096];
    while (true) {
      const ssize_t n = read(fd.get(), part, sizeof part);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return ErrnoStatus(errno, "read", path);
      if (n == 0) return out;
      out.append(part, static_cast<size_t>(n));
      if (out.size() > max_bytes) {
        return absl::ResourceExhaustedError(absl::StrCat(path, ": more than ", max_bytes, " bytes"));
      }
    }
  }

  absl::StatusOr<std::string> ReadAt(const std::string& path, uint64_t offset, uint64_t size_bytes) override {
    Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (fd.get() < 0) return ErrnoStatus(errno, "open", path);
    std::string out(size_bytes, '\0');
    size_t done = 0;
    while (done < out.size()) {
      const ssize_t n =
          pread(fd.get(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return ErrnoStatus(errno, "read", path);
      if (n == 0) {
        return absl::DataLossError(
            absl::StrCat(path, ": ends at byte ", offset + done, ", expected ", offset + size_bytes));
      }
      done += static_cast<size_t>(n);
    }
    return out;
  }

  absl::Status WriteFileAtomic(const std::string& path, std::string_view bytes, uint32_t mode) override {
    static std::atomic<uint64_t> counter{0};
    const std::string temporary = absl::StrCat(path, ".tmp-", getpid(), "-", counter++);
    const auto fail = [&](absl::Status status) {
      unlink(temporary.c_str());
      return status;
    };
    {
      // O_EXCL: the folder may be one where others put links. What is in the way is of a process that had our
      // id and lost its power.
      constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
      int opened = open(temporary.c_str(), kFlags, mode);
      if (opened < 0 && errno == EEXIST && unlink(temporary.c_str()) == 0) {
        opened = open(temporary.c_str(), kFlags, mode);
      }
      Fd fd(opened);
      if (fd.get() < 0) return ErrnoStatus(errno, "create", temporary);
      if (absl::Status s = WriteAll(fd.get(), 0, bytes, temporary); !s.ok()) return fail(s);
      if (fchmod(fd.get(), mode) != 0) return fail(ErrnoStatus(errno, "set permissions of", temporary));
      if (fsync(fd.get()) != 0) return fail(ErrnoStatus(errno, "sync", temporary));
    }
    if (rename(temporary.c_str(), path.c_str()) != 0) return fail(ErrnoStatus(errno, "rename", temporary));
    return SyncDirectory(ParentFolder(path));
  }

  absl::StatusOr<std::unique_ptr<WritableFile>> OpenForWrite(const std::string& path,
                                                             uint32_t mode) override {
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, mode);
    if (fd < 0) return ErrnoStatus(errno, "open for writing", path);
    return std::make_unique<PosixWritableFile>(fd, path);
  }

  absl::StatusOr<std::unique_ptr<UnpublishedFile>> CreateUnpublished(const std::string& path,
                                                                     uint32_t mode) override {
    LINNET_ASSIGN_OR_RETURN(auto file, CreateUnnamed(path, mode));
    return file != nullptr ? std::move(file) : FileSystem::CreateUnpublished(path, mode);
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (rename(from.c_str(), to.c_str()) != 0)
      return ErrnoStatus(errno, absl::StrCat("rename to ", to), from);
    return absl::OkStatus();
  }

  absl::Status Remove(const std::string& path) override {
    if (unlink(path.c_str()) != 0 && errno != ENOENT) return ErrnoStatus(errno, "remove", path);
    return absl::OkStatus();
  }

  absl::Status CreateDirectories(const std::string& path, uint32_t mode) override {
    if (path.empty()) return absl::InvalidArgumentError("cannot create a folder with an empty name");
    for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
      const std::string prefix = path.substr(0, end);
      if (mkdir(prefix.c_str(), mode) == 0) {
        // What will be synced in it is lost with it, if its own name is.
        LINNET_RETURN_IF_ERROR(SyncDirectory(ParentFolder(prefix)));
      } else if (errno != EEXIST) {
        return ErrnoStatus(errno, "create folder", prefix);
      }
      if (end == std::string::npos) break;
    }
    LINNET_ASSIGN_OR_RETURN(const FileInfo info, Stat(path));
    if (!info.is_directory)
      return absl::AlreadyExistsError(absl::StrCat(path, ": is a file, a folder was expected"));
    return absl::OkStatus();
  }

  absl::Status SyncDirectory(const std::string& path) override {
    Fd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd.get() < 0) return ErrnoStatus(errno, "open folder", path);
    if (fsync(fd.get()) != 0) return ErrnoStatus(errno, "sync folder", path);
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<std::string>> List(const std::string& path) override {
    DIR* dir = opendir(path.c_str());
    if (dir == nullptr) return ErrnoStatus(errno, "list", path);
    std::vector<std::string> names;
    while (const dirent* entry = readdir(dir)) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    closedir(dir);
    std::sort(names.begin(), names.end());
    return names;
  }

  absl::StatusOr<FileInfo> Stat(const std::string& path) override {
    struct stat info;
    if (stat(path.c_str(), &info) != 0) return ErrnoStatus(errno, "stat", path);
    return FileInfo{.size_bytes = static_cast<uint64_t>(info.st_size),
                    .mode = info.st_mode & 07777u,
                    .is_directory = S_ISDIR(info.st_mode),
                    .device = info.st_dev,
                    .inode = info.st_ino,
                    .modified_ns = int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec};
  }

  absl::StatusOr<uint64_t> FreeBytes(const std::string& path) override {
    struct statvfs info;
    if (statvfs(path.c_str(), &info) != 0) return ErrnoStatus(errno, "ask for free space of", path);
    return static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
  }
};

}  // namespace

FileSystem& FileSystem::Real() {
  static PosixFileSystem file_system;
  return file_system;
}

}  // namespace linnet::base
