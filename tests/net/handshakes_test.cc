#include "runtime/net/handshakes.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "tests/net/test_identities.h"

namespace linnet::net {
namespace {

struct Free {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

// A connection between two sockets of this process, with TLS on both ends.
class HandshakesTest : public testing::Test {
 protected:
  struct Connection {
    int ends[2] = {-1, -1};
    std::unique_ptr<SSL, Free> server, client;
    Connection() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0); }
    ~Connection() {
      for (const int end : ends) close(end);
    }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    // True when both ends say that they are done.
    bool Step() {
      const bool client_done = SSL_connect(client.get()) == 1;
      const bool server_done = SSL_accept(server.get()) == 1;
      return client_done && server_done;
    }
  };

  void SetUp() override {
    const TlsIdentity identity = authority_.Server();
    server_context_.reset(SSL_CTX_new(TLS_server_method()));
    client_context_.reset(SSL_CTX_new(TLS_client_method()));
    const auto key = base::PrivateKey::FromPem(identity.private_key_pem);
    ASSERT_TRUE(key.ok());
    BIO* chain = BIO_new_mem_buf(identity.certificate_chain_pem.data(),
                                 static_cast<int>(identity.certificate_chain_pem.size()));
    X509* leaf = PEM_read_bio_X509(chain, nullptr, nullptr, nullptr);
    BIO* secret =
        BIO_new_mem_buf(identity.private_key_pem.data(), static_cast<int>(identity.private_key_pem.size()));
    EVP_PKEY* pkey = PEM_read_bio_PrivateKey(secret, nullptr, nullptr, nullptr);
    ASSERT_EQ(SSL_CTX_use_certificate(server_context_.get(), leaf), 1);
    ASSERT_EQ(SSL_CTX_use_PrivateKey(server_context_.get(), pkey), 1);
    X509_free(leaf);
    EVP_PKEY_free(pkey);
    BIO_free(chain);
    BIO_free(secret);
  }
  // As gRPC does it: the object is made while the connection is handed over.
  std::unique_ptr<Connection> Accept(Handshakes& handshakes) {
    auto connection = std::make_unique<Connection>();
    handshakes.Begin(connection->ends[0], [&] {
      connection->server.reset(SSL_new(server_context_.get()));
      SSL_set_fd(connection->server.get(), connection->ends[0]);
    });
    connection->client.reset(SSL_new(client_context_.get()));
    SSL_set_fd(connection->client.get(), connection->ends[1]);
    return connection;
  }

  TestAuthority authority_;
  std::unique_ptr<SSL_CTX, Free> server_context_, client_context_;
};

TEST_F(HandshakesTest, AreUnderWayUntilTheyAreFinishedOrGivenUp) {
  Handshakes handshakes(2);
  EXPECT_FALSE(handshakes.Full());
  const auto first = Accept(handshakes);
  EXPECT_EQ(handshakes.under_way(), 1u);  // the client's own object does not count
  auto second = Accept(handshakes);
  EXPECT_TRUE(handshakes.Full());
  SSL_connect(first->client.get());
  SSL_accept(first->server.get());
  EXPECT_TRUE(handshakes.Full());  // half done
  bool done = false;
  for (int i = 0; i < 4 && !done; ++i) done = first->Step();
  EXPECT_TRUE(done);
  EXPECT_FALSE(handshakes.Full());
  EXPECT_EQ(handshakes.under_way(), 1u);
  second.reset();
  EXPECT_EQ(handshakes.under_way(), 0u);
}

TEST_F(HandshakesTest, WithoutTlsNothingIsCounted) {
  Handshakes handshakes(1);
  handshakes.Begin(0, [] {});
  EXPECT_FALSE(handshakes.Full());
  const std::unique_ptr<SSL, Free> other(SSL_new(server_context_.get()));
  EXPECT_EQ(handshakes.under_way(), 0u);
}

TEST_F(HandshakesTest, MayEndAfterWhoCountsThem) {
  auto handshakes = std::make_unique<Handshakes>(1);
  auto connection = Accept(*handshakes);
  handshakes.reset();
  bool done = false;
  for (int i = 0; i < 4 && !done; ++i) done = connection->Step();
  EXPECT_TRUE(done);
}

TEST_F(HandshakesTest, WhoIsSilentKeepsOthersOutForAMomentOnly) {
  Handshakes handshakes(1);
  const auto silent = Accept(handshakes);
  EXPECT_TRUE(handshakes.Full());
  const auto begin = std::chrono::steady_clock::now();
  while (handshakes.Full() && std::chrono::steady_clock::now() - begin < std::chrono::seconds(30)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(500));
  EXPECT_FALSE(handshakes.Full());
  // One whose word waits for us is not silent.
  const auto waiting = Accept(handshakes);
  SSL_connect(waiting->client.get());
  std::this_thread::sleep_for(std::chrono::milliseconds(700));
  EXPECT_TRUE(handshakes.Full());
}

}  // namespace
}  // namespace linnet::net
