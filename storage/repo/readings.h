#ifndef LINNET_STORAGE_REPO_READINGS_H_
#define LINNET_STORAGE_REPO_READINGS_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/repo/user_database.h"

namespace linnet::repo {

struct TimedValue {
  absl::Time time;
  double value = 0;
};

struct ChannelRow {
  int64_t id = 0;
  std::string name, unit;
  uint64_t readings = 0;  // ever
  absl::Time last_time;
};

struct ReadingsLimits {
  uint64_t max_bytes = 64 << 20;                   // of sealed blocks
  absl::Duration max_age = absl::Hours(24 * 180);  // by the readings' own time
};

// Sensor readings of user.db, in sealed blocks of at most 256 per channel (16 bytes each), oldest blocks
// dropped first. Inside UserDatabase::Write or Read only.
class Readings {
 public:
  static constexpr uint32_t kBlockReadings = 256;

  // `database` must outlive this.
  static absl::StatusOr<std::unique_ptr<Readings>> Open(UserDatabase& database, const ReadingsLimits& limits);

  // `values` of one channel, in time order.
  absl::Status Append(std::string_view channel, std::string_view unit, std::span<const TimedValue> values);
  // Drops what is over the limits. Cheap when nothing is.
  absl::Status Prune(absl::Time now);

  absl::StatusOr<std::vector<ChannelRow>> Channels();
  // The newest `limit` values of a channel, oldest first.
  absl::StatusOr<std::vector<TimedValue>> Latest(int64_t channel_id, uint32_t limit);
  absl::StatusOr<uint64_t> Total();
  absl::StatusOr<uint64_t> StoredBytes();

 private:
  struct Statements {
    db::Statement find_channel, add_channel, count_channel, tail_block, add_block, set_block;
  };
  Readings(UserDatabase& database, const ReadingsLimits& limits, Statements statements)
      : database_(database), limits_(limits), sql_(std::move(statements)) {}
  absl::StatusOr<int64_t> ChannelId(std::string_view channel, std::string_view unit);

  UserDatabase& database_;
  ReadingsLimits limits_;
  Statements sql_;
};

}  // namespace linnet::repo

#endif  // LINNET_STORAGE_REPO_READINGS_H_
