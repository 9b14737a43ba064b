#ifndef LINNET_RUNTIME_NET_PEER_H_
#define LINNET_RUNTIME_NET_PEER_H_

#include <string>

namespace grpc {
class ServerContextBase;
}

namespace linnet::net {

// The client's leaf certificate as the handshake accepted it, in PEM; empty when it showed none. To parse one
// costs as much as a small RPC: a server that hears from the same devices again and again remembers what it
// found.
std::string PeerPem(const grpc::ServerContextBase& context);

}  // namespace linnet::net

#endif  // LINNET_RUNTIME_NET_PEER_H_
