#ifndef LINNET_STORAGE_REPO_DEVICES_H_
#define LINNET_STORAGE_REPO_DEVICES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/db/database.h"

namespace linnet::repo {

// What a device said at its last check-in.
struct DeviceReport {
  absl::Time last_seen;
  int update_state = 0;      // fleet.proto, UpdateState
  std::string model_sha256;  // empty: none
  uint32_t release_counter = 0;
  uint32_t agent_version = 0;
  int instruction_set = 0;  // fleet.proto, InstructionSet
  uint32_t ram_mib = 0;
  uint32_t cores = 0;
  uint32_t free_flash_mib = 0;
};

struct DeviceRow {
  std::string id;  // 16 bytes
  std::string name;
  std::string public_key;  // 65 bytes
  std::string next_key;    // empty: none
  absl::Time enrolled;
  absl::Time certificate_expires;
  bool revoked = false;
  DeviceReport report;
};

// Members of the fleet. One thread at a time; the caller holds the transaction.
class Devices {
 public:
  explicit Devices(db::Database& db) : db_(db) {}

  absl::StatusOr<std::vector<DeviceRow>> All();
  // New, or known (same id): all columns but `report`'s, which are as old as the first release wrote them
  // here (now: sightings.h). AlreadyExists: another device has the name.
  absl::Status Put(const DeviceRow& device);

 private:
  db::Database& db_;
};

}  // namespace linnet::repo

#endif  // LINNET_STORAGE_REPO_DEVICES_H_
