#ifndef LINNET_TESTS_AGENT_TEST_AGENT_H_
#define LINNET_TESTS_AGENT_TEST_AGENT_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "linnet/agent/v1/agent.grpc.pb.h"
#include "runtime/net/tls.h"
#include "tests/support/temp_dir.h"

namespace linnet::testing {

using Stub = agent::v1::Agent::Stub;

// A real agent on loopback in this process, with a state folder of its own, and callers of each kind.
class TestAgent {
 public:
  // `model`: path, or empty.
  explicit TestAgent(const std::string& model = "");
  ~TestAgent();

  // Ends it and starts it again on the same state.
  void Restart();
  bool running() const { return agent_ != nullptr; }

  agent::Config& config() { return config_; }
  std::string state_dir() const { return config_.state_dir; }
  std::string socket_path() const { return config_.state_dir + "/agent.sock"; }
  std::string grpc_address() const { return grpc_; }
  int http_port() const { return http_port_; }

  // Over the Unix socket; and over TLS with a client certificate (or none). Stubs keep their channel.
  std::shared_ptr<grpc::Channel> LocalChannel() const;
  std::shared_ptr<grpc::Channel> TlsChannel(std::optional<net::TlsIdentity> identity = std::nullopt) const;
  std::unique_ptr<Stub> Local() const;
  std::unique_ptr<Stub> Tls(std::optional<net::TlsIdentity> identity = std::nullopt) const;

  agent::v1::CreateGrantResponse Grant(const std::vector<std::string>& scopes) const;

 private:
  void Start();

  TempDir dir_;
  agent::Config config_;
  std::unique_ptr<agent::Agent> agent_;
  std::string grpc_, pin_;
  int http_port_ = 0;
};

// A context with a deadline (10 s: never reached when all is well), and with a bearer token when not empty.
std::unique_ptr<grpc::ClientContext> Context(const std::string& token = "");

}  // namespace linnet::testing

#endif  // LINNET_TESTS_AGENT_TEST_AGENT_H_
