#ifndef LINNET_TESTS_SUPPORT_FAULTY_FILES_H_
#define LINNET_TESTS_SUPPORT_FAULTY_FILES_H_

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/file_system.h"
#include "runtime/base/reservable.h"
#include "runtime/base/status_macros.h"

namespace linnet::testing {

// Real files under faults. From the n-th change on (write, resize, sync, rename, remove, folder sync) every
// change fails; half of the n-th write's bytes arrive. CutPower() then takes back what was never synced, as a
// disk may: unsynced writes and renames vanish, newest first. Not thread-safe.
class FaultyFiles final : public base::FileSystem {
 public:
  explicit FaultyFiles(base::FileSystem& real = base::FileSystem::Real()) : real_(real) {}

  void FailAfter(int n, absl::Status error = absl::UnavailableError("injected I/O error")) {
    left_ = n;
    error_ = std::move(error);
    failed_ = false;
  }
  void Repair() { left_ = std::numeric_limits<int>::max(); }
  bool failed() const { return failed_; }
  // A disk of this room, for FreeBytes and for what files reserve; writes are not counted against it.
  void SetFreeBytes(uint64_t bytes) { free_bytes_ = bytes; }
  void SetCanReserve(bool can) { can_reserve_ = can; }
  // Called on each write, before anything of it is done: a disk that takes its time.
  void BeforeWrites(std::function<void()> call) { before_writes_ = std::move(call); }
  // Of the room that SetFreeBytes gave.
  uint64_t reserved_bytes(const std::string& path) const {
    const auto it = reserved_.find(path);
    return it == reserved_.end() ? 0 : it->second;
  }
  uint64_t written_bytes() const { return written_bytes_; }

  void CutPower() {
    for (auto it = undo_.rbegin(); it != undo_.rend(); ++it) it->second();
    undo_.clear();
  }

  absl::StatusOr<std::unique_ptr<base::MappedFile>> Map(const std::string& path) override {
    return real_.Map(path);
  }
  absl::StatusOr<std::string> ReadFile(const std::string& path, uint64_t max_bytes) override {
    return real_.ReadFile(path, max_bytes);
  }
  absl::StatusOr<std::string> ReadAt(const std::string& path, uint64_t offset, uint64_t size) override {
    return real_.ReadAt(path, offset, size);
  }
  absl::Status WriteFileAtomic(const std::string& path, std::string_view bytes, uint32_t mode) override {
    const std::string temporary = absl::StrCat(path, ".tmp-", counter_++);
    {
      LINNET_ASSIGN_OR_RETURN(auto file, OpenForWrite(temporary, mode));
      LINNET_RETURN_IF_ERROR(file->WriteAt(0, base::AsBytes(bytes)));
      LINNET_RETURN_IF_ERROR(file->Sync());
    }
    LINNET_RETURN_IF_ERROR(Rename(temporary, path));
    return SyncDirectory(path.substr(0, path.find_last_of('/')));
  }
  absl::StatusOr<std::unique_ptr<base::WritableFile>> OpenForWrite(const std::string& path,
                                                                   uint32_t mode) override {
    LINNET_ASSIGN_OR_RETURN(auto file, real_.OpenForWrite(path, mode));
    return std::make_unique<File>(*this, std::move(file), path);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    LINNET_RETURN_IF_ERROR(Change());
    const absl::StatusOr<std::string> old = real_.ReadFile(to, 1 << 30);
    LINNET_RETURN_IF_ERROR(real_.Rename(from, to));
    Undo("/", [this, from, to, had = old.ok(), old = old.value_or("")] {
      real_.Rename(to, from).IgnoreError();
      if (had) real_.WriteFileAtomic(to, old).IgnoreError();
    });
    return absl::OkStatus();
  }
  absl::Status Remove(const std::string& path) override {
    LINNET_RETURN_IF_ERROR(Change());
    return real_.Remove(path);
  }
  absl::Status CreateDirectories(const std::string& path, uint32_t mode) override {
    return real_.CreateDirectories(path, mode);
  }
  absl::Status SyncDirectory(const std::string& path) override {
    LINNET_RETURN_IF_ERROR(Change());
    LINNET_RETURN_IF_ERROR(real_.SyncDirectory(path));
    Forget("/");
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<std::string>> List(const std::string& path) override { return real_.List(path); }
  absl::StatusOr<base::FileInfo> Stat(const std::string& path) override { return real_.Stat(path); }
  absl::StatusOr<uint64_t> FreeBytes(const std::string& path) override {
    if (free_bytes_ != std::numeric_limits<uint64_t>::max()) return free_bytes_;
    return real_.FreeBytes(path);
  }

 private:
  class File final : public base::WritableFile, public base::Reservable {
   public:
    File(FaultyFiles& owner, std::unique_ptr<base::WritableFile> real, std::string path)
        : owner_(owner), real_(std::move(real)), path_(std::move(path)) {}
    absl::Status WriteAt(uint64_t offset, std::span<const std::byte> bytes) override {
      if (owner_.before_writes_) owner_.before_writes_();
      Remember(offset, bytes.size());
      const bool first = !owner_.failed_;
      if (absl::Status status = owner_.Change(); !status.ok()) {
        if (first) real_->WriteAt(offset, bytes.first(bytes.size() / 2)).IgnoreError();
        return status;
      }
      owner_.written_bytes_ += bytes.size();
      return real_->WriteAt(offset, bytes);
    }
    absl::Status Truncate(uint64_t size) override {
      LINNET_RETURN_IF_ERROR(owner_.Change());
      return real_->Truncate(size);
    }
    absl::Status Sync() override {
      LINNET_RETURN_IF_ERROR(owner_.Change());
      LINNET_RETURN_IF_ERROR(real_->Sync());
      owner_.Forget(path_);
      return absl::OkStatus();
    }
    absl::Status Reserve(uint64_t size) override {
      if (!owner_.can_reserve_) return absl::UnimplementedError("this disk reserves no room");
      auto* real = dynamic_cast<base::Reservable*>(real_.get());
      if (owner_.free_bytes_ == std::numeric_limits<uint64_t>::max()) return real->Reserve(size);
      uint64_t& has = owner_.reserved_[path_];
      const uint64_t more = size - std::min(size, has);
      if (more > owner_.free_bytes_) return absl::ResourceExhaustedError("no space left");
      owner_.free_bytes_ -= more;
      has += more;
      return absl::OkStatus();
    }
    absl::Status Release() override {
      uint64_t& has = owner_.reserved_[path_];
      const uint64_t size = owner_.real_.Stat(path_).value_or(base::FileInfo{}).size_bytes;
      if (owner_.free_bytes_ != std::numeric_limits<uint64_t>::max()) {
        owner_.free_bytes_ += has - std::min(has, size);
      }
      has = std::min(has, size);
      return dynamic_cast<base::Reservable*>(real_.get())->Release();
    }

   private:
    // What a power cut brings back: zeros where the file had not reached yet.
    void Remember(uint64_t offset, uint64_t size) {
      const uint64_t had = owner_.real_.Stat(path_).value_or(base::FileInfo{}).size_bytes;
      std::string old(size, '\0');
      if (offset < had) {
        const std::string kept =
            owner_.real_.ReadAt(path_, offset, std::min(size, had - offset)).value_or("");
        old.replace(0, kept.size(), kept);
      }
      owner_.Undo(path_, [&owner = owner_, path = path_, offset, had, old = std::move(old)] {
        auto file = owner.real_.OpenForWrite(path);
        if (!file.ok()) return;
        (*file)->WriteAt(offset, base::AsBytes(old)).IgnoreError();
        (*file)->Truncate(had).IgnoreError();
      });
    }
    FaultyFiles& owner_;
    std::unique_ptr<base::WritableFile> real_;
    std::string path_;
  };

  absl::Status Change() {
    if (left_ > 0) {
      --left_;
      return absl::OkStatus();
    }
    failed_ = true;
    return error_;
  }
  void Undo(std::string path, std::function<void()> action) {
    undo_.emplace_back(std::move(path), std::move(action));
  }
  void Forget(const std::string& path) {
    std::erase_if(undo_, [&](const auto& entry) { return entry.first == path; });
  }

  base::FileSystem& real_;
  int left_ = std::numeric_limits<int>::max();
  absl::Status error_;
  bool failed_ = false;
  uint64_t free_bytes_ = std::numeric_limits<uint64_t>::max();
  std::function<void()> before_writes_;
  bool can_reserve_ = true;
  std::map<std::string, uint64_t> reserved_;
  uint64_t written_bytes_ = 0;
  uint64_t counter_ = 0;
  std::vector<std::pair<std::string, std::function<void()>>> undo_;
};

}  // namespace linnet::testing

#endif  // LINNET_TESTS_SUPPORT_FAULTY_FILES_H_
