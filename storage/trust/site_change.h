#ifndef LINNET_STORAGE_TRUST_SITE_CHANGE_H_
#define LINNET_STORAGE_TRUST_SITE_CHANGE_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/trust/offline_set.h"
#include "storage/trust/site.h"
#include "storage/trust/site_keys.h"

// Inside of site.cc: the changes that people make to roles. Each returns the new versions with the signatures
// that the keys on this machine can give, no more than the thresholds ask for.
namespace linnet::trust {

// How the target of a model ends. Before models were packed a GGUF was signed: those targets are released
// again and withdrawn under their own names.
inline constexpr std::string_view kPackedSuffix = ".linnet";
inline constexpr std::string_view kGgufSuffix = ".gguf";
// One of them; empty: neither.
std::string_view ModelSuffix(std::string_view target);

struct ChangeParts {
  const OfflineSet& base;
  const SiteKeys& keys;
  absl::Time now;
};

// The same content, for longer. `lifetime` zero: as lifetimes.h says. NotFound: no such role.
absl::StatusOr<Change> RenewRoles(const ChangeParts& parts, const std::vector<std::string>& roles,
                                  absl::Duration lifetime);
// A new key takes the place of `key` (place, number or the beginning of its id; empty: the only one). It is
// made here, or is the key `token_uri` of a token, when that is not empty.
absl::StatusOr<Change> RotateRoleKey(const ChangeParts& parts, const std::string& role, std::string_view key,
                                     const std::string& token_uri);
// New keys take the places of those of these roles, snapshot or timestamp, which one new root names.
absl::StatusOr<Change> RotateCoordinatorKeys(const ChangeParts& parts, const std::vector<std::string>& roles);
// `name`: a target's path, or the end of one, with or without its suffix ("linnet-starter-1").
absl::StatusOr<Change> WithdrawModel(const ChangeParts& parts, std::string_view name);
// Adds what this machine can sign to a change that began elsewhere.
absl::StatusOr<Change> SignChange(const ChangeParts& parts, OfflineSet::Metadata metadata);

// A change as it travels from machine to machine: JSON, signed documents in it, nothing secret.
std::string ChangeToFile(const Change& change, const std::string& site);
// DataLoss: no such file; PermissionDenied: of another site.
absl::StatusOr<OfflineSet::Metadata> ChangeFromFile(std::string_view file, const std::string& site);

}  // namespace linnet::trust

#endif  // LINNET_STORAGE_TRUST_SITE_CHANGE_H_
