#ifndef LINNET_AGENT_PEERS_PEER_POOL_H_
#define LINNET_AGENT_PEERS_PEER_POOL_H_

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/peers/peer_options.h"
#include "runtime/base/mutex.h"

namespace google::protobuf {
class Message;
}
namespace grpc {
class ClientContext;
}

namespace linnet::peers {

// Connections to other devices' doors, a few at a time. One thread fetches; the rest is thread-safe.
class PeerPool {
 public:
  static constexpr size_t kMostConnections = 8;
  using OnChunk = std::function<absl::Status(std::string_view sha256, std::string_view data)>;
  // Writes a message down before it leaves the device, or says why it must not.
  using Admit = std::function<absl::Status(const google::protobuf::Message&)>;

  struct Parts {
    std::function<absl::Time()> now;
    IsRefused is_refused;
    Admit admit;
    absl::Duration connect, batch;
    HeadExchange heads = {};  // empty: nothing is said of the log
  };
  explicit PeerPool(Parts parts);
  ~PeerPool();

  // Who we are from now on; connections of before are closed.
  void SetIdentity(PeerIdentity identity);
  // Blocks, `connect` + `batch` at most. Chunks as they come, unverified; ends with the callback's error.
  // NotFound: the peer lacks the next one; ResourceExhausted: it is busy; Unavailable, DeadlineExceeded: dead
  // or slow, or no member of our fleet; DataLoss: an answer was not as peer.proto has it.
  absl::Status GetChunks(const std::string& address, const std::vector<std::string>& sha256,
                         const OnChunk& on_chunk);
  bool Has(const std::string& address);
  void Drop(const std::string& address);

  void Shutdown();  // ends the call under way and all later ones with Cancelled
  bool down();

 private:
  struct Connection;

  absl::StatusOr<std::shared_ptr<Connection>> Connect(const std::string& address);
  absl::Status Await(Connection& connection);
  // Once a connection; best effort, since a peer of before knows nothing of it.
  void ExchangeHeads(Connection& connection);
  // Makes `context` the one that Shutdown ends; false: it is down.
  bool Begin(grpc::ClientContext& context);
  void End();

  const Parts parts_;
  base::Mutex mutex_;
  bool down_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<PeerIdentity> identity_ ABSL_GUARDED_BY(mutex_);
  std::list<std::shared_ptr<Connection>> connections_ ABSL_GUARDED_BY(mutex_);  // used last: first
  grpc::ClientContext* running_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

}  // namespace linnet::peers

#endif  // LINNET_AGENT_PEERS_PEER_POOL_H_
