#ifndef LINNET_COORDINATOR_FLEET_DATABASE_H_
#define LINNET_COORDINATOR_FLEET_DATABASE_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/base/mutex.h"
#include "storage/db/database.h"
#include "storage/repo/audit.h"
#include "storage/repo/devices.h"
#include "storage/repo/rollouts.h"
#include "storage/repo/tokens.h"

namespace linnet::coordinator {

// fleet.db, and the one lock over it and over all that is kept in memory of it (cohort, rollouts). Whoever
// uses a member holds `mutex`; public methods of Enrollment and RolloutDriver take it themselves.
struct FleetDatabase {
  static absl::StatusOr<std::unique_ptr<FleetDatabase>> Open(const std::string& path);

  explicit FleetDatabase(std::unique_ptr<db::Database> database)
      : db(std::move(database)), devices(*db), tokens(*db), rollouts(*db), audit(*db) {}

  base::Mutex mutex;
  std::unique_ptr<db::Database> db;
  repo::Devices devices;
  repo::Tokens tokens;
  repo::Rollouts rollouts;
  repo::Audit audit;
};

}  // namespace linnet::coordinator

#endif  // LINNET_COORDINATOR_FLEET_DATABASE_H_
