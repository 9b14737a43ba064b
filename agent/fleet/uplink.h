#ifndef LINNET_AGENT_FLEET_UPLINK_H_
#define LINNET_AGENT_FLEET_UPLINK_H_

#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/clock.h"
#include "storage/repo/state_database.h"
#include "storage/repo/uplink_journal.h"

namespace google::protobuf {
class Message;
}

namespace linnet::fleet {

// Every value in the message, by the meaning that its schema gives it (linnet.privacy.v1.value).
// InvalidArgument when a field has no such meaning, or the message is not what net::CheckSaid lets through (a
// field that is not in the schema, bytes of another length, a value of an enumeration that nobody knows, more
// than 1 KiB): such a message is never sent.
absl::StatusOr<std::vector<repo::UplinkField>> FieldsOf(const google::protobuf::Message& message);

// The gate that every message to a coordinator or a peer passes: checked, counted, written down, then sent.
// Thread-safe.
class UplinkGate {
 public:
  // `update_under_way`: a signed plan was believed and its update has not ended; any thread. Empty: never.
  UplinkGate(repo::StateDatabase& state, const base::Clock& clock, uint64_t budget_bytes_a_day,
             std::function<bool()> update_under_way = nullptr)
      : state_(state), clock_(clock), budget_(budget_bytes_a_day), updating_(std::move(update_under_way)) {}

  // OK: it is in the journal and may go. `for_update`: such as an update needs; outside the budget while one
  // is under way. ResourceExhausted: the day's budget is used up.
  absl::Status Admit(const google::protobuf::Message& message, bool for_update);
  // What goes to other devices in answer to them is counted only: it is published, and what they asked for.
  // Negative numbers take back what was counted before and did not go.
  absl::Status CountServed(std::string_view message, int64_t messages, int64_t bytes);
  uint64_t budget_bytes_a_day() const { return budget_; }

 private:
  repo::StateDatabase& state_;
  const base::Clock& clock_;
  const uint64_t budget_;
  const std::function<bool()> updating_;
};

}  // namespace linnet::fleet

#endif  // LINNET_AGENT_FLEET_UPLINK_H_
