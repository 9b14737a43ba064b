#include "agent/fleet/fleet_client.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "agent/fleet/answer_stream.h"
#include "linnet/fleet/v1/fleet.grpc.pb.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/uptime.h"
#include "runtime/net/device_channel.h"
#include "runtime/net/grpc_server.h"

namespace linnet::fleet {
namespace {

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
// Connections that it took on our side and closed on its own. One may be a coordinator that was just stopped.
constexpr uint32_t kRefusals = 3;

// From here on a receipt comes without certificates (fleet.proto).
constexpr uint32_t kBareReceipts = 2;

// The request as this revision has it: nothing that it does not know.
template <typename Request>
Request In(uint32_t protocol, Request request) {
  request.set_protocol(protocol);
  return request;
}
template <>
v1::ReportRequest In(uint32_t protocol, v1::ReportRequest request) {
  request.set_protocol(protocol);
  if (protocol >= kBareReceipts && request.has_receipt()) {
    request.mutable_receipt()->clear_certificate_chain();
  }
  return request;
}

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
    const grpc::StatusCode code = status.error_code();
    client_.reachable_ = code != grpc::StatusCode::UNAVAILABLE &&
                         code != grpc::StatusCode::DEADLINE_EXCEEDED && code != grpc::StatusCode::CANCELLED;
    if (client_.reachable_) {
      Reached();
      // A certificate that expires while the connection is open.
      client_.refused_ = code == grpc::StatusCode::UNAUTHENTICATED;
      base::MutexLock lock(client_.mutex_);
      client_.other_end_ = context_.peer();
    } else if (code == grpc::StatusCode::UNAVAILABLE) {
      client_.refused_ = *client_.met_ - client_.met_when_reached_ >= kRefusals;
    }
    return net::FromGrpc(status);
  }
  void Reached() {
    client_.reachable_ = true;
    client_.refused_ = false;
    client_.met_when_reached_ = client_.met_->load();
  }

 private:
  FleetClient& client_;
  grpc::ClientContext context_;
};

FleetClient::FleetClient(std::unique_ptr<Stub> stub, UplinkGate& gate, Patience patience,
                         std::shared_ptr<Met> met)
    : stub_(std::move(stub)), gate_(gate), patience_(patience), met_(std::move(met)) {}
FleetClient::~FleetClient() { Shutdown(); }

absl::StatusOr<std::unique_ptr<FleetClient>> FleetClient::Create(const std::string& address,
                                                                 std::optional<net::TlsIdentity> identity,
                                                                 net::PeerVerifier verifier, UplinkGate& gate,
                                                                 Patience patience) {
  auto met = std::make_shared<Met>(0);
  const auto counting = [verifier = std::move(verifier), met](const std::vector<base::Certificate>& chain) {
    absl::Status verdict = verifier(chain);
    if (verdict.ok()) ++*met;
    return verdict;
  };
  LINNET_ASSIGN_OR_RETURN(std::shared_ptr<grpc::ChannelCredentials> credentials,
                          net::ClientCredentials(std::move(identity), counting));
  grpc::ChannelArguments arguments;
  net::SetDeviceArguments(arguments);
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetServiceConfigJSON(kLimits);
  // A router that forgot the connection behind a held Watch is noticed within 10 minutes.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 600'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 500);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 30'000);
  auto stub = std::make_unique<Stub>();
  stub->fleet = v1::Fleet::NewStub(grpc::CreateCustomChannel(address, credentials, arguments));
  return std::unique_ptr<FleetClient>(new FleetClient(std::move(stub), gate, patience, std::move(met)));
}

template <typename Response, typename Request, typename Method>
absl::StatusOr<Response> FleetClient::Unary(Method method, const Request& request, bool for_update) {
  while (true) {
    const Request written = In(protocol_.now(), request);
    LINNET_RETURN_IF_ERROR(gate_.Admit(written, for_update));
    Call call(*this, patience_.call);
    Response response;
    const absl::Status status = call.End((stub_->fleet.get()->*method)(call.context(), written, &response));
    if (absl::IsFailedPrecondition(status) && protocol_.Refused(written.protocol())) continue;
    LINNET_RETURN_IF_ERROR(status);
    LINNET_RETURN_IF_ERROR(net::CheckAnswer(response));
    return response;
  }
}

absl::StatusOr<v1::EnrollResponse> FleetClient::Enroll(const v1::EnrollRequest& request) {
  return Unary<v1::EnrollResponse>(&v1::Fleet::Stub::Enroll, request, false);
}

absl::StatusOr<v1::EnrollResponse> FleetClient::Renew(const v1::RenewRequest& request) {
  return Unary<v1::EnrollResponse>(&v1::Fleet::Stub::Renew, request, false);
}

absl::StatusOr<v1::CheckInResponse> FleetClient::CheckIn(const v1::CheckInRequest& request) {
  absl::StatusOr<v1::CheckInResponse> response =
      Unary<v1::CheckInResponse>(&v1::Fleet::Stub::CheckIn, request, false);
  if (response.ok()) protocol_.Heard(response->protocol());
  return response;
}

absl::StatusOr<v1::GetMetadataResponse> FleetClient::GetMetadata(const v1::GetMetadataRequest& request) {
  return Unary<v1::GetMetadataResponse>(&v1::Fleet::Stub::GetMetadata, request, true);
}

absl::StatusOr<v1::GetLogProofResponse> FleetClient::GetLogProof(const v1::GetLogProofRequest& request) {
  return Unary<v1::GetLogProofResponse>(&v1::Fleet::Stub::GetLogProof, request, true);
}

absl::Status FleetClient::Report(const v1::ReportRequest& request) {
  return Unary<v1::ReportResponse>(&v1::Fleet::Stub::Report, request, true).status();
}

absl::StatusOr<v1::GetPeersResponse> FleetClient::GetPeers(const v1::GetPeersRequest& request) {
  return Unary<v1::GetPeersResponse>(&v1::Fleet::Stub::GetPeers, request, true);
}

absl::Status FleetClient::FetchBatch(v1::GetChunksRequest request, const OnChunk& on_chunk,
                                     const OnElsewhere& on_elsewhere) {
  while (true) {
    request.set_protocol(protocol_.now());
    LINNET_RETURN_IF_ERROR(gate_.Admit(request, true));
    absl::Status ours;
    const absl::Status theirs = ReadChunks(request, on_chunk, on_elsewhere, ours);
    if (!ours.ok()) return ours;
    if (absl::IsFailedPrecondition(theirs) && protocol_.Refused(request.protocol())) continue;
    return theirs;
  }
}

absl::Status FleetClient::GetChunks(const std::vector<std::string>& sha256, const OnChunk& on_chunk,
                                    const OnElsewhere& on_elsewhere) {
  for (size_t next = 0; next < sha256.size();) {
    v1::GetChunksRequest request;
    if (on_elsewhere) request.set_asking(v1::SPARING);
    for (; next < sha256.size() && request.sha256_size() < kChunksAtOnce; ++next) {
      request.add_sha256(sha256[next]);
    }
    LINNET_RETURN_IF_ERROR(FetchBatch(std::move(request), on_chunk, on_elsewhere));
  }
  return absl::OkStatus();
}

absl::Status FleetClient::ReadChunks(const v1::GetChunksRequest& request, const OnChunk& on_chunk,
                                     const OnElsewhere& on_elsewhere, absl::Status& ours) {
  Call call(*this, kChunks);
  AnswerStream<v1::GetChunksResponse> stream(*call.context(), [&](auto* reactor) {
    stub_->fleet->async()->GetChunks(call.context(), &request, reactor);
  });
  base::RateWindow window(patience_.chunks);
  int left = request.sha256_size();
  while (ours.ok()) {
    const StreamEvent next = stream.Read(window.left());
    if (next == StreamEvent::kEnd) break;
    if (next == StreamEvent::kNothingYet) {
      ours = window.Check("coordinator");
      continue;
    }
    const v1::GetChunksResponse& response = stream.message();
    window.Count(response.ByteSizeLong());
    ours = window.Check("coordinator");
    if (ours.ok()) ours = net::CheckAnswer(response);
    if (!ours.ok()) break;
    const absl::Duration begun = base::Uptime();
    if (left-- == 0) {
      // Else it could go on for as long as the call may take.
      ours = absl::DataLossError("the coordinator sends more chunks than it was asked for");
    } else if (on_elsewhere && response.data().empty()) {
      const int most = std::min(response.peers_size(), kMostAddresses);
      on_elsewhere(response.sha256(), {response.peers().begin(), response.peers().begin() + most});
    } else {
      ours = on_chunk(response.sha256(), response.data());
    }
    window.Extend(base::Uptime() - begun);
  }
  return call.End(stream.End());
}

absl::Status FleetClient::Watch(const std::function<void(const v1::WatchResponse&)>& on_message) {
  while (true) {
    v1::WatchRequest request;
    request.set_protocol(protocol_.now());
    LINNET_RETURN_IF_ERROR(gate_.Admit(request, false));
    Call call(*this, absl::InfiniteDuration());
    AnswerStream<v1::WatchResponse> stream(*call.context(), [&](auto* reactor) {
      stub_->fleet->async()->Watch(call.context(), &request, reactor);
    });
    absl::Status ours;
    while (ours.ok()) {
      const StreamEvent next = stream.Read(absl::Hours(1));
      if (next == StreamEvent::kEnd) break;
      if (next == StreamEvent::kNothingYet) continue;
      call.Reached();
      ours = net::CheckAnswer(stream.message());
      if (ours.ok()) on_message(stream.message());
    }
    const absl::Status theirs = call.End(stream.End());
    if (!ours.ok()) return ours;
    if (absl::IsFailedPrecondition(theirs) && protocol_.Refused(request.protocol())) continue;
    return theirs;
  }
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
