#include "runtime/pack/local_pack.h"

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "runtime/pack/packed_file.h"

namespace linnet::pack {
namespace {

// OK: the pack is of this file as it is now.
absl::Status CheckSource(base::FileSystem& fs, const std::string& gguf, const PackSource& source) {
  LINNET_ASSIGN_OR_RETURN(const base::FileInfo info, fs.Stat(gguf));
  LINNET_ASSIGN_OR_RETURN(const PackStamp stamp, StampOf(fs, gguf));
  if (info.size_bytes == source.size_bytes && stamp == source.stamp) return absl::OkStatus();
  if (info.size_bytes == source.size_bytes) {
    LINNET_ASSIGN_OR_RETURN(const base::Sha256Digest digest, Sha256OfFile(fs, gguf));
    if (std::memcmp(digest.data(), source.sha256, digest.size()) == 0) return absl::OkStatus();
  }
  return absl::FailedPreconditionError("was packed from other bytes than the file has now");
}

}  // namespace

std::string PackNameOf(const std::string& gguf) {
  constexpr std::string_view kEnding = ".gguf";
  std::string name = gguf;
  if (name.ends_with(kEnding)) name.resize(name.size() - kEnding.size());
  return name + ".linnet";
}

std::string LocalPacks::UserCache() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && cache[0] == '/') return absl::StrCat(cache, "/linnet/packs");
  const char* home = std::getenv("HOME");
  return home != nullptr && home[0] == '/' ? absl::StrCat(home, "/.cache/linnet/packs") : "";
}

std::string PacksOfState(const std::string& state_dir) { return absl::StrCat(state_dir, "/packs"); }

std::vector<std::string> LocalPacks::PlacesOf(const std::string& gguf) const {
  std::vector<std::string> places = {gguf + ".pack"};
  std::error_code error;
  const std::string whole = std::filesystem::weakly_canonical(gguf, error).string();
  if (!cache_.empty() && !error) {
    const std::string key = base::Hex(base::AsView(base::Sha256(whole))).substr(0, 32);
    places.push_back(absl::StrCat(cache_, "/", key, ".linnet"));
  }
  return places;
}

LocalPacks::Found LocalPacks::Find(const std::string& gguf) const {
  Found found = {.path = gguf, .notes = {}};
  const auto packed = IsPacked(fs_, gguf);
  if (!packed.ok() || *packed) return found;
  for (const std::string& place : PlacesOf(gguf)) {
    const auto pack = OpenPacked(fs_, place);
    if (absl::IsNotFound(pack.status())) continue;
    absl::Status status = pack.status();
    if (status.ok()) status = CheckSource(fs_, gguf, pack->source);
    if (status.ok()) {
      found.path = place;
      return found;
    }
    const std::string why = base::Message(status);
    found.notes.push_back(absl::StrCat(why.starts_with(place) ? why : absl::StrCat(place, ": ", why),
                                       "; running on the GGUF (linnet model import packs it again)"));
  }
  return found;
}

absl::StatusOr<LocalPacks::Imported> LocalPacks::Import(
    const std::string& gguf, std::function<void(uint64_t, uint64_t)> progress) const {
  const PackOptions options = {.replace = true, .stamped = true, .progress = std::move(progress)};
  const std::vector<std::string> places = PlacesOf(gguf);
  absl::StatusOr<PackReport> report = Pack(fs_, gguf, places[0], options);
  if (report.ok()) return Imported{places[0], *report};
  // Where the folder may not be written, or is full, the cache may do.
  const bool elsewhere =
      absl::IsPermissionDenied(report.status()) || absl::IsResourceExhausted(report.status());
  if (!elsewhere || places.size() < 2) return report.status();
  return ImportIntoCache(gguf, options.progress);
}

absl::StatusOr<LocalPacks::Imported> LocalPacks::ImportIntoCache(
    const std::string& gguf, std::function<void(uint64_t, uint64_t)> progress) const {
  const std::vector<std::string> places = PlacesOf(gguf);
  if (places.size() < 2) return absl::FailedPreconditionError(absl::StrCat(gguf, ": no folder for its pack"));
  LINNET_RETURN_IF_ERROR(fs_.CreateDirectories(cache_));
  const PackOptions options = {.replace = true, .stamped = true, .progress = std::move(progress)};
  LINNET_ASSIGN_OR_RETURN(PackReport report, Pack(fs_, gguf, places[1], options));
  return Imported{places[1], report};
}

}  // namespace linnet::pack
