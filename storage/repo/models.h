#ifndef LINNET_STORAGE_REPO_MODELS_H_
#define LINNET_STORAGE_REPO_MODELS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/db/database.h"

namespace linnet::repo {

struct InstalledModel {
  std::string sha256;  // 32 bytes; the file is in the chunk store under it
  std::string target;  // TUF path
  std::string license;
  uint64_t bytes = 0;
  uint64_t release_counter = 0;
  absl::Time installed;
};

// A/B for models. `trial`: `active` has not been committed; each start counts `boots_left` down, unless the
// stop before it was meant.
struct ModelSlots {
  std::string active, previous;  // 32 bytes, or empty: none
  bool trial = false;
  uint32_t boots_left = 0;
  bool clean_stop = false;  // of the trial's last run
  // Was committed, and its file has rotted since: to be repaired. Empty: none.
  std::string damaged;
};

// The newest committed release of a family: nothing older is installed, nor another file of the same release.
struct ReleaseFloor {
  uint64_t counter = 0;  // 0: none yet
  std::string sha256;
  bool Allows(uint64_t release_counter, std::string_view file_sha256) const {
    return release_counter > counter || (release_counter == counter && file_sha256 == sha256);
  }
};

// Installed models, which one runs, and what may not run. Used inside StateDatabase::Write or Read.
// Invariants: active and previous are rows of model; only Commit raises a floor; a floor never falls.
class Models {
 public:
  explicit Models(db::Database& db) : db_(db) {}

  absl::StatusOr<std::vector<InstalledModel>> List();  // newest first
  absl::StatusOr<std::optional<InstalledModel>> Find(std::string_view sha256);
  absl::StatusOr<ModelSlots> Slots();

  // Adds the row, makes it active on trial, and what was active becomes previous. Nothing to do when it is
  // active already.
  absl::Status Activate(const InstalledModel& model, uint32_t boots);
  // One start of the trial. The boots left, counted down unless the last stop was a clean one; 0 stays 0. The
  // mark of that stop is used up.
  absl::StatusOr<uint32_t> CountBoot();
  // The trial's run ends because it was told to. Nothing to do when there is no trial.
  absl::Status MarkCleanStop();
  // Ends the trial, raises the floor, and forgets models in no slot.
  absl::Status Commit();
  // Ends the trial with the previous model (perhaps none) active. Nothing to do when there is no trial.
  absl::Status RollBack();
  // The file of `active`, which is not on trial, is damaged: `previous` (perhaps none) becomes active, and
  // what was active is kept as `damaged` (if several are, the first) until a model is committed or
  // ForgetDamaged.
  absl::Status FallBack();
  absl::Status ForgetDamaged();

  absl::StatusOr<ReleaseFloor> FloorOf(std::string_view target);
  // A model that failed under a plan does not run again until another plan (32-byte hash; empty: none) says
  // so.
  absl::Status Quarantine(std::string_view sha256, std::string_view plan_sha256, absl::Time now);
  absl::StatusOr<bool> IsQuarantined(std::string_view sha256, std::string_view plan_sha256);

  // What a floor is kept for: "models/starter/x-12.linnet" is of "models/starter". One key signs a family,
  // and counts its releases.
  static std::string FamilyOf(std::string_view target);

 private:
  absl::Status ForgetLoose();  // rows in no slot, and not damaged
  db::Database& db_;
};

}  // namespace linnet::repo

#endif  // LINNET_STORAGE_REPO_MODELS_H_
