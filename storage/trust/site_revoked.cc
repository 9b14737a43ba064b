#include "storage/trust/site_revoked.h"

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "storage/trust/canonical_json.h"
#include "storage/trust/site_files.h"

namespace linnet::trust {
namespace {

constexpr std::string_view kFolder = "revoked";

bool HasHash(std::string_view bytes, std::string_view sha256) {
  return base::AsView(base::Sha256(bytes)) == sha256;
}

}  // namespace

std::string SiteRevoked::PathOf(std::string_view sha256) const {
  return absl::StrCat(dir_, "/", std::string(kFolder), "/", base::Hex(sha256), ".json");
}

absl::StatusOr<RevokedList> SiteRevoked::Load(std::string_view sha256, const FetchTarget& fetch) const {
  // A copy that was damaged is fetched again.
  const absl::StatusOr<std::string> copy = fs_.ReadFile(PathOf(sha256), kMaxRevokedBytes);
  if (copy.ok() && HasHash(*copy, sha256)) return RevokedList::FromJson(*copy);
  if (!fetch) {
    return absl::NotFoundError(absl::StrCat(
        std::string(kRevokedTarget),
        ": was signed on another machine, and this one has no copy; run linnet site revoked where the "
        "coordinator can be reached"));
  }
  LINNET_ASSIGN_OR_RETURN(const std::string bytes, fetch(kRevokedTarget));
  if (!HasHash(bytes, sha256)) {
    return absl::PermissionDeniedError(
        absl::StrCat(std::string(kRevokedTarget),
                     ": the coordinator shows another list than the one that this site's key signed"));
  }
  LINNET_ASSIGN_OR_RETURN(RevokedList list, RevokedList::FromJson(bytes));
  LINNET_RETURN_IF_ERROR(Save(sha256, bytes));
  return list;
}

absl::Status SiteRevoked::Save(std::string_view sha256, std::string_view json) const {
  LINNET_RETURN_IF_ERROR(fs_.CreateDirectories(absl::StrCat(dir_, "/", std::string(kFolder)), 0755));
  return fs_.WriteFileAtomic(PathOf(sha256), json, kPublicMode);
}

void SiteRevoked::Sweep(std::string_view keep_sha256) const {
  const std::string folder = absl::StrCat(dir_, "/", std::string(kFolder));
  const std::string keep = absl::StrCat(base::Hex(keep_sha256), ".json");
  const absl::StatusOr<std::vector<std::string>> names = fs_.List(folder);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    if (name != keep) fs_.Remove(absl::StrCat(folder, "/", name)).IgnoreError();
  }
}

uint64_t RevokedVersionOf(std::string_view custom_json) {
  const absl::StatusOr<Json> custom = ParseJson(custom_json);
  const Json* version = custom.ok() ? custom->Find("version") : nullptr;
  if (version == nullptr || version->integer() == nullptr || *version->integer() < 0) return 0;
  return static_cast<uint64_t>(*version->integer());
}

}  // namespace linnet::trust
