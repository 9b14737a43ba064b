#include "agent/http/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/agent/raw_client.h"
#include "tests/support/status_matchers.h"

namespace linnet::http {
namespace {

using linnet::testing::IsOk;
using linnet::testing::RawClient;
using linnet::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// One thing said by one thread and waited for by another.
class Signal {
 public:
  void Set() {
    const std::lock_guard lock(mutex_);
    set_ = true;
    changed_.notify_all();
  }
  bool Wait() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [this] { return set_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool set_ = false;
};

void Echo(Request request, std::shared_ptr<Responder> responder) {
  responder->Send({200,
                   {{"content-type", "text/plain"}},
                   absl::StrCat(request.method, " ", request.path, "?", request.query, " ",
                                request.body.size(), " ", std::string(request.Header("x-test")))});
}

std::unique_ptr<HttpServer> Serve(Handler handler, HttpServerOptions options = {}) {
  options.address = "127.0.0.1:0";
  auto server = HttpServer::Start(options, std::move(handler));
  EXPECT_THAT(server, IsOk());
  return *std::move(server);
}

std::string Get(const std::string& path, const std::string& headers = "") {
  return absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: 127.0.0.1\r\n", headers, "\r\n");
}

std::string Post(const std::string& body, const std::string& headers = "") {
  return absl::StrCat("POST /p HTTP/1.1\r\nHost: localhost:7401\r\n", headers,
                      "Content-Length: ", body.size(), "\r\n\r\n", body);
}

TEST(HttpServerTest, AnswersSeveralRequestsOnOneConnection) {
  const auto server = Serve(Echo);
  RawClient client(server->port());
  EXPECT_THAT(client.Ask(Get("/a?b=c", "X-Test: yes\r\n")), HasSubstr("GET /a?b=c 0 yes"));
  EXPECT_THAT(client.Ask(Post(std::string(100'000, 'x'))), HasSubstr("POST /p? 100000 "));
  // Pipelined: both at once.
  client.Send(Get("/1") + Get("/2"));
  EXPECT_THAT(client.ReadAnswer(), HasSubstr("GET /1?"));
  EXPECT_THAT(client.ReadAnswer(), HasSubstr("GET /2?"));
  EXPECT_THAT(client.Ask(Get("/end", "Connection: close\r\n")), HasSubstr("connection: close"));
  EXPECT_EQ(client.ReadAll(), "");
}

TEST(HttpServerTest, ReadsChunkedBodiesAndExpectContinue) {
  const auto server = Serve(Echo);
  RawClient client(server->port());
  EXPECT_THAT(client.Ask("POST /p HTTP/1.1\r\nHost: [::1]:1\r\nTransfer-Encoding: chunked\r\n\r\n"
                         "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
              HasSubstr("POST /p? 5 "));
  client.Send("POST /p HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(client.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_THAT(client.Ask("body"), HasSubstr("POST /p? 4 "));
}

TEST(HttpServerTest, RefusesWhatIsTooLarge) {
  const auto server = Serve(Echo);
  EXPECT_THAT(RawClient(server->port()).Ask(Get("/", "X-Test: " + std::string(20'000, 'x') + "\r\n")),
              StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(
      RawClient(server->port()).Ask("POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048577\r\n\r\n"),
      StartsWith("HTTP/1.1 413"));
  RawClient chunked(server->port());
  chunked.Send("POST /p HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = absl::StrCat("10000\r\n", std::string(0x10000, 'x'), "\r\n");
  for (int i = 0; i < 17; ++i) {
    if (!chunked.Send(chunk)) break;
  }
  EXPECT_THAT(chunked.ReadAnswer(), StartsWith("HTTP/1.1 413"));
}

TEST(HttpServerTest, RefusesWhatIsNotHttp) {
  const auto server = Serve(Echo);
  for (const char* bad :
       {"nonsense\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\nbad header\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    EXPECT_THAT(RawClient(server->port()).Ask(bad), StartsWith("HTTP/1.1 400")) << bad;
  }
  EXPECT_THAT(RawClient(server->port()).Ask(Get("/")), StartsWith("HTTP/1.1 200"));
}

TEST(HttpServerTest, AnswersOnlyToLoopbackNamesAndItsOwnOrigin) {
  const auto server = Serve(Echo);
  const auto ask = [&](const std::string& host, const std::string& origin) {
    return RawClient(server->port())
        .Ask(absl::StrCat("GET / HTTP/1.1\r\n", host.empty() ? "" : absl::StrCat("Host: ", host, "\r\n"),
                          origin.empty() ? "" : absl::StrCat("Origin: ", origin, "\r\n"), "\r\n"));
  };
  for (const char* host :
       {"localhost", "LOCALHOST:80", "127.0.0.1:7401", "127.3.2.1", "[::1]", "[::1]:7401"}) {
    EXPECT_THAT(ask(host, ""), StartsWith("HTTP/1.1 200")) << host;
    EXPECT_THAT(ask(host, absl::StrCat("http://", host)), StartsWith("HTTP/1.1 200")) << host;
  }
  for (const char* host : {"", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1",
                           "127.1", "0177.0.0.1", "[::2]", "localhost:x", "localhost:"}) {
    EXPECT_THAT(ask(host, ""), StartsWith("HTTP/1.1 403")) << host;
  }
  for (const char* origin : {"null", "http://evil.example", "https://localhost:7401", "http://localhost:7402",
                             "http://localhost"}) {
    EXPECT_THAT(ask("localhost:7401", origin), StartsWith("HTTP/1.1 403")) << origin;
  }
}

TEST(HttpServerTest, BindsToLoopbackOnlyAndSaysWhenThePortIsTaken) {
  for (const char* address : {"0.0.0.0:0", "192.168.1.1:80", "example.org:80", "[::]:80"}) {
    EXPECT_THAT(HttpServer::Start({.address = address}, Echo),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("loopback")))
        << address;
  }
  for (const char* address : {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000"}) {
    EXPECT_THAT(HttpServer::Start({.address = address}, Echo), StatusIs(absl::StatusCode::kInvalidArgument))
        << address;
  }
  const auto server = Serve(Echo);
  EXPECT_THAT(HttpServer::Start({.address = server->address()}, Echo),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("in use")));
}

TEST(HttpServerTest, StreamsAndTellsWhenTheClientHasGone) {
  Signal gone;
  std::shared_ptr<Responder> held;
  Signal ready;
  const auto server = Serve([&](Request, std::shared_ptr<Responder> responder) {
    responder->OnGone([&] { gone.Set(); });
    responder->Start(200, {{"content-type", "text/event-stream"}});
    held = std::move(responder);
    ready.Set();
  });
  RawClient client(server->port());
  client.Send(Get("/"));
  ASSERT_TRUE(ready.Wait());
  EXPECT_THAT(client.ReadUntil("\r\n\r\n"), HasSubstr("transfer-encoding: chunked"));
  EXPECT_TRUE(held->Write("hello"));
  EXPECT_EQ(client.ReadUntil("hello\r\n"), "5\r\nhello\r\n");
  client.Close();
  EXPECT_TRUE(gone.Wait());
  EXPECT_FALSE(held->Write("more"));
  held->Finish();
  held = nullptr;
}

TEST(HttpServerTest, FinishEndsTheStreamAndKeepsTheConnection) {
  const auto server = Serve([](Request, std::shared_ptr<Responder> responder) {
    responder->Start(200, {});
    responder->Write("a");
    responder->Finish();
    responder->Finish();
    EXPECT_FALSE(responder->Write("late"));
  });
  RawClient client(server->port());
  for (int i = 0; i < 3; ++i) {
    client.Send(Get("/"));
    EXPECT_THAT(client.ReadUntil("0\r\n\r\n"), HasSubstr("1\r\na\r\n0\r\n\r\n"));
  }
}

TEST(HttpServerTest, AClientThatDoesNotReadIsNoticed) {
  Signal full;
  const auto server = Serve(
      [&](Request, std::shared_ptr<Responder> responder) {
        std::thread([&full, responder] {
          responder->Start(200, {});
          const std::string part(64 << 10, 'x');
          // Socket buffers take some megabytes before the server's own bound is reached.
          for (int i = 0; i < 10'000; ++i) {
            if (!responder->Write(part)) return full.Set();
          }
        }).detach();
      },
      {.max_unsent_bytes = 1 << 20});
  RawClient client(server->port());
  client.Send(Get("/"));
  EXPECT_TRUE(full.Wait());
}

TEST(HttpServerTest, TurnsAwayWhatIsTooMany) {
  const auto server = Serve(Echo, {.max_connections = 2});
  RawClient one(server->port()), two(server->port());
  EXPECT_THAT(one.Ask(Get("/")), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(two.Ask(Get("/")), StartsWith("HTTP/1.1 200"));
  RawClient three(server->port());
  EXPECT_THAT(three.ReadAnswer(), StartsWith("HTTP/1.1 503"));
  one.Close();
  for (int i = 0; i < 200; ++i) {
    RawClient again(server->port());
    if (again.Ask(Get("/")).starts_with("HTTP/1.1 200")) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  FAIL() << "a place that was given back was not taken again";
}

TEST(HttpServerTest, CutsOffAClientThatIsTooSlow) {
  const auto server = Serve(Echo, {.read_timeout = absl::Milliseconds(100)});
  RawClient client(server->port());
  client.Send("GET / HT");
  EXPECT_EQ(client.ReadAll(), "");
}

TEST(HttpServerTest, ADroppedRequestIsAnswered) {
  const auto server = Serve([](Request, std::shared_ptr<Responder>) {});
  EXPECT_THAT(RawClient(server->port()).Ask(Get("/")), StartsWith("HTTP/1.1 500"));
}

TEST(HttpServerTest, StopsWhileRequestsAreUnderWayAndRespondersOutliveIt) {
  std::shared_ptr<Responder> held;
  Signal ready, gone;
  auto server = Serve([&](Request, std::shared_ptr<Responder> responder) {
    responder->OnGone([&] { gone.Set(); });
    held = std::move(responder);
    ready.Set();
  });
  RawClient client(server->port());
  client.Send(Get("/"));
  ASSERT_TRUE(ready.Wait());
  server->Shutdown();
  EXPECT_TRUE(gone.Wait());
  server = nullptr;
  EXPECT_FALSE(held->Write("late"));
  held->Send({});
  held = nullptr;
  EXPECT_EQ(client.ReadAll(), "");
}

}  // namespace
}  // namespace linnet::http
