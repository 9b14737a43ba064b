// Any bytes as the index of a file, as a device gets them from a coordinator and a stick: refused, or an
// index that survives its own JSON, covers its file without a gap, and leads a folder's source to nothing but
// bytes of the files that are there.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "storage/chunks/chunk_store.h"
#include "storage/chunks/directory_source.h"

namespace {

using linnet::base::FileSystem;
using linnet::chunks::Chunk;
using linnet::chunks::ChunkIndex;
using linnet::chunks::DirectorySource;

// A folder in memory. Nothing in it can be changed.
class Folder final : public FileSystem {
 public:
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
    LINNET_CHECK(size <= linnet::chunks::kMaxSmallBytes);  // what an index says must not fill the memory
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
  absl::StatusOr<linnet::base::FileInfo> Stat(const std::string& path) override {
    const auto it = files.find(path);
    if (it == files.end()) return absl::NotFoundError(path);
    return linnet::base::FileInfo{.size_bytes = it->second.size()};
  }
  absl::StatusOr<std::unique_ptr<linnet::base::MappedFile>> Map(const std::string& path) override {
    return absl::UnimplementedError(path);
  }
  absl::Status WriteFileAtomic(const std::string& path, std::string_view, uint32_t) override {
    return No(path);
  }
  absl::StatusOr<std::unique_ptr<linnet::base::WritableFile>> OpenForWrite(const std::string& path,
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
};

void CheckIndex(const ChunkIndex& index) {
  uint64_t end = 0;
  for (const Chunk& chunk : index.chunks) {
    LINNET_CHECK(chunk.offset == end && chunk.length > 0 && chunk.length <= linnet::chunks::kMaxChunkBytes &&
                 chunk.sha256.size() == 32);
    end += chunk.length;
  }
  LINNET_CHECK(end == index.file_bytes && index.file_sha256.size() == 32);
  LINNET_CHECK(index.BytesNotIn(index) == 0 && index.BytesNotIn({}) <= index.file_bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string json(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<ChunkIndex> index = ChunkIndex::FromJson(json);
  if (index.ok()) {
    LINNET_CHECK(index->ToJson() == json);
    CheckIndex(*index);
  }
  // On a stick: beside a file of the hash that it names, which is shorter than it says, and under a name that
  // is the hash of something else.
  Folder folder;
  const std::string hash = index.ok() ? index->file_sha256 : std::string(32, 'f');
  const std::string name = absl::StrCat("/stick/", linnet::base::Hex(hash), ".model");
  folder.files[name] = std::string(1000, 'm');
  folder.files[absl::StrCat("/stick/", linnet::base::Hex(std::string(32, 'i')), ".model.index.json")] = json;
  folder.files.emplace("/stick/" + json.substr(0, 80), "x");  // any name
  const auto source = DirectorySource::Open(folder, "/stick");
  LINNET_CHECK(source.ok());
  std::vector<std::string> wanted{hash, std::string(32, 'i'), "", "short"};
  if (index.ok()) {
    for (const Chunk& chunk : index->chunks) wanted.push_back(chunk.sha256);
  }
  for (const std::string& one : wanted) {
    (*source)
        ->Fetch({one},
                [&](std::string_view asked, std::string_view bytes) {
                  LINNET_CHECK(asked == one && bytes.size() <= linnet::chunks::kMaxSmallBytes);
                  return absl::OkStatus();
                })
        .IgnoreError();
  }
  return 0;
}
