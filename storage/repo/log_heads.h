#ifndef LINNET_STORAGE_REPO_LOG_HEADS_H_
#define LINNET_STORAGE_REPO_LOG_HEADS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/audit/published.h"
#include "storage/db/database.h"

namespace linnet::repo {

// Two heads that one log cannot have had, both signed with the site's timestamp key.
struct LogEvidence {
  enum class Kind : uint8_t {
    kSplit = 1,     // the same size, another root: proof by itself
    kNotGrown = 2,  // the coordinator could not show that one grew from the other
  };
  Kind kind = Kind::kSplit;
  std::string key;  // 32 bytes, that signed both
  audit::LogHead first, second;
  absl::Time noticed;
};

// What a device knows of its coordinator's log. `key`: raw Ed25519, 32 bytes. Used inside
// StateDatabase::Write or Read.
class LogHeads {
 public:
  // More are not kept: those that came first are.
  static constexpr size_t kMostUnproved = 8, kMostEvidence = 4;

  explicit LogHeads(db::Database& db) : db_(db) {}

  // The newest head that the coordinator has shown to continue all before.
  absl::StatusOr<std::optional<audit::LogHead>> Newest(std::string_view key);
  absl::Status SetNewest(std::string_view key, const audit::LogHead& head);

  // Heads that other devices showed, and that the coordinator has yet to place. AddUnproved does nothing
  // when it is there, or there are kMostUnproved.
  absl::StatusOr<std::vector<audit::LogHead>> Unproved(std::string_view key);
  absl::Status AddUnproved(std::string_view key, const audit::LogHead& head);
  absl::Status RemoveUnproved(std::string_view key, const audit::LogHead& head);

  // Nothing when these two heads are there, or there are kMostEvidence of this key; true: it was added.
  absl::StatusOr<bool> AddEvidence(const LogEvidence& evidence);
  absl::StatusOr<std::vector<LogEvidence>> Evidence();  // oldest first

  // All heads of other keys than these; evidence stays.
  absl::Status ForgetOthers(const std::vector<std::string>& keys);
  absl::Status Forget();  // everything

 private:
  absl::StatusOr<std::vector<audit::LogHead>> Heads(std::string_view key, bool proved);

  db::Database& db_;
};

}  // namespace linnet::repo

#endif  // LINNET_STORAGE_REPO_LOG_HEADS_H_
