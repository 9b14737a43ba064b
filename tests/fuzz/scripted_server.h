#ifndef LINNET_TESTS_FUZZ_SCRIPTED_SERVER_H_
#define LINNET_TESTS_FUZZ_SCRIPTED_SERVER_H_

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/support/status.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/fuzz/in_process_server.h"

namespace linnet::testing {

// What a server says in one call: messages, which may be none of the method's type, then how it ends.
struct ServerAnswer {
  std::vector<std::string> messages = {};
  size_t repeats = 1;  // of the last message
  grpc::Status status = grpc::Status::OK;
};

// A real gRPC server with TLS that has no service: to each call it says what it is told to.
class ScriptedServer {
 public:
  // `method`: "CheckIn". Called from gRPC's threads, one call at a time.
  using Say = std::function<ServerAnswer(const std::string& method, const std::string& request)>;

  // `address`: "unix:/path" or "127.0.0.1:0".
  ScriptedServer(const std::string& address, const std::shared_ptr<grpc::ServerCredentials>& credentials,
                 Say say);
  ~ScriptedServer();

  int port() const { return port_; }
  // Until no call is under way: those that a client left, too.
  void AwaitNone() { under_way_.AwaitNone(); }

 private:
  class Service;
  CallsUnderWay under_way_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

}  // namespace linnet::testing

#endif  // LINNET_TESTS_FUZZ_SCRIPTED_SERVER_H_
