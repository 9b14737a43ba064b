// The site's list of revoked devices: learned with the metadata, asked before anything is installed. And what
// other devices were shown of the coordinator's log, once more at the end of a download.
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/update/deadlines.h"
#include "agent/update/timed_link.h"
#include "agent/update/update_driver.h"
#include "runtime/base/hash.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"
#include "storage/repo/device.h"

namespace linnet::update {

absl::Status UpdateDriver::LearnRevocations(trust::Updater& updater, Link& link) {
  const absl::Status learned = LearnRevoked(updater, link.metadata(), link.chunks(), parts_.revocations);
  if (learned.ok()) {
    CheckNotRevoked().IgnoreError();  // says so
    return absl::OkStatus();
  }
  base::Log(base::Severity::kWarning, "revoked_list_not_taken", {{"error", base::LogValue::Error(learned)}});
  // Refused for what is signed, and for good: older than the list that is held, or a role that does not
  // verify, which a plan would not either. The list from before holds.
  const bool verdict = absl::IsFailedPrecondition(learned) || absl::IsUnauthenticated(learned);
  return verdict ? absl::OkStatus() : learned;
}

void UpdateDriver::LookAgainForRevocations() {
  if (attempt_->plan_sha256.empty()) return;  // no coordinator's business; its own way in has looked
  const auto look = [&]() -> absl::Status {
    LINNET_ASSIGN_OR_RETURN(const std::unique_ptr<trust::Updater> updater,
                            trust::Updater::Open(trust_, Now()));
    TimedLink link(parts_.link, parts_.clock, kLookTime);
    LINNET_RETURN_IF_ERROR(updater->Refresh(link.metadata()));
    return LearnRevocations(*updater, link);
  };
  look().IgnoreError();  // no network is needed to end what is here
}

void UpdateDriver::LookAgainAtLog() {
  if (!parts_.witness.HasUnproved()) return;
  // An unreachable coordinator ends nothing: the heads stay, and are placed at the next check.
  TimedLink link(parts_.link, parts_.clock, kLookTime);
  parts_.witness.Check(link, /*log_size=*/1).IgnoreError();
}

absl::Status UpdateDriver::CheckNotRevoked() {
  std::string id;
  absl::Status key;
  if (const absl::StatusOr<Credentials> member = parts_.link.credentials(); member.ok()) {
    id = member->device_id;
    key = parts_.revocations.CheckCertificate(member->chain.front());
  } else {
    LINNET_RETURN_IF_ERROR(parts_.state.Write([&]() -> absl::Status {
      LINNET_ASSIGN_OR_RETURN(const repo::DeviceIdentity own,
                              repo::Device(parts_.state.db()).LoadOrCreate(""));
      id = own.id;
      return absl::OkStatus();
    }));
  }
  const std::optional<absl::Time> since = parts_.revocations.RevokedSince(id);
  std::string says;
  if (since.has_value() || !key.ok()) {
    says = absl::StrCat(
        "this device is on its site's list of revoked devices (version ", parts_.revocations.version(),
        since.has_value()
            ? absl::StrCat(", since ", absl::FormatTime("%Y-%m-%d", *since, absl::UTCTimeZone()))
            : "",
        "): it takes no updates, and goes on answering its owner");
  }
  bool news = false;
  {
    const base::MutexLock lock(mutex_);
    news = revoked_.empty() && !says.empty();
    revoked_ = says;
  }
  if (news) {
    base::Log(base::Severity::kWarning, "this_device_is_revoked",
              {{"version", parts_.revocations.version()}});
  }
  return says.empty() ? absl::OkStatus() : absl::PermissionDeniedError(says);
}

}  // namespace linnet::update
