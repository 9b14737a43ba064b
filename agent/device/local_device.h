#ifndef LINNET_AGENT_DEVICE_LOCAL_DEVICE_H_
#define LINNET_AGENT_DEVICE_LOCAL_DEVICE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/answer/ask.h"
#include "agent/device/model_slot.h"
#include "agent/sensors/ingest.h"
#include "runtime/base/clock.h"
#include "runtime/base/mutex.h"
#include "storage/repo/anomalies.h"
#include "storage/repo/conversations.h"
#include "storage/repo/entities.h"
#include "storage/repo/inventory.h"
#include "storage/repo/readings.h"
#include "storage/repo/user_database.h"

namespace linnet::device {

struct LocalDeviceOptions {
  std::function<std::string()> name;  // of the device; may change when it joins a fleet
  absl::TimeZone zone = absl::LocalTimeZone();
  sensors::IngestOptions ingest;
  repo::ReadingsLimits readings;
};

struct IngestOutcome {
  uint64_t readings = 0, rejected = 0;
  std::string first_rejection;
  std::map<int64_t, repo::AnomalyRow> anomalies;  // by id: found or changed, as they stand now
};

struct AskOutcome {
  answer::Answer answer;
  std::string model;  // that serves now; empty: none
};

struct LocalCounts {
  uint64_t readings = 0, anomalies = 0, answers = 0, template_answers = 0;
};

// What a device does for its owner, whatever door the wish came through: readings in, anomalies and answers
// out. Holds nothing of the fleet. Thread-safe; every call may block on the disk or the model.
class LocalDevice {
 public:
  static constexpr size_t kMaxItems = 1'000;  // of the inventory
  static constexpr size_t kMaxEntities = 1'000;
  static constexpr size_t kMaxNameBytes = 128;
  // After a restart the detectors learn again from so many kept readings of a channel: five hours at one a
  // second, two months at one in five minutes; less where many channels share the total.
  static constexpr uint32_t kReplayReadings = 20'000, kReplayTotal = 1'000'000;

  // `database`, `models`, `clock` outlive this.
  static absl::StatusOr<std::unique_ptr<LocalDevice>> Create(repo::UserDatabase& database, ModelSlot& models,
                                                             const base::Clock& clock,
                                                             LocalDeviceOptions options);

  // Readings of one channel: judged, then kept with what was found in one transaction. Bad readings are
  // counted in `outcome`, not errors. Errors (ResourceExhausted: disk full, ...): nothing of this call was
  // kept, and the same readings may be sent again.
  absl::Status Ingest(std::string_view channel, std::string_view unit,
                      std::span<const repo::TimedValue> readings, IngestOutcome& outcome);

  // Replaces all. InvalidArgument names the item and what is wrong with it; so are a name or alias of two
  // rooms and a device in a room that is not among them.
  absl::Status SetInventory(const std::vector<repo::InventoryRow>& items);
  absl::Status SetEntities(const std::vector<repo::EntityRow>& entities, const std::string& own_room);

  absl::StatusOr<std::vector<repo::AnomalyRow>> Anomalies(uint32_t limit);  // newest first

  // `anomaly_id` not 0: the report is about that one (NotFound). Else errors of answer::Asker::Ask.
  absl::StatusOr<AskOutcome> Ask(const answer::AskRequest& request, uint64_t anomaly_id);

  absl::StatusOr<LocalCounts> Counts();
  std::string name() const { return options_.name(); }

 private:
  LocalDevice(repo::UserDatabase& database, ModelSlot& models, const base::Clock& clock,
              LocalDeviceOptions options, std::unique_ptr<repo::Readings> readings);
  // After a restart the detectors take up the stored readings; at first use, so that a start is fast.
  absl::Status Restore() ABSL_EXCLUSIVE_LOCKS_REQUIRED(ingest_mutex_);
  // The row of what a detector shows now.
  repo::AnomalyRow Kept(const sensors::Anomaly& anomaly) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(ingest_mutex_);
  absl::StatusOr<answer::DeviceState> State(uint64_t anomaly_id);

  repo::UserDatabase& database_;
  ModelSlot& models_;
  const base::Clock& clock_;
  const LocalDeviceOptions options_;
  const std::unique_ptr<repo::Readings> readings_;
  repo::Anomalies anomalies_;
  repo::Inventory inventory_;
  repo::Entities entities_;
  repo::Conversations conversations_;
  answer::Asker asker_;

  base::Mutex ingest_mutex_;
  std::unique_ptr<sensors::Ingest> ingest_ ABSL_GUARDED_BY(ingest_mutex_);  // null: not restored
  // An anomaly that lasts over a restart is found again, perhaps with another start (the baseline is learned
  // from later readings): channel and the start found -> the start of its row.
  std::map<std::pair<std::string, absl::Time>, absl::Time> started_ ABSL_GUARDED_BY(ingest_mutex_);
  uint32_t appends_since_prune_ ABSL_GUARDED_BY(ingest_mutex_) = 0;
};

}  // namespace linnet::device

#endif  // LINNET_AGENT_DEVICE_LOCAL_DEVICE_H_
