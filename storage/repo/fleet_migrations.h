#ifndef LINNET_STORAGE_REPO_FLEET_MIGRATIONS_H_
#define LINNET_STORAGE_REPO_FLEET_MIGRATIONS_H_

#include <vector>

#include "storage/db/database.h"

namespace linnet::repo {

// The coordinator's fleet.db: devices, tokens, rollouts, receipts, audit. No user data can be in it.
const std::vector<db::Migration>& FleetMigrations();

}  // namespace linnet::repo

#endif  // LINNET_STORAGE_REPO_FLEET_MIGRATIONS_H_
