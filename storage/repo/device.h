#ifndef LINNET_STORAGE_REPO_DEVICE_H_
#define LINNET_STORAGE_REPO_DEVICE_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/db/database.h"

namespace linnet::repo {

struct DeviceIdentity {
  std::string id;  // 16 random bytes, for life
  std::string name;
};

// Membership of a fleet.
struct Enrolment {
  std::string coordinator;  // "host:port"
  std::string spki_sha256;  // 32 bytes: the coordinator's key as the token named it
  std::string fleet_root_pem;
  std::string certificate_chain_pem;
  std::string key_file;     // name in the identity folder
  std::string pending_key;  // name of the key that a renewal under way is for; empty: none
  absl::Time enrolled;
};

// Who this device is. Used inside StateDatabase::Write or Read.
class Device {
 public:
  explicit Device(db::Database& db) : db_(db) {}

  // Made at the first call, with `name` if it is not empty, else "linnet-" and 8 hex digits of the id. Inside
  // Write.
  absl::StatusOr<DeviceIdentity> LoadOrCreate(std::string_view name);
  absl::Status SetName(std::string_view name);

  absl::StatusOr<std::optional<Enrolment>> LoadEnrolment();
  absl::Status SaveEnrolment(const Enrolment& enrolment);
  absl::Status SetPendingKey(std::string_view key_file);

  // The latest time that is proved to be past (agent/update/time_floor.h says by what): a device may boot in
  // 1970. Never from the system clock, which may be years ahead by mistake.
  absl::StatusOr<absl::Time> BelievedTime();
  absl::Status RaiseBelievedTime(absl::Time time);

 private:
  db::Database& db_;
};

}  // namespace linnet::repo

#endif  // LINNET_STORAGE_REPO_DEVICE_H_
