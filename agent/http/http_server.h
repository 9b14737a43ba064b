#ifndef LINNET_AGENT_HTTP_HTTP_SERVER_H_
#define LINNET_AGENT_HTTP_HTTP_SERVER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace linnet::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method;  // "GET"
  std::string path;    // without the query
  std::string query;
  Headers headers;  // names in lower case
  std::string body;
  std::string id;  // made here, for x-request-id and logs

  // The first header of this lower-case name; empty when there is none.
  std::string_view Header(std::string_view name) const;
};

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
};

// The answer to one request: either Send, or Start, Write..., Finish. Thread-safe, never blocks; what is said
// after the client has gone is dropped. Destroyed unanswered, it answers 500.
class Responder {
 public:
  virtual ~Responder() = default;
  virtual void Send(Response response) = 0;
  virtual void Start(int status, Headers headers) = 0;
  // False: the client has gone, or has left more than HttpServerOptions::max_unsent_bytes unread; stop.
  virtual bool Write(std::string bytes) = 0;
  virtual void Finish() = 0;
  // `gone` is called once, on the server's thread, if the client goes before the answer is complete. At once
  // when it has gone already. Must not block.
  virtual void OnGone(std::function<void()> gone) = 0;
};

// Called on the server's thread: must not block.
using Handler = std::function<void(Request, std::shared_ptr<Responder>)>;

struct HttpServerOptions {
  std::string address = "127.0.0.1:7401";  // "host:port", loopback only; port 0: any
  int max_connections = 64;
  uint32_t max_header_bytes = 16 << 10;
  uint64_t max_body_bytes = 1 << 20;
  uint64_t max_unsent_bytes = 1 << 20;
  absl::Duration read_timeout = absl::Seconds(30);   // for a request, from its first byte to its last
  absl::Duration idle_timeout = absl::Seconds(60);   // between requests of a connection
  absl::Duration write_timeout = absl::Seconds(30);  // without progress
};

// A small HTTP/1.1 server on loopback: one thread, everything bounded. Answers by itself what is no business
// of the handler: 400 malformed, 413, 431, 503 too many connections, and 403 for a Host that is not loopback
// or an Origin that is not this server (so that no web page can talk to it; see request_checks.h). Error
// bodies have the OpenAI shape. A client that is too slow is cut off.
class HttpServer {
 public:
  // InvalidArgument: not "host:port", or not loopback. AlreadyExists: the port is in use.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(HttpServerOptions options, Handler handler);
  virtual ~HttpServer() = default;                 // Shutdown
  virtual const std::string& address() const = 0;  // with the real port
  virtual int port() const = 0;
  // Closes all connections; unanswered requests are told that the client has gone. Idempotent.
  virtual void Shutdown() = 0;
};

}  // namespace linnet::http

#endif  // LINNET_AGENT_HTTP_HTTP_SERVER_H_
