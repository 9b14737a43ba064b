#include "storage/trust/site_folder.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "storage/trust/metadata.h"
#include "storage/trust/role_name.h"
#include "storage/trust/site_files.h"

namespace linnet::trust {
namespace {

// Every role of a site with many families.
constexpr uint64_t kMaxUnfinishedBytes = 64 * 1024 * 1024;

absl::StatusOr<uint64_t> VersionOf(const std::string& role, std::string_view bytes) {
  LINNET_ASSIGN_OR_RETURN(const Envelope envelope, Envelope::Parse(bytes));
  const Json* version = envelope.signed_part.Find("version");
  if (version == nullptr || version->integer() == nullptr || *version->integer() < 1) {
    return absl::DataLossError(absl::StrCat(role, ": has no version"));
  }
  return static_cast<uint64_t>(*version->integer());
}

}  // namespace

std::string SiteFolder::MetadataPath(std::string_view role) const {
  return absl::StrCat(dir_, "/offline/metadata/", RoleFileName(role));
}

absl::StatusOr<OfflineSet> SiteFolder::Base(const OfflineSet::Metadata& current) const {
  LINNET_RETURN_IF_ERROR(Recover());
  LINNET_ASSIGN_OR_RETURN(const std::string root, fs_.ReadFile(MetadataPath(kRoot), kMaxRootBytes));
  LINNET_ASSIGN_OR_RETURN(OfflineSet set, OfflineSet::FromRoot(root));
  OfflineSet::Metadata own;
  LINNET_ASSIGN_OR_RETURN(own[std::string(kTargets)], fs_.ReadFile(MetadataPath(kTargets), kMaxTargetsBytes));
  LINNET_ASSIGN_OR_RETURN(const Envelope envelope, Envelope::Parse(own[std::string(kTargets)]));
  LINNET_ASSIGN_OR_RETURN(const Targets targets, ParseTargets(envelope));
  for (const Delegation& delegation : targets.delegations) {
    LINNET_ASSIGN_OR_RETURN(own[delegation.name],
                            fs_.ReadFile(MetadataPath(delegation.name), kMaxTargetsBytes));
  }
  LINNET_ASSIGN_OR_RETURN(set, set.With(own, absl::InfinitePast()));
  OfflineSet::Metadata newer;
  for (const auto& [role, bytes] : current) {
    if (role == kTimestamp || role == kSnapshot) continue;
    LINNET_ASSIGN_OR_RETURN(const uint64_t version, VersionOf(role, bytes));
    if (version > set.version(role)) newer.emplace(role, bytes);
    if (role == kRoot && version > set.version(role) + 1) {
      return absl::FailedPreconditionError(absl::StrCat(
          "root: the coordinator has version ", version, ", this folder version ", set.version(role),
          "; copy offline/metadata from the folder that signed the last one"));
    }
    if (version == set.version(role) && bytes != set.roles().at(role).bytes) {
      return absl::FailedPreconditionError(absl::StrCat(
          role, ": the coordinator has other bytes as version ", version,
          " than this folder; it serves another site, or another copy of this folder signed last"));
    }
  }
  return set.With(newer, absl::InfinitePast());
}

absl::StatusOr<Publication> SiteFolder::Remember(const OfflineSet& set,
                                                 const OfflineSet::Metadata& current) const {
  Publication out;
  LINNET_RETURN_IF_ERROR(AddRootSteps(set, current, out));
  OfflineSet::Metadata changed;
  for (const auto& [role, entry] : set.roles()) {
    const auto it = current.find(role);
    if (it == current.end() || it->second != entry.bytes) out.metadata.emplace(role, entry.bytes);
    const absl::StatusOr<std::string> stored = fs_.ReadFile(MetadataPath(role), kMaxTargetsBytes);
    if (!stored.ok() || *stored != entry.bytes) changed.emplace(role, entry.bytes);
  }
  if (changed.size() > 1) {
    Json::Object all;
    for (const auto& [role, bytes] : changed) all.emplace(role, bytes);
    LINNET_RETURN_IF_ERROR(fs_.WriteFileAtomic(UnfinishedPath(), Json(std::move(all)).Dump(), kPublicMode));
  }
  LINNET_RETURN_IF_ERROR(WriteRoles(changed));
  if (changed.size() > 1) LINNET_RETURN_IF_ERROR(fs_.Remove(UnfinishedPath()));
  return out;
}

absl::Status SiteFolder::AddRootSteps(const OfflineSet& set, const OfflineSet::Metadata& current,
                                      Publication& out) const {
  const auto published = current.find(std::string(kRoot));
  if (published == current.end()) return absl::OkStatus();
  LINNET_ASSIGN_OR_RETURN(uint64_t version, VersionOf(published->first, published->second));
  while (++version < set.root().version) {
    const std::string path = MetadataPath(RootStep(version));
    absl::StatusOr<std::string> bytes = fs_.ReadFile(path, kMaxRootBytes);
    if (absl::IsNotFound(bytes.status())) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, ": is needed on the way from the published root to version ", set.root().version,
                       "; another copy of this site has it, or a coordinator's state, in repository"));
    }
    LINNET_RETURN_IF_ERROR(bytes.status());
    out.metadata.emplace(RootStep(version), *std::move(bytes));
  }
  return absl::OkStatus();
}

absl::Status SiteFolder::Recover() const {
  const absl::StatusOr<std::string> file = fs_.ReadFile(UnfinishedPath(), kMaxUnfinishedBytes);
  if (absl::IsNotFound(file.status())) return absl::OkStatus();
  LINNET_RETURN_IF_ERROR(file.status());
  const absl::StatusOr<Json> json = ParseJson(*file);
  OfflineSet::Metadata roles;
  if (json.ok() && json->object() != nullptr) {
    for (const auto& [role, bytes] : *json->object()) {
      if (bytes.text() != nullptr) roles.emplace(role, *bytes.text());
    }
  }
  if (roles.empty()) {
    return absl::DataLossError(
        absl::StrCat(UnfinishedPath(), ": is damaged; restore offline/metadata from a copy"));
  }
  LINNET_RETURN_IF_ERROR(WriteRoles(roles));
  return fs_.Remove(UnfinishedPath());
}

absl::Status SiteFolder::WriteRoles(const OfflineSet::Metadata& roles) const {
  for (const auto& [role, bytes] : roles) {
    if (role == kRoot) {  // every root is kept: who is behind needs each on the way
      LINNET_ASSIGN_OR_RETURN(const uint64_t version, VersionOf(role, bytes));
      LINNET_RETURN_IF_ERROR(fs_.WriteFileAtomic(MetadataPath(RootStep(version)), bytes, kPublicMode));
    }
    LINNET_RETURN_IF_ERROR(fs_.WriteFileAtomic(MetadataPath(role), bytes, kPublicMode));
  }
  return absl::OkStatus();
}

std::string SiteFolder::UnfinishedPath() const { return absl::StrCat(dir_, "/offline/metadata/unfinished"); }

}  // namespace linnet::trust
