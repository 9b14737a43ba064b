#ifndef LINNET_TESTS_NET_ECHO_SERVICE_H_
#define LINNET_TESTS_NET_ECHO_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "linnet/fleet/v1/fleet.grpc.pb.h"
#include "runtime/net/tls.h"

namespace linnet::net {

// Answers CheckIn with the name in the client's certificate.
class EchoService : public fleet::v1::Fleet::CallbackService {
 public:
  grpc::ServerUnaryReactor* CheckIn(grpc::CallbackServerContext* context, const fleet::v1::CheckInRequest*,
                                    fleet::v1::CheckInResponse* response) override {
    ++calls;
    const auto peer = PeerOf(*context);
    response->set_plan(peer.has_value() && !peer->uris().empty() ? peer->uris()[0] : "nobody");
    auto* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
  std::atomic<int> calls = 0;
};

struct EchoAnswer {
  grpc::Status status;
  std::string name;
};

inline EchoAnswer CallEcho(const std::string& address, std::shared_ptr<grpc::ChannelCredentials> credentials,
                           std::chrono::milliseconds timeout = std::chrono::seconds(5)) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto stub =
      fleet::v1::Fleet::NewStub(grpc::CreateCustomChannel(address, std::move(credentials), arguments));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  fleet::v1::CheckInResponse response;
  EchoAnswer answer;
  answer.status = stub->CheckIn(&context, {}, &response);
  answer.name = response.plan();
  return answer;
}

}  // namespace linnet::net

#endif  // LINNET_TESTS_NET_ECHO_SERVICE_H_
