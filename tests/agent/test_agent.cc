#include "tests/agent/test_agent.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/clock.h"

namespace linnet::testing {

TestAgent::TestAgent(const std::string& model) {
  config_.state_dir = dir_ / "state";
  config_.name = "test-device";
  config_.listen = "127.0.0.1:0";
  config_.http = "127.0.0.1:0";
  config_.model = model;
  config_.threads = 2;
  Start();
}

TestAgent::~TestAgent() = default;

void TestAgent::Start() {
  agent::StartFailure failure;
  agent_ = agent::Agent::Start(config_, base::Clock::Real(), "0.1.0", &failure);
  ASSERT_NE(agent_, nullptr) << failure.status.ToString();
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(agent_->ready_text(), '\n'))) {
    if (line.starts_with("grpc=")) grpc_ = line.substr(5);
    if (line.starts_with("http=")) http_port_ = std::stoi(line.substr(line.rfind(':') + 1));
  }
  pin_ = Grant({"metrics"}).server_spki_sha256();
}

void TestAgent::Restart() {
  agent_ = nullptr;
  Start();
}

std::shared_ptr<grpc::Channel> TestAgent::LocalChannel() const {
  return grpc::CreateChannel(absl::StrCat("unix:", socket_path()), grpc::InsecureChannelCredentials());
}

std::shared_ptr<grpc::Channel> TestAgent::TlsChannel(std::optional<net::TlsIdentity> identity) const {
  auto credentials = net::ClientCredentials(std::move(identity), net::PinnedSpki(pin_));
  EXPECT_TRUE(credentials.ok()) << credentials.status().ToString();
  // Channels of the same arguments share their connection; each caller here is to have its own.
  static int serial = 0;
  grpc::ChannelArguments arguments;
  arguments.SetInt("linnet.test.serial", ++serial);
  return grpc::CreateCustomChannel(grpc_, *credentials, arguments);
}

std::unique_ptr<Stub> TestAgent::Local() const { return agent::v1::Agent::NewStub(LocalChannel()); }

std::unique_ptr<Stub> TestAgent::Tls(std::optional<net::TlsIdentity> identity) const {
  return agent::v1::Agent::NewStub(TlsChannel(std::move(identity)));
}

agent::v1::CreateGrantResponse TestAgent::Grant(const std::vector<std::string>& scopes) const {
  agent::v1::CreateGrantRequest request;
  request.set_name("test");
  request.mutable_scopes()->Assign(scopes.begin(), scopes.end());
  agent::v1::CreateGrantResponse response;
  const grpc::Status status = Local()->CreateGrant(Context().get(), request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

std::unique_ptr<grpc::ClientContext> Context(const std::string& token) {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  if (!token.empty()) context->AddMetadata("authorization", "Bearer " + token);
  return context;
}

}  // namespace linnet::testing
