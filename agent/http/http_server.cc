#include "agent/http/http_server.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "agent/http/errors.h"
#include "agent/http/http_session.h"
#include "agent/http/request_checks.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"

namespace linnet::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Tcp = asio::ip::tcp;

class BeastServer final : public HttpServer {
 public:
  BeastServer(HttpServerOptions options, Handler handler)
      : options_(std::move(options)), handler_(std::move(handler)), io_(1), acceptor_(io_), retry_(io_) {}

  ~BeastServer() override { Shutdown(); }

  absl::Status Listen(const Tcp::endpoint& endpoint) {
    error_code error;
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(Tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(128, error);
    if (error == asio::error::address_in_use) {
      return absl::AlreadyExistsError(absl::StrCat(
          options_.address, ": this port is in use by another program; choose another one or stop it"));
    }
    if (error) {
      return absl::UnavailableError(absl::StrCat(options_.address, ": cannot listen: ", error.message()));
    }
    const Tcp::endpoint real = acceptor_.local_endpoint();
    port_ = real.port();
    address_ = endpoint.address().is_v6() ? absl::StrCat("[", real.address().to_string(), "]:", port_)
                                          : absl::StrCat(real.address().to_string(), ":", port_);
    Accept();
    thread_ = std::thread([this] { io_.run(); });
    return absl::OkStatus();
  }

  const std::string& address() const override { return address_; }
  int port() const override { return port_; }

  void Shutdown() override {
    if (!thread_.joinable()) return;
    asio::post(io_, [this] {
      closing_ = true;
      error_code ignored;
      acceptor_.close(ignored);
      retry_.cancel();
      const std::set<std::shared_ptr<Session>> sessions = sessions_;
      for (const std::shared_ptr<Session>& session : sessions) session->Close();
    });
    thread_.join();
    base::MutexLock lock(gate_->mutex);
    gate_->open = false;
  }

 private:
  void Accept() {
    acceptor_.async_accept([this](error_code error, Tcp::socket socket) {
      if (closing_) return;
      if (error) {
        // Out of descriptors, most likely: the connection waits in the backlog until some are free.
        retry_.expires_after(std::chrono::milliseconds(100));
        retry_.async_wait([this](error_code) {
          if (!closing_) Accept();
        });
        return;
      }
      if (sessions_.size() >= static_cast<size_t>(options_.max_connections)) {
        TurnAway(std::move(socket));
      } else {
        socket.set_option(Tcp::no_delay(true), error);
        auto session =
            std::make_shared<Session>(std::move(socket), options_, handler_, gate_,
                                      [this](Session* ended) { sessions_.erase(ended->shared_from_this()); });
        sessions_.insert(session);
        session->Run();
      }
      Accept();
    });
  }

  static void TurnAway(Tcp::socket socket) {
    Response response = ErrorResponse(
        {503, "too many connections; try again", "unavailable_error", "", "too_many_connections"});
    response.headers.emplace_back("content-length", absl::StrCat(response.body.size()));
    const std::string bytes = HeadOf(503, response.headers, false) + response.body;
    error_code ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(bytes), ignored);
    socket.shutdown(Tcp::socket::shutdown_send, ignored);
  }

  const HttpServerOptions options_;
  const Handler handler_;
  asio::io_context io_;
  Tcp::acceptor acceptor_;
  asio::steady_timer retry_;
  const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
  std::set<std::shared_ptr<Session>> sessions_;
  bool closing_ = false;
  std::string address_;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace

std::string_view Request::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(HttpServerOptions options, Handler handler) {
  std::string host, port;
  if (!SplitHostPort(options.address, &host, &port) || port.empty() || std::stoi(port) > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.address, ": expected HOST:PORT for HTTP, e.g. 127.0.0.1:7401"));
  }
  if (!IsLoopback(host)) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.address,
                     ": plain HTTP is served on loopback only; use 127.0.0.1, or the TLS door "
                     "(--listen) for other machines"));
  }
  if (host == "localhost") host = "127.0.0.1";
  boost::system::error_code error;
  const asio::ip::address address = asio::ip::make_address(host, error);
  if (error) return absl::InvalidArgumentError(absl::StrCat(options.address, ": ", error.message()));
  auto server = std::make_unique<BeastServer>(std::move(options), std::move(handler));
  LINNET_RETURN_IF_ERROR(server->Listen({address, static_cast<uint16_t>(std::stoi(port))}));
  return server;
}

}  // namespace linnet::http
