#ifndef LINNET_STORAGE_TRUST_LIFETIMES_H_
#define LINNET_STORAGE_TRUST_LIFETIMES_H_

#include "absl/time/time.h"

// How long each kind of metadata holds. Short where a machine renews it: expiry bounds how long a stolen
// online key, or a coordinator that withholds news, can freeze devices. Long where people must come together.
namespace linnet::trust {

inline constexpr absl::Duration kRootLifetime = absl::Hours(24 * 365);
inline constexpr absl::Duration kTargetsLifetime = absl::Hours(24 * 180);  // also models/* and plans
inline constexpr absl::Duration kSnapshotLifetime = absl::Hours(24 * 7);
inline constexpr absl::Duration kTimestampLifetime = absl::Hours(24);

inline constexpr absl::Duration kAuthorityLifetime = absl::Hours(24 * 365 * 10);  // fleet root, operator root
inline constexpr absl::Duration kIntermediateLifetime = absl::Hours(24 * 365 * 2);  // device CA, server
inline constexpr absl::Duration kOperatorLifetime = absl::Hours(24 * 365);
// Certificates begin a little early: the clock of a machine on the LAN may be behind.
inline constexpr absl::Duration kClockSlack = absl::Hours(1);

}  // namespace linnet::trust

#endif  // LINNET_STORAGE_TRUST_LIFETIMES_H_
