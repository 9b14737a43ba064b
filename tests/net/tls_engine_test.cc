// TLS with keys that cannot be written down. What signs here is memory; a TPM does in tests/fleet.
#include "runtime/net/tls_engine.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <atomic>
#include <thread>
#include <vector>

#include "runtime/net/grpc_server.h"
#include "runtime/net/tls.h"
#include "tests/net/echo_service.h"
#include "tests/net/test_identities.h"

namespace linnet::net {
namespace {

using base::CertificateUse;

class Chip final : public base::HardwareKey {
 public:
  explicit Chip(base::PrivateKey key) : key_(std::move(key)) {}
  absl::StatusOr<std::string> SignDigest(std::string_view digest) const override {
    if (gone) return absl::UnavailableError("the chip is gone");
    ++signatures;
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(key_.get(), nullptr);
    std::string out(80, '\0');
    size_t size = out.size();
    EXPECT_EQ(EVP_PKEY_sign_init(context), 1);
    EXPECT_EQ(EVP_PKEY_sign(context, reinterpret_cast<unsigned char*>(out.data()), &size,
                            reinterpret_cast<const unsigned char*>(digest.data()), digest.size()),
              1);
    EVP_PKEY_CTX_free(context);
    out.resize(size);
    return out;
  }
  std::atomic<bool> gone{false};
  mutable std::atomic<int> signatures{0};

 private:
  const base::PrivateKey key_;
};

// The same identity, its key in a chip.
std::shared_ptr<Chip> Move(TlsIdentity& identity) {
  const base::PrivateKey key = *base::PrivateKey::FromPem(identity.private_key_pem);
  auto chip = std::make_shared<Chip>(key);
  identity.private_key_pem.clear();
  identity.hardware_key = base::PrivateKey::InHardware(key.public_key(), chip);
  return chip;
}

class TlsEngineTest : public testing::Test {
 protected:
  void SetUp() override {
    server_chip_ = Move(server_identity_);
    auto credentials = ServerCredentials(
        server_identity_,
        UnderRoot(authority_.root(), CertificateUse::kClient, std::string(base::kDeviceUri), absl::Now),
        true);
    ASSERT_TRUE(credentials.ok()) << credentials.status();
    auto server =
        GrpcServer::Start({.address = "127.0.0.1:0", .credentials = *credentials, .services = {&service_}});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  grpc::Status Call(const TlsIdentity& identity) {
    auto credentials = ClientCredentials(identity, UnderRoot(authority_.root(), CertificateUse::kServer,
                                                             std::string(base::kCoordinatorUri), absl::Now));
    EXPECT_TRUE(credentials.ok()) << credentials.status();
    return CallEcho(server_->address(), *credentials).status;
  }

  TestAuthority authority_;
  TlsIdentity server_identity_ = authority_.Server();
  std::shared_ptr<Chip> server_chip_;
  EchoService service_;
  std::unique_ptr<GrpcServer> server_;
};

TEST_F(TlsEngineTest, BothEndsSignInHardware) {
  TlsIdentity device = authority_.Device();
  const std::shared_ptr<Chip> chip = Move(device);
  const grpc::Status status = Call(device);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(chip->signatures, 1);
  EXPECT_EQ(server_chip_->signatures, 1);
  EXPECT_TRUE(Call(authority_.Device()).ok()) << "and a key in memory";
}

TEST_F(TlsEngineTest, ManyConnectionsWithManyKeys) {
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      TlsIdentity device = authority_.Device();
      Move(device);
      for (int i = 0; i < 4; ++i) good += Call(device).ok() ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 32);
  EXPECT_EQ(server_chip_->signatures, 32);
}

TEST_F(TlsEngineTest, HardwareThatIsGoneFailsTheConnectionAndNoMore) {
  TlsIdentity device = authority_.Device();
  const std::shared_ptr<Chip> chip = Move(device);
  chip->gone = true;
  EXPECT_EQ(Call(device).error_code(), grpc::StatusCode::UNAVAILABLE);
  chip->gone = false;
  EXPECT_TRUE(Call(device).ok());
  server_chip_->gone = true;
  EXPECT_EQ(Call(device).error_code(), grpc::StatusCode::UNAVAILABLE);
  server_chip_->gone = false;
  EXPECT_TRUE(Call(device).ok());
}

TEST_F(TlsEngineTest, AKeyThatIsNotTheCertificatesIsRefused) {
  TlsIdentity device = authority_.Device(), other = authority_.Device();
  Move(other);
  device.hardware_key = other.hardware_key;
  const auto credentials = ClientCredentials(device, PinnedSpki(""));
  EXPECT_EQ(credentials.status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace linnet::net
