#ifndef LINNET_COORDINATOR_SEEN_LOG_H_
#define LINNET_COORDINATOR_SEEN_LOG_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/mutex.h"
#include "storage/db/database.h"
#include "storage/repo/sightings.h"

namespace linnet::coordinator {

// Writes what devices said last, all that waits in one commit: the more of them talk, the more share a sync
// of the disk. A file (seen.db) of its own, so that nobody who holds FleetDatabase::mutex waits for it, and
// three threads: one commits, one answers while the next commit waits for the disk, and one copies SQLite's
// log back into the file, which takes syncs of its own. Thread-safe.
class SeenLog {
 public:
  static absl::StatusOr<std::unique_ptr<SeenLog>> Open(const std::string& path);
  ~SeenLog();  // writes what waits
  SeenLog(const SeenLog&) = delete;
  SeenLog& operator=(const SeenLog&) = delete;

  // What was on the disk when it was opened; once.
  std::map<std::string, repo::DeviceReport> TakeLoaded() { return std::move(loaded_); }

  // `done` (may be empty) is called once, on a thread of the log, when the report is on the disk. Also when
  // it could not be written, which is logged: a full disk here must not keep a "stop" from a device.
  void Append(std::string device, repo::DeviceReport report, std::function<void()> done);

 private:
  struct Item {
    std::string device;
    repo::DeviceReport report;
    std::function<void()> done;
  };
  enum class Copying : uint8_t { kIdle, kWanted, kRest };

  SeenLog(std::unique_ptr<db::Database> db, repo::Sightings sightings, std::unique_ptr<db::Database> copier)
      : db_(std::move(db)), sightings_(std::move(sightings)), copier_(std::move(copier)) {}
  void CommitRun();
  void AnswerRun();
  void CopyRun();
  absl::Status Write(const std::vector<Item>& items);
  void CopyBackAfter(size_t items);

  const std::unique_ptr<db::Database> db_;  // on the committing thread, once it runs
  repo::Sightings sightings_;
  const std::unique_ptr<db::Database> copier_;  // on the copying thread
  size_t log_pages_ = 0;                        // of SQLite's log, about; on the committing thread
  std::map<std::string, repo::DeviceReport> loaded_;
  base::Mutex mutex_;
  base::CondVar wake_, answer_, copy_;
  std::vector<Item> waiting_ ABSL_GUARDED_BY(mutex_), saved_ ABSL_GUARDED_BY(mutex_);
  Copying copying_ ABSL_GUARDED_BY(mutex_) = Copying::kIdle;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  bool committed_all_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread committing_, answering_, copying_back_;
};

}  // namespace linnet::coordinator

#endif  // LINNET_COORDINATOR_SEEN_LOG_H_
