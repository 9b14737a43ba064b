#ifndef LINNET_STORAGE_TRUST_SITE_KEYS_H_
#define LINNET_STORAGE_TRUST_SITE_KEYS_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/base/keys.h"
#include "runtime/base/token_key.h"
#include "storage/trust/metadata.h"

namespace linnet::trust {

// People call a key by its place in its role: "root-2" is the second of root's keys, "plans" the only one of
// plans, "models-starter" that of a family. A key that replaces another takes its place, and so its name. The
// keyid must be one of `keys`.
std::string PlaceOf(std::string_view role, const RoleKeys& keys, std::string_view keyid);

// The offline keys that lie on this machine; shares that are kept elsewhere are simply not found. A place's
// first key is offline/<place>.key, later ones are offline/<place>.<8 digits of the keyid>.key, so that a new
// key is never written over the one that still has to sign for it. Such a file has the key, sealed, or says
// where on a token it is.
class SiteKeys {
 public:
  SiteKeys(base::FileSystem& fs, std::string dir, std::string passphrase, base::TokenPin pin)
      : fs_(fs), dir_(std::move(dir)), passphrase_(std::move(passphrase)), pin_(std::move(pin)) {}

  // NotFound: not on this machine. Unauthenticated: wrong passphrase or PIN. Of a token: PermissionDenied
  // when another key is there now; and CannotBeReached.
  absl::StatusOr<base::PrivateKey> Find(const std::string& place, std::string_view keyid) const;
  // A key of a token that is not plugged in, or that this machine has no engine for: others of its role may
  // do.
  static bool CannotBeReached(const absl::Status& status) {
    return absl::IsUnavailable(status) || absl::IsUnimplemented(status);
  }
  // Before a key is made, which nobody could open again: does the passphrase open one of these? OK when none
  // of them is here, or all lie on tokens.
  absl::Status CheckPassphrase(std::string_view role, const RoleKeys& keys) const;
  // The key of a place that nobody lists yet, made by an attempt that was cut off, or else now.
  absl::StatusOr<base::PrivateKey> FindOrMakeFirst(const std::string& place) const;
  // A new key for a place that has one.
  absl::StatusOr<base::PrivateKey> MakeNext(const std::string& place) const;
  // The key `uri` of a token, for a place that has one. AlreadyExists: it is one of `listed`.
  absl::StatusOr<base::PrivateKey> TakeNext(const std::string& place, const std::string& uri,
                                            const Keys& listed) const;
  // A new key for snapshot or timestamp, in the folder that goes to the coordinator's machine
  // (online_keys.h).
  absl::StatusOr<base::PrivateKey> MakeOnline(std::string_view role) const;
  // Below the site: of a place's first key, and of a later one.
  static std::string FileOf(const std::string& place);
  static std::string FileOf(const std::string& place, std::string_view keyid);

 private:
  base::FileSystem& fs_;
  const std::string dir_, passphrase_;
  const base::TokenPin pin_;
};

}  // namespace linnet::trust

#endif  // LINNET_STORAGE_TRUST_SITE_KEYS_H_
