#include "agent/fleet/fleet_client.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "linnet/fleet/v1/fleet.grpc.pb.h"
#include "runtime/base/status_macros.h"
#include "runtime/net/grpc_server.h"

namespace linnet::fleet {
namespace {

constexpr absl::Duration kUnary = absl::Seconds(15);
// A batch of chunks; what arrived before the end is kept, so a slow line only takes more batches.
constexpr absl::Duration kChunks = absl::Minutes(5);
constexpr int kChunksAtOnce = 16;
// The largest role is 5 MB (trust's limit).
constexpr int kMaxMessageBytes = 6 << 20;
// All other answers are smaller. Two bytes of an empty record take a hundred and more in memory: of 6 MB of
// those, a coordinator that means harm could make more than a small device has.
constexpr char kLimits[] = R"json({"methodConfig": [
  {"name": [{"service": "linnet.fleet.v1.Fleet", "method": "Enroll"},
            {"service": "linnet.fleet.v1.Fleet", "method": "Renew"}], "maxResponseMessageBytes": 1048576},
  {"name": [{"service": "linnet.fleet.v1.Fleet", "method": "CheckIn"}], "maxResponseMessageBytes": 2097152},
  {"name": [{"service": "linnet.fleet.v1.Fleet", "method": "GetChunks"}], "maxResponseMessageBytes": 4194304},
  {"name": [{"service": "linnet.fleet.v1.Fleet", "method": "GetLogProof"}], "maxResponseMessageBytes": 262144},
  {"name": [{"service": "linnet.fleet.v1.Fleet", "method": "GetPeers"},
            {"service": "linnet.fleet.v1.Fleet", "method": "Report"},
            {"service": "linnet.fleet.v1.Fleet", "method": "Watch"}], "maxResponseMessageBytes": 16384}
]})json";
// Of those that a coordinator names for a chunk (it names 4).
constexpr int kMostAddresses = 16;

}  // namespace

struct FleetClient::Stub {
  std::unique_ptr<v1::Fleet::Stub> fleet;
};

// One call: its context is cancelled by Shutdown while it runs.
class FleetClient::Call {
 public:
  Call(FleetClient& client, absl::Duration timeout) : client_(client) {
    if (timeout < absl::InfiniteDuration()) {
      context_.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout));
    }
    base::MutexLock lock(client_.mutex_);
    client_.running_.insert(&context_);
    if (client_.down_) context_.TryCancel();
  }
  ~Call() {
    base::MutexLock lock(client_.mutex_);
    client_.running_.erase(&context_);
  }
  grpc::ClientContext* context() { return &context_; }
  absl::Status End(const grpc::Status& status) {
    client_.reachable_ = status.error_code() != grpc::StatusCode::UNAVAILABLE &&
                         status.error_code() != grpc::StatusCode::DEADLINE_EXCEEDED &&
                         status.error_code() != grpc::StatusCode::CANCELLED;
    if (client_.reachable_) {
      base::MutexLock lock(client_.mutex_);
      client_.other_end_ = context_.peer();
    }
    return net::FromGrpc(status);
  }
  void Reached() { client_.reachable_ = true; }

 private:
  FleetClient& client_;
  grpc::ClientContext context_;
};

FleetClient::FleetClient(std::unique_ptr<Stub> stub, UplinkGate& gate)
    : stub_(std::move(stub)), gate_(gate) {}
FleetClient::~FleetClient() { Shutdown(); }

absl::StatusOr<std::unique_ptr<FleetClient>> FleetClient::Create(const std::string& address,
                                                                 std::optional<net::TlsIdentity> identity,
                                                                 net::PeerVerifier verifier,
                                                                 UplinkGate& gate) {
  LINNET_ASSIGN_OR_RETURN(std::shared_ptr<grpc::ChannelCredentials> credentials,
                          net::ClientCredentials(std::move(identity), std::move(verifier)));
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetServiceConfigJSON(kLimits);
  // A router that forgot the connection behind a held Watch is noticed within 10 minutes.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 600'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 500);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 30'000);
  // Channels with other credentials must not share a connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // Nothing is sent ahead but 64 KiB beside the message that is being read: what a kill loses of a download
  // is one chunk, not the megabytes that a probed window grows to, and a pause holds back the sender.
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  // No proxy of the environment may sit between a device and its coordinator.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  auto stub = std::make_unique<Stub>();
  stub->fleet = v1::Fleet::NewStub(grpc::CreateCustomChannel(address, credentials, arguments));
  return std::unique_ptr<FleetClient>(new FleetClient(std::move(stub), gate));
}

absl::StatusOr<v1::EnrollResponse> FleetClient::Enroll(const v1::EnrollRequest& request) {
  LINNET_RETURN_IF_ERROR(gate_.Admit(request, false));
  Call call(*this, kUnary);
  v1::EnrollResponse response;
  LINNET_RETURN_IF_ERROR(call.End(stub_->fleet->Enroll(call.context(), request, &response)));
  return response;
}

absl::StatusOr<v1::EnrollResponse> FleetClient::Renew(const v1::RenewRequest& request) {
  LINNET_RETURN_IF_ERROR(gate_.Admit(request, false));
  Call call(*this, kUnary);
  v1::EnrollResponse response;
  LINNET_RETURN_IF_ERROR(call.End(stub_->fleet->Renew(call.context(), request, &response)));
  return response;
}

absl::StatusOr<v1::CheckInResponse> FleetClient::CheckIn(const v1::CheckInRequest& request) {
  LINNET_RETURN_IF_ERROR(gate_.Admit(request, false));
  Call call(*this, kUnary);
  v1::CheckInResponse response;
  LINNET_RETURN_IF_ERROR(call.End(stub_->fleet->CheckIn(call.context(), request, &response)));
  return response;
}

absl::StatusOr<v1::GetMetadataResponse> FleetClient::GetMetadata(const v1::GetMetadataRequest& request) {
  LINNET_RETURN_IF_ERROR(gate_.Admit(request, true));
  Call call(*this, kUnary);
  v1::GetMetadataResponse response;
  LINNET_RETURN_IF_ERROR(call.End(stub_->fleet->GetMetadata(call.context(), request, &response)));
  return response;
}

absl::StatusOr<v1::GetLogProofResponse> FleetClient::GetLogProof(const v1::GetLogProofRequest& request) {
  LINNET_RETURN_IF_ERROR(gate_.Admit(request, true));
  Call call(*this, kUnary);
  v1::GetLogProofResponse response;
  LINNET_RETURN_IF_ERROR(call.End(stub_->fleet->GetLogProof(call.context(), request, &response)));
  return response;
}

absl::Status FleetClient::Report(const v1::ReportRequest& request) {
  LINNET_RETURN_IF_ERROR(gate_.Admit(request, true));
  Call call(*this, kUnary);
  v1::ReportResponse response;
  return call.End(stub_->fleet->Report(call.context(), request, &response));
}

absl::StatusOr<v1::GetPeersResponse> FleetClient::GetPeers(const v1::GetPeersRequest& request) {
  LINNET_RETURN_IF_ERROR(gate_.Admit(request, true));
  Call call(*this, kUnary);
  v1::GetPeersResponse response;
  LINNET_RETURN_IF_ERROR(call.End(stub_->fleet->GetPeers(call.context(), request, &response)));
  return response;
}

absl::Status FleetClient::GetChunks(const std::vector<std::string>& sha256, const OnChunk& on_chunk,
                                    const OnElsewhere& on_elsewhere) {
  for (size_t next = 0; next < sha256.size();) {
    v1::GetChunksRequest request;
    request.set_protocol(kProtocol);
    if (on_elsewhere) request.set_asking(v1::SPARING);
    for (; next < sha256.size() && request.sha256_size() < kChunksAtOnce; ++next) {
      request.add_sha256(sha256[next]);
    }
    LINNET_RETURN_IF_ERROR(gate_.Admit(request, true));
    Call call(*this, kChunks);
    const auto reader = stub_->fleet->GetChunks(call.context(), request);
    v1::GetChunksResponse response;
    absl::Status ours;
    int left = request.sha256_size();
    while (ours.ok() && reader->Read(&response)) {
      if (left-- == 0) {
        // Else it could go on for as long as the call may take.
        ours = absl::DataLossError("the coordinator sends more chunks than it was asked for");
      } else if (on_elsewhere && response.data().empty()) {
        const int most = std::min(response.peers_size(), kMostAddresses);
        on_elsewhere(response.sha256(), {response.peers().begin(), response.peers().begin() + most});
      } else {
        ours = on_chunk(response.sha256(), response.data());
      }
    }
    if (!ours.ok()) call.context()->TryCancel();
    const absl::Status theirs = call.End(reader->Finish());
    if (!ours.ok()) return ours;
    LINNET_RETURN_IF_ERROR(theirs);
  }
  return absl::OkStatus();
}

absl::Status FleetClient::Watch(const std::function<void(const v1::WatchResponse&)>& on_message) {
  v1::WatchRequest request;
  request.set_protocol(kProtocol);
  LINNET_RETURN_IF_ERROR(gate_.Admit(request, false));
  Call call(*this, absl::InfiniteDuration());
  const auto reader = stub_->fleet->Watch(call.context(), request);
  v1::WatchResponse response;
  while (reader->Read(&response)) {
    call.Reached();
    on_message(response);
  }
  return call.End(reader->Finish());
}

std::string FleetClient::other_end() {
  base::MutexLock lock(mutex_);
  return other_end_;
}

void FleetClient::Shutdown() {
  base::MutexLock lock(mutex_);
  down_ = true;
  for (grpc::ClientContext* context : running_) context->TryCancel();
}

}  // namespace linnet::fleet
