#ifndef LINNET_STORAGE_TRUST_REVOKED_LIST_H_
#define LINNET_STORAGE_TRUST_REVOKED_LIST_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace linnet::trust {

inline constexpr std::string_view kRevokedTarget = "plans/revoked.json";
// The list only grows: an id is revoked for good. At 165 bytes an entry, a full one stays below the limit.
inline constexpr size_t kMostRevoked = 4096;
inline constexpr uint64_t kMaxRevokedBytes = 1 << 20;

struct RevokedDevice {
  std::string device;      // 32 hex digits
  std::string key_sha256;  // of its public key (SubjectPublicKeyInfo), 64 hex digits; empty: not known
  absl::Time revoked;      // whole seconds
};

// Which devices of a site are members no more: a JSON target, signed by the plans role, so that devices
// refuse a stolen one with no online service. Integers and strings only.
struct RevokedList {
  uint64_t version = 0;                // 1, 2, ...: a device never takes an older one than it holds
  std::vector<RevokedDevice> devices;  // by id, ascending, each once

  // Null: not on it.
  const RevokedDevice* Find(std::string_view device) const;
  // Keeps the order; the version is the caller's. AlreadyExists; ResourceExhausted: the list is full.
  absl::Status Add(RevokedDevice device);

  std::string ToJson() const;  // canonical
  // DataLoss names what is missing or wrong. Only the canonical form of exactly these fields is taken.
  static absl::StatusOr<RevokedList> FromJson(std::string_view json);
};

}  // namespace linnet::trust

#endif  // LINNET_STORAGE_TRUST_REVOKED_LIST_H_
