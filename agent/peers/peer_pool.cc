#include "agent/peers/peer_pool.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/peers/log_heads.h"
#include "agent/peers/peer_check.h"
#include "linnet/peer/v1/peer.grpc.pb.h"
#include "runtime/base/status_macros.h"
#include "runtime/net/device_channel.h"
#include "runtime/net/grpc_server.h"
#include "runtime/net/message_check.h"
#include "runtime/net/tls.h"

namespace linnet::peers {

namespace v1 = ::linnet::peer::v1;

namespace {

constexpr int kMaxMessageBytes = (1 << 20) + 4096;
constexpr std::chrono::milliseconds kConnectTick(100);  // so that Shutdown is noticed
constexpr std::chrono::seconds kExchange(2);

}  // namespace

struct PeerPool::Connection {
  std::string address;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::Peer::Stub> stub;
  bool exchanged = false;  // of the thread that fetches
};

PeerPool::PeerPool(Parts parts) : parts_(std::move(parts)) {}
PeerPool::~PeerPool() { Shutdown(); }

void PeerPool::SetIdentity(PeerIdentity identity) {
  const base::MutexLock lock(mutex_);
  identity_ = std::move(identity);
  connections_.clear();
}

absl::StatusOr<std::shared_ptr<PeerPool::Connection>> PeerPool::Connect(const std::string& address) {
  const base::MutexLock lock(mutex_);
  if (down_) return absl::CancelledError("the agent is stopping");
  if (!identity_.has_value()) return absl::FailedPreconditionError("this device is not enrolled");
  for (auto it = connections_.begin(); it != connections_.end(); ++it) {
    if ((*it)->address == address) {
      connections_.splice(connections_.begin(), connections_, it);
      return connections_.front();
    }
  }
  LINNET_ASSIGN_OR_RETURN(
      const std::shared_ptr<grpc::ChannelCredentials> credentials,
      net::ClientCredentials(identity_->tls, MemberOfFleet(*identity_, parts_.is_refused, parts_.now)));
  grpc::ChannelArguments arguments;
  net::SetDeviceArguments(arguments);
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  auto connection = std::make_shared<Connection>();
  connection->address = address;
  connection->channel = grpc::CreateCustomChannel(address, credentials, arguments);
  connection->stub = v1::Peer::NewStub(connection->channel);
  connections_.push_front(connection);
  if (connections_.size() > kMostConnections) connections_.pop_back();
  return connection;
}

absl::Status PeerPool::Await(Connection& connection) {
  const auto end = std::chrono::system_clock::now() + absl::ToChronoMilliseconds(parts_.connect);
  while (
      !connection.channel->WaitForConnected(std::min(end, std::chrono::system_clock::now() + kConnectTick))) {
    if (down()) return absl::CancelledError("the agent is stopping");
    // It was tried, and refused: at the other end, or by us.
    const bool failed = connection.channel->GetState(false) == GRPC_CHANNEL_TRANSIENT_FAILURE;
    if (failed || std::chrono::system_clock::now() >= end) {
      return absl::UnavailableError(absl::StrCat(connection.address, ": cannot be reached, or is no peer"));
    }
  }
  return absl::OkStatus();
}

absl::Status PeerPool::GetChunks(const std::string& address, const std::vector<std::string>& sha256,
                                 const OnChunk& on_chunk) {
  LINNET_ASSIGN_OR_RETURN(const std::shared_ptr<Connection> connection, Connect(address));
  if (const absl::Status connected = Await(*connection); !connected.ok()) {
    Drop(address);
    return connected;
  }
  ExchangeHeads(*connection);
  v1::GetChunksRequest request;
  request.set_protocol(kProtocol);
  for (const std::string& hash : sha256) request.add_sha256(hash);
  LINNET_RETURN_IF_ERROR(parts_.admit(request));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(parts_.batch));
  if (!Begin(context)) return absl::CancelledError("the agent is stopping");
  const auto reader = connection->stub->GetChunks(&context, request);
  v1::GetChunksResponse response;
  absl::Status ours;
  for (size_t left = sha256.size(); ours.ok() && reader->Read(&response); --left) {
    ours = left == 0 ? absl::DataLossError(absl::StrCat(address, ": sends more chunks than it was asked for"))
                     : net::CheckAnswer(response);
    if (ours.ok()) ours = on_chunk(response.sha256(), response.data());
  }
  if (!ours.ok()) context.TryCancel();
  const grpc::Status theirs = reader->Finish();
  End();
  return ours.ok() ? net::FromGrpc(theirs) : ours;
}

void PeerPool::ExchangeHeads(Connection& connection) {
  if (!parts_.heads.newest || connection.exchanged) return;
  connection.exchanged = true;
  v1::ExchangeHeadsRequest request;
  request.set_protocol(kProtocol);
  if (const std::optional<audit::LogHead> own = parts_.heads.newest(); own.has_value()) {
    ToProto(*own, *request.mutable_head());
  }
  if (!parts_.admit(request).ok()) return;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kExchange);
  v1::ExchangeHeadsResponse response;
  if (!Begin(context)) return;
  const bool heard = connection.stub->ExchangeHeads(&context, request, &response).ok();
  End();
  if (!heard || !net::CheckAnswer(response).ok()) return;
  if (response.has_head()) parts_.heads.heard(FromProto(response.head()));
}

bool PeerPool::Begin(grpc::ClientContext& context) {
  const base::MutexLock lock(mutex_);
  if (down_) return false;
  running_ = &context;
  return true;
}

void PeerPool::End() {
  const base::MutexLock lock(mutex_);
  running_ = nullptr;
}

bool PeerPool::Has(const std::string& address) {
  const base::MutexLock lock(mutex_);
  return std::any_of(connections_.begin(), connections_.end(),
                     [&](const auto& connection) { return connection->address == address; });
}

void PeerPool::Drop(const std::string& address) {
  const base::MutexLock lock(mutex_);
  connections_.remove_if([&](const auto& connection) { return connection->address == address; });
}

void PeerPool::Shutdown() {
  const base::MutexLock lock(mutex_);
  down_ = true;
  if (running_ != nullptr) running_->TryCancel();
}

bool PeerPool::down() {
  const base::MutexLock lock(mutex_);
  return down_;
}

}  // namespace linnet::peers
