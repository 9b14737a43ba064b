#include "storage/trust/offline_set.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "storage/trust/trusted_set.h"

namespace linnet::trust {
namespace {

absl::Status Refuse(const std::string& role, std::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat(role, ": ", std::string(why)));
}

absl::Status CheckExpiry(const std::string& role, absl::Time expires, absl::Time now) {
  if (expires > now) return absl::OkStatus();
  return Refuse(
      role, absl::StrCat("expired at ", absl::FormatTime(expires, absl::UTCTimeZone()), "; sign it anew"));
}

absl::Status CheckNewer(const std::string& role, uint64_t offered, uint64_t current) {
  if (offered > current) return absl::OkStatus();
  return Refuse(role, absl::StrCat("version ", offered, " is not newer than version ", current));
}

const Delegation* FindDelegation(const Targets& targets, std::string_view role) {
  const auto it = std::find_if(targets.delegations.begin(), targets.delegations.end(),
                               [&](const Delegation& d) { return d.name == role; });
  return it == targets.delegations.end() ? nullptr : &*it;
}

constexpr std::string_view kStepSuffix = ".root";

}  // namespace

std::string RootStep(uint64_t version) { return absl::StrCat(version, std::string(kStepSuffix)); }

uint64_t VersionOfRootStep(std::string_view name) {
  uint64_t version = 0;
  if (!name.ends_with(kStepSuffix)) return 0;
  const std::string number(name.substr(0, name.size() - kStepSuffix.size()));
  return absl::SimpleAtoi(number, &version) && RootStep(version) == name ? version : 0;
}

absl::StatusOr<OfflineSet> OfflineSet::FromRoot(std::string_view root) {
  // Any time: a root that is loaded from our own files may have expired.
  LINNET_ASSIGN_OR_RETURN(const TrustedSet trusted, TrustedSet::Create(root, absl::InfinitePast()));
  OfflineSet set;
  set.root_ = trusted.root();
  set.roles_["root"] = {
      .bytes = std::string(root), .version = set.root_.version, .expires = set.root_.expires};
  return set;
}

absl::StatusOr<OfflineSet> OfflineSet::With(const Metadata& changes, absl::Time now) const {
  OfflineSet next = *this;
  next.root_steps_.clear();
  std::map<uint64_t, std::string> steps;
  for (const auto& [name, bytes] : changes) {
    if (const uint64_t version = VersionOfRootStep(name); version > root_.version)
      steps.emplace(version, bytes);
  }
  for (const auto& [version, bytes] : steps) LINNET_RETURN_IF_ERROR(next.Step(version, bytes));
  // In the order of trust: root, targets, then what targets delegates to.
  std::vector<std::string> order = {std::string(kRoot), std::string(kTargets)};
  for (const auto& [role, bytes] : changes) {
    if (role == kTimestamp || role == kSnapshot) {
      return Refuse(role, "is signed by the coordinator itself and cannot be published");
    }
    if (role != kRoot && role != kTargets && VersionOfRootStep(role) == 0) order.push_back(role);
  }
  for (const std::string& role : order) {
    const auto it = changes.find(role);
    if (it == changes.end()) continue;
    if (const auto known = roles_.find(role); known != roles_.end() && known->second.bytes == it->second)
      continue;
    if (it->second.size() > MaxBytesOf(role)) {
      return Refuse(
          role, absl::StrCat("has ", it->second.size(), " bytes, devices take at most ", MaxBytesOf(role)));
    }
    LINNET_RETURN_IF_ERROR(next.Check(role, it->second, now));
  }
  if (!next.root_steps_.empty() && next.root_steps_.contains(next.root_.version)) {
    return Refuse(RootStep(next.root_.version), "comes without the root that follows it");
  }
  LINNET_RETURN_IF_ERROR(next.CheckDelegations());
  return next;
}

absl::Status OfflineSet::Step(uint64_t version, const std::string& bytes) {
  const std::string name = RootStep(version);
  if (bytes.size() > kMaxRootBytes) return Refuse(name, "is longer than devices take");
  LINNET_RETURN_IF_ERROR(Check(std::string(kRoot), bytes, absl::InfinitePast()));
  if (root_.version != version) return Refuse(name, absl::StrCat("is version ", root_.version));
  root_steps_.emplace(version, bytes);
  return absl::OkStatus();
}

absl::Status OfflineSet::Check(const std::string& role, std::string_view bytes, absl::Time now) {
  if (role == kRoot) {
    LINNET_ASSIGN_OR_RETURN(TrustedSet trusted,
                            TrustedSet::Create(roles_["root"].bytes, absl::InfinitePast()));
    LINNET_RETURN_IF_ERROR(trusted.UpdateRoot(bytes).status());
    LINNET_RETURN_IF_ERROR(CheckExpiry(role, trusted.root().expires, now));
    root_ = trusted.root();
    roles_["root"] = {.bytes = std::string(bytes), .version = root_.version, .expires = root_.expires};
    return absl::OkStatus();
  }
  LINNET_ASSIGN_OR_RETURN(const Envelope envelope, Envelope::Parse(bytes));
  LINNET_ASSIGN_OR_RETURN(Targets targets, ParseTargets(envelope));
  if (role == kTargets) {
    LINNET_RETURN_IF_ERROR(VerifySignatures(envelope, role, root_.roles.find(role)->second, root_.keys));
    if (targets.succinct) return Refuse(role, "delegates to hash bins, which this repository does not serve");
  } else {
    const auto top = roles_.find(std::string(kTargets));
    const Delegation* delegation = top == roles_.end() ? nullptr : FindDelegation(top->second.targets, role);
    if (delegation == nullptr) {
      return absl::UnauthenticatedError(absl::StrCat(role, ": targets does not delegate to this role"));
    }
    LINNET_RETURN_IF_ERROR(VerifySignatures(envelope, role, delegation->keys, top->second.targets.keys));
    if (!targets.delegations.empty() || targets.succinct) return Refuse(role, "may not delegate further");
    for (const auto& [path, file] : targets.targets) {
      if (!delegation->Covers(path)) {
        return Refuse(role, absl::StrCat("target \"", path, "\" is outside the paths of this role"));
      }
      LINNET_RETURN_IF_ERROR(MakeTargetInfo(path, role, file).status());
    }
  }
  LINNET_RETURN_IF_ERROR(CheckNewer(role, targets.version, version(role)));
  LINNET_RETURN_IF_ERROR(CheckExpiry(role, targets.expires, now));
  Role& entry = roles_[role];
  entry = {.bytes = std::string(bytes), .version = targets.version, .expires = targets.expires};
  entry.targets = std::move(targets);
  return absl::OkStatus();
}

absl::Status OfflineSet::CheckDelegations() const {
  const auto top = roles_.find(std::string(kTargets));
  if (top == roles_.end()) return absl::OkStatus();
  LINNET_ASSIGN_OR_RETURN(const Envelope targets, Envelope::Parse(top->second.bytes));
  LINNET_RETURN_IF_ERROR(VerifySignatures(targets, kTargets, root_.roles.find(kTargets)->second, root_.keys));
  for (const Delegation& delegation : top->second.targets.delegations) {
    const auto role = roles_.find(delegation.name);
    if (role == roles_.end()) {
      return Refuse(delegation.name,
                    "targets delegates to this role, but it is not there; publish both together");
    }
    LINNET_ASSIGN_OR_RETURN(const Envelope envelope, Envelope::Parse(role->second.bytes));
    LINNET_RETURN_IF_ERROR(
        VerifySignatures(envelope, delegation.name, delegation.keys, top->second.targets.keys));
  }
  return absl::OkStatus();
}

uint64_t OfflineSet::version(std::string_view role) const {
  const auto it = roles_.find(std::string(role));
  return it == roles_.end() ? 0 : it->second.version;
}

OfflineSet::Metadata OfflineSet::bytes() const {
  Metadata out;
  for (const auto& [name, role] : roles_) out.emplace(name, role.bytes);
  return out;
}

std::vector<TargetInfo> OfflineSet::AllTargets() const {
  std::vector<TargetInfo> out;
  const auto top = roles_.find(std::string(kTargets));
  if (top == roles_.end()) return out;
  for (const Delegation& delegation : top->second.targets.delegations) {
    for (const auto& [path, file] : roles_.at(delegation.name).targets.targets) {
      absl::StatusOr<TargetInfo> info = MakeTargetInfo(path, delegation.name, file);
      if (info.ok()) out.push_back(*std::move(info));
    }
  }
  return out;
}

}  // namespace linnet::trust
