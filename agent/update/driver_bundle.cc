// A bundle on a stick in the place of a coordinator: the same metadata rules, the same plan checks, the same
// machine from VERIFY on. Everything is checked on a copy of what is trusted before anything here changes.
#include <optional>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "agent/update/bundle_link.h"
#include "agent/update/plan_check.h"
#include "agent/update/time_floor.h"
#include "agent/update/update_driver.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "storage/repo/device.h"
#include "storage/trust/metadata.h"

namespace linnet::update {
namespace {

// The same status, about the bundle.
absl::Status OfBundle(const std::string& dir, const absl::Status& status) {
  const std::string message = base::Message(status);
  return absl::Status(status.code(), absl::StrCat(message.starts_with(dir) ? "" : absl::StrCat(dir, ": "),
                                                  message, "; nothing was changed"));
}

// Where this device's trust begins, when it has none: the root of the bundle that the person named by hash.
absl::StatusOr<std::string> FirstRoot(trust::MetadataFetcher& fetcher, std::string_view root_sha256) {
  if (root_sha256.empty()) {
    return absl::FailedPreconditionError(
        "this device trusts no site yet; say which with --root and the SHA-256 that linnet site bundle "
        "printed");
  }
  for (uint64_t version = 1; version <= trust::kMaxRootRotations; ++version) {
    absl::StatusOr<std::string> root = fetcher.Fetch(trust::kRoot, version, trust::kMaxRootBytes);
    if (absl::IsNotFound(root.status())) break;
    LINNET_RETURN_IF_ERROR(root.status());
    if (base::AsView(base::Sha256(*root)) == root_sha256) return root;
  }
  return absl::PermissionDeniedError(absl::StrCat("has no root with the SHA-256 ",
                                                  base::Hex(root_sha256).substr(0, 16),
                                                  "... that --root gave: another site's, or tampered with"));
}

// A bundle that does not hold the very root that is trusted here is another site's, or older than it.
absl::Status CheckSameSite(const std::string& trusted, uint64_t version, trust::MetadataFetcher& fetcher) {
  const absl::StatusOr<std::string> theirs = fetcher.Fetch(trust::kRoot, version, trust::kMaxRootBytes);
  if (absl::IsNotFound(theirs.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat("is older than what this device trusts, or another site's: it has no root ", version));
  }
  LINNET_RETURN_IF_ERROR(theirs.status());
  const absl::StatusOr<trust::Envelope> a = trust::Envelope::Parse(trusted);
  const absl::StatusOr<trust::Envelope> b = trust::Envelope::Parse(*theirs);
  if (a.ok() && b.ok() && a->canonical == b->canonical) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat("is of another site than the one that this device trusts (root ", version, " differs)"));
}

}  // namespace

absl::Status UpdateDriver::RemoveTrustCopy(const std::string& copy) {
  const absl::StatusOr<std::vector<std::string>> names = parts_.fs.List(copy);
  if (absl::IsNotFound(names.status())) return absl::OkStatus();
  LINNET_RETURN_IF_ERROR(names.status());
  for (const std::string& name : *names) {
    LINNET_RETURN_IF_ERROR(parts_.fs.Remove(absl::StrCat(copy, "/", name)));
  }
  return absl::OkStatus();
}

absl::Status UpdateDriver::CopyTrust(const std::string& copy) {
  LINNET_RETURN_IF_ERROR(parts_.fs.CreateDirectories(copy, 0700));
  LINNET_RETURN_IF_ERROR(RemoveTrustCopy(copy));  // of a try that the power ended
  const absl::StatusOr<std::vector<std::string>> names = parts_.fs.List(options_.trust_dir);
  if (absl::IsNotFound(names.status())) return absl::OkStatus();
  LINNET_RETURN_IF_ERROR(names.status());
  for (const std::string& name : *names) {
    if (!name.ends_with(".json")) continue;
    LINNET_ASSIGN_OR_RETURN(
        const std::string bytes,
        parts_.fs.ReadFile(absl::StrCat(options_.trust_dir, "/", name), trust::kMaxTargetsBytes));
    LINNET_RETURN_IF_ERROR(parts_.fs.WriteFileAtomic(absl::StrCat(copy, "/", name), bytes));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<trust::Updater>> UpdateDriver::TrustBundle(trust::TrustStore& store,
                                                                          BundleLink& bundle,
                                                                          std::string_view root_sha256) {
  LINNET_ASSIGN_OR_RETURN(std::optional<std::string> root, store.Load(trust::kRoot));
  if (!root.has_value()) {
    LINNET_ASSIGN_OR_RETURN(root, FirstRoot(bundle.metadata(), root_sha256));
    LINNET_RETURN_IF_ERROR(store.Save(trust::kRoot, *root));
  }
  LINNET_ASSIGN_OR_RETURN(std::unique_ptr<trust::Updater> updater, trust::Updater::Open(store, Now()));
  LINNET_RETURN_IF_ERROR(CheckSameSite(*root, updater->version(trust::kRoot), bundle.metadata()));
  LINNET_RETURN_IF_ERROR(updater->Refresh(bundle.metadata()));
  return updater;
}

absl::StatusOr<PlanVerdict> UpdateDriver::CheckBundle(BundleLink& bundle, trust::Updater& updater,
                                                      const trust::TrustStore& store) {
  const absl::StatusOr<Credentials> member = parts_.link.credentials();
  repo::DeviceIdentity identity;
  LINNET_RETURN_IF_ERROR(parts_.state.Write([&]() -> absl::Status {
    LINNET_ASSIGN_OR_RETURN(identity, repo::Device(parts_.state.db()).LoadOrCreate(""));
    return absl::OkStatus();
  }));
  LINNET_ASSIGN_OR_RETURN(const CheckInAnswer answer, bundle.CheckIn({}));
  LINNET_ASSIGN_OR_RETURN(const repo::ModelSlots slots, Slots());
  const PlanContext context{.updater = updater,
                            .link = bundle,
                            .state = parts_.state,
                            .device_id = member.ok() ? member->device_id : identity.id,
                            .fleet_root = member.ok() ? &member->fleet_root : nullptr,
                            .now = Now(),
                            .uptime = RawNow(),
                            .revocations = &parts_.revocations,
                            .timestamp_expires = TimestampExpires(store),
                            .facts = options_.facts,
                            .damaged = slots.damaged};
  absl::StatusOr<PlanVerdict> checked = CheckPlan(context, answer);
  // A source on the line may do better next time; a stick will not.
  if (absl::IsUnavailable(checked.status())) return absl::DataLossError(base::Message(checked.status()));
  LINNET_ASSIGN_OR_RETURN(PlanVerdict verdict, std::move(checked));
  if (verdict.event == Event::kAccepted || verdict.event == Event::kPresent) return verdict;
  return absl::FailedPreconditionError(
      verdict.message.empty() ? "its plan is for other devices, or has ended here" : verdict.message);
}

absl::StatusOr<std::string> UpdateDriver::InstallBundle(const std::string& dir,
                                                        std::string_view root_sha256) {
  LINNET_RETURN_IF_ERROR(LeaveCheck());
  // A download that waits for a coordinator, and a report to one, give way: this is how a device is helped
  // whose coordinator is gone.
  const bool gives_way = state_ == State::kDownload || state_ == State::kReport;
  if (attempt_.has_value() && !gives_way) return UnderWay();
  LINNET_ASSIGN_OR_RETURN(const std::unique_ptr<BundleLink> bundle, BundleLink::Open(parts_.fs, dir));

  const std::string copy = options_.trust_dir + ".check";
  const auto clean = absl::MakeCleanup([&] { RemoveTrustCopy(copy).IgnoreError(); });
  if (const absl::Status copied = CopyTrust(copy); !copied.ok()) return OfBundle(dir, copied);
  trust::TrustStore store(parts_.fs, copy);
  const absl::StatusOr<std::unique_ptr<trust::Updater>> updater = TrustBundle(store, *bundle, root_sha256);
  if (!updater.ok()) return OfBundle(dir, updater.status());
  // Signed by this site and newer than what is held: kept even where the rest is refused, because it makes a
  // device do less only.
  const bool ours = trust_.Load(trust::kRoot).value_or(std::nullopt).has_value();
  if (ours) {
    if (const absl::Status learned = LearnRevocations(**updater, *bundle); !learned.ok()) {
      return OfBundle(dir,
                      absl::IsUnavailable(learned) ? absl::DataLossError(base::Message(learned)) : learned);
    }
    LINNET_RETURN_IF_ERROR(CheckNotRevoked());
  }
  absl::StatusOr<PlanVerdict> verdict = CheckBundle(*bundle, **updater, store);
  if (!verdict.ok()) return OfBundle(dir, verdict.status());
  const repo::UpdateAttempt& found = verdict->attempt;
  if (verdict->event == Event::kAccepted) {
    LINNET_ASSIGN_OR_RETURN(const chunks::ChunkIndex index, chunks::ChunkIndex::FromJson(found.index_json));
    const absl::StatusOr<std::string> file =
        parts_.store.Complete(index, bundle->chunks(), nullptr, [&] { return quit_.load(); });
    const absl::Status taken =
        file.ok() ? CheckIsPacked(parts_.fs, *file, found.model_target) : file.status();
    if (!taken.ok()) {
      Collect();
      return OfBundle(dir, taken);
    }
  }

  // Good: from here on things change, first what is trusted.
  LINNET_ASSIGN_OR_RETURN(updater_, TrustBundle(trust_, *bundle, root_sha256));
  for (const std::string& path : {found.plan_path, found.model_target}) {
    LINNET_RETURN_IF_ERROR(updater_->FindTarget(path, bundle->metadata()).status());
  }
  LINNET_RETURN_IF_ERROR(LearnTime(parts_.state, trust_, RawNow()));
  timestamp_version_ = updater_->version(trust::kTimestamp);
  if (!ours) {  // a first site: its list is taken with its trust
    LINNET_RETURN_IF_ERROR(LearnRevocations(*updater_, *bundle));
    LINNET_RETURN_IF_ERROR(CheckNotRevoked());
  }
  if (verdict->event == Event::kPresent) return found.model_target;
  if (state_ == State::kDownload) {
    StopHere();
    if (state_ == State::kDownload) return absl::UnavailableError(last_error());
  }
  if (state_ == State::kReport) LINNET_RETURN_IF_ERROR(Advance(Event::kReported));
  LINNET_RETURN_IF_ERROR(Advance(Event::kOffered, [&](repo::UpdateAttempt& a) {
    const absl::Time started = a.started;
    a = found;
    a.started = started;
    // Without its hash the plan is nobody's business but the owner's: no coordinator hears of it, and none
    // may stop it.
    a.plan_sha256.clear();
  }));
  return RunOffered(found.model_target, dir);
}

}  // namespace linnet::update
