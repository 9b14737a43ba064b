#ifndef LINNET_STORAGE_REPO_SIGHTINGS_H_
#define LINNET_STORAGE_REPO_SIGHTINGS_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/db/database.h"
#include "storage/repo/devices.h"

namespace linnet::repo {

// What each device said last: seen.db, a file of its own, because it is written thousands of times a second
// and nothing hangs on it. A row is added for each word, at the end of the table, so that a commit of many
// writes a few pages and not one for each device; from the front rows go again, those that are still the last
// word of their device by way of the end. So there are never many more than two rows a device. One thread at
// a time; the caller holds the transaction.
class Sightings {
 public:
  static absl::StatusOr<Sightings> Prepare(db::Database& db);

  // After an error, and after a transaction that failed, call Reload before the next one.
  absl::Status Put(std::string_view device, const DeviceReport& report);
  // Looks at up to so many rows at the front; does nothing while there are few. Twice what was Put keeps
  // pace.
  absl::Status Tidy(int64_t most_rows);
  absl::Status Reload();
  absl::StatusOr<std::map<std::string, DeviceReport>> All();  // by device
  int64_t rows() const { return end_ - begin_; }

 private:
  Sightings(db::Database& db, db::Statement put, db::Statement front, db::Statement again, db::Statement drop)
      : db_(&db),
        put_(std::move(put)),
        front_(std::move(front)),
        again_(std::move(again)),
        drop_(std::move(drop)) {}

  db::Database* db_;
  db::Statement put_, front_, again_, drop_;
  int64_t begin_ = 1, end_ = 1;                      // rows have the numbers from begin_ to before end_
  std::unordered_map<std::string, int64_t> newest_;  // by device: the number of its last row
};

// How far the write-ahead log of `db` has grown, and how much of it is in the database file already.
struct WalState {
  int64_t pages = 0, copied = 0;
};
// The log is copied back into the file only when CopyBack is called, and may grow to `bytes` before it begins
// anew.
absl::Status CopyBackByHand(db::Database& db, int64_t bytes);
// Copies what can be copied without making anybody wait.
absl::StatusOr<WalState> CopyBack(db::Database& db);

const std::vector<db::Migration>& SightingMigrations();

}  // namespace linnet::repo

#endif  // LINNET_STORAGE_REPO_SIGHTINGS_H_
