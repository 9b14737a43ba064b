#include "runtime/net/grpc_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>

#include <chrono>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/net/handshakes.h"
#include "runtime/net/listener.h"

namespace linnet::net {
namespace {

constexpr int kHandshakeMs = 10'000;
constexpr int kStreamsPerConnection = 64;
constexpr int kMaxHeaderBytes = 8 << 10;
constexpr int kKeepaliveMs = 120'000;  // finds peers that lost power while a Watch is open
constexpr int kKeepaliveTimeoutMs = 20'000;
// What gRPC may hold for requests and connections before it sheds some. A connection with TLS and a held
// stream takes some 60 KiB (tests/perf/README.md).
constexpr size_t kQuotaBytes = 128 << 20;
constexpr size_t kQuotaBytesPerConnection = 64 << 10;

class Server : public GrpcServer {
 public:
  Server(std::unique_ptr<Listener> listener, std::unique_ptr<grpc::Server> server,
         std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor, int max_handshakes)
      : listener_(std::move(listener)),
        server_(std::move(server)),
        acceptor_(std::move(acceptor)),
        handshakes_(static_cast<size_t>(max_handshakes)) {
    listener_->Start(
        [this](int listener_fd, int fd) {
          handshakes_.Begin(fd, [&] {
            grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
            connection.listener_fd = listener_fd;
            connection.fd = fd;
            acceptor_->HandleNewConnection(&connection);
          });
        },
        [this] { return handshakes_.Full(); });
  }
  ~Server() override { Shutdown(absl::Seconds(1)); }

  const std::string& address() const override { return listener_->address(); }
  int port() const override { return listener_->port(); }

  void Shutdown(absl::Duration grace) override {
    std::call_once(once_, [&] {
      listener_->Stop();
      server_->Shutdown(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(grace));
      server_->Wait();
    });
  }

 private:
  std::once_flag once_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  Handshakes handshakes_;
};

void Configure(grpc::ServerBuilder& builder, const GrpcServerOptions& options) {
  builder.SetMaxReceiveMessageSize(options.max_request_bytes);
  builder.SetMaxSendMessageSize(options.max_message_bytes);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kStreamsPerConnection);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxHeaderBytes);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS,
                             static_cast<int>(absl::ToInt64Milliseconds(options.max_idle)));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  // A message is decompressed before its size is known: compressed requests are a way to be big.
  builder.SetDefaultCompressionAlgorithm(GRPC_COMPRESS_NONE);
  grpc::ResourceQuota quota("linnet");
  quota.Resize(kQuotaBytes + kQuotaBytesPerConnection * static_cast<size_t>(options.max_connections));
  builder.SetResourceQuota(quota);
  for (grpc::Service* service : options.services) builder.RegisterService(service);
}

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(GrpcServerOptions options) {
  if (options.credentials == nullptr) {
    if (!options.address.starts_with("unix:")) {
      return absl::InvalidArgumentError(absl::StrCat(options.address, ": TCP needs TLS credentials"));
    }
    options.credentials = grpc::InsecureServerCredentials();
  }
  LINNET_ASSIGN_OR_RETURN(auto listener, Listener::Open(options.address, options.max_connections));
  grpc::EnableDefaultHealthCheckService(true);
  if (options.reflection) grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  Configure(builder, options);
  auto acceptor = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, options.credentials);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || acceptor == nullptr) {
    return absl::InternalError(absl::StrCat(options.address, ": gRPC could not start a server"));
  }
  return std::make_unique<Server>(std::move(listener), std::move(server), std::move(acceptor),
                                  options.max_handshakes);
}

}  // namespace linnet::net
