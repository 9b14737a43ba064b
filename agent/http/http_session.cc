#include "agent/http/http_session.h"

#include <sys/socket.h>

#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <chrono>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/http/errors.h"
#include "agent/http/request_checks.h"
#include "runtime/base/hash.h"
#include "runtime/base/string_view.h"

namespace linnet::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
using beast::error_code;

namespace {

std::string_view View(boost::beast::string_view text) { return {text.data(), text.size()}; }

std::string_view ReasonOf(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Payload Too Large";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return status < 500 ? "Refused" : "Error";
  }
}

}  // namespace

std::string HeadOf(int status, const Headers& headers, bool keep_alive) {
  std::string head = absl::StrCat("HTTP/1.1 ", status, " ", std::string(ReasonOf(status)), "\r\n");
  for (const auto& [name, value] : headers) absl::StrAppend(&head, name, ": ", value, "\r\n");
  absl::StrAppend(&head, "connection: ", keep_alive ? "keep-alive" : "close", "\r\n",
                  "x-content-type-options: nosniff\r\n\r\n");
  return head;
}

// Speaks for one answer from any thread; posts to the session's thread.
class SessionResponder final : public Responder {
 public:
  SessionResponder(const std::shared_ptr<Session>& session, uint64_t answer, std::string id, bool chunked,
                   bool keep_alive, std::shared_ptr<std::atomic<int64_t>> unsent, int64_t max_unsent)
      : executor_(session->socket_.get_executor()),
        gate_(session->gate_),
        session_(session),
        answer_(answer),
        id_(std::move(id)),
        chunked_(chunked),
        keep_alive_(keep_alive),
        unsent_(std::move(unsent)),
        max_unsent_(max_unsent) {}

  ~SessionResponder() override {
    if (!complete_.exchange(true)) {
      if (started_) {
        Post("", true);  // a chunked answer without its end: the client sees that it is cut
      } else {
        SendNow(ErrorResponse({500, "the request was dropped", "api_error", "", ""}));
      }
    }
  }

  void Send(Response response) override {
    if (!complete_.exchange(true)) SendNow(std::move(response));
  }

  void Start(int status, Headers headers) override {
    started_ = true;
    headers.emplace_back("x-request-id", id_);
    headers.emplace_back("cache-control", "no-store");
    if (chunked_) headers.emplace_back("transfer-encoding", "chunked");
    Post(HeadOf(status, headers, keep_alive_ && chunked_), false);
  }

  bool Write(std::string bytes) override {
    if (complete_) return false;
    if (bytes.empty()) return unsent_->load() >= 0;
    if (chunked_) bytes = absl::StrCat(absl::Hex(bytes.size()), "\r\n", bytes, "\r\n");
    const int64_t unsent = unsent_->load();
    if (unsent < 0 || unsent + static_cast<int64_t>(bytes.size()) > max_unsent_) return false;
    Post(std::move(bytes), false);
    return true;
  }

  void Finish() override {
    if (!complete_.exchange(true)) Post(chunked_ ? "0\r\n\r\n" : "", true);
  }

  void OnGone(std::function<void()> gone) override {
    Run([answer = answer_, gone = std::move(gone)](Session& session) mutable {
      session.SetGone(answer, std::move(gone));
    });
  }

 private:
  void SendNow(Response response) {
    response.headers.emplace_back("x-request-id", id_);
    response.headers.emplace_back("content-length", absl::StrCat(response.body.size()));
    Post(HeadOf(response.status, response.headers, keep_alive_) + response.body, true);
  }

  void Post(std::string bytes, bool last) {
    // -1 (gone) stays below zero: the count only guards memory, and the session drops what comes late.
    if (unsent_->load() >= 0) unsent_->fetch_add(static_cast<int64_t>(bytes.size()));
    Run([answer = answer_, bytes = std::move(bytes), last](Session& session) mutable {
      session.SendBytes(answer, std::move(bytes), last);
    });
  }

  template <typename Body>
  void Run(Body body) {
    base::MutexLock lock(gate_->mutex);
    if (!gate_->open) return;
    std::shared_ptr<Session> session = session_.lock();
    if (session == nullptr) return;
    asio::post(executor_,
               [session = std::move(session), body = std::move(body)]() mutable { body(*session); });
  }

  const asio::any_io_executor executor_;
  const std::shared_ptr<Gate> gate_;
  const std::weak_ptr<Session> session_;
  const uint64_t answer_;
  const std::string id_;
  const bool chunked_, keep_alive_;
  const std::shared_ptr<std::atomic<int64_t>> unsent_;
  const int64_t max_unsent_;
  std::atomic<bool> complete_{false}, started_{false};
};

Session::Session(asio::ip::tcp::socket socket, const HttpServerOptions& options, const Handler& handler,
                 std::shared_ptr<Gate> gate, std::function<void(Session*)> on_end)
    : socket_(std::move(socket)),
      timer_(socket_.get_executor()),
      options_(options),
      handler_(handler),
      gate_(std::move(gate)),
      on_end_(std::move(on_end)),
      buffer_(options.max_header_bytes + (64 << 10)) {}

void Session::Arm(absl::Duration timeout) {
  const uint64_t round = ++timer_round_;
  timer_.expires_after(absl::ToChronoMilliseconds(timeout));
  timer_.async_wait([self = shared_from_this(), round](error_code error) {
    if (error || round != self->timer_round_) return;
    self->Close();
  });
}

void Session::Close() {
  if (closed_) return;
  closed_ = true;
  ++timer_round_;
  timer_.cancel();
  error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
  queue_.clear();
  if (unsent_ != nullptr) unsent_->store(INT64_MIN / 2);
  if (answering_ && gone_ != nullptr) std::exchange(gone_, nullptr)();
  gone_ = nullptr;
  on_end_(this);
}

void Session::ReadRequest(bool first) {
  if (closed_) return;
  parser_.emplace();
  parser_->header_limit(options_.max_header_bytes);
  parser_->body_limit(options_.max_body_bytes);
  Arm(first ? options_.read_timeout : options_.idle_timeout);
  beast::http::async_read_header(
      socket_, buffer_, *parser_,
      [self = shared_from_this()](error_code error, size_t) { self->OnHeader(error); });
}

void Session::OnHeader(error_code error) {
  if (closed_) return;
  if (error) return OnReadError(error);
  Arm(options_.read_timeout);
  const auto& head = parser_->get();
  keep_alive_ = head.keep_alive();
  const absl::Status origin =
      CheckHostAndOrigin(View(head[beast::http::field::host]), View(head[beast::http::field::origin]));
  if (!origin.ok()) return Refuse(403, base::Message(origin), "forbidden_origin");
  if (parser_->content_length().value_or(0) > options_.max_body_bytes) {
    return OnReadError(beast::http::error::body_limit);
  }
  if (absl::AsciiStrToLower(std::string(View(head[beast::http::field::expect]))) == "100-continue") {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(socket_, asio::buffer(kContinue.data(), kContinue.size()),
                      [self = shared_from_this()](error_code failed, size_t) {
                        if (failed) return self->Close();
                        self->ReadBody();
                      });
    return;
  }
  ReadBody();
}

void Session::ReadBody() {
  if (closed_) return;
  beast::http::async_read(socket_, buffer_, *parser_,
                          [self = shared_from_this()](error_code error, size_t) { self->OnBody(error); });
}

void Session::OnBody(error_code error) {
  if (closed_) return;
  if (error) return OnReadError(error);
  Handle();
}

void Session::OnReadError(error_code error) {
  if (error == beast::http::error::body_limit) {
    return Refuse(413, absl::StrCat("the request body is larger than ", options_.max_body_bytes, " bytes"),
                  "body_too_large");
  }
  if (error == beast::http::error::header_limit || error == beast::http::error::buffer_overflow) {
    return Refuse(431,
                  absl::StrCat("the request's headers are larger than ", options_.max_header_bytes, " bytes"),
                  "headers_too_large");
  }
  const bool malformed = error.category() == make_error_code(beast::http::error::bad_method).category();
  if (malformed && error != beast::http::error::end_of_stream &&
      error != beast::http::error::partial_message) {
    return Refuse(400, "this is not a well-formed HTTP/1.1 request", "bad_request");
  }
  Close();
}

void Session::Refuse(int status, std::string_view message, std::string_view code) {
  // The rest of the request is not read, so the connection cannot go on.
  keep_alive_ = false;
  answering_ = true;
  last_queued_ = false;
  unsent_ = std::make_shared<std::atomic<int64_t>>(0);
  ++answer_;
  Response response =
      ErrorResponse({status, std::string(message), "invalid_request_error", "", std::string(code)});
  response.headers.emplace_back("content-length", absl::StrCat(response.body.size()));
  SendBytes(answer_, HeadOf(status, response.headers, false) + response.body, true);
}

void Session::Handle() {
  auto message = parser_->release();
  // The answer to HEAD has no body, and ours do: the connection's end keeps the framing right.
  if (message.method() == beast::http::verb::head) keep_alive_ = false;
  Request request;
  request.method = std::string(View(message.method_string()));
  const std::string_view target = View(message.target());
  const size_t question = target.find('?');
  request.path = std::string(target.substr(0, question));
  if (question != std::string_view::npos) request.query = std::string(target.substr(question + 1));
  for (const auto& field : message) {
    request.headers.emplace_back(absl::AsciiStrToLower(std::string(View(field.name_string()))),
                                 std::string(View(field.value())));
  }
  request.body = std::move(message.body());
  request.id = absl::StrCat("req_", base::Hex(std::string_view(base::RandomBytes(8))));

  answering_ = true;
  last_queued_ = false;
  unsent_ = std::make_shared<std::atomic<int64_t>>(0);
  ++answer_;
  ++timer_round_;  // no clock while the answer is being made: the request's own deadline rules
  timer_.cancel();
  auto responder = std::make_shared<SessionResponder>(shared_from_this(), answer_, request.id,
                                                      message.version() >= 11, keep_alive_, unsent_,
                                                      static_cast<int64_t>(options_.max_unsent_bytes));
  Watch();
  handler_(std::move(request), std::move(responder));
}

void Session::Watch() {
  socket_.async_wait(
      asio::ip::tcp::socket::wait_read, [self = shared_from_this(), answer = answer_](error_code error) {
        if (error || self->closed_ || !self->answering_ || answer != self->answer_) return;
        char byte = 0;
        const ssize_t n = recv(self->socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return self->Watch();
        // A pipelined request waits its turn; then only a failed write tells of the going.
        if (n <= 0) self->Close();
      });
}

void Session::SetGone(uint64_t answer, std::function<void()> gone) {
  if (answer == answer_ && answering_ && !closed_) {
    gone_ = std::move(gone);
  } else if (closed_ && answer == answer_ && answering_) {
    gone();
  }
}

void Session::SendBytes(uint64_t answer, std::string bytes, bool last) {
  if (closed_ || answer != answer_ || !answering_ || last_queued_) return;
  last_queued_ = last;
  if (!bytes.empty()) queue_.push_back(std::move(bytes));
  if (!writing_) WriteNext();
}

void Session::WriteNext() {
  if (queue_.empty()) {
    if (last_queued_) AnswerComplete();
    return;
  }
  writing_ = true;
  Arm(options_.write_timeout);
  asio::async_write(
      socket_, asio::buffer(queue_.front()),
      [self = shared_from_this()](error_code error, size_t bytes) { self->OnWritten(error, bytes); });
}

void Session::OnWritten(error_code error, size_t bytes) {
  writing_ = false;
  if (closed_) return;
  if (error) return Close();
  ++timer_round_;
  timer_.cancel();
  unsent_->fetch_sub(static_cast<int64_t>(bytes));
  queue_.pop_front();
  WriteNext();
}

void Session::AnswerComplete() {
  answering_ = false;
  gone_ = nullptr;
  if (!keep_alive_) {
    // Let the client read the answer before the reset that unread request bytes would cause.
    error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    Arm(absl::Seconds(1));
    sink_.resize(16 << 10);
    Drain();
    return;
  }
  ReadRequest(false);
}

void Session::Drain() {
  socket_.async_read_some(asio::buffer(sink_), [self = shared_from_this()](error_code error, size_t) {
    if (error || self->closed_) return self->Close();
    self->Drain();
  });
}

}  // namespace linnet::http
