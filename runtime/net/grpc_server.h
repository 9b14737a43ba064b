#ifndef LINNET_RUNTIME_NET_GRPC_SERVER_H_
#define LINNET_RUNTIME_NET_GRPC_SERVER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace grpc {
class Service;
class ServerCredentials;
class Status;
}  // namespace grpc

namespace linnet::net {

struct GrpcServerOptions {
  // "127.0.0.1:7300" (port 0: any), or "unix:/path" (socket made with mode 0600; a stale one is replaced).
  std::string address;
  std::shared_ptr<grpc::ServerCredentials> credentials;  // null: insecure, allowed for unix: only
  std::vector<grpc::Service*> services;                  // borrowed; health is added
  int max_connections = 256;
  // TLS handshakes under way at a time; who comes meanwhile waits in the kernel's queue. 64 keep the cores of
  // a small machine busy over a slow network, and are done long before the limit of 10 s on a slow one.
  int max_handshakes = 64;
  // A connection without a call under way for so long is closed: those that show no certificate would else
  // hold their places for ever.
  absl::Duration max_idle = absl::Minutes(5);
  int max_message_bytes = 4 << 20;  // that we send
  int max_request_bytes = 4 << 20;  // that clients may send
  bool reflection = false;
};

// A gRPC server behind our own accept loop: gRPC's listener dies for ever when descriptors run out, ours
// refuses above `max_connections` and goes on. Handshakes have 10 s.
class GrpcServer {
 public:
  // AlreadyExists: the port or socket is in use (the message says by which address). InvalidArgument: bad
  // address.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(GrpcServerOptions options);
  virtual ~GrpcServer() = default;                 // Shutdown with 1 s
  virtual const std::string& address() const = 0;  // with the real port
  virtual int port() const = 0;
  virtual void Shutdown(absl::Duration grace) = 0;
};

// absl::Status <-> grpc::Status (same codes; a message becomes one printable line of at most 1 KiB).
grpc::Status ToGrpc(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace linnet::net

#endif  // LINNET_RUNTIME_NET_GRPC_SERVER_H_
