#ifndef LINNET_AGENT_PEERS_PEER_CHECK_H_
#define LINNET_AGENT_PEERS_PEER_CHECK_H_

#include <functional>

#include "agent/peers/peer_options.h"

namespace linnet::peers {

// Lets devices of the fleet pass which are not this one and not refused. The same in both directions: a
// device's certificate says "member", and is a client's; the coordinator's, an owner's and an operator's do
// not pass.
net::PeerVerifier MemberOfFleet(const PeerIdentity& own, IsRefused is_refused,
                                std::function<absl::Time()> now);

// Of a certificate that passed, at each call, since a connection may outlive what was true when it began: the
// device's id. Unauthenticated, PermissionDenied.
absl::StatusOr<std::string> StillMember(const base::Certificate& certificate, const IsRefused& is_refused,
                                        absl::Time now);

}  // namespace linnet::peers

#endif  // LINNET_AGENT_PEERS_PEER_CHECK_H_
