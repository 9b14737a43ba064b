#include "storage/trust/online_keys.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "storage/trust/signing.h"

namespace linnet::trust {
namespace {

constexpr uint64_t kMaxKeyBytes = 32 * 1024;

struct Found {
  std::string file;
  base::PrivateKey key;
};

absl::StatusOr<std::optional<Found>> Find(base::FileSystem& fs, const std::string& dir, std::string_view role,
                                          std::string_view keyid) {
  for (const std::string& file : {OnlineKeyFile(role, keyid), OnlineKeyFile(role)}) {
    const std::string path = absl::StrCat(dir, "/", file);
    const absl::StatusOr<std::string> bytes = fs.ReadFile(path, kMaxKeyBytes);
    if (absl::IsNotFound(bytes.status())) continue;
    // Of the disk, or of the descriptors that are left: not of the key.
    if (absl::IsUnavailable(bytes.status()) || absl::IsResourceExhausted(bytes.status()))
      return bytes.status();
    absl::StatusOr<base::PrivateKey> key =
        bytes.ok() ? base::OpenKey(*bytes, "") : absl::StatusOr<base::PrivateKey>(bytes.status());
    if (!key.ok()) {
      return absl::FailedPreconditionError(absl::StrCat(path, ": ", base::Message(key.status())));
    }
    if (KeyId(key->public_key()) == keyid) return Found{file, *std::move(key)};
  }
  return std::nullopt;
}

absl::StatusOr<base::PrivateKey> KeyOf(base::FileSystem& fs, const std::string& dir, const Root& root,
                                       std::string_view role) {
  const std::vector<std::string>& ids = root.roles.find(role)->second.keyids;
  for (const std::string& id : ids) {
    LINNET_ASSIGN_OR_RETURN(std::optional<Found> found, Find(fs, dir, role, id));
    if (found.has_value()) return std::move(found->key);
  }
  const std::string id = ids.empty() ? "" : ids.front();
  const std::string file = root.version == 1 ? OnlineKeyFile(role) : OnlineKeyFile(role, id);
  return absl::FailedPreconditionError(
      absl::StrCat("root: version ", root.version, " names the ", std::string(role), " key ", id.substr(0, 8),
                   ", which is not in ", dir, "; copy coordinator/", file,
                   " there, from the site's folder where it was made, then say linnet site publish"));
}

}  // namespace

std::string OnlineKeyFile(std::string_view role) { return absl::StrCat(std::string(role), ".key"); }

std::string OnlineKeyFile(std::string_view role, std::string_view keyid) {
  return absl::StrCat(std::string(role), ".", std::string(keyid.substr(0, 8)), ".key");
}

absl::StatusOr<std::string> OnlineKeyFileIn(base::FileSystem& fs, const std::string& dir,
                                            std::string_view role, std::string_view keyid) {
  LINNET_ASSIGN_OR_RETURN(const std::optional<Found> found, Find(fs, dir, role, keyid));
  return found.has_value() ? found->file : "";
}

FindOnlineKeys OnlineKeysIn(base::FileSystem& fs, std::string dir) {
  return [&fs, dir = std::move(dir)](const Root& root) -> absl::StatusOr<OnlineKeys> {
    LINNET_ASSIGN_OR_RETURN(base::PrivateKey snapshot, KeyOf(fs, dir, root, kSnapshot));
    LINNET_ASSIGN_OR_RETURN(base::PrivateKey timestamp, KeyOf(fs, dir, root, kTimestamp));
    return OnlineKeys{std::move(snapshot), std::move(timestamp)};
  };
}

}  // namespace linnet::trust
