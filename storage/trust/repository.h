#ifndef LINNET_STORAGE_TRUST_REPOSITORY_H_
#define LINNET_STORAGE_TRUST_REPOSITORY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/clock.h"
#include "runtime/base/file_system.h"
#include "runtime/base/keys.h"
#include "storage/trust/online_keys.h"
#include "storage/trust/updater.h"

namespace linnet::trust {

// The coordinator's side of TUF: metadata as published, in the standard layout (<dir>/<version>.<role>.json,
// timestamp.json), so that a static server can serve the folder (README.md). Offline roles arrive signed and
// are verified against the site's root before anything is stored; snapshot and timestamp are signed here with
// the online keys. Thread-safe.
class Repository {
 public:
  struct Versions {
    uint64_t root = 0, targets = 0, snapshot = 0, timestamp = 0;
  };
  // One file as it is about to be shown.
  struct File {
    std::string role;
    uint64_t version = 0;
    std::string sha256;  // 32 bytes
  };
  // Hears of every file that is current, each time something changed and once at Open, after it is on the
  // disk and before Metadata() shows it to anybody; with them, the key that signed the timestamp, which is
  // another after a rotation. An error: they are not shown, and the change has failed.
  using OnPublished =
      std::function<absl::Status(const std::vector<File>&, const base::PrivateKey& timestamp_key)>;
  // FailedPrecondition when there is no root or the online keys that it names are not found.
  static absl::StatusOr<std::unique_ptr<Repository>> Open(base::FileSystem& fs, std::string dir,
                                                          FindOnlineKeys find_keys, const base::Clock& clock,
                                                          OnPublished on_published = nullptr);
  virtual ~Repository() = default;

  // New versions of offline roles (role name -> bytes), all or nothing, then a new snapshot and timestamp.
  // A root that names other online keys is taken when they are found, and the new ones sign at once.
  // Unauthenticated: signatures below the threshold; FailedPrecondition: not newer, expired, or an online key
  // that is not here; each names the role.
  virtual absl::StatusOr<Versions> Publish(const std::map<std::string, std::string>& metadata) = 0;
  // Checks without storing: would Publish accept this, and which target would it vouch for under this path?
  virtual absl::StatusOr<std::vector<TargetInfo>> Check(
      const std::map<std::string, std::string>& metadata) const = 0;
  // Signs a new timestamp (and snapshot where it is near its expiry) when half of its life is over. True if
  // it did.
  virtual absl::StatusOr<bool> RefreshOnlineRoles() = 0;
  // Signs both to hold for `lifetime`, whatever there is: a bundle for sites that have no coordinator to do
  // it again. Who keeps such a bundle can show it as the newest for as long.
  virtual absl::Status SignOnlineRoles(absl::Duration lifetime) = 0;

  virtual absl::StatusOr<std::string> Metadata(std::string_view role, uint64_t version) const = 0;
  virtual std::map<std::string, std::string> Current() const = 0;  // offline roles, newest
  virtual std::vector<TargetInfo> Targets() const = 0;             // of all delegated roles
  virtual Versions versions() const = 0;
  virtual absl::Time timestamp_expires() const = 0;
};

}  // namespace linnet::trust

#endif  // LINNET_STORAGE_TRUST_REPOSITORY_H_
