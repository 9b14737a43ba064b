#include "runtime/net/grpc_server.h"

#include <arpa/inet.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/string_view.h"
#include "runtime/base/utf8.h"
#include "tests/net/echo_service.h"
#include "tests/net/test_identities.h"

namespace linnet::net {
namespace {

class GrpcServerTest : public testing::Test {
 protected:
  std::unique_ptr<GrpcServer> Serve(int max_connections = 256) {
    auto credentials = ServerCredentials(
        authority_.Server(),
        UnderRoot(authority_.root(), base::CertificateUse::kClient, std::string(base::kDeviceUri), absl::Now),
        true);
    EXPECT_TRUE(credentials.ok()) << credentials.status();
    auto server = GrpcServer::Start({.address = "127.0.0.1:0",
                                     .credentials = *credentials,
                                     .services = {&service_},
                                     .max_connections = max_connections});
    EXPECT_TRUE(server.ok()) << server.status();
    return *std::move(server);
  }
  std::shared_ptr<grpc::ChannelCredentials> Device() {
    return *ClientCredentials(authority_.Device(), UnderRoot(authority_.root(), base::CertificateUse::kServer,
                                                             std::string(base::kCoordinatorUri), absl::Now));
  }

  TestAuthority authority_;
  EchoService service_;
};

// CVE-2023-4785: gRPC's own listener never comes back from this.
TEST_F(GrpcServerTest, ServesAgainAfterDescriptorsRanOut) {
#ifdef LINNET_SANITIZED
  GTEST_SKIP()
      << "UBSan's vptr check opens a pipe to see whether memory can be read; without a descriptor for it, "
         "it reports every object as invalid";
#endif
  const auto server = Serve();
  ASSERT_TRUE(CallEcho(server->address(), Device()).status.ok());
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(static_cast<uint16_t>(server->port()));
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::vector<int> flood;
  for (int i = 0; i < 60; ++i)
    flood.push_back(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  // Ten more descriptors than are open now: the server cannot accept all of the sixty.
  const rlimit low{static_cast<rlim_t>(flood.back()) + 11, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  for (const int fd : flood) connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof name);
  usleep(300'000);  // the accept loop meets EMFILE
  for (const int fd : flood) close(fd);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(CallEcho(server->address(), Device()).status.ok());
}

TEST_F(GrpcServerTest, CountsConnectionsAndFreesThem) {
  const auto server = Serve(4);
  for (int i = 0; i < 12; ++i) EXPECT_TRUE(CallEcho(server->address(), Device()).status.ok()) << i;
}

// More come at once than may shake hands at a time, among them some who never say a word.
TEST_F(GrpcServerTest, AllAreServedWhoComeAtOnce) {
  auto credentials = ServerCredentials(
      authority_.Server(),
      UnderRoot(authority_.root(), base::CertificateUse::kClient, std::string(base::kDeviceUri), absl::Now),
      true);
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  const auto server = GrpcServer::Start(
      {.address = "127.0.0.1:0", .credentials = *credentials, .services = {&service_}, .max_handshakes = 2});
  ASSERT_TRUE(server.ok()) << server.status();
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(static_cast<uint16_t>((*server)->port()));
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::vector<int> silent;
  for (int i = 0; i < 2; ++i) {
    silent.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(connect(silent.back(), reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  }
  std::vector<std::thread> threads;
  std::atomic<int> served = 0;
  for (int i = 0; i < 12; ++i) {
    threads.emplace_back([&] { served += CallEcho((*server)->address(), Device()).status.ok() ? 1 : 0; });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(served, 12);
  for (const int fd : silent) close(fd);
}

// Somebody without a certificate must not keep a member's place by doing nothing.
TEST_F(GrpcServerTest, ClosesConnectionsThatDoNothing) {
  auto credentials = ServerCredentials(
      authority_.Server(),
      UnderRoot(authority_.root(), base::CertificateUse::kClient, std::string(base::kDeviceUri), absl::Now),
      false);
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  const auto server = GrpcServer::Start({.address = "127.0.0.1:0",
                                         .credentials = *credentials,
                                         .services = {&service_},
                                         .max_connections = 1,
                                         .max_idle = absl::Milliseconds(200)});
  ASSERT_TRUE(server.ok()) << server.status();
  const auto anonymous =
      *ClientCredentials(std::nullopt, UnderRoot(authority_.root(), base::CertificateUse::kServer,
                                                 std::string(base::kCoordinatorUri), absl::Now));
  const auto idle = grpc::CreateChannel((*server)->address(), anonymous);
  ASSERT_TRUE(idle->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10)));
  EXPECT_TRUE(idle->WaitForStateChange(GRPC_CHANNEL_READY,
                                       std::chrono::system_clock::now() + std::chrono::seconds(10)));
  // Its place is free a moment after the other end has seen it go.
  bool served = false;
  for (int i = 0; i < 100 && !served; ++i) {
    served = CallEcho((*server)->address(), Device()).status.ok();
    if (!served) absl::SleepFor(absl::Milliseconds(50));
  }
  EXPECT_TRUE(served);
}

TEST_F(GrpcServerTest, SaysThatThePortIsInUse) {
  const auto server = Serve();
  auto credentials = ServerCredentials(authority_.Server(), PinnedSpki(""), true);
  const auto second = GrpcServer::Start({.address = server->address(), .credentials = *credentials});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(absl::StrContains(base::Message(second.status()), server->address()));
}

TEST_F(GrpcServerTest, RefusesTcpWithoutTls) {
  EXPECT_EQ(GrpcServer::Start({.address = "127.0.0.1:0"}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(GrpcServerTest, ServesAUnixSocketForItsUserOnlyAndReplacesAStaleOne) {
  const std::string path = absl::StrCat(testing::TempDir(), "linnet-net-", getpid(), ".sock");
  {  // what a killed process leaves
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::strncpy(name.sun_path, path.c_str(), sizeof name.sun_path - 1);
    ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
    close(fd);
  }
  auto server = GrpcServer::Start({.address = "unix:" + path, .services = {&service_}});
  ASSERT_TRUE(server.ok()) << server.status();
  struct stat info{};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const EchoAnswer answer = CallEcho("unix:" + path, grpc::InsecureChannelCredentials());
  EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.name, "nobody");
  const auto second = GrpcServer::Start({.address = "unix:" + path});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
  server->reset();
  EXPECT_NE(stat(path.c_str(), &info), 0);
}

TEST_F(GrpcServerTest, AnswersHealthChecks) {
  const auto server = Serve();
  grpc::GenericStub stub(grpc::CreateChannel(server->address(), Device()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
  grpc::CompletionQueue queue;
  const grpc::Slice empty;
  const grpc::ByteBuffer request(&empty, 1);
  grpc::ByteBuffer response;
  grpc::Status status;
  const auto call = stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", request, &queue);
  call->StartCall();
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue.Next(&tag, &ok));
  ASSERT_TRUE(status.ok()) << status.error_message();
  grpc::Slice slice;
  ASSERT_TRUE(response.DumpToSingleSlice(&slice).ok());
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(slice.begin()), slice.size()), "\x08\x01");  // SERVING
}

TEST(StatusTest, KeepsCodesAndCutsLongMessagesBetweenCharacters) {
  for (int code = 0; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), "m");
    EXPECT_EQ(FromGrpc(ToGrpc(status)).code(), status.code());
  }
  std::string text = "x";
  while (text.size() < 3000) text += "\xC3\xA4";
  const std::string cut = ToGrpc(absl::InternalError(text)).error_message();
  EXPECT_EQ(cut.size(), 1024u);
  EXPECT_TRUE(base::IsUtf8(cut));
}

TEST(StatusTest, MakesAMessageOneLine) {
  const absl::Status status = absl::NotFoundError("rollout a\nb\x1b[2J: not known");
  EXPECT_EQ(ToGrpc(status).error_message(), "rollout a b [2J: not known");
}

TEST(StatusTest, TakesNoMoreThanOneLineOfWhatTheOtherEndSays) {
  const grpc::Status said(grpc::StatusCode::NOT_FOUND, "gone\r\n\x1b[2J{\"level\":\"info\"}");
  EXPECT_EQ(FromGrpc(said).message(), "gone   [2J{\"level\":\"info\"}");
  EXPECT_EQ(FromGrpc({grpc::StatusCode::NOT_FOUND, std::string(5000, 'x')}).message().size(), 1024u);
}

TEST(StatusTest, GivesAnErrorWithoutWordsSome) {
  const absl::Status status = FromGrpc({grpc::StatusCode::PERMISSION_DENIED, ""});
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(status.message(), "the other end did not say why");
}

}  // namespace
}  // namespace linnet::net
