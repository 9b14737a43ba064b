#ifndef LINNET_TESTS_FUZZ_MEMORY_FOLDER_H_
#define LINNET_TESTS_FUZZ_MEMORY_FOLDER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/base/status_macros.h"

namespace linnet::testing {

// A folder in memory. Nothing in it can be changed.
class MemoryFolder final : public base::FileSystem {
 public:
  // Stops the program when more than `most_bytes` are read at once: what a file says of sizes must not fill
  // the memory.
  explicit MemoryFolder(uint64_t most_bytes) : most_bytes_(most_bytes) {}

  std::map<std::string, std::string> files;

  absl::StatusOr<std::string> ReadFile(const std::string& path, uint64_t max_bytes) override {
    const auto it = files.find(path);
    if (it == files.end()) return absl::NotFoundError(path);
    if (it->second.size() > max_bytes) return absl::ResourceExhaustedError(path);
    return it->second;
  }
  absl::StatusOr<std::string> ReadAt(const std::string& path, uint64_t offset, uint64_t size) override {
    const auto it = files.find(path);
    if (it == files.end()) return absl::NotFoundError(path);
    LINNET_CHECK(size <= most_bytes_);
    if (offset > it->second.size() || size > it->second.size() - offset) {
      return absl::UnavailableError("beyond the end");
    }
    return it->second.substr(offset, size);
  }
  absl::StatusOr<std::vector<std::string>> List(const std::string& path) override {
    std::vector<std::string> names;
    for (const auto& [name, bytes] : files) {
      if (name.starts_with(path + "/")) names.push_back(name.substr(path.size() + 1));
    }
    return names;
  }
  absl::StatusOr<base::FileInfo> Stat(const std::string& path) override {
    const auto it = files.find(path);
    if (it == files.end()) return absl::NotFoundError(path);
    return base::FileInfo{.size_bytes = it->second.size()};
  }
  absl::StatusOr<std::unique_ptr<base::MappedFile>> Map(const std::string& path) override {
    return absl::UnimplementedError(path);
  }
  absl::Status WriteFileAtomic(const std::string& path, std::string_view, uint32_t) override {
    return No(path);
  }
  absl::StatusOr<std::unique_ptr<base::WritableFile>> OpenForWrite(const std::string& path,
                                                                   uint32_t) override {
    return No(path);
  }
  absl::Status Rename(const std::string& from, const std::string&) override { return No(from); }
  absl::Status Remove(const std::string& path) override { return No(path); }
  absl::Status CreateDirectories(const std::string& path, uint32_t) override { return No(path); }
  absl::Status SyncDirectory(const std::string& path) override { return No(path); }
  absl::StatusOr<uint64_t> FreeBytes(const std::string& path) override { return No(path); }

 private:
  static absl::Status No(const std::string& path) { return absl::PermissionDeniedError(path); }
  const uint64_t most_bytes_;
};

}  // namespace linnet::testing

#endif  // LINNET_TESTS_FUZZ_MEMORY_FOLDER_H_
