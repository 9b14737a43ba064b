#ifndef LINNET_AGENT_PEERS_LOG_HEADS_H_
#define LINNET_AGENT_PEERS_LOG_HEADS_H_

#include "absl/status/status.h"
#include "storage/audit/published.h"

namespace linnet::peer::v1 {
class ExchangeHeadsRequest;
class LogHead;
}  // namespace linnet::peer::v1

namespace linnet::peers {

// Heads of the coordinator's log between messages and the rest. What came in is verified by who hears it.
void ToProto(const audit::LogHead& head, peer::v1::LogHead& out);
audit::LogHead FromProto(const peer::v1::LogHead& head);

// InvalidArgument: unknown fields, or bytes of a length that a head does not have; FailedPrecondition:
// another protocol.
absl::Status CheckExchange(const peer::v1::ExchangeHeadsRequest& request);

}  // namespace linnet::peers

#endif  // LINNET_AGENT_PEERS_LOG_HEADS_H_
