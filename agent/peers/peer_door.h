#ifndef LINNET_AGENT_PEERS_PEER_DOOR_H_
#define LINNET_AGENT_PEERS_PEER_DOOR_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/peers/peer_options.h"
#include "agent/peers/shelf.h"

namespace grpc {
class Service;
}

namespace linnet::peers {

// The server of peer.proto: mutual TLS among the devices of one fleet, chunks of the shelf, the head of the
// coordinator's log, and nothing else.
// Bounded: connections, streams (in all and for each device), request sizes, the time that a call may take,
// the rate of what is sent. Not thread-safe, but for what it serves.
class PeerDoor {
 public:
  struct Limits {
    int connections = 64;
    int streams = 8;
    int streams_a_device = 2;
  };
  struct Parts {
    const Shelf& shelf;
    std::function<absl::Time()> now;  // max(clock, last believed)
    IsRefused is_refused;
    HeadExchange heads = {};        // empty: the call is not known here
    CountServed count_served = {};  // an error of it turns the caller away
    uint64_t upload_bytes_a_second = 0;
    Limits limits;
  };
  // Serves when it returns. Errors: GrpcServer::Start.
  static absl::StatusOr<std::unique_ptr<PeerDoor>> Open(const std::string& address,
                                                        const PeerIdentity& identity, Parts parts);
  virtual ~PeerDoor() = default;  // ends all calls

  virtual const std::string& address() const = 0;  // with the real port
  virtual int port() const = 0;
};

// The service behind the door alone, for a server whose handshake lets only members in: it asks again at each
// call.
std::unique_ptr<grpc::Service> MakePeerService(PeerDoor::Parts parts);

}  // namespace linnet::peers

#endif  // LINNET_AGENT_PEERS_PEER_DOOR_H_
