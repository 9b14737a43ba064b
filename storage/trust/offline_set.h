#ifndef LINNET_STORAGE_TRUST_OFFLINE_SET_H_
#define LINNET_STORAGE_TRUST_OFFLINE_SET_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/trust/metadata.h"

namespace linnet::trust {

// What a root that others followed is called where only one "root" has its place, "2.root"; and which it is,
// 0: none.
std::string RootStep(uint64_t version);
uint64_t VersionOfRootStep(std::string_view name);

// The roles that people sign, verified together: root, targets, and what targets delegates to. Invariants:
//  1. Every role is signed by the keys that its delegator names now, so that no client is left with a role
//  that
//     it cannot verify.
//  2. Targets delegates one level deep, and every delegated role exists.
//  3. Every target lies within the paths of its role, so that clients can find it.
// Immutable but for assignment; changes make a new set.
class OfflineSet {
 public:
  struct Role {
    std::string bytes;
    Targets targets;  // empty for root
    uint64_t version = 0;
    absl::Time expires;
  };
  using Metadata = std::map<std::string, std::string>;  // role -> bytes

  // From a root that is trusted, with no other role yet.
  static absl::StatusOr<OfflineSet> FromRoot(std::string_view root);

  // With newer versions of some roles. The same bytes again are no change. Errors name the role:
  // Unauthenticated (signatures, or a role that nobody delegates to), FailedPrecondition (not newer, expired
  // at `now`, would break an invariant), DataLoss (malformed). absl::InfinitePast() for `now`: expiry does
  // not matter. Roots on the way to "root" come as RootStep(version); only the last one counts for the rest,
  // and for expiry.
  absl::StatusOr<OfflineSet> With(const Metadata& changes, absl::Time now) const;

  const Root& root() const { return root_; }
  const std::map<std::string, Role>& roles() const { return roles_; }  // also "root"
  // Roots between the one before the last With and this one: version -> bytes.
  const std::map<uint64_t, std::string>& root_steps() const { return root_steps_; }
  uint64_t version(std::string_view role) const;  // 0: there is none
  Metadata bytes() const;
  // Of all delegated roles. Roles that are no longer delegated vouch for nothing.
  std::vector<TargetInfo> AllTargets() const;

 private:
  absl::Status Step(uint64_t version, const std::string& bytes);
  absl::Status Check(const std::string& role, std::string_view bytes, absl::Time now);
  absl::Status CheckDelegations() const;

  Root root_;
  std::map<std::string, Role> roles_;
  std::map<uint64_t, std::string> root_steps_;
};

}  // namespace linnet::trust

#endif  // LINNET_STORAGE_TRUST_OFFLINE_SET_H_
