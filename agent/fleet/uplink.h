#ifndef LINNET_AGENT_FLEET_UPLINK_H_
#define LINNET_AGENT_FLEET_UPLINK_H_

#include <cstdint>
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
// InvalidArgument when a field has no such meaning, has bytes of another length than it says, or is not in
// the schema: such a message is never sent.
absl::StatusOr<std::vector<repo::UplinkField>> FieldsOf(const google::protobuf::Message& message);

// The gate that every message to a coordinator passes: checked, counted, written down, then sent.
// Thread-safe.
class UplinkGate {
 public:
  UplinkGate(repo::StateDatabase& state, const base::Clock& clock, uint64_t budget_bytes_a_day)
      : state_(state), clock_(clock), budget_(budget_bytes_a_day) {}

  // OK: it is in the journal and may go. `for_update`: an update needs it, outside the budget.
  // ResourceExhausted: the day's budget is used up.
  absl::Status Admit(const google::protobuf::Message& message, bool for_update);
  uint64_t budget_bytes_a_day() const { return budget_; }

 private:
  repo::StateDatabase& state_;
  const base::Clock& clock_;
  const uint64_t budget_;
};

}  // namespace linnet::fleet

#endif  // LINNET_AGENT_FLEET_UPLINK_H_
