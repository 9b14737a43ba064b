#ifndef LINNET_STORAGE_REPO_SIGHTINGS_H_
#define LINNET_STORAGE_REPO_SIGHTINGS_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/db/database.h"
#include "storage/repo/devices.h"

namespace linnet::repo {

// What each device said last: seen.db, a file of its own, because it is written thousands of times a second
// and nothing hangs on it. One thread at a time; the caller holds the transaction.
class Sightings {
 public:
  static absl::StatusOr<Sightings> Prepare(db::Database& db);

  absl::Status Put(std::string_view device, const DeviceReport& report);
  absl::StatusOr<std::map<std::string, DeviceReport>> All();  // by device

 private:
  Sightings(db::Database& db, db::Statement put) : db_(&db), put_(std::move(put)) {}

  db::Database* db_;
  db::Statement put_;
};

const std::vector<db::Migration>& SightingMigrations();

}  // namespace linnet::repo

#endif  // LINNET_STORAGE_REPO_SIGHTINGS_H_
