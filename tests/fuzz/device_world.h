#ifndef LINNET_TESTS_FUZZ_DEVICE_WORLD_H_
#define LINNET_TESTS_FUZZ_DEVICE_WORLD_H_

#include <memory>
#include <string>

#include "agent/fleet/fleet_link.h"
#include "agent/fleet/membership.h"
#include "agent/fleet/uplink.h"
#include "agent/update/model_host.h"
#include "agent/update/probe.h"
#include "agent/update/revocations.h"
#include "agent/update/update_driver.h"
#include "agent/update/witness.h"
#include "storage/chunks/chunk_store.h"
#include "storage/repo/state_database.h"
#include "storage/trust/updater.h"
#include "tests/fuzz/database_rows.h"
#include "tests/fuzz/honest_coordinator.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace linnet::testing {

// The fleet half of a device, all of it but its threads, in a folder in memory: the canary of a
// CoordinatorWorld, or a device that is no member yet. It trusts the site's root, knows no other metadata and
// runs no model. Its connection lives on from one Reset to the next.
class DeviceWorld {
 public:
  enum class Kind { kCanary, kNewcomer };
  DeviceWorld(Kind kind, HonestCoordinator& site, const std::string& coordinator_address);
  ~DeviceWorld();

  // All as it was at first. `who`: what it is to its fleet may have changed, too; then it connects anew.
  void Reset(bool who = false);
  // What is there at the next Reset is what is there now, with no connection.
  void KeepAsFirst();

  // All rows but the journal of what was sent, and all files but keys that an enrolment or a renewal is for.
  std::string Rows();
  // The same, without what is kept of chunks and of the coordinator's log.
  std::string RowsBesideChunksAndLog();
  // Stops the program unless all that is there was signed by who may: metadata by the site or, for snapshot
  // and timestamp, by the coordinator's keys; heads by its key; models and attempts by the plans of the site.
  void CheckOnlySigned();

  std::unique_ptr<update::UpdateDriver> NewDriver();
  std::string models_dir() const { return dir_ / "models"; }
  base::FileSystem& fs() { return base::FileSystem::Real(); }
  FakeClock& clock() { return clock_; }
  HonestCoordinator& site() { return site_; }
  repo::StateDatabase& state() { return *state_; }
  fleet::Membership& membership() { return *membership_; }
  fleet::UplinkGate& gate() { return *gate_; }
  fleet::FleetLink& link() { return *link_; }
  trust::TrustStore& trust() { return trust_; }
  update::Witness& witness() { return *witness_; }
  chunks::ChunkStore& store() { return *store_; }

 private:
  class Host;
  class YesProbe;
  std::string Files() const;
  void OpenIdentity();
  void CheckMetadata();
  void CheckHeads();
  void CheckModels();

  const Kind kind_;
  HonestCoordinator& site_;
  TempDir dir_{/*in_memory=*/true}, first_{/*in_memory=*/true};
  FakeClock clock_;
  trust::TrustStore trust_;
  std::unique_ptr<repo::StateDatabase> state_;
  std::unique_ptr<db::Database> chunk_db_, restore_db_;
  std::unique_ptr<chunks::ChunkStore> store_;
  std::unique_ptr<Host> host_;
  std::unique_ptr<YesProbe> probe_;
  std::unique_ptr<fleet::UplinkGate> gate_;
  std::unique_ptr<fleet::Membership> membership_;
  std::unique_ptr<fleet::FleetLink> link_;
  std::unique_ptr<update::Revocations> revocations_;
  std::unique_ptr<update::Witness> witness_;
  std::unique_ptr<DatabaseRows> rows_, other_rows_;
  std::string restore_sql_;
};

}  // namespace linnet::testing

#endif  // LINNET_TESTS_FUZZ_DEVICE_WORLD_H_
