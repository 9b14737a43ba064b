#include "storage/trust/site_keys.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "storage/trust/signing.h"
#include "storage/trust/site.h"
#include "storage/trust/site_files.h"

namespace linnet::trust {

std::string PlaceOf(std::string_view role, const RoleKeys& keys, std::string_view keyid) {
  std::string place(role);
  std::replace(place.begin(), place.end(), '/', '-');
  const bool several = role == kRoot || role == kTargets || keys.keyids.size() > 1;
  if (!several) return place;
  const auto it = std::find(keys.keyids.begin(), keys.keyids.end(), keyid);
  return absl::StrCat(place, "-", it - keys.keyids.begin() + 1);
}

std::string SiteKeys::FileOf(const std::string& place) {
  return absl::StrCat(std::string(kSiteOffline), "/", place, ".key");
}

std::string SiteKeys::FileOf(const std::string& place, std::string_view keyid) {
  return absl::StrCat(std::string(kSiteOffline), "/", place, ".", std::string(keyid.substr(0, 8)), ".key");
}

absl::StatusOr<base::PrivateKey> SiteKeys::Find(const std::string& place, std::string_view keyid) const {
  for (const std::string& file : {FileOf(place, keyid), FileOf(place)}) {
    absl::StatusOr<base::PrivateKey> key = ReadKey(fs_, dir_, file, passphrase_);
    if (absl::IsNotFound(key.status())) continue;
    LINNET_RETURN_IF_ERROR(key.status());
    if (KeyId(key->public_key()) == keyid) return key;
  }
  return absl::NotFoundError(
      absl::StrCat(dir_, "/", std::string(kSiteOffline), ": the key ", place, " is not on this machine"));
}

absl::Status SiteKeys::CheckPassphrase(std::string_view role, const RoleKeys& keys) const {
  for (const std::string& id : keys.keyids) {
    const absl::Status found = Find(PlaceOf(role, keys, id), id).status();
    if (!absl::IsNotFound(found)) return found;
  }
  return absl::OkStatus();
}

absl::StatusOr<base::PrivateKey> SiteKeys::FindOrMakeFirst(const std::string& place) const {
  absl::StatusOr<base::PrivateKey> key = ReadKey(fs_, dir_, FileOf(place), passphrase_);
  if (!absl::IsNotFound(key.status())) return key;
  key = base::PrivateKey::Generate(base::KeyType::kEd25519);
  LINNET_RETURN_IF_ERROR(WriteKey(fs_, dir_, FileOf(place), *key, passphrase_));
  return key;
}

absl::StatusOr<base::PrivateKey> SiteKeys::MakeNext(const std::string& place) const {
  base::PrivateKey key = base::PrivateKey::Generate(base::KeyType::kEd25519);
  LINNET_RETURN_IF_ERROR(WriteKey(fs_, dir_, FileOf(place, KeyId(key.public_key())), key, passphrase_));
  return key;
}

}  // namespace linnet::trust
