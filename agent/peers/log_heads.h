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

// Beyond net::CheckRequest. InvalidArgument: a head without a size, a hash or a signature, or of more entries
// than a log has.
absl::Status CheckExchange(const peer::v1::ExchangeHeadsRequest& request);

}  // namespace linnet::peers

#endif  // LINNET_AGENT_PEERS_LOG_HEADS_H_
