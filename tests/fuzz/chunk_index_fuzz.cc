// Any bytes as the index of a file, as a device gets them from a coordinator and a stick: refused, or an
// index that survives its own JSON, covers its file without a gap, and leads a folder's source to nothing but
// bytes of the files that are there.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "storage/chunks/chunk_store.h"
#include "storage/chunks/directory_source.h"
#include "tests/fuzz/memory_folder.h"

namespace {

using linnet::chunks::Chunk;
using linnet::chunks::ChunkIndex;
using linnet::chunks::DirectorySource;
using linnet::testing::MemoryFolder;

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
  MemoryFolder folder(linnet::chunks::kMaxSmallBytes);
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
