// Who may call what: every call of agent.proto, by every kind of caller.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "runtime/base/clock.h"
#include "runtime/base/keys.h"
#include "runtime/base/x509.h"
#include "tests/agent/test_agent.h"
#include "tests/support/tiny_model.h"

namespace linnet {
namespace {

namespace v1 = agent::v1;
using linnet::testing::Context;
using linnet::testing::Stub;
using linnet::testing::TestAgent;
using ::testing::HasSubstr;

struct Call {
  std::string scope;
  std::function<grpc::Status(Stub&, grpc::ClientContext*)> run;
};

template <typename Request, typename Response>
std::function<grpc::Status(Stub&, grpc::ClientContext*)> Unary(
    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*), Request request = {}) {
  return [method, request](Stub& stub, grpc::ClientContext* context) {
    Response response;
    return (stub.*method)(context, request, &response);
  };
}

template <typename Reader>
grpc::Status Drain(Reader reader) {
  v1::GenerateResponse part;
  while (reader->Read(&part)) {
  }
  return reader->Finish();
}

std::map<std::string, Call> Calls() {
  v1::AskRequest ask;
  ask.set_text("What can I cook tonight?");
  v1::CreateGrantRequest grant;
  grant.set_name("another");
  grant.add_scopes("manage");  // nobody gives what they lack
  return {
      {"Generate",
       {"ask",
        [](Stub& stub, grpc::ClientContext* context) {
          v1::GenerateRequest request;
          request.set_prompt("hello");
          request.set_max_tokens(2);
          return Drain(stub.Generate(context, request));
        }}},
      {"Chat",
       {"ask",
        [](Stub& stub, grpc::ClientContext* context) {
          v1::ChatRequest request;
          v1::ChatMessage* message = request.add_messages();
          message->set_role("user");
          message->set_content("hello");
          request.set_max_tokens(2);
          return Drain(stub.Chat(context, request));
        }}},
      {"Ask", {"ask", Unary(&Stub::Ask, ask)}},
      {"Ingest",
       {"ingest",
        [](Stub& stub, grpc::ClientContext* context) {
          v1::IngestResponse response;
          const auto writer = stub.Ingest(context, &response);
          v1::IngestRequest request;
          request.set_channel("temperature");
          request.add_readings()->set_value(20);
          writer->Write(request);
          writer->WritesDone();
          return writer->Finish();
        }}},
      {"SetInventory", {"ingest", Unary(&Stub::SetInventory)}},
      {"SetEntities", {"manage", Unary(&Stub::SetEntities)}},
      {"ListAnomalies", {"read-data", Unary(&Stub::ListAnomalies)}},
      {"ListModels", {"read-data", Unary(&Stub::ListModels)}},
      {"PrivacyJournal", {"read-data", Unary(&Stub::PrivacyJournal)}},
      {"Status", {"metrics", Unary(&Stub::Status)}},
      {"CreateGrant", {"manage", Unary(&Stub::CreateGrant, grant)}},
      {"ListGrants", {"manage", Unary(&Stub::ListGrants)}},
      {"RevokeGrant", {"manage", Unary(&Stub::RevokeGrant)}},
      {"CheckForUpdate", {"manage", Unary(&Stub::CheckForUpdate)}},
      {"OfferModel", {"manage", Unary(&Stub::OfferModel)}},
      {"ForgetLog", {"manage", Unary(&Stub::ForgetLog)}},
  };
}

// The call got past the door; what it then says is its own business.
bool Passed(const grpc::Status& status) {
  return status.error_code() != grpc::StatusCode::UNAUTHENTICATED &&
         status.error_code() != grpc::StatusCode::PERMISSION_DENIED &&
         status.error_code() != grpc::StatusCode::UNAVAILABLE;
}

class AuthorisationTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = new testing::TempDir;
    testing::WriteTinyModel(*dir_ / "tiny.gguf");
    agent_ = new TestAgent(*dir_ / "tiny.gguf");
  }
  static void TearDownTestSuite() {
    delete agent_;
    delete dir_;
  }
  void SetUp() override { ASSERT_TRUE(agent_->running()); }

  static void ExpectAllRefused(Stub& stub, grpc::StatusCode code, const std::string& token = "") {
    for (const auto& [name, call] : Calls()) {
      const grpc::Status status = call.run(stub, Context(token).get());
      EXPECT_EQ(status.error_code(), code) << name << ": " << status.error_message();
    }
  }

  static inline testing::TempDir* dir_ = nullptr;
  static inline TestAgent* agent_ = nullptr;
};

TEST_F(AuthorisationTest, TheTableNamesEveryCallOfTheService) {
  std::set<std::string> methods, tested;
  const google::protobuf::ServiceDescriptor* service =
      google::protobuf::DescriptorPool::generated_pool()->FindServiceByName("linnet.agent.v1.Agent");
  ASSERT_NE(service, nullptr);
  for (int i = 0; i < service->method_count(); ++i) methods.insert(service->method(i)->name());
  for (const auto& [name, call] : Calls()) tested.insert(name);
  EXPECT_EQ(methods, tested);
}

TEST_F(AuthorisationTest, TheLocalUserMayCallEverything) {
  const auto stub = agent_->Local();
  for (const auto& [name, call] : Calls()) {
    const grpc::Status status = call.run(*stub, Context().get());
    EXPECT_TRUE(Passed(status)) << name << ": " << status.error_message();
  }
}

TEST_F(AuthorisationTest, AGrantOpensTheCallsOfItsScopeAndNoOthers) {
  for (const std::string scope : {"ask", "ingest", "read-data", "manage", "metrics"}) {
    const v1::CreateGrantResponse grant = agent_->Grant({scope});
    const auto by_token = agent_->Tls();
    const auto by_certificate =
        agent_->Tls(net::TlsIdentity{grant.certificate_pem(), grant.private_key_pem()});
    for (const auto& [name, call] : Calls()) {
      const grpc::Status token = call.run(*by_token, Context(grant.bearer_token()).get());
      const grpc::Status certificate = call.run(*by_certificate, Context().get());
      if (call.scope == scope) {
        EXPECT_TRUE(Passed(token)) << scope << " " << name << ": " << token.error_message();
        EXPECT_TRUE(Passed(certificate)) << scope << " " << name << ": " << certificate.error_message();
      } else {
        EXPECT_EQ(token.error_code(), grpc::StatusCode::PERMISSION_DENIED) << scope << " " << name;
        EXPECT_EQ(certificate.error_code(), grpc::StatusCode::PERMISSION_DENIED) << scope << " " << name;
        EXPECT_THAT(certificate.error_message(), HasSubstr("lacks the scope \"" + call.scope + "\""));
      }
    }
  }
}

TEST_F(AuthorisationTest, NobodyGivesScopesThatTheyLack) {
  const v1::CreateGrantResponse grant = agent_->Grant({"manage", "ask"});
  const auto by_token = agent_->Tls();
  const auto by_certificate = agent_->Tls(net::TlsIdentity{grant.certificate_pem(), grant.private_key_pem()});
  const auto give = [](Stub& stub, const std::vector<std::string>& scopes, const std::string& token) {
    v1::CreateGrantRequest request;
    request.set_name("another");
    request.mutable_scopes()->Assign(scopes.begin(), scopes.end());
    v1::CreateGrantResponse response;
    return stub.CreateGrant(Context(token).get(), request, &response);
  };
  for (const std::string lacked : {"ingest", "read-data", "metrics"}) {
    for (const grpc::Status& status : {give(*by_token, {"ask", lacked}, grant.bearer_token()),
                                       give(*by_certificate, {"ask", lacked}, "")}) {
      EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED) << lacked;
      EXPECT_THAT(status.error_message(), HasSubstr("lacks the scope \"" + lacked + "\""));
    }
  }
  EXPECT_TRUE(give(*by_token, {"ask", "manage"}, grant.bearer_token()).ok());
  EXPECT_TRUE(give(*by_certificate, {"ask"}, "").ok());
  EXPECT_TRUE(give(*agent_->Local(), {"read-data", "metrics"}, "").ok());
}

TEST_F(AuthorisationTest, WithoutAGrantNothingOpens) {
  ExpectAllRefused(*agent_->Tls(), grpc::StatusCode::UNAUTHENTICATED);
  ExpectAllRefused(*agent_->Tls(), grpc::StatusCode::UNAUTHENTICATED, "linnet_wrong");
}

TEST_F(AuthorisationTest, ARevokedGrantOpensNothing) {
  const v1::CreateGrantResponse grant = agent_->Grant({"ask", "ingest", "read-data", "manage", "metrics"});
  const auto by_certificate = agent_->Tls(net::TlsIdentity{grant.certificate_pem(), grant.private_key_pem()});
  v1::StatusResponse response;
  // The connection stands before and after.
  EXPECT_TRUE(by_certificate->Status(Context().get(), {}, &response).ok());
  v1::RevokeGrantRequest request;
  request.set_id(grant.id());
  v1::RevokeGrantResponse revoked;
  ASSERT_TRUE(agent_->Local()->RevokeGrant(Context().get(), request, &revoked).ok());
  ExpectAllRefused(*by_certificate, grpc::StatusCode::UNAUTHENTICATED);
  ExpectAllRefused(*agent_->Tls(), grpc::StatusCode::UNAUTHENTICATED, grant.bearer_token());
}

// A certificate of each domain, good there; of another owner too. With a good token beside it: the handshake
// decides, before anything is read.
TEST_F(AuthorisationTest, CertificatesOfTheFleetOfOperatorsAndOfOtherOwnersOpenNothing) {
  const absl::Time now = base::Clock::Real().Now();
  const base::PrivateKey authority_key = base::PrivateKey::Generate(base::KeyType::kP256);
  base::CertificateRequest request;
  request.common_name = "another authority";
  request.use = base::CertificateUse::kAuthority;
  request.not_before = now - absl::Hours(1);
  request.not_after = now + absl::Hours(1);
  const base::Certificate authority = base::IssueSelfSigned(authority_key, request);
  const base::PrivateKey key = base::PrivateKey::Generate(base::KeyType::kP256);
  request.use = base::CertificateUse::kClient;
  const v1::CreateGrantResponse grant = agent_->Grant({"ask", "ingest", "read-data", "manage", "metrics"});
  for (const std::string& uri :
       {std::string(base::kDeviceUri) + std::string(32, 'a'), std::string(base::kOperatorUri) + "anna",
        std::string(base::kCoordinatorUri) + "site", std::string(base::kOwnerUri) + grant.id()}) {
    request.uri = uri;
    const auto foreign = base::Issue(authority, authority_key, key.public_key(), request);
    ASSERT_TRUE(foreign.ok());
    const auto stub = agent_->Tls(net::TlsIdentity{foreign->ToPem() + authority.ToPem(), key.ToPem()});
    SCOPED_TRACE(uri);
    ExpectAllRefused(*stub, grpc::StatusCode::UNAVAILABLE);
    ExpectAllRefused(*stub, grpc::StatusCode::UNAVAILABLE, grant.bearer_token());
  }
}

TEST_F(AuthorisationTest, TheSocketIsTheOwnersOnly) {
  const auto info = base::FileSystem::Real().Stat(agent_->socket_path());
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->mode, 0600U);
  EXPECT_EQ(base::FileSystem::Real().Stat(agent_->state_dir())->mode, 0700U);
}

}  // namespace
}  // namespace linnet
