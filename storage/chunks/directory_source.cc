#include "storage/chunks/directory_source.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"

namespace linnet::chunks {
namespace {

constexpr int kMostNames = 10'000;
constexpr int kMostDepth = 8;
constexpr size_t kHexDigits = 64;

}  // namespace

absl::StatusOr<std::unique_ptr<DirectorySource>> DirectorySource::Open(base::FileSystem& fs,
                                                                       const std::string& dir) {
  std::unique_ptr<DirectorySource> source(new DirectorySource(fs, dir));
  int names = 0;
  LINNET_RETURN_IF_ERROR(source->Walk(dir, 0, names));
  source->AddIndexes();
  return source;
}

absl::Status DirectorySource::Walk(const std::string& dir, int depth, int& names) {
  LINNET_ASSIGN_OR_RETURN(const std::vector<std::string> list, fs_.List(dir));
  for (const std::string& name : list) {
    if (++names > kMostNames) {
      return absl::ResourceExhaustedError(
          absl::StrCat(dir_, ": holds more than ", kMostNames, " files; is this the bundle's folder?"));
    }
    const std::string path = absl::StrCat(dir, "/", name);
    const absl::StatusOr<base::FileInfo> info = fs_.Stat(path);
    if (!info.ok()) continue;
    if (info->is_directory) {
      if (depth < kMostDepth) LINNET_RETURN_IF_ERROR(Walk(path, depth + 1, names));
      continue;
    }
    const std::optional<std::string> hash = base::UnHex(std::string_view(name).substr(0, kHexDigits));
    if (name.size() <= kHexDigits || name[kHexDigits] != '.' || !hash || info->size_bytes == 0) continue;
    files_[*hash] = {.path = path, .length = info->size_bytes};
    if (name.ends_with(".index.json")) indexes_.push_back(path);
  }
  return absl::OkStatus();
}

void DirectorySource::AddIndexes() {
  for (const std::string& path : indexes_) {
    const absl::StatusOr<std::string> bytes = fs_.ReadFile(path, kMaxSmallBytes);
    if (!bytes.ok()) continue;
    const absl::StatusOr<ChunkIndex> index = ChunkIndex::FromJson(*bytes);
    if (!index.ok()) continue;  // who needs it learns that its hash is wrong
    const auto file = files_.find(index->file_sha256);
    if (file == files_.end()) continue;
    for (const Chunk& chunk : index->chunks) {
      chunks_[chunk.sha256] = {.path = file->second.path, .offset = chunk.offset, .length = chunk.length};
    }
  }
}

absl::Status DirectorySource::Fetch(
    const std::vector<std::string>& sha256,
    const std::function<absl::Status(std::string_view sha256, std::string_view data)>& on_chunk) {
  for (const std::string& hash : sha256) {
    const Piece* piece = nullptr;
    if (const auto chunk = chunks_.find(hash); chunk != chunks_.end()) piece = &chunk->second;
    if (const auto file = files_.find(hash); piece == nullptr && file != files_.end()) {
      piece = &file->second;
    }
    if (piece == nullptr) {
      return absl::NotFoundError(absl::StrCat(dir_, ": lacks what has the SHA-256 ",
                                              base::Hex(hash).substr(0, 16),
                                              "...; copy the whole folder again"));
    }
    if (piece->length > kMaxSmallBytes) {
      return absl::DataLossError(absl::StrCat(piece->path, ": has ", piece->length, " bytes, at most ",
                                              kMaxSmallBytes, " expected; copy the whole folder again"));
    }
    LINNET_ASSIGN_OR_RETURN(const std::string data, fs_.ReadAt(piece->path, piece->offset, piece->length));
    LINNET_RETURN_IF_ERROR(on_chunk(hash, data));
  }
  return absl::OkStatus();
}

}  // namespace linnet::chunks
