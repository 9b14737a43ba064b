#ifndef LINNET_AGENT_FLEET_FLEET_CLIENT_H_
#define LINNET_AGENT_FLEET_FLEET_CLIENT_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/fleet/uplink.h"
#include "runtime/base/mutex.h"
#include "runtime/base/rate_window.h"
#include "runtime/net/spoken_protocol.h"
#include "runtime/net/tls.h"

namespace grpc {
class ClientContext;
}  // namespace grpc

namespace linnet::fleet::v1 {
class CheckInRequest;
class CheckInResponse;
class EnrollRequest;
class EnrollResponse;
class GetChunksRequest;
class GetLogProofRequest;
class GetLogProofResponse;
class GetMetadataRequest;
class GetMetadataResponse;
class GetPeersRequest;
class GetPeersResponse;
class RenewRequest;
class ReportRequest;
class WatchResponse;
}  // namespace linnet::fleet::v1

namespace linnet::fleet {

// How long a coordinator may take.
struct Patience {
  // For a call with one answer, metadata among them: the whole of it, so that its largest role may not
  // trickle.
  absl::Duration call = absl::Seconds(15);
  // For chunks. gRPC shows an answer when all of it is there, so the window is as long as the largest chunk
  // (1 MiB) takes on a line of 70 kbit/s.
  base::LeastRate chunks = {.window = absl::Minutes(2), .bytes = 64 << 10};
};

// One TLS connection to a coordinator and the calls on it. Every request is written in the revision that both
// ends speak (fleet.proto) and passes the gate, every answer net::CheckAnswer. Blocking; thread-safe. Errors:
// the gate's, the coordinator's (Unavailable: not reached, or it refused our certificate: TLS 1.3 does not
// say which), and DataLoss: its answer is not as the protocol has it, and nothing of it was taken.
class FleetClient {
 public:
  // `identity` absent: for Enroll and Renew. Does not connect yet.
  static absl::StatusOr<std::unique_ptr<FleetClient>> Create(const std::string& address,
                                                             std::optional<net::TlsIdentity> identity,
                                                             net::PeerVerifier verifier, UplinkGate& gate,
                                                             Patience patience = {});
  ~FleetClient();

  absl::StatusOr<v1::EnrollResponse> Enroll(const v1::EnrollRequest& request);
  absl::StatusOr<v1::EnrollResponse> Renew(const v1::RenewRequest& request);
  absl::StatusOr<v1::CheckInResponse> CheckIn(const v1::CheckInRequest& request);
  absl::StatusOr<v1::GetMetadataResponse> GetMetadata(const v1::GetMetadataRequest& request);
  absl::StatusOr<v1::GetLogProofResponse> GetLogProof(const v1::GetLogProofRequest& request);
  absl::Status Report(const v1::ReportRequest& request);
  absl::StatusOr<v1::GetPeersResponse> GetPeers(const v1::GetPeersRequest& request);
  using OnChunk = std::function<absl::Status(std::string_view sha256, std::string_view data)>;
  using OnElsewhere = std::function<void(std::string_view sha256, const std::vector<std::string>& addresses)>;
  // Chunks as they come; ends with the callback's error. With `on_elsewhere` it asks SPARING. Unavailable
  // also: they trickle.
  absl::Status GetChunks(const std::vector<std::string>& sha256, const OnChunk& on_chunk,
                         const OnElsewhere& on_elsewhere = nullptr);
  // Until the stream ends; says how.
  absl::Status Watch(const std::function<void(const v1::WatchResponse&)>& on_message);

  // Ends all calls, now and later, with Cancelled.
  void Shutdown();
  // Did the last call reach a coordinator?
  bool reachable() const { return reachable_; }
  // Does the coordinator not take our certificate any more? It proved who it is, again and again, and then
  // closed the connection, or it said so. Until a call reaches it.
  bool refused() const { return refused_; }
  // What gRPC calls the other end of the last call that reached it; empty: none has.
  std::string other_end();

 private:
  struct Stub;
  class Call;
  // How often the other side proved to be the coordinator.
  using Met = std::atomic<uint32_t>;
  FleetClient(std::unique_ptr<Stub> stub, UplinkGate& gate, Patience patience, std::shared_ptr<Met> met);
  // `method`: of the generated stub.
  template <typename Response, typename Request, typename Method>
  absl::StatusOr<Response> Unary(Method method, const Request& request, bool for_update);
  // How the coordinator ended the call; `ours`: why we did.
  absl::Status ReadChunks(const v1::GetChunksRequest& request, const OnChunk& on_chunk,
                          const OnElsewhere& on_elsewhere, absl::Status& ours);
  absl::Status FetchBatch(v1::GetChunksRequest request, const OnChunk& on_chunk,
                          const OnElsewhere& on_elsewhere);

  std::unique_ptr<Stub> stub_;
  UplinkGate& gate_;
  const Patience patience_;
  const std::shared_ptr<Met> met_;  // of the verifier, too
  std::atomic<uint32_t> met_when_reached_{0};
  net::SpokenProtocol protocol_{net::kFleetProtocols};
  std::atomic<bool> reachable_{false}, refused_{false};
  base::Mutex mutex_;
  bool down_ ABSL_GUARDED_BY(mutex_) = false;
  std::string other_end_ ABSL_GUARDED_BY(mutex_);
  std::set<grpc::ClientContext*> running_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace linnet::fleet

#endif  // LINNET_AGENT_FLEET_FLEET_CLIENT_H_
