#ifndef LINNET_COORDINATOR_COHORT_H_
#define LINNET_COORDINATOR_COHORT_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "coordinator/fleet_database.h"

namespace linnet::coordinator {

// The members of the fleet, in memory. Membership is written through; what check-ins say is kept here, and
// SeenLog writes it. The caller holds FleetDatabase::mutex.
class Cohort {
 public:
  // `seen`: what SeenLog had on the disk.
  static absl::StatusOr<std::unique_ptr<Cohort>> Load(FleetDatabase& fleet,
                                                      std::map<std::string, repo::DeviceReport> seen);

  // nullptr: not a member.
  const repo::DeviceRow* Find(std::string_view id) const;
  const repo::DeviceRow* FindByName(std::string_view name) const;       // not among revoked ones
  using Members = std::map<std::string, repo::DeviceRow, std::less<>>;  // by id
  const Members& all() const { return devices_; }
  uint32_t live() const { return live_; }  // members that are not revoked

  uint64_t revocations() const { return revocations_; }  // grows when a member is revoked
  // Who has joined, in that order, since the program began; who was there then is not named. Whoever counts
  // members counts on from here...
  const std::vector<std::string>& joined() const { return joined_; }
  // ...unless this has grown (at least 1): somebody was revoked, or is no more, or all was read anew.
  uint64_t changes() const { return changes_; }
  // Grows when a check-in says something else of a device's hardware or agent than the one before.
  uint64_t facts_changes() const { return facts_changes_; }

  // Remembers what was written, once it is on the disk: what could not be saved never was.
  void Keep(repo::DeviceRow device);
  absl::Status Reload();
  void Saw(std::string_view id, const repo::DeviceReport& report);

  // The member whose certificate says this (of a chain that the handshake has accepted): its id.
  // PermissionDenied: unknown, revoked, or a certificate that a renewal has replaced. The first use of a
  // renewed certificate makes its key the one on record.
  absl::StatusOr<std::string> Authenticate(const std::string& id, std::string_view public_key);

 private:
  explicit Cohort(FleetDatabase& fleet) : fleet_(fleet) {}

  FleetDatabase& fleet_;
  Members devices_;
  std::vector<std::string> joined_;
  uint32_t live_ = 0;
  uint64_t revocations_ = 0, changes_ = 0, facts_changes_ = 0;
  std::unordered_map<std::string, std::string> ids_by_name_;  // of members that are not revoked
};

}  // namespace linnet::coordinator

#endif  // LINNET_COORDINATOR_COHORT_H_
