#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "storage/chunks/chunk_cuts.h"
#include "storage/chunks/chunk_store.h"

namespace linnet::chunks {
namespace {

constexpr std::string_view kFormat = "linnet-chunks-1";
// A million chunks of 1 MiB: more than any flash; bounds what a hostile index can make us hold.
constexpr uint64_t kMaxFileBytes = uint64_t{1} << 40;

absl::Status Bad(std::string_view what) {
  return absl::DataLossError(absl::StrCat("chunk index: ", std::string(what)));
}

absl::StatusOr<std::string> HashOf(const nlohmann::json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end() || !it->is_string()) return Bad(absl::StrCat("\"", key, "\" is not a text"));
  std::optional<std::string> hash = base::UnHex(it->get_ref<const std::string&>());
  if (!hash.has_value() || hash->size() != 32) {
    return Bad(absl::StrCat("\"", key, "\" is not 64 hex digits"));
  }
  return *std::move(hash);
}

absl::StatusOr<uint64_t> CountOf(const nlohmann::json& object, const char* key, uint64_t most) {
  const auto it = object.find(key);
  if (it == object.end() || !it->is_number_unsigned()) {
    return Bad(absl::StrCat("\"", key, "\" is not a number"));
  }
  const uint64_t value = it->get<uint64_t>();
  if (value > most) return Bad(absl::StrCat("\"", key, "\" is ", value, ", at most ", most, " expected"));
  return value;
}

}  // namespace

absl::Status ChunkIndex::Check() const {
  if (file_sha256.size() != 32) return Bad("the file's hash is not 32 bytes");
  if (file_bytes > kMaxFileBytes) return Bad(absl::StrCat("a file of ", file_bytes, " bytes is too large"));
  uint64_t end = 0;
  for (size_t i = 0; i < chunks.size(); ++i) {
    const Chunk& chunk = chunks[i];
    if (chunk.sha256.size() != 32) return Bad(absl::StrCat("chunk ", i, " has no hash of 32 bytes"));
    if (chunk.length == 0 || chunk.length > kMaxChunkBytes) {
      return Bad(
          absl::StrCat("chunk ", i, " has ", chunk.length, " bytes, 1 to ", kMaxChunkBytes, " expected"));
    }
    if (chunk.offset != end) {
      return Bad(absl::StrCat("chunk ", i, " starts at byte ", chunk.offset, ", expected ", end));
    }
    end += chunk.length;
  }
  if (end != file_bytes) return Bad(absl::StrCat("chunks end at byte ", end, ", the file at ", file_bytes));
  return absl::OkStatus();
}

std::string ChunkIndex::ToJson() const {
  nlohmann::json list = nlohmann::json::array();
  for (const Chunk& chunk : chunks) {
    list.push_back({{"length", chunk.length}, {"sha256", base::Hex(chunk.sha256)}});
  }
  const nlohmann::json all = {{"chunks", std::move(list)},
                              {"file_bytes", file_bytes},
                              {"file_sha256", base::Hex(file_sha256)},
                              {"format", std::string(kFormat)}};
  return all.dump();
}

absl::StatusOr<ChunkIndex> ChunkIndex::FromJson(std::string_view json) {
  const nlohmann::json all = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!all.is_object()) return Bad("not a JSON object");
  const auto format = all.find("format");
  if (format == all.end() || !format->is_string() || format->get_ref<const std::string&>() != kFormat) {
    return Bad(absl::StrCat("\"format\" is not \"", std::string(kFormat), "\""));
  }
  ChunkIndex index;
  LINNET_ASSIGN_OR_RETURN(index.file_sha256, HashOf(all, "file_sha256"));
  LINNET_ASSIGN_OR_RETURN(index.file_bytes, CountOf(all, "file_bytes", kMaxFileBytes));
  const auto list = all.find("chunks");
  if (list == all.end() || !list->is_array()) return Bad("\"chunks\" is not a list");
  index.chunks.reserve(list->size());
  uint64_t offset = 0;
  for (const nlohmann::json& entry : *list) {
    if (!entry.is_object()) return Bad("an entry of \"chunks\" is not an object");
    Chunk chunk;
    LINNET_ASSIGN_OR_RETURN(chunk.sha256, HashOf(entry, "sha256"));
    LINNET_ASSIGN_OR_RETURN(const uint64_t length, CountOf(entry, "length", kMaxChunkBytes));
    chunk.length = static_cast<uint32_t>(length);
    chunk.offset = offset;
    offset += length;
    index.chunks.push_back(std::move(chunk));
  }
  LINNET_RETURN_IF_ERROR(index.Check());
  // One text for one meaning: refuses keys that appear twice, unknown keys and other spellings.
  if (index.ToJson() != json) return Bad("not in canonical form (a key twice, an unknown key, or spaces)");
  return index;
}

absl::StatusOr<ChunkIndex> ChunkIndex::OfFile(base::FileSystem& fs, const std::string& path,
                                              uint32_t chunk_bytes, const std::vector<uint64_t>& borders) {
  LINNET_CHECK(chunk_bytes <= kMaxChunkBytes);
  LINNET_ASSIGN_OR_RETURN(const base::FileInfo info, fs.Stat(path));
  if (info.is_directory) return absl::InvalidArgumentError(absl::StrCat(path, ": is a folder, not a file"));
  const std::vector<uint32_t> lengths = chunk_bytes == 0 ? LengthsFor(info.size_bytes, borders)
                                                         : CutLengths(info.size_bytes, borders, chunk_bytes);
  if (lengths.empty() && info.size_bytes > 0) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": has ", info.size_bytes, " bytes, at most ",
                                                   kMostChunks * kMaxChunkBytes, " can be shipped"));
  }
  ChunkIndex index;
  base::Sha256Hasher whole;
  for (const uint32_t length : lengths) {
    LINNET_ASSIGN_OR_RETURN(const std::string data, fs.ReadAt(path, index.file_bytes, length));
    whole.Update(base::AsBytes(data));
    index.chunks.push_back({std::string(base::AsView(base::Sha256(data))), index.file_bytes, length});
    index.file_bytes += length;
  }
  index.file_sha256 = std::string(base::AsView(whole.Finish()));
  LINNET_RETURN_IF_ERROR(index.Check());
  return index;
}

uint64_t ChunkIndex::BytesNotIn(const ChunkIndex& other) const {
  std::set<std::string_view> known;
  for (const Chunk& chunk : other.chunks) known.insert(chunk.sha256);
  uint64_t bytes = 0;
  for (const Chunk& chunk : chunks) {
    if (known.insert(chunk.sha256).second) bytes += chunk.length;
  }
  return bytes;
}

}  // namespace linnet::chunks
