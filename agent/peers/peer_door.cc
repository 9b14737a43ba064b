#include "agent/peers/peer_door.h"

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "agent/peers/log_heads.h"
#include "agent/peers/peer_check.h"
#include "agent/peers/upload_pace.h"
#include "linnet/peer/v1/peer.grpc.pb.h"
#include "runtime/base/log.h"
#include "runtime/base/mutex.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "runtime/net/grpc_server.h"
#include "runtime/net/message_check.h"
#include "runtime/net/tls.h"

namespace linnet::peers {

namespace v1 = ::linnet::peer::v1;

namespace {

constexpr int kRequestBytes = 2 << 10;           // net::kMostSaidBytes, and room to say what is wrong
constexpr int kResponseBytes = (1 << 20) + 256;  // a chunk and its hash
constexpr std::chrono::minutes kLongestCall(2);
constexpr std::chrono::seconds kLongestBacklog(4);
constexpr std::chrono::seconds kBetweenExchanges(1);
constexpr size_t kMostRemembered = 256;
constexpr absl::Duration kIdle = absl::Minutes(1);
constexpr absl::Duration kGrace = absl::Milliseconds(200);

using Reactor = grpc::ServerWriteReactor<v1::GetChunksResponse>;

class Refusal final : public Reactor {
 public:
  explicit Refusal(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

// All that a refusal says to another device, whatever happened here: paths, numbers and the words of a disk's
// error are for this device's own log.
grpc::Status Said(const absl::Status& why) {
  const auto say = [&](const char* text) {
    return grpc::Status(static_cast<grpc::StatusCode>(why.raw_code()), text);
  };
  switch (why.code()) {
    case absl::StatusCode::kInvalidArgument:
      return say("the request is not as peer.proto has it");
    case absl::StatusCode::kFailedPrecondition:
      return say("this revision of peer.proto is not spoken here");
    case absl::StatusCode::kNotFound:
      return say("a chunk that was asked for is not here");
    case absl::StatusCode::kResourceExhausted:
      return say("busy with others just now; ask again later");
    case absl::StatusCode::kPermissionDenied:
      return say("the device that asks is revoked");
    case absl::StatusCode::kUnauthenticated:
      return say("no certificate of this fleet that is valid now");
    case absl::StatusCode::kUnimplemented:
      return say("not known here");
    default:
      return {grpc::StatusCode::UNAVAILABLE, "not served just now"};
  }
}

absl::Status CheckRequest(const v1::GetChunksRequest& request) {
  LINNET_RETURN_IF_ERROR(net::CheckRequest(request, net::kPeerProtocols));
  const auto& hashes = request.sha256();
  if (hashes.empty() || std::any_of(hashes.begin(), hashes.end(), [](const auto& h) { return h.empty(); })) {
    return absl::InvalidArgumentError("sha256: none, or an empty one");
  }
  return absl::OkStatus();
}

class PeerService final : public v1::Peer::CallbackService {
 public:
  explicit PeerService(PeerDoor::Parts parts)
      : parts_(std::move(parts)), pace_(parts_.upload_bytes_a_second) {}

  Reactor* GetChunks(grpc::CallbackServerContext* context, const v1::GetChunksRequest* request) override;
  grpc::ServerUnaryReactor* ExchangeHeads(grpc::CallbackServerContext* context,
                                          const v1::ExchangeHeadsRequest* request,
                                          v1::ExchangeHeadsResponse* response) override;

 private:
  class Stream;

  absl::StatusOr<std::string> Admit(const grpc::CallbackServerContext& context,
                                    const v1::GetChunksRequest& request);
  void Leave(const std::string& device);
  // `counted` answers were counted before; so many went, with so many bytes.
  void Uncount(size_t counted, size_t sent, size_t sent_bytes) const;
  absl::Status Count(const google::protobuf::Descriptor& message, int64_t messages, int64_t bytes) const {
    return parts_.count_served ? parts_.count_served(message.full_name(), messages, bytes) : absl::OkStatus();
  }
  // The device that calls; Unauthenticated, PermissionDenied.
  absl::StatusOr<std::string> Member(const grpc::CallbackServerContext& context) const;
  absl::Status DoExchange(const grpc::CallbackServerContext& context, const v1::ExchangeHeadsRequest& request,
                          v1::ExchangeHeadsResponse& response);

  const PeerDoor::Parts parts_;
  UploadPace pace_;
  base::Mutex mutex_;
  int streams_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, int> of_device_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::chrono::steady_clock::time_point> exchanged_ ABSL_GUARDED_BY(mutex_);
};

// One chunk in memory at a time, read when gRPC has taken the one before, sent when its turn has come.
class PeerService::Stream final : public Reactor {
 public:
  Stream(PeerService& service, std::string device, std::vector<std::string> hashes)
      : service_(service), device_(std::move(device)), hashes_(std::move(hashes)) {
    Next();
  }
  void OnWriteDone(bool ok) override { ok ? Next() : Finish(grpc::Status::CANCELLED); }
  void OnCancel() override {
    const base::MutexLock lock(mutex_);
    cancelled_ = true;
    if (turn_ != nullptr) turn_->Cancel();
  }
  void OnDone() override {
    service_.Uncount(hashes_.size(), sent_, sent_bytes_);
    service_.Leave(device_);
    delete this;
  }

 private:
  void Next() {
    if (next_ == hashes_.size()) return Finish(grpc::Status::OK);
    const std::string& sha256 = hashes_[next_++];
    absl::StatusOr<std::string> data = service_.parts_.shelf.Read(sha256);
    if (!data.ok()) return Refuse(data.status());
    response_.set_sha256(sha256);
    response_.set_data(*std::move(data));
    // Small content of other kinds may be larger than a chunk of a file: only the coordinator has that.
    if (!net::CheckSaid(response_).ok()) return Finish(Said(absl::NotFoundError("")));
    const auto now = std::chrono::steady_clock::now();
    const auto wait = service_.pace_.Book(response_.data().size(), now);
    if (wait <= UploadPace::Duration::zero()) return Send();
    {
      const base::MutexLock lock(mutex_);
      if (!cancelled_) {
        // A new one each time: the one before may still be on its way out of its callback.
        turn_ = std::make_unique<grpc::Alarm>();
        turn_->Set(std::chrono::system_clock::now() +
                       std::chrono::duration_cast<std::chrono::system_clock::duration>(wait),
                   [this](bool came) { Turn(came); });
        return;
      }
    }
    Finish(grpc::Status::CANCELLED);
  }

  void Turn(bool came) {
    {
      const base::MutexLock lock(mutex_);
      came = came && !cancelled_;
    }
    came ? Send() : Finish(grpc::Status::CANCELLED);
  }

  void Send() {
    ++sent_;
    sent_bytes_ += response_.ByteSizeLong();
    StartWrite(&response_);
  }

  void Refuse(const absl::Status& why) {
    if (!absl::IsNotFound(why)) {
      base::Log(base::Severity::kWarning, "chunk_not_served", {{"error", base::LogValue::Error(why)}});
    }
    Finish(Said(why));
  }

  PeerService& service_;
  const std::string device_;
  const std::vector<std::string> hashes_;
  size_t next_ = 0, sent_ = 0, sent_bytes_ = 0;
  v1::GetChunksResponse response_;
  base::Mutex mutex_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<grpc::Alarm> turn_ ABSL_GUARDED_BY(mutex_);
};

absl::StatusOr<std::string> PeerService::Member(const grpc::CallbackServerContext& context) const {
  const std::optional<base::Certificate> certificate = net::PeerOf(context);
  if (!certificate.has_value()) return absl::UnauthenticatedError("no certificate was shown");
  return StillMember(*certificate, parts_.is_refused, parts_.now());
}

absl::StatusOr<std::string> PeerService::Admit(const grpc::CallbackServerContext& context,
                                               const v1::GetChunksRequest& request) {
  LINNET_ASSIGN_OR_RETURN(std::string device, Member(context));
  LINNET_RETURN_IF_ERROR(CheckRequest(request));
  // gRPC ends the call then, however slowly its reader reads.
  if (context.deadline() > std::chrono::system_clock::now() + kLongestCall) {
    return absl::InvalidArgumentError("a call needs a deadline of at most two minutes");
  }
  const base::MutexLock lock(mutex_);
  const auto own = of_device_.find(device);
  if (streams_ >= parts_.limits.streams ||
      (own != of_device_.end() && own->second >= parts_.limits.streams_a_device) ||
      pace_.Backlog(std::chrono::steady_clock::now()) > kLongestBacklog) {
    return absl::ResourceExhaustedError("this device serves enough others just now; ask again later");
  }
  ++streams_;
  ++of_device_[device];
  return device;
}

void PeerService::Leave(const std::string& device) {
  const base::MutexLock lock(mutex_);
  --streams_;
  const auto own = of_device_.find(device);
  if (--own->second == 0) of_device_.erase(own);
}

void PeerService::Uncount(size_t counted, size_t sent, size_t sent_bytes) const {
  const auto less = static_cast<int64_t>(counted - sent);
  const int64_t less_bytes =
      static_cast<int64_t>(counted) * kResponseBytes - static_cast<int64_t>(sent_bytes);
  const absl::Status status = Count(*v1::GetChunksResponse::descriptor(), -less, -less_bytes);
  if (!status.ok()) {  // more is counted than went: never the other way round
    base::Log(base::Severity::kWarning, "served_chunks_not_counted",
              {{"error", base::LogValue::Error(status)}});
  }
}

Reactor* PeerService::GetChunks(grpc::CallbackServerContext* context, const v1::GetChunksRequest* request) {
  absl::StatusOr<std::string> device = Admit(*context, *request);
  if (device.ok()) {
    // Before the first of them goes, and as if each were the largest: one write for the call, whatever
    // happens, and one when it has ended.
    const auto messages = static_cast<int64_t>(request->sha256_size());
    const absl::Status counted =
        Count(*v1::GetChunksResponse::descriptor(), messages, messages * kResponseBytes);
    if (!counted.ok()) {
      Leave(*device);
      device = absl::UnavailableError(base::Message(counted));
    }
  }
  if (!device.ok()) {
    if (!absl::IsResourceExhausted(device.status())) {
      base::Log(base::Severity::kWarning, "peer_refused",
                {{"error", base::LogValue::Error(device.status())}});
    }
    return new Refusal(Said(device.status()));
  }
  return new Stream(*this, *std::move(device),
                    std::vector<std::string>(request->sha256().begin(), request->sha256().end()));
}

absl::Status PeerService::DoExchange(const grpc::CallbackServerContext& context,
                                     const v1::ExchangeHeadsRequest& request,
                                     v1::ExchangeHeadsResponse& response) {
  LINNET_ASSIGN_OR_RETURN(const std::string device, Member(context));
  LINNET_RETURN_IF_ERROR(net::CheckRequest(request, net::kPeerProtocols));
  LINNET_RETURN_IF_ERROR(CheckExchange(request));
  if (!parts_.heads.newest) return absl::UnimplementedError("this device says nothing of the log");
  {
    // Each one costs a signature's check and a look into the database.
    const auto now = std::chrono::steady_clock::now();
    const base::MutexLock lock(mutex_);
    if (exchanged_.size() >= kMostRemembered) exchanged_.clear();
    const auto [last, first] = exchanged_.try_emplace(device, now);
    if (!first && now - last->second < kBetweenExchanges) {
      return absl::ResourceExhaustedError("heads are exchanged once a second; ask again later");
    }
    last->second = now;
  }
  // Before it is heard: what this device knew by itself.
  if (const std::optional<audit::LogHead> own = parts_.heads.newest(); own.has_value()) {
    ToProto(*own, *response.mutable_head());
  }
  LINNET_RETURN_IF_ERROR(net::CheckSaid(response));
  LINNET_RETURN_IF_ERROR(
      Count(*v1::ExchangeHeadsResponse::descriptor(), 1, static_cast<int64_t>(response.ByteSizeLong())));
  if (request.has_head()) parts_.heads.heard(FromProto(request.head()));
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* PeerService::ExchangeHeads(grpc::CallbackServerContext* context,
                                                     const v1::ExchangeHeadsRequest* request,
                                                     v1::ExchangeHeadsResponse* response) {
  const absl::Status status = DoExchange(*context, *request, *response);
  if (!status.ok() && !absl::IsResourceExhausted(status)) {
    base::Log(base::Severity::kWarning, "peer_refused", {{"error", base::LogValue::Error(status)}});
  }
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(status.ok() ? grpc::Status::OK : Said(status));
  return reactor;
}

class OpenDoor final : public PeerDoor {
 public:
  explicit OpenDoor(Parts parts) : service_(std::move(parts)) {}
  ~OpenDoor() override {
    if (server_ != nullptr) server_->Shutdown(kGrace);
  }

  absl::Status Start(const std::string& address, int connections,
                     std::shared_ptr<grpc::ServerCredentials> credentials) {
    LINNET_ASSIGN_OR_RETURN(server_, net::GrpcServer::Start({.address = address,
                                                             .credentials = std::move(credentials),
                                                             .services = {&service_},
                                                             .max_connections = connections,
                                                             .max_idle = kIdle,
                                                             .max_message_bytes = kResponseBytes,
                                                             .max_request_bytes = kRequestBytes}));
    return absl::OkStatus();
  }
  const std::string& address() const override { return server_->address(); }
  int port() const override { return server_->port(); }

 private:
  PeerService service_;
  std::unique_ptr<net::GrpcServer> server_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakePeerService(PeerDoor::Parts parts) {
  return std::make_unique<PeerService>(std::move(parts));
}

absl::StatusOr<std::unique_ptr<PeerDoor>> PeerDoor::Open(const std::string& address,
                                                         const PeerIdentity& identity, Parts parts) {
  LINNET_ASSIGN_OR_RETURN(
      std::shared_ptr<grpc::ServerCredentials> credentials,
      net::ServerCredentials(identity.tls, MemberOfFleet(identity, parts.is_refused, parts.now),
                             /*require_client_certificate=*/true));
  const int connections = parts.limits.connections;
  auto door = std::make_unique<OpenDoor>(std::move(parts));
  LINNET_RETURN_IF_ERROR(door->Start(address, connections, std::move(credentials)));
  return door;
}

}  // namespace linnet::peers
