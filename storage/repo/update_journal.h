#ifndef LINNET_STORAGE_REPO_UPDATE_JOURNAL_H_
#define LINNET_STORAGE_REPO_UPDATE_JOURNAL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/db/database.h"

namespace linnet::repo {

// One try to install a model. Numbers of state, outcome and reason are fleet.proto's.
struct UpdateAttempt {
  uint64_t attempt = 0;  // 1, 2, ...; also the counter of its receipt
  int state = 0;
  // Empty: the owner offered a file, or this device repairs its own. Only plan_sha256 empty: the owner
  // brought a bundle.
  std::string plan_path, plan_sha256, plan_json;
  std::string model_target, model_sha256, model_license;
  uint64_t model_bytes = 0;
  uint64_t release_counter = 0;
  std::string index_json;
  // What the model is asked before it runs here, and how much of it must be right; empty: nothing was signed.
  std::string suite_json;
  uint32_t suite_least_ppm = 0;
  std::string probe_json;  // what the probe said, for EVAL
  uint32_t probes = 0;     // started, counted before each; one that was seen to die counts twice
  uint32_t tries = 0;      // without progress, in this state
  uint32_t sequence = 0;   // of the next report
  int outcome = 0;
  int reason = 0;
  std::string error;  // for people
  // Up-time in this state, and generations that ended well in it, summed over starts; as of the last save.
  absl::Duration state_time;
  uint64_t inferences = 0;
  absl::Time started, changed;
};

// The update machine's memory: saved before it acts. At most one attempt is open. Used inside
// StateDatabase::Write or Read.
class UpdateJournal {
 public:
  explicit UpdateJournal(db::Database& db) : db_(db) {}

  absl::StatusOr<std::optional<UpdateAttempt>> Open();  // the one that is under way
  absl::StatusOr<uint64_t> Begin(
      const UpdateAttempt& attempt);  // its number; FailedPrecondition: one is open
  absl::Status Save(const UpdateAttempt& attempt);
  // Closes it; the last 50 are kept.
  absl::Status Close(const UpdateAttempt& attempt);
  // Has a plan ended here, whatever way?
  absl::StatusOr<bool> HasEnded(std::string_view plan_sha256);
  absl::StatusOr<std::optional<UpdateAttempt>> Last();  // of those that ended

  // When this device first saw enough passes of earlier waves: its soak starts then.
  absl::StatusOr<absl::Time> SoakStart(std::string_view plan_sha256, absl::Time now);

 private:
  absl::StatusOr<std::optional<UpdateAttempt>> Select(const std::string& where);
  db::Database& db_;
};

}  // namespace linnet::repo

#endif  // LINNET_STORAGE_REPO_UPDATE_JOURNAL_H_
