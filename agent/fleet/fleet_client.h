#ifndef LINNET_AGENT_FLEET_FLEET_CLIENT_H_
#define LINNET_AGENT_FLEET_FLEET_CLIENT_H_

#include <atomic>
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

// One TLS connection to a coordinator and the calls on it. Every request is written in the revision that both
// ends speak (fleet.proto) and passes the gate, every answer net::CheckAnswer. Blocking; thread-safe. Errors:
// the gate's, the coordinator's (Unavailable: not reached, or it refused our certificate: TLS 1.3 does not
// say which), and DataLoss: its answer is not as the protocol has it, and nothing of it was taken.
class FleetClient {
 public:
  // `identity` absent: for Enroll and Renew. Does not connect yet.
  static absl::StatusOr<std::unique_ptr<FleetClient>> Create(const std::string& address,
                                                             std::optional<net::TlsIdentity> identity,
                                                             net::PeerVerifier verifier, UplinkGate& gate);
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
  // Chunks as they come; ends with the callback's error. With `on_elsewhere` it asks SPARING.
  absl::Status GetChunks(const std::vector<std::string>& sha256, const OnChunk& on_chunk,
                         const OnElsewhere& on_elsewhere = nullptr);
  // Until the stream ends; says how.
  absl::Status Watch(const std::function<void(const v1::WatchResponse&)>& on_message);

  // Ends all calls, now and later, with Cancelled.
  void Shutdown();
  // Did the last call reach a coordinator?
  bool reachable() const { return reachable_; }
  // What gRPC calls the other end of the last call that reached it; empty: none has.
  std::string other_end();

 private:
  struct Stub;
  class Call;
  FleetClient(std::unique_ptr<Stub> stub, UplinkGate& gate);
  // `method`: of the generated stub.
  template <typename Response, typename Request, typename Method>
  absl::StatusOr<Response> Unary(Method method, const Request& request, bool for_update);
  absl::Status FetchBatch(v1::GetChunksRequest request, const OnChunk& on_chunk,
                          const OnElsewhere& on_elsewhere);

  std::unique_ptr<Stub> stub_;
  UplinkGate& gate_;
  net::SpokenProtocol protocol_{net::kFleetProtocols};
  std::atomic<bool> reachable_{false};
  base::Mutex mutex_;
  bool down_ ABSL_GUARDED_BY(mutex_) = false;
  std::string other_end_ ABSL_GUARDED_BY(mutex_);
  std::set<grpc::ClientContext*> running_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace linnet::fleet

#endif  // LINNET_AGENT_FLEET_FLEET_CLIENT_H_
