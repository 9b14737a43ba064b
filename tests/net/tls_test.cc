#include "runtime/net/tls.h"

#include <gtest/gtest.h>

#include "runtime/base/string_view.h"
#include "runtime/net/grpc_server.h"
#include "tests/net/echo_service.h"
#include "tests/net/test_identities.h"

namespace linnet::net {
namespace {

using base::CertificateUse;

class TlsTest : public testing::Test {
 protected:
  void Serve(bool require_client_certificate) {
    auto credentials = ServerCredentials(server_identity_, OfDevices(), require_client_certificate);
    ASSERT_TRUE(credentials.ok()) << credentials.status();
    auto server =
        GrpcServer::Start({.address = "127.0.0.1:0", .credentials = *credentials, .services = {&service_}});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  PeerVerifier OfDevices() const {
    return UnderRoot(authority_.root(), CertificateUse::kClient, std::string(base::kDeviceUri), absl::Now);
  }
  PeerVerifier OfTheServer() const {
    return UnderRoot(authority_.root(), CertificateUse::kServer, std::string(base::kCoordinatorUri),
                     absl::Now);
  }
  EchoAnswer Call(std::optional<TlsIdentity> identity, std::optional<PeerVerifier> verifier = std::nullopt) {
    auto credentials =
        ClientCredentials(std::move(identity), verifier.has_value() ? *verifier : OfTheServer());
    EXPECT_TRUE(credentials.ok()) << credentials.status();
    return CallEcho(server_->address(), *credentials);
  }
  void ExpectRefused(std::optional<TlsIdentity> identity,
                     std::optional<PeerVerifier> verifier = std::nullopt) {
    const EchoAnswer answer = Call(std::move(identity), std::move(verifier));
    EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::UNAVAILABLE) << answer.status.error_message();
    EXPECT_EQ(service_.calls, 0);
  }

  TestAuthority authority_;
  TestAuthority other_;
  TlsIdentity server_identity_ = authority_.Server();
  EchoService service_;
  std::unique_ptr<GrpcServer> server_;
};

TEST_F(TlsTest, ServerSeesTheDevicesName) {
  Serve(true);
  const EchoAnswer answer = Call(authority_.Device());
  EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.name, "linnet-device:00112233445566778899aabbccddeeff");
}

TEST_F(TlsTest, ServerSeesTheIntermediateThatTheDeviceShows) {
  Serve(true);
  const auto [with, without] = authority_.DeviceUnderIntermediate();
  EXPECT_TRUE(Call(with).status.ok());
  service_.calls = 0;
  ExpectRefused(without);
}

TEST_F(TlsTest, ServerRefusesAClientWithoutCertificate) {
  Serve(true);
  ExpectRefused(std::nullopt);
}

TEST_F(TlsTest, ServerRefusesAnotherRoot) {
  Serve(true);
  ExpectRefused(other_.Device());
}

TEST_F(TlsTest, ServerRefusesAnotherScheme) {
  Serve(true);
  ExpectRefused(authority_.Identity(CertificateUse::kClient, "linnet-operator:anna"));
}

TEST_F(TlsTest, ServerRefusesAnotherUse) {
  Serve(true);
  ExpectRefused(
      authority_.Identity(CertificateUse::kServer, "linnet-device:00112233445566778899aabbccddeeff"));
}

TEST_F(TlsTest, ServerRefusesExpiredAndNotYetValid) {
  Serve(true);
  ExpectRefused(authority_.Device(absl::Hours(24)));
  ExpectRefused(authority_.Device(-absl::Hours(24)));
}

TEST_F(TlsTest, OpenServerLetsAnonymousInButNotBadCertificates) {
  Serve(false);
  const EchoAnswer answer = Call(std::nullopt);
  EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.name, "nobody");
  EXPECT_EQ(Call(authority_.Device()).name, "linnet-device:00112233445566778899aabbccddeeff");
  service_.calls = 0;
  ExpectRefused(other_.Device());
  ExpectRefused(authority_.Device(absl::Hours(24)));
}

TEST_F(TlsTest, ClientRefusesServersThatAreNotTheCoordinator) {
  server_identity_ = other_.Server();
  Serve(false);
  ExpectRefused(std::nullopt);
  server_.reset();
  server_identity_ = authority_.Identity(CertificateUse::kServer, "linnet-agent:00");
  Serve(false);
  ExpectRefused(std::nullopt);
  server_.reset();
  server_identity_ = authority_.Identity(CertificateUse::kClient, "linnet-coordinator:test");
  Serve(false);
  ExpectRefused(std::nullopt);
}

TEST_F(TlsTest, ClientWithAPinAcceptsThatKeyOnly) {
  Serve(false);
  const auto leaf = base::Certificate::FromPem(server_identity_.certificate_chain_pem);
  ASSERT_TRUE(leaf.ok());
  const std::string pin(base::AsView(leaf->SpkiSha256()));
  EXPECT_TRUE(Call(std::nullopt, PinnedSpki(pin)).status.ok());
  service_.calls = 0;
  ExpectRefused(std::nullopt, PinnedSpki(std::string(32, 'x')));
  ExpectRefused(std::nullopt, PinnedSpki(""));
}

TEST_F(TlsTest, ServerRefusesPlainText) {
  Serve(false);
  const EchoAnswer answer =
      CallEcho(server_->address(), grpc::InsecureChannelCredentials(), std::chrono::milliseconds(500));
  EXPECT_FALSE(answer.status.ok());
  EXPECT_EQ(service_.calls, 0);
}

TEST_F(TlsTest, RefusesIdentitiesThatDoNotFit) {
  TlsIdentity mixed = authority_.Device();
  mixed.private_key_pem = authority_.Device().private_key_pem;
  EXPECT_EQ(ClientCredentials(mixed, OfTheServer()).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ServerCredentials({"", ""}, OfDevices(), true).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ServerCredentials({authority_.Server().certificate_chain_pem, "junk"}, OfDevices(), true)
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace linnet::net
