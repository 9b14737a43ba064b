#include "deploy/cli/packed_model.h"

#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "deploy/cli/probe_process.h"
#include "runtime/base/file_system.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "runtime/pack/pack_borders.h"
#include "runtime/pack/pack_format.h"

namespace linnet::cli {
namespace {

// The site's lock makes one name enough: what is there is left from a command that was killed.
constexpr std::string_view kPackName = "packing.linnet";

absl::StatusOr<bool> IsPacked(base::FileSystem& fs, const std::string& file) {
  constexpr std::string_view kMagic(pack::kPackMagic, sizeof(pack::kPackMagic));
  LINNET_ASSIGN_OR_RETURN(const base::FileInfo info, fs.Stat(file));
  if (info.is_directory) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": is a folder; name a model file"));
  }
  if (info.size_bytes < kMagic.size()) return false;
  LINNET_ASSIGN_OR_RETURN(const std::string begin, fs.ReadAt(file, 0, kMagic.size()));
  return begin == kMagic;
}

}  // namespace

absl::StatusOr<PackedModel> PackedModel::Of(const std::string& file, const std::string& site) {
  LINNET_ASSIGN_OR_RETURN(const bool packed, IsPacked(base::FileSystem::Real(), file));
  if (packed) return PackedModel(file, file);
  PackedModel made(file, absl::StrCat(site, "/", std::string(kPackName)));
  if (const absl::Status status = PackModel(file, made.path()); !status.ok()) return made.Named(status);
  return made;
}

PackedModel::~PackedModel() {
  if (made_here()) base::FileSystem::Real().Remove(path_).IgnoreError();  // as after a kill
}

PackedModel::PackedModel(PackedModel&& other) noexcept
    : file_(std::exchange(other.file_, "")), path_(std::exchange(other.path_, "")) {}

absl::StatusOr<chunks::ChunkIndex> PackedModel::Index() const {
  base::FileSystem& fs = base::FileSystem::Real();
  const absl::StatusOr<std::vector<uint64_t>> borders = pack::BordersOf(fs, path_);
  if (!borders.ok()) return Named(borders.status());
  return chunks::ChunkIndex::OfFile(fs, path_, 0, *borders);
}

absl::StatusOr<chunks::ChunkIndex> PackedModel::IndexOfFixedSteps() const {
  return chunks::ChunkIndex::OfFile(base::FileSystem::Real(), path_);
}

absl::Status PackedModel::Named(const absl::Status& status) const {
  if (status.ok() || !made_here()) return status;
  return absl::Status(status.code(), absl::StrReplaceAll(base::Message(status), {{path_, file_}}));
}

}  // namespace linnet::cli
