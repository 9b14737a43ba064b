#ifndef LINNET_COORDINATOR_COHORT_H_
#define LINNET_COORDINATOR_COHORT_H_

#include <cstdint>
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
  // `slot`: a small number of its own for as long as the program runs, so that whoever keeps something of
  // every member needs a row of a table and no look-up.
  struct Member {
    repo::DeviceRow row;
    uint32_t slot = 0;
  };
  using Members = std::map<std::string, Member, std::less<>>;  // by id

  // `seen`: what SeenLog had on the disk.
  static absl::StatusOr<std::unique_ptr<Cohort>> Load(FleetDatabase& fleet,
                                                      std::map<std::string, repo::DeviceReport> seen);

  // nullptr: not a member.
  const repo::DeviceRow* Find(std::string_view id) const;
  const Member* FindMember(std::string_view id) const;
  const repo::DeviceRow* FindByName(std::string_view name) const;  // not among revoked ones
  const Members& all() const { return devices_; }
  const std::vector<const Member*>& by_slot() const { return by_slot_; }  // nullptr: nobody's any more
  uint32_t live() const { return live_; }                                 // members that are not revoked

  // Grows when a member is revoked, and with Reload: whatever was counted before may be wrong. Members that
  // join only make by_slot() longer.
  uint64_t revocations() const { return revocations_; }

  // Writes, then remembers. Call it inside a transaction, and Reload if that fails.
  absl::Status Put(repo::DeviceRow device);
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
  std::vector<const Member*> by_slot_;
  uint32_t live_ = 0;
  uint64_t revocations_ = 0;
  std::unordered_map<std::string, std::string> ids_by_name_;  // of members that are not revoked
};

}  // namespace linnet::coordinator

#endif  // LINNET_COORDINATOR_COHORT_H_
