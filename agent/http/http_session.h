#ifndef LINNET_AGENT_HTTP_HTTP_SESSION_H_
#define LINNET_AGENT_HTTP_HTTP_SESSION_H_

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/http/http_server.h"
#include "runtime/base/mutex.h"

namespace linnet::http {

// Open while the server's io_context runs: a responder may outlive the server, and must then not touch it.
struct Gate {
  base::Mutex mutex;
  bool open ABSL_GUARDED_BY(mutex) = true;
};

// One connection. Everything runs on the io_context's one thread, except what its responders post to it.
// Phases: read a request -> handled (the answer comes when it comes; meanwhile the socket is watched for the
// client's going) -> written -> read the next.
class Session : public std::enable_shared_from_this<Session> {
 public:
  // `options`, `handler` outlive it. `on_end` is called once, when the connection is closed.
  Session(boost::asio::ip::tcp::socket socket, const HttpServerOptions& options, const Handler& handler,
          std::shared_ptr<Gate> gate, std::function<void(Session*)> on_end);
  void Run() { ReadRequest(true); }
  void Close();  // on the io thread; idempotent

 private:
  friend class SessionResponder;
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  void ReadRequest(bool first);
  void OnHeader(boost::beast::error_code error);
  void ReadBody();
  void OnBody(boost::beast::error_code error);
  void OnReadError(boost::beast::error_code error);
  void Handle();
  void Refuse(int status, std::string_view message, std::string_view code);
  void Watch();
  void Arm(absl::Duration timeout);
  // Of the answer numbered `answer`; another number is a late word about an answer that is over.
  void SendBytes(uint64_t answer, std::string bytes, bool last);
  void SetGone(uint64_t answer, std::function<void()> gone);
  void WriteNext();
  void OnWritten(boost::beast::error_code error, size_t bytes);
  void AnswerComplete();
  void Drain();

  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer timer_;
  const HttpServerOptions& options_;
  const Handler& handler_;
  std::shared_ptr<Gate> gate_;
  std::function<void(Session*)> on_end_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  uint64_t answer_ = 0;  // number of the request being answered
  uint64_t timer_round_ = 0;
  bool answering_ = false, keep_alive_ = false, closed_ = false, writing_ = false, last_queued_ = false;
  std::deque<std::string> queue_;
  std::string sink_;
  std::function<void()> gone_;
  std::shared_ptr<std::atomic<int64_t>> unsent_;  // of the current answer; -1: gone
};

// "HTTP/1.1 200 OK\r\n..." up to and with the empty line.
std::string HeadOf(int status, const Headers& headers, bool keep_alive);

}  // namespace linnet::http

#endif  // LINNET_AGENT_HTTP_HTTP_SESSION_H_
