// The files of a simulated disk.
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/posix_status.h"
#include "runtime/base/reservable.h"
#include "runtime/base/status_macros.h"
#include "tests/support/sim_disk.h"

namespace linnet::testing {
namespace {

using base::ErrnoStatus;
using base::ParentFolder;

// More than any test writes.
constexpr uint64_t kFreeBytes = uint64_t{1} << 40;

class SimMappedFile final : public base::MappedFile {
 public:
  explicit SimMappedFile(std::string bytes) : bytes_(std::move(bytes)) {}
  std::span<const std::byte> bytes() const override { return base::AsBytes(bytes_); }

 private:
  const std::string bytes_;
};

class SimWritableFile final : public base::WritableFile, public base::Reservable {
 public:
  SimWritableFile(SimDisk& disk, SimDisk::Inode inode, std::string path)
      : disk_(disk), inode_(std::move(inode)), path_(std::move(path)), epoch_(disk.epoch()) {}

  absl::Status WriteAt(uint64_t offset, std::span<const std::byte> bytes) override {
    const std::lock_guard lock(disk_.mutex);
    const SimDisk::Verdict verdict = Ask(kWriteFile);
    const std::string_view data = base::AsText(bytes);
    if (verdict.happens()) SimDisk::Write(*inode_, offset, data);
    if (verdict.half) SimDisk::Write(*inode_, offset, data.substr(0, data.size() / 2));
    return StatusOf(verdict, "write");
  }
  absl::Status Truncate(uint64_t size_bytes) override {
    const std::lock_guard lock(disk_.mutex);
    const SimDisk::Verdict verdict = Ask(kResizeFile);
    if (verdict.happens()) SimDisk::Resize(*inode_, size_bytes);
    return StatusOf(verdict, "resize");
  }
  absl::Status Sync() override {
    const std::lock_guard lock(disk_.mutex);
    const SimDisk::Verdict verdict = Ask(kSyncFile);
    if (verdict.error == 0) SimDisk::Sync(*inode_);
    return StatusOf(verdict, "sync");
  }
  absl::Status Reserve(uint64_t) override {
    const std::lock_guard lock(disk_.mutex);
    return StatusOf(Ask(kReserveRoom), "reserve room for");
  }
  absl::Status Release() override { return absl::OkStatus(); }

 private:
  SimDisk::Verdict Ask(DiskOp op) {
    if (epoch_ != disk_.epoch()) return {.error = EBADF};  // of a process that is gone
    return disk_.Ask(op, op != kReserveRoom);
  }
  absl::Status StatusOf(const SimDisk::Verdict& verdict, std::string_view doing) const {
    return verdict.error == 0 ? absl::OkStatus() : ErrnoStatus(verdict.error, doing, path_);
  }

  SimDisk& disk_;
  const SimDisk::Inode inode_;
  const std::string path_;
  const uint64_t epoch_;
};

class SimFiles final : public base::FileSystem {
 public:
  explicit SimFiles(SimDisk& disk) : disk_(disk) {}

  absl::StatusOr<std::unique_ptr<base::MappedFile>> Map(const std::string& path) override {
    LINNET_ASSIGN_OR_RETURN(std::string bytes, Bytes(kMapFile, "open", path));
    return std::make_unique<SimMappedFile>(std::move(bytes));
  }
  absl::StatusOr<std::string> ReadFile(const std::string& path, uint64_t max_bytes) override {
    LINNET_ASSIGN_OR_RETURN(const base::FileInfo info, Stat(path));
    if (info.size_bytes > max_bytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat(path, ": ", info.size_bytes, " bytes, at most ", max_bytes, " expected"));
    }
    return Bytes(kReadFile, "read", path);
  }
  absl::StatusOr<std::string> ReadAt(const std::string& path, uint64_t offset, uint64_t size_bytes) override {
    LINNET_ASSIGN_OR_RETURN(const std::string bytes, Bytes(kReadFile, "read", path));
    if (offset + size_bytes > bytes.size()) {
      return absl::DataLossError(
          absl::StrCat(path, ": ends at byte ", bytes.size(), ", expected ", offset + size_bytes));
    }
    return bytes.substr(offset, size_bytes);
  }
  absl::Status WriteFileAtomic(const std::string& path, std::string_view bytes, uint32_t mode) override {
    const std::string temporary = absl::StrCat(path, ".tmp-", counter_++);
    const auto write = [&]() -> absl::Status {
      LINNET_ASSIGN_OR_RETURN(const auto file, OpenForWrite(temporary, mode));
      LINNET_RETURN_IF_ERROR(file->WriteAt(0, base::AsBytes(bytes)));
      LINNET_RETURN_IF_ERROR(file->Sync());
      return Rename(temporary, path);
    };
    if (const absl::Status status = write(); !status.ok()) {
      Remove(temporary).IgnoreError();
      return status;
    }
    return SyncDirectory(ParentFolder(path));
  }
  absl::StatusOr<std::unique_ptr<base::WritableFile>> OpenForWrite(const std::string& path,
                                                                   uint32_t) override {
    const std::lock_guard lock(disk_.mutex);
    SimDisk::Inode inode = disk_.Find(path);
    const SimDisk::Verdict verdict = disk_.Ask(kOpenFile, inode == nullptr);
    if (verdict.happens() && inode == nullptr) {
      if (!disk_.HasFolder(ParentFolder(path))) return ErrnoStatus(ENOENT, "open for writing", path);
      inode = std::make_shared<SimInode>();
      disk_.AddName(path, inode);
    }
    if (verdict.error != 0) return ErrnoStatus(verdict.error, "open for writing", path);
    if (inode->folder) return ErrnoStatus(EISDIR, "open for writing", path);
    return std::make_unique<SimWritableFile>(disk_, inode, path);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    const std::lock_guard lock(disk_.mutex);
    const SimDisk::Verdict verdict = disk_.Ask(kRenameFile, true);
    const std::string doing = absl::StrCat("rename to ", to);
    if (verdict.happens()) {
      if (disk_.Find(from) == nullptr) return ErrnoStatus(ENOENT, doing, from);
      if (!disk_.NamesIn(to).empty()) return ErrnoStatus(ENOTEMPTY, doing, from);
      disk_.Rename(from, to);
    }
    return verdict.error == 0 ? absl::OkStatus() : ErrnoStatus(verdict.error, doing, from);
  }
  absl::Status Remove(const std::string& path) override {
    const std::lock_guard lock(disk_.mutex);
    const bool there = disk_.Find(path) != nullptr;
    const SimDisk::Verdict verdict = disk_.Ask(kRemoveFile, there);
    if (verdict.happens() && there) disk_.RemoveName(path);
    return verdict.error == 0 ? absl::OkStatus() : ErrnoStatus(verdict.error, "remove", path);
  }
  absl::Status CreateDirectories(const std::string& path, uint32_t) override {
    for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
      const std::string prefix = path.substr(0, end);
      LINNET_RETURN_IF_ERROR(MakeFolder(prefix));
      if (end == std::string::npos) break;
    }
    return absl::OkStatus();
  }
  absl::Status SyncDirectory(const std::string& path) override {
    const std::lock_guard lock(disk_.mutex);
    const SimDisk::Verdict verdict = disk_.Ask(kSyncFolder, true);
    if (verdict.error != 0) return ErrnoStatus(verdict.error, "sync folder", path);
    if (!disk_.HasFolder(path)) return ErrnoStatus(ENOENT, "open folder", path);
    disk_.SyncNames(path);
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<std::string>> List(const std::string& path) override {
    const std::lock_guard lock(disk_.mutex);
    const SimDisk::Verdict verdict = disk_.Ask(kListFolder, false);
    if (verdict.error != 0) return ErrnoStatus(verdict.error, "list", path);
    if (!disk_.HasFolder(path)) return ErrnoStatus(ENOENT, "list", path);
    return disk_.NamesIn(path);
  }
  absl::StatusOr<base::FileInfo> Stat(const std::string& path) override {
    const std::lock_guard lock(disk_.mutex);
    const SimDisk::Verdict verdict = disk_.Ask(kStatFile, false);
    if (verdict.error != 0) return ErrnoStatus(verdict.error, "stat", path);
    const SimDisk::Inode inode = disk_.Find(path);
    const bool folder = disk_.HasFolder(path);
    if (inode == nullptr && !folder) return ErrnoStatus(ENOENT, "stat", path);
    return base::FileInfo{.size_bytes = folder ? 0 : inode->bytes.size(), .is_directory = folder};
  }
  absl::StatusOr<uint64_t> FreeBytes(const std::string& path) override {
    const std::lock_guard lock(disk_.mutex);
    const SimDisk::Verdict verdict = disk_.Ask(kAskRoom, false);
    if (verdict.error != 0) return ErrnoStatus(verdict.error, "ask for free space of", path);
    return kFreeBytes;
  }

 private:
  absl::StatusOr<std::string> Bytes(DiskOp op, std::string_view doing, const std::string& path) {
    const std::lock_guard lock(disk_.mutex);
    const SimDisk::Verdict verdict = disk_.Ask(op, false);
    if (verdict.error != 0) return ErrnoStatus(verdict.error, doing, path);
    const SimDisk::Inode inode = disk_.Find(path);
    if (inode == nullptr) return ErrnoStatus(ENOENT, "open", path);
    if (inode->folder) return ErrnoStatus(EISDIR, doing, path);
    if (inode->unreadable && op == kReadFile) return ErrnoStatus(EIO, doing, path);
    return inode->bytes;
  }
  absl::Status MakeFolder(const std::string& path) {
    {
      const std::lock_guard lock(disk_.mutex);
      if (disk_.HasFolder(path)) return absl::OkStatus();
      if (disk_.Find(path) != nullptr) {
        return absl::AlreadyExistsError(absl::StrCat(path, ": is a file, a folder was expected"));
      }
      const SimDisk::Verdict verdict = disk_.Ask(kMakeFolder, true);
      if (verdict.happens()) {
        auto folder = std::make_shared<SimInode>();
        folder->folder = true;
        disk_.AddName(path, folder);
      }
      if (verdict.error != 0) return ErrnoStatus(verdict.error, "create folder", path);
    }
    return SyncDirectory(ParentFolder(path));
  }

  SimDisk& disk_;
  std::atomic<uint64_t> counter_{0};
};

}  // namespace

std::unique_ptr<base::FileSystem> MakeSimFiles(SimDisk& disk) { return std::make_unique<SimFiles>(disk); }

}  // namespace linnet::testing
