#include "agent/update/revocations.h"

#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/update/plan_check.h"
#include "runtime/base/hash.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "storage/chunks/chunk_store.h"
#include "storage/repo/revoked.h"
#include "storage/trust/metadata.h"
#include "storage/trust/revoked_list.h"

namespace linnet::update {

struct Revocations::View {
  uint64_t version = 0;
  std::string sha256;
  std::map<std::string, absl::Time, std::less<>> devices;  // 16 bytes -> since when
  std::set<std::string, std::less<>> keys;                 // 32 bytes
};

absl::StatusOr<std::shared_ptr<const Revocations::View>> Revocations::ViewOf(std::string_view json) {
  LINNET_ASSIGN_OR_RETURN(const trust::RevokedList list, trust::RevokedList::FromJson(json));
  auto view = std::make_shared<View>();
  view->version = list.version;
  view->sha256 = base::AsView(base::Sha256(json));
  for (const trust::RevokedDevice& device : list.devices) {
    view->devices.emplace(base::UnHex(device.device).value_or(""), device.revoked);
    if (!device.key_sha256.empty()) view->keys.insert(base::UnHex(device.key_sha256).value_or(""));
  }
  return std::shared_ptr<const View>(std::move(view));
}

Revocations::Revocations(repo::StateDatabase& state) : state_(state), view_(std::make_shared<View>()) {}

std::shared_ptr<const Revocations::View> Revocations::Now() const {
  const base::MutexLock lock(mutex_);
  return view_;
}

absl::Status Revocations::Load() {
  repo::StoredRevoked stored;
  LINNET_RETURN_IF_ERROR(state_.Read([&]() -> absl::Status {
    LINNET_ASSIGN_OR_RETURN(stored, repo::Revoked(state_.db()).Load());
    return absl::OkStatus();
  }));
  std::shared_ptr<const View> view = std::make_shared<View>();
  if (stored.version != 0) {
    LINNET_ASSIGN_OR_RETURN(view, ViewOf(stored.json));
  }
  const base::MutexLock lock(mutex_);
  view_ = std::move(view);
  return absl::OkStatus();
}

absl::Status Revocations::Take(std::string_view json) {
  LINNET_ASSIGN_OR_RETURN(std::shared_ptr<const View> view, ViewOf(json));
  if (const std::shared_ptr<const View> held = Now();
      held->version == view->version && held->sha256 != view->sha256) {
    return absl::FailedPreconditionError(absl::StrCat("list of revoked devices: differs from the version ",
                                                      held->version, " that this device holds"));
  }
  // Stored first: what is asked from now on holds after a power cut too.
  LINNET_RETURN_IF_ERROR(
      state_.Write([&] { return repo::Revoked(state_.db()).Replace({view->version, std::string(json)}); }));
  base::Log(base::Severity::kInfo, "revoked_list",
            {{"version", static_cast<int64_t>(view->version)},
             {"devices", static_cast<int64_t>(view->devices.size())}});
  const base::MutexLock lock(mutex_);
  if (view->version >= view_->version) view_ = std::move(view);
  return absl::OkStatus();
}

std::optional<absl::Time> Revocations::RevokedSince(std::string_view device_id) const {
  const std::shared_ptr<const View> view = Now();
  const auto at = view->devices.find(device_id);
  return at == view->devices.end() ? std::nullopt : std::optional<absl::Time>(at->second);
}

absl::Status Revocations::CheckCertificate(const base::Certificate& certificate) const {
  const std::shared_ptr<const View> view = Now();
  if (view->version == 0) return absl::OkStatus();
  // Every device URI: a certificate with two passes no chain check, and must not pass here by that.
  for (const std::string& uri : certificate.uris()) {
    if (!uri.starts_with(base::kDeviceUri)) continue;
    const std::string hex = uri.substr(base::kDeviceUri.size());
    if (view->devices.contains(base::UnHex(hex).value_or(""))) {
      return absl::PermissionDeniedError(
          absl::StrCat("device ", hex.substr(0, 8), " is on the site's list of revoked devices"));
    }
  }
  if (view->keys.contains(base::AsView(certificate.SpkiSha256()))) {
    return absl::PermissionDeniedError("its key is on the site's list of revoked devices");
  }
  return absl::OkStatus();
}

absl::Status Revocations::CheckCertificate(std::string_view der) const {
  LINNET_ASSIGN_OR_RETURN(const base::Certificate certificate, base::Certificate::FromDer(der));
  return CheckCertificate(certificate);
}

uint64_t Revocations::version() const { return Now()->version; }
size_t Revocations::size() const { return Now()->devices.size(); }
std::string Revocations::sha256() const { return Now()->sha256; }

absl::Status LearnRevoked(trust::Updater& updater, trust::MetadataFetcher& metadata,
                          chunks::ChunkSource& chunks, Revocations& revocations) {
  LINNET_ASSIGN_OR_RETURN(const std::optional<trust::TargetInfo> target,
                          updater.FindTarget(trust::kRevokedTarget, metadata));
  if (!target.has_value() || target->sha256 == revocations.sha256()) return absl::OkStatus();
  if (target->role != trust::kPlans) {
    return absl::UnauthenticatedError(
        "the list of revoked devices is signed by a role below plans, to which it "
        "may not delegate");
  }
  const absl::StatusOr<std::string> json = FetchSmall(chunks, *target, trust::kMaxRevokedBytes);
  if (!json.ok()) {
    return absl::Status(json.status().code(), absl::StrCat("the list of revoked devices cannot be had: ",
                                                           base::Message(json.status())));
  }
  return revocations.Take(*json);
}

}  // namespace linnet::update
