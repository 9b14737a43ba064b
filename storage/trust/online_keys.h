#ifndef LINNET_STORAGE_TRUST_ONLINE_KEYS_H_
#define LINNET_STORAGE_TRUST_ONLINE_KEYS_H_

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/base/keys.h"
#include "storage/trust/metadata.h"

namespace linnet::trust {

// The keys of snapshot and timestamp, with which a coordinator signs.
struct OnlineKeys {
  base::PrivateKey snapshot, timestamp;
};

// Those that a root names. FailedPrecondition: one of them is not here. Called whenever the root changes.
using FindOnlineKeys = std::function<absl::StatusOr<OnlineKeys>(const Root& root)>;

// Plain files in a coordinator's folder, for it starts without a person. A role's first key is <role>.key,
// later ones are <role>.<8 digits of the keyid>.key: a new one lies there before the root names it, and an
// old one may stay. The root says which of them signs, never what lies there. `fs` outlives the result.
FindOnlineKeys OnlineKeysIn(base::FileSystem& fs, std::string dir);

std::string OnlineKeyFile(std::string_view role);
std::string OnlineKeyFile(std::string_view role, std::string_view keyid);

// Under which of these names the key lies in `dir`; empty: under none. FailedPrecondition: a file is damaged.
absl::StatusOr<std::string> OnlineKeyFileIn(base::FileSystem& fs, const std::string& dir,
                                            std::string_view role, std::string_view keyid);

}  // namespace linnet::trust

#endif  // LINNET_STORAGE_TRUST_ONLINE_KEYS_H_
