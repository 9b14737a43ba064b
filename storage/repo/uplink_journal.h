#ifndef LINNET_STORAGE_REPO_UPLINK_JOURNAL_H_
#define LINNET_STORAGE_REPO_UPLINK_JOURNAL_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/db/database.h"

namespace linnet::repo {

struct UplinkField {
  std::string name;  // "receipt.signature", "sha256[3]"
  uint32_t bytes = 0;
  std::string kind;   // of linnet.privacy.v1.Kind
  std::string value;  // hex or decimal, as sent
};

struct UplinkMessage {
  uint64_t id = 0;
  absl::Time time;
  std::string message;      // full name of the protocol message
  uint32_t bytes = 0;       // as sent, without framing
  bool for_update = false;  // an update needs it: outside the daily budget
  std::vector<UplinkField> fields;
};

// What was served to other devices of the fleet, ever, of one kind of message.
struct ServedTotal {
  std::string message;  // full name of the protocol message
  uint64_t messages = 0, bytes = 0;
};

struct UplinkTotals {
  uint64_t messages = 0, bytes = 0;  // ever, also of what was pruned
  uint64_t bytes_today = 0;          // UTC day
  uint64_t budget_bytes_today = 0;   // of them, what counts against the budget
  std::vector<ServedTotal> served;   // by name
};

// Every message that this device sent to a coordinator or a peer, written before it is sent; and how many
// answers it gave to other devices. Used inside StateDatabase::Write or Read.
class UplinkJournal {
 public:
  // Oldest messages go when the fields take more than this on flash. At 64 KiB a day: weeks.
  static constexpr uint64_t kMaxStoredBytes = 4 << 20;

  explicit UplinkJournal(db::Database& db, uint64_t max_stored_bytes = kMaxStoredBytes)
      : db_(db), max_stored_bytes_(max_stored_bytes) {}

  absl::Status Append(const UplinkMessage& message);  // `id` is ignored
  // Adds; negative numbers take back what was counted and not sent.
  absl::Status CountServed(std::string_view message, int64_t messages, int64_t bytes);
  // With id > `after_id`, oldest first.
  absl::StatusOr<std::vector<UplinkMessage>> List(uint64_t after_id, uint32_t limit);
  absl::StatusOr<UplinkTotals> Totals(absl::Time now);

 private:
  db::Database& db_;
  uint64_t max_stored_bytes_;
};

}  // namespace linnet::repo

#endif  // LINNET_STORAGE_REPO_UPLINK_JOURNAL_H_
