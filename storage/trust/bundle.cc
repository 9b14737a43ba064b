#include "storage/trust/bundle.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "storage/trust/canonical_json.h"
#include "storage/trust/metadata.h"
#include "storage/trust/role_name.h"
#include "storage/trust/site_files.h"

namespace linnet::trust {
namespace {

constexpr std::string_view kFormat = "linnet-bundle-1";
constexpr uint64_t kPiece = 1 << 20;

std::string ManifestPath(const std::string& dir) { return dir + "/bundle.json"; }

class BundleWriter {
 public:
  BundleWriter(base::FileSystem& fs, std::string dir) : fs_(fs), dir_(std::move(dir)) {}

  absl::Status Write(const BundleManifest& manifest, const Repository& repository,
                     const std::vector<BundleFile>& files) {
    LINNET_RETURN_IF_ERROR(fs_.CreateDirectories(dir_ + "/metadata", 0755));
    LINNET_RETURN_IF_ERROR(WriteMetadata(repository));
    for (const BundleFile& file : files) LINNET_RETURN_IF_ERROR(WriteTarget(file));
    const Json json(Json::Object{{"format", kFormat}, {"plan", manifest.plan}, {"site", manifest.site}});
    return fs_.WriteFileAtomic(ManifestPath(dir_), json.Dump() + "\n", kPublicMode);
  }

 private:
  absl::Status WriteRole(const Repository& repository, std::string_view role, uint64_t version) {
    LINNET_ASSIGN_OR_RETURN(const std::string bytes, repository.Metadata(role, version));
    const std::string name =
        role == kTimestamp ? RoleFileName(role) : absl::StrCat(version, ".", RoleFileName(role));
    return fs_.WriteFileAtomic(absl::StrCat(dir_, "/metadata/", name), bytes, kPublicMode);
  }

  absl::Status WriteMetadata(const Repository& repository) {
    const Repository::Versions versions = repository.versions();
    for (uint64_t v = 1; v <= versions.root; ++v) {  // a device may trust any of them
      LINNET_RETURN_IF_ERROR(WriteRole(repository, kRoot, v));
    }
    for (const auto& [role, bytes] : repository.Current()) {
      if (role == kRoot) continue;
      LINNET_ASSIGN_OR_RETURN(const Envelope envelope, Envelope::Parse(bytes));
      LINNET_ASSIGN_OR_RETURN(const Targets targets, ParseTargets(envelope));
      LINNET_RETURN_IF_ERROR(WriteRole(repository, role, targets.version));
    }
    LINNET_RETURN_IF_ERROR(WriteRole(repository, kSnapshot, versions.snapshot));
    return WriteRole(repository, kTimestamp, versions.timestamp);
  }

  absl::Status WriteTarget(const BundleFile& file) {
    const std::string path = absl::StrCat(dir_, "/", BundlePathOf(file.target));
    LINNET_RETURN_IF_ERROR(fs_.CreateDirectories(path.substr(0, path.find_last_of('/')), 0755));
    LINNET_ASSIGN_OR_RETURN(const std::unique_ptr<base::UnpublishedFile> out,
                            fs_.CreateUnpublished(path, kPublicMode));
    uint64_t size = file.bytes.size();
    if (!file.path.empty()) {
      LINNET_ASSIGN_OR_RETURN(const base::FileInfo info, fs_.Stat(file.path));
      size = info.size_bytes;
    }
    base::Sha256Hasher hasher;
    for (uint64_t at = 0; at < size; at += kPiece) {
      std::string piece;
      if (file.path.empty()) {
        piece = file.bytes.substr(at, kPiece);
      } else {
        LINNET_ASSIGN_OR_RETURN(piece, fs_.ReadAt(file.path, at, std::min(kPiece, size - at)));
      }
      hasher.Update(base::AsBytes(piece));
      LINNET_RETURN_IF_ERROR(out->WriteAt(at, base::AsBytes(piece)));
    }
    if (size != file.target.length || base::AsView(hasher.Finish()) != file.target.sha256) {
      return absl::DataLossError(absl::StrCat(file.path.empty() ? file.target.path : file.path,
                                              ": is not what was signed as ", file.target.path,
                                              "; did it change meanwhile?"));
    }
    return out->Publish(/*replace=*/false);
  }

  base::FileSystem& fs_;
  const std::string dir_;
};

}  // namespace

std::string BundlePathOf(const TargetInfo& target) {
  const size_t slash = target.path.find_last_of('/');
  const std::string folder = slash == std::string::npos ? "" : target.path.substr(0, slash + 1);
  return absl::StrCat("targets/", folder, base::Hex(target.sha256), ".", target.path.substr(folder.size()));
}

absl::Status CheckBundleFolder(base::FileSystem& fs, const std::string& dir) {
  return CheckFree(fs, dir, "name a new folder for the bundle");
}

absl::Status WriteBundle(base::FileSystem& fs, const std::string& given, const BundleManifest& manifest,
                         const Repository& repository, const std::vector<BundleFile>& files) {
  std::string dir = given;
  while (dir.size() > 1 && dir.back() == '/') dir.pop_back();
  if (dir.empty()) return absl::InvalidArgumentError("the bundle's folder has no name");
  LINNET_RETURN_IF_ERROR(CheckBundleFolder(fs, dir));
  const std::string temporary = absl::StrCat(dir, ".new-", base::Hex(base::RandomBytes(4)));
  absl::Status made = BundleWriter(fs, temporary).Write(manifest, repository, files);
  if (made.ok()) made = fs.Rename(temporary, dir);
  if (!made.ok()) {
    std::error_code ignored;  // the first error is the one to tell
    std::filesystem::remove_all(temporary, ignored);
    return made;
  }
  const size_t slash = dir.find_last_of('/');
  return fs.SyncDirectory(slash == std::string::npos ? "." : slash == 0 ? "/" : dir.substr(0, slash));
}

absl::StatusOr<BundleManifest> ReadBundleManifest(base::FileSystem& fs, const std::string& dir) {
  absl::StatusOr<std::string> file = fs.ReadFile(ManifestPath(dir), kMaxSmallFile);
  if (absl::IsNotFound(file.status())) {
    return absl::NotFoundError(
        absl::StrCat(dir, ": is no bundle (it has no bundle.json); linnet site bundle makes one"));
  }
  LINNET_RETURN_IF_ERROR(file.status());
  const absl::StatusOr<Json> json = ParseJson(*file);
  const Json* format = json.ok() ? json->Find("format") : nullptr;
  const Json* site = json.ok() ? json->Find("site") : nullptr;
  const Json* plan = json.ok() ? json->Find("plan") : nullptr;
  if (format == nullptr || format->text() == nullptr || *format->text() != kFormat || site == nullptr ||
      site->text() == nullptr || plan == nullptr || plan->text() == nullptr) {
    return absl::DataLossError(absl::StrCat(ManifestPath(dir), ": is damaged; copy the whole bundle again"));
  }
  return BundleManifest{.site = *site->text(), .plan = *plan->text()};
}

absl::StatusOr<std::string> BundleMetadata::Fetch(std::string_view role, uint64_t version,
                                                  uint64_t max_bytes) {
  const std::string name = version == 0 ? RoleFileName(role) : absl::StrCat(version, ".", RoleFileName(role));
  const std::string path = absl::StrCat(dir_, "/metadata/", name);
  absl::StatusOr<std::string> bytes = fs_.ReadFile(path, max_bytes);
  if (!absl::IsNotFound(bytes.status()) || role == kRoot) return bytes;
  return absl::NotFoundError(absl::StrCat(path, ": is missing; copy the whole bundle again"));
}

}  // namespace linnet::trust
