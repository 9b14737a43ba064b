#include "agent/fleet/fleet_client.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include <chrono>
#include <optional>
#include <utility>

#include "linnet/fleet/v1/fleet.grpc.pb.h"
#include "runtime/base/status_macros.h"
#include "runtime/net/grpc_server.h"

namespace linnet::fleet {
namespace {

// A batch of chunks; what arrived before the end is kept, so a slow line only takes more batches.
constexpr absl::Duration kChunks = absl::Minutes(5);
constexpr int kChunksAtOnce = 16;
// The largest role is 5 MB (trust's limit).
constexpr int kMaxMessageBytes = 6 << 20;
// Connections that it took on our side and closed on its own. One may be a coordinator that was just stopped.
constexpr uint32_t kRefusals = 3;

// Chunks, message by message. None is asked for before the last was dealt with: a pause here holds back the
// sender. Used by one thread.
class ChunkStream final : public grpc::ClientReadReactor<v1::GetChunksResponse> {
 public:
  ChunkStream(v1::Fleet::Stub& stub, grpc::ClientContext& context, const v1::GetChunksRequest& request)
      : context_(context) {
    stub.async()->GetChunks(&context, &request, this);
    AddHold();  // reads are begun from outside
    StartCall();
  }
  ~ChunkStream() override { End(); }

  enum class Next { kMessage, kEnd, kNothingYet };
  // Waits for the next message at most `time`; one that is under way then comes with a later call.
  Next Read(absl::Duration time) {
    {
      const base::MutexLock lock(mutex_);
      if (!reading_) read_.reset();
    }
    if (!std::exchange(reading_, true)) StartRead(&message_);
    const base::MutexLock lock(mutex_);
    if (!read_.has_value() && time > absl::ZeroDuration()) changed_.WaitFor(mutex_, time);
    if (!read_.has_value()) return Next::kNothingYet;
    reading_ = false;
    return *read_ ? Next::kMessage : Next::kEnd;
  }
  const v1::GetChunksResponse& message() const { return message_; }

  // Ends the call, if it has not ended, and says how it did.
  grpc::Status End() {
    if (held_) {
      held_ = false;
      {
        const base::MutexLock lock(mutex_);
        if (!read_.has_value() || *read_) context_.TryCancel();
      }
      RemoveHold();
    }
    const base::MutexLock lock(mutex_);
    while (!ended_.has_value()) changed_.Wait(mutex_);
    return *ended_;
  }

 private:
  void OnReadDone(bool ok) override {
    const base::MutexLock lock(mutex_);
    read_ = ok;
    changed_.SignalAll();
  }
  void OnDone(const grpc::Status& status) override {
    const base::MutexLock lock(mutex_);
    ended_ = status;
    changed_.SignalAll();
  }

  grpc::ClientContext& context_;
  v1::GetChunksResponse message_;
  bool reading_ = false, held_ = true;
  base::Mutex mutex_;
  base::CondVar changed_;
  std::optional<bool> read_ ABSL_GUARDED_BY(mutex_);  // of the read begun last: did it bring one?
  std::optional<grpc::Status> ended_ ABSL_GUARDED_BY(mutex_);
};

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
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
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
  return std::unique_ptr<FleetClient>(new FleetClient(std::move(stub), gate, patience, std::move(met)));
}

absl::StatusOr<v1::EnrollResponse> FleetClient::Enroll(const v1::EnrollRequest& request) {
  LINNET_RETURN_IF_ERROR(gate_.Admit(request, false));
  Call call(*this, patience_.call);
  v1::EnrollResponse response;
  LINNET_RETURN_IF_ERROR(call.End(stub_->fleet->Enroll(call.context(), request, &response)));
  return response;
}

absl::StatusOr<v1::EnrollResponse> FleetClient::Renew(const v1::RenewRequest& request) {
  LINNET_RETURN_IF_ERROR(gate_.Admit(request, false));
  Call call(*this, patience_.call);
  v1::EnrollResponse response;
  LINNET_RETURN_IF_ERROR(call.End(stub_->fleet->Renew(call.context(), request, &response)));
  return response;
}

absl::StatusOr<v1::CheckInResponse> FleetClient::CheckIn(const v1::CheckInRequest& request) {
  LINNET_RETURN_IF_ERROR(gate_.Admit(request, false));
  Call call(*this, patience_.call);
  v1::CheckInResponse response;
  LINNET_RETURN_IF_ERROR(call.End(stub_->fleet->CheckIn(call.context(), request, &response)));
  return response;
}

absl::StatusOr<v1::GetMetadataResponse> FleetClient::GetMetadata(const v1::GetMetadataRequest& request) {
  LINNET_RETURN_IF_ERROR(gate_.Admit(request, true));
  Call call(*this, patience_.call);
  v1::GetMetadataResponse response;
  LINNET_RETURN_IF_ERROR(call.End(stub_->fleet->GetMetadata(call.context(), request, &response)));
  return response;
}

absl::StatusOr<v1::GetLogProofResponse> FleetClient::GetLogProof(const v1::GetLogProofRequest& request) {
  LINNET_RETURN_IF_ERROR(gate_.Admit(request, true));
  Call call(*this, patience_.call);
  v1::GetLogProofResponse response;
  LINNET_RETURN_IF_ERROR(call.End(stub_->fleet->GetLogProof(call.context(), request, &response)));
  return response;
}

absl::Status FleetClient::Report(const v1::ReportRequest& request) {
  LINNET_RETURN_IF_ERROR(gate_.Admit(request, true));
  Call call(*this, patience_.call);
  v1::ReportResponse response;
  return call.End(stub_->fleet->Report(call.context(), request, &response));
}

absl::StatusOr<v1::GetPeersResponse> FleetClient::GetPeers(const v1::GetPeersRequest& request) {
  LINNET_RETURN_IF_ERROR(gate_.Admit(request, true));
  Call call(*this, patience_.call);
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
    LINNET_RETURN_IF_ERROR(ReadChunks(request, on_chunk, on_elsewhere));
  }
  return absl::OkStatus();
}

absl::Status FleetClient::ReadChunks(const v1::GetChunksRequest& request, const OnChunk& on_chunk,
                                     const OnElsewhere& on_elsewhere) {
  Call call(*this, kChunks);
  ChunkStream stream(*stub_->fleet, *call.context(), request);
  base::RateWindow window(patience_.chunks);
  absl::Status ours;
  while (ours.ok()) {
    const ChunkStream::Next next = stream.Read(window.left());
    if (next == ChunkStream::Next::kEnd) break;
    if (next == ChunkStream::Next::kNothingYet) {
      ours = window.Check("coordinator");
      continue;
    }
    const v1::GetChunksResponse& response = stream.message();
    window.Count(response.ByteSizeLong());
    ours = window.Check("coordinator");
    if (!ours.ok()) break;
    const absl::Duration begun = base::Uptime();
    if (on_elsewhere && response.data().empty()) {
      on_elsewhere(response.sha256(), {response.peers().begin(), response.peers().end()});
    } else {
      ours = on_chunk(response.sha256(), response.data());
    }
    window.Extend(base::Uptime() - begun);
  }
  const absl::Status theirs = call.End(stream.End());
  return ours.ok() ? theirs : ours;
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
