#include "storage/trust/trusted_set.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "runtime/base/status_macros.h"

namespace linnet::trust {
namespace {

// The keys of a role, whatever their ids. A keyid without a usable key stands for itself.
std::set<std::string> Identities(const Root& root, std::string_view role) {
  std::set<std::string> out;
  for (const std::string& keyid : root.roles.find(role)->second.keyids) {
    const auto it = root.keys.find(keyid);
    out.insert(it == root.keys.end() || !it->second.key ? absl::StrCat("keyid ", keyid)
                                                        : it->second.identity);
  }
  return out;
}

absl::Status Rollback(std::string_view role, uint64_t offered, uint64_t trusted) {
  return absl::FailedPreconditionError(absl::StrCat(
      std::string(role), ": version ", offered, " is offered, but version ", trusted, " was seen before"));
}

absl::Status WrongVersion(std::string_view role, uint64_t offered, uint64_t expected) {
  return absl::FailedPreconditionError(
      absl::StrCat(std::string(role), ": has version ", offered, ", expected ", expected));
}

absl::Status TooEarly(std::string_view role, std::string_view missing) {
  return absl::FailedPreconditionError(
      absl::StrCat(std::string(role), ": cannot be checked without a trusted ", std::string(missing)));
}

}  // namespace

absl::StatusOr<TrustedSet> TrustedSet::Create(std::string_view root, absl::Time start) {
  TrustedSet set(start);
  LINNET_ASSIGN_OR_RETURN(const Envelope envelope, Envelope::Parse(root));
  LINNET_ASSIGN_OR_RETURN(set.root_, ParseRoot(envelope));
  LINNET_RETURN_IF_ERROR(set.VerifyByRoot(envelope, kRoot));
  return set;
}

absl::StatusOr<TrustedSet::RootChange> TrustedSet::UpdateRoot(std::string_view bytes) {
  if (timestamp_) return absl::FailedPreconditionError("root: cannot change after the timestamp was loaded");
  LINNET_ASSIGN_OR_RETURN(const Envelope envelope, Envelope::Parse(bytes));
  LINNET_ASSIGN_OR_RETURN(Root root, ParseRoot(envelope));
  LINNET_RETURN_IF_ERROR(VerifyByRoot(envelope, kRoot));
  if (root.version != root_.version + 1) return WrongVersion(kRoot, root.version, root_.version + 1);
  LINNET_RETURN_IF_ERROR(
      VerifySignatures(envelope, "root, by its own keys", root.roles.find(kRoot)->second, root.keys));
  RootChange change;
  for (const std::string_view role : {kTimestamp, kSnapshot}) {
    if (Identities(root_, role) != Identities(root, role)) change.online_keys_rotated = true;
  }
  root_ = std::move(root);
  return change;
}

absl::Status TrustedSet::CheckRoot() const { return CheckExpiry(kRoot, root_.expires); }

absl::Status TrustedSet::LoadTimestamp(std::string_view bytes) {
  LINNET_ASSIGN_OR_RETURN(const Envelope envelope, Envelope::Parse(bytes));
  LINNET_ASSIGN_OR_RETURN(Timestamp timestamp, ParseTimestamp(envelope));
  LINNET_RETURN_IF_ERROR(VerifyByRoot(envelope, kTimestamp));
  timestamp_ = std::move(timestamp);
  return absl::OkStatus();
}

absl::StatusOr<bool> TrustedSet::UpdateTimestamp(std::string_view bytes) {
  LINNET_RETURN_IF_ERROR(CheckRoot());
  LINNET_ASSIGN_OR_RETURN(const Envelope envelope, Envelope::Parse(bytes));
  LINNET_ASSIGN_OR_RETURN(Timestamp timestamp, ParseTimestamp(envelope));
  LINNET_RETURN_IF_ERROR(VerifyByRoot(envelope, kTimestamp));
  if (timestamp_) {
    if (timestamp.version < timestamp_->version) {
      return Rollback(kTimestamp, timestamp.version, timestamp_->version);
    }
    if (timestamp.version == timestamp_->version) return false;
    if (timestamp.snapshot.version < timestamp_->snapshot.version) {
      return Rollback("timestamp, snapshot.json", timestamp.snapshot.version, timestamp_->snapshot.version);
    }
  }
  LINNET_RETURN_IF_ERROR(CheckExpiry(kTimestamp, timestamp.expires));
  timestamp_ = std::move(timestamp);
  snapshot_is_final_ = false;
  targets_.clear();
  return true;
}

absl::Status TrustedSet::CheckTimestamp() const {
  if (!timestamp_) return TooEarly(kSnapshot, kTimestamp);
  return CheckExpiry(kTimestamp, timestamp_->expires);
}

absl::Status TrustedSet::CheckSnapshotContent(const Snapshot& snapshot) const {
  if (snapshot.version != timestamp_->snapshot.version) {
    return WrongVersion(kSnapshot, snapshot.version, timestamp_->snapshot.version);
  }
  return CheckExpiry(kSnapshot, snapshot.expires);
}

absl::StatusOr<bool> TrustedSet::LoadSnapshot(std::string_view bytes) {
  LINNET_RETURN_IF_ERROR(CheckTimestamp());
  LINNET_ASSIGN_OR_RETURN(const Envelope envelope, Envelope::Parse(bytes));
  LINNET_ASSIGN_OR_RETURN(Snapshot snapshot, ParseSnapshot(envelope));
  LINNET_RETURN_IF_ERROR(VerifyByRoot(envelope, kSnapshot));
  snapshot_is_final_ = CheckSnapshotContent(snapshot).ok();
  snapshot_ = std::move(snapshot);
  return snapshot_is_final_;
}

absl::Status TrustedSet::UpdateSnapshot(std::string_view bytes) {
  LINNET_RETURN_IF_ERROR(CheckTimestamp());
  LINNET_RETURN_IF_ERROR(
      VerifyBytes(kSnapshot, bytes, timestamp_->snapshot.length, timestamp_->snapshot.hashes));
  LINNET_ASSIGN_OR_RETURN(const Envelope envelope, Envelope::Parse(bytes));
  LINNET_ASSIGN_OR_RETURN(Snapshot snapshot, ParseSnapshot(envelope));
  LINNET_RETURN_IF_ERROR(VerifyByRoot(envelope, kSnapshot));
  if (snapshot_) {
    for (const auto& [name, trusted] : snapshot_->meta) {
      const auto it = snapshot.meta.find(name);
      if (it == snapshot.meta.end()) {
        return absl::FailedPreconditionError(
            absl::StrCat("snapshot: ", name, " is gone, version ", trusted.version, " was seen before"));
      }
      if (it->second.version < trusted.version) {
        return Rollback(absl::StrCat("snapshot, ", name), it->second.version, trusted.version);
      }
    }
  }
  LINNET_RETURN_IF_ERROR(CheckSnapshotContent(snapshot));
  snapshot_ = std::move(snapshot);
  snapshot_is_final_ = true;
  return absl::OkStatus();
}

absl::StatusOr<MetaFile> TrustedSet::MetaOf(std::string_view role) const {
  if (!snapshot_is_final_) return TooEarly(role, kSnapshot);
  const auto it = snapshot_->meta.find(absl::StrCat(std::string(role), ".json"));
  if (it == snapshot_->meta.end()) {
    return absl::FailedPreconditionError(
        absl::StrCat(std::string(role), ": the snapshot does not list this role"));
  }
  return it->second;
}

absl::Status TrustedSet::UpdateTargets(std::string_view role, std::string_view delegator,
                                       std::string_view bytes) {
  LINNET_ASSIGN_OR_RETURN(const MetaFile meta, MetaOf(role));
  LINNET_RETURN_IF_ERROR(VerifyBytes(role, bytes, meta.length, meta.hashes));
  TargetsEntry entry;
  LINNET_ASSIGN_OR_RETURN(entry.envelope, Envelope::Parse(bytes));
  LINNET_ASSIGN_OR_RETURN(entry.targets, ParseTargets(entry.envelope));
  LINNET_RETURN_IF_ERROR(VerifyByDelegator(entry.envelope, role, delegator));
  if (entry.targets.version != meta.version) return WrongVersion(role, entry.targets.version, meta.version);
  LINNET_RETURN_IF_ERROR(CheckExpiry(role, entry.targets.expires));
  entry.envelope.signed_part = Json();  // the canonical bytes are what is needed again
  targets_.insert_or_assign(std::string(role), std::move(entry));
  return absl::OkStatus();
}

absl::Status TrustedSet::CheckDelegation(std::string_view role, std::string_view delegator) const {
  const auto it = targets_.find(role);
  if (it == targets_.end()) return TooEarly(role, role);
  return VerifyByDelegator(it->second.envelope, role, delegator);
}

const Targets* TrustedSet::targets(std::string_view role) const {
  const auto it = targets_.find(role);
  return it == targets_.end() ? nullptr : &it->second.targets;
}

uint64_t TrustedSet::version(std::string_view role) const {
  if (role == kRoot) return root_.version;
  if (role == kTimestamp) return timestamp_ ? timestamp_->version : 0;
  if (role == kSnapshot) return snapshot_ ? snapshot_->version : 0;
  const Targets* found = targets(role);
  return found == nullptr ? 0 : found->version;
}

absl::Status TrustedSet::CheckExpiry(std::string_view role, absl::Time expires) const {
  if (expires > start_) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(std::string(role), ": expired at ", absl::FormatTime(expires, absl::UTCTimeZone()),
                   ", it is ", absl::FormatTime(start_, absl::UTCTimeZone())));
}

absl::Status TrustedSet::VerifyByRoot(const Envelope& envelope, std::string_view role) const {
  return VerifySignatures(envelope, role, root_.roles.find(role)->second, root_.keys);
}

absl::Status TrustedSet::VerifyByDelegator(const Envelope& envelope, std::string_view role,
                                           std::string_view delegator) const {
  if (delegator == kRoot) return VerifyByRoot(envelope, role);
  const Targets* parent = targets(delegator);
  if (parent == nullptr) return TooEarly(role, delegator);
  const RoleKeys* keys = parent->KeysOf(role);
  if (keys == nullptr) {
    return absl::UnauthenticatedError(
        absl::StrCat(std::string(role), ": ", std::string(delegator), " does not delegate to it"));
  }
  return VerifySignatures(envelope, role, *keys, parent->keys);
}

}  // namespace linnet::trust
