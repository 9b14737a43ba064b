#include "storage/trust/site_keys.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "storage/trust/online_keys.h"
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
    // A token is asked for the right key only: each wrong PIN counts there.
    const auto on_token = ReadTokenFile(fs_, dir_, file);
    LINNET_RETURN_IF_ERROR(on_token.status());
    if (on_token->has_value() && KeyId((*on_token)->key) != keyid) continue;
    absl::StatusOr<base::PrivateKey> key =
        on_token->has_value() ? OpenTokenFile(absl::StrCat(dir_, "/", file), **on_token, pin_)
                              : ReadKey(fs_, dir_, file, passphrase_);
    if (absl::IsNotFound(key.status())) continue;
    LINNET_RETURN_IF_ERROR(key.status());
    if (KeyId(key->public_key()) == keyid) return key;
  }
  return absl::NotFoundError(
      absl::StrCat(dir_, "/", std::string(kSiteOffline), ": the key ", place, " is not on this machine"));
}

absl::Status SiteKeys::CheckPassphrase(std::string_view role, const RoleKeys& keys) const {
  for (const std::string& id : keys.keyids) {
    const std::string place = PlaceOf(role, keys, id);
    for (const std::string& file : {FileOf(place, id), FileOf(place)}) {
      const auto on_token = ReadTokenFile(fs_, dir_, file);
      LINNET_RETURN_IF_ERROR(on_token.status());
      if (on_token->has_value()) continue;
      const absl::Status opened = ReadKey(fs_, dir_, file, passphrase_).status();
      if (!absl::IsNotFound(opened)) return opened;
    }
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

absl::StatusOr<base::PrivateKey> SiteKeys::TakeNext(const std::string& place, const std::string& uri,
                                                    const Keys& listed) const {
  LINNET_ASSIGN_OR_RETURN(base::PrivateKey key, base::OpenTokenKey(uri, pin_));
  const std::string id = KeyId(key.public_key());
  if (listed.contains(id)) {
    return absl::AlreadyExistsError(absl::StrCat(
        uri, ": is key ", id.substr(0, 8), " of this site already; a share that two places have is one"));
  }
  LINNET_RETURN_IF_ERROR(WriteTokenFile(fs_, dir_, FileOf(place, id), uri, key.public_key()));
  return key;
}

absl::StatusOr<base::PrivateKey> SiteKeys::MakeOnline(std::string_view role) const {
  base::PrivateKey key = base::PrivateKey::Generate(base::KeyType::kEd25519);
  const std::string folder(kSiteCoordinator);  // may have gone to the coordinator's machine
  LINNET_RETURN_IF_ERROR(fs_.CreateDirectories(absl::StrCat(dir_, "/", folder)));
  LINNET_RETURN_IF_ERROR(
      WriteKey(fs_, dir_, absl::StrCat(folder, "/", OnlineKeyFile(role, KeyId(key.public_key()))), key, ""));
  return key;
}

}  // namespace linnet::trust
