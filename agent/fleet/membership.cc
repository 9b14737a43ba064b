#include "agent/fleet/membership.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "agent/update/time_floor.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "storage/repo/revoked.h"

namespace linnet::fleet {
namespace {

constexpr char kEnrollingKey[] = "enrolling.key";

}  // namespace

absl::StatusOr<std::unique_ptr<Membership>> Membership::Open(base::FileSystem& fs, std::string identity_dir,
                                                             const base::KeyKeeping& keys,
                                                             repo::StateDatabase& state,
                                                             const base::Clock& clock) {
  std::unique_ptr<Membership> membership(new Membership(fs, std::move(identity_dir), keys, state, clock));
  LINNET_RETURN_IF_ERROR(membership->keys_.Open());
  LINNET_RETURN_IF_ERROR(state.Write([&]() -> absl::Status {
    LINNET_ASSIGN_OR_RETURN(const repo::DeviceIdentity identity, repo::Device(state.db()).LoadOrCreate(""));
    membership->device_id_ = identity.id;
    return absl::OkStatus();
  }));
  LINNET_RETURN_IF_ERROR(membership->Load());
  return membership;
}

absl::Status Membership::Load() {
  std::optional<repo::Enrolment> enrolment;
  LINNET_RETURN_IF_ERROR(state_.Read([&]() -> absl::Status {
    LINNET_ASSIGN_OR_RETURN(enrolment, repo::Device(state_.db()).LoadEnrolment());
    return absl::OkStatus();
  }));
  if (!enrolment.has_value()) return absl::OkStatus();
  LINNET_ASSIGN_OR_RETURN(base::Certificate root, base::Certificate::FromPem(enrolment->fleet_root_pem));
  LINNET_ASSIGN_OR_RETURN(std::vector<base::Certificate> chain,
                          base::Certificate::ChainFromPem(enrolment->certificate_chain_pem));
  LINNET_ASSIGN_OR_RETURN(base::PrivateKey key, keys_.ReadAndTry(enrolment->key_file));
  if (chain.empty() || chain.front().public_key().Raw() != key.public_key().Raw()) {
    return absl::DataLossError(
        absl::StrCat(keys_.dir(), "/", enrolment->key_file,
                     ": is not the key of this device's certificate; restore it from a "
                     "backup, or enrol again with a fresh state folder"));
  }
  base::MutexLock lock(mutex_);
  enrolment_ = std::move(enrolment);
  credentials_ = update::Credentials{device_id_, std::move(root), std::move(chain), std::move(key)};
  return absl::OkStatus();
}

absl::Time Membership::Now() const {
  absl::Time believed = absl::UnixEpoch();
  state_
      .Read([&]() -> absl::Status {
        LINNET_ASSIGN_OR_RETURN(believed, repo::Device(state_.db()).BelievedTime());
        return absl::OkStatus();
      })
      .IgnoreError();
  return std::max(clock_.Now(), believed);
}

std::optional<repo::Enrolment> Membership::enrolment() const {
  base::MutexLock lock(mutex_);
  return enrolment_;
}

absl::StatusOr<update::Credentials> Membership::credentials() const {
  base::MutexLock lock(mutex_);
  if (credentials_.has_value()) return *credentials_;
  return absl::FailedPreconditionError(
      "this device is not enrolled; make a token with `linnet device token`, then `linnet device enroll`");
}

absl::StatusOr<base::PrivateKey> Membership::EnrollingKey() { return keys_.ReadOrMake(kEnrollingKey); }

absl::Status Membership::Joined(repo::Enrolment enrolment, std::string_view device_name,
                                absl::Time evidence) {
  LINNET_ASSIGN_OR_RETURN(const base::PrivateKey key, EnrollingKey());
  enrolment.key_file =
      absl::StrCat(base::Hex(base::AsView(base::Sha256(key.public_key().Raw()))).substr(0, 16), ".key");
  LINNET_RETURN_IF_ERROR(keys_.Copy(kEnrollingKey, enrolment.key_file));
  const absl::Status saved = state_.Write([&]() -> absl::Status {
    repo::Device device(state_.db());
    LINNET_RETURN_IF_ERROR(device.RaiseBelievedTime(evidence));
    if (!device_name.empty()) LINNET_RETURN_IF_ERROR(device.SetName(device_name));
    LINNET_RETURN_IF_ERROR(repo::Revoked(state_.db()).Forget());
    return device.SaveEnrolment(enrolment);
  });
  if (!saved.ok()) return saved;
  keys_.Sweep(enrolment.key_file);
  return Load();
}

absl::StatusOr<base::PrivateKey> Membership::PendingKey() {
  std::optional<repo::Enrolment> current = enrolment();
  if (!current.has_value()) return absl::FailedPreconditionError("this device is not enrolled");
  if (current->pending_key.empty()) {
    current->pending_key = absl::StrCat(base::Hex(base::RandomBytes(8)), ".key");
    LINNET_RETURN_IF_ERROR(
        state_.Write([&] { return repo::Device(state_.db()).SetPendingKey(current->pending_key); }));
    base::MutexLock lock(mutex_);
    enrolment_->pending_key = current->pending_key;
  }
  return keys_.ReadOrMake(current->pending_key);
}

absl::Status Membership::Renewed(const std::string& certificate_chain_pem, absl::Time evidence,
                                 absl::Time horizon) {
  std::optional<repo::Enrolment> next = enrolment();
  if (!next.has_value() || next->pending_key.empty()) {
    return absl::FailedPreconditionError("no renewal is under way");
  }
  next->certificate_chain_pem = certificate_chain_pem;
  next->key_file = next->pending_key;
  next->pending_key.clear();
  const absl::Status saved = state_.Write([&]() -> absl::Status {
    repo::Device device(state_.db());
    LINNET_ASSIGN_OR_RETURN(const absl::Time floor, device.BelievedTime());
    LINNET_RETURN_IF_ERROR(
        device.RaiseBelievedTime(update::BoundedEvidence(evidence, clock_.Now(), floor, horizon)));
    return device.SaveEnrolment(*next);
  });
  if (!saved.ok()) return saved;
  keys_.Sweep(next->key_file);
  return Load();
}

}  // namespace linnet::fleet
