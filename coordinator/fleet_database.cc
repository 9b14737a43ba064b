#include "coordinator/fleet_database.h"

#include "runtime/base/status_macros.h"
#include "storage/repo/fleet_migrations.h"

namespace linnet::coordinator {

absl::StatusOr<std::unique_ptr<FleetDatabase>> FleetDatabase::Open(const std::string& path) {
  LINNET_ASSIGN_OR_RETURN(auto db, db::Database::Open(path, db::Durability::kFull));
  LINNET_RETURN_IF_ERROR(db::Migrate(*db, repo::FleetMigrations()));
  auto fleet = std::make_unique<FleetDatabase>(std::move(db));
  LINNET_RETURN_IF_ERROR(fleet->audit.Verify());
  return fleet;
}

}  // namespace linnet::coordinator
