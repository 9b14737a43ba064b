#ifndef LINNET_STORAGE_REPO_ANOMALIES_H_
#define LINNET_STORAGE_REPO_ANOMALIES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/repo/user_database.h"

namespace linnet::repo {

// The numbers of kind, direction and severity are those of agent/sensors/anomaly.h.
struct AnomalyRow {
  int64_t id = 0;
  std::string channel, unit, axis, feature;
  int kind = 0, direction = 0, severity = 0;
  double value = 0, baseline = 0, z = 0;
  absl::Time start;
  absl::Duration duration;
  bool ongoing = false;
};

// Anomalies of user.db; a channel has at most one that starts at a given time. Inside UserDatabase::Write or
// Read only.
class Anomalies {
 public:
  static constexpr int64_t kMaxRows = 10'000;  // the oldest go first

  explicit Anomalies(UserDatabase& database) : database_(database) {}

  // Adds, or replaces the row of the same channel and start; returns its id, which stays.
  absl::StatusOr<int64_t> Put(const AnomalyRow& anomaly);
  absl::StatusOr<std::vector<AnomalyRow>> Latest(uint32_t limit);  // newest start first
  absl::StatusOr<std::vector<AnomalyRow>> Ongoing();               // newest start first
  absl::StatusOr<AnomalyRow> Get(int64_t id);                      // NotFound
  absl::StatusOr<uint64_t> Count();
  // What a stop cut off: all that are marked as ongoing are marked as ended.
  absl::Status EndAll();

 private:
  absl::StatusOr<AnomalyRow> RowOf(const db::Statement& select);
  absl::StatusOr<std::vector<AnomalyRow>> Select(const std::string& where, int64_t limit);
  UserDatabase& database_;
};

}  // namespace linnet::repo

#endif  // LINNET_STORAGE_REPO_ANOMALIES_H_
