#ifndef LINNET_TESTS_TRUST_HTTP_SERVER_H_
#define LINNET_TESTS_TRUST_HTTP_SERVER_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace linnet::testing {

// Serves one request after the other on loopback: `handler` gets the request's target as sent, and returns
// the whole answer, head and body. `trickle_ms`: one byte at a time with this pause. `stall_at`: so many
// bytes, then nothing more until the client goes.
class HttpServer {
 public:
  using Handler = std::function<std::string(const std::string& target)>;
  explicit HttpServer(Handler handler, int trickle_ms = 0, size_t stall_at = std::string::npos)
      : handler_(std::move(handler)), trickle_ms_(trickle_ms), stall_at_(stall_at) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 16) != 0)
      std::abort();
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~HttpServer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string Url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  std::vector<std::string> TakeRequests() {
    const std::lock_guard lock(mutex_);
    return std::exchange(requests_, {});
  }
  static std::string Ok(const std::string& body) {
    return "HTTP/1.0 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  static std::string NotFound() { return "HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n"; }

 private:
  void Serve() {
    while (true) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      std::string request;
      char buffer[4096];
      while (request.find("\r\n\r\n") == std::string::npos) {
        const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
        if (n <= 0) break;
        request.append(buffer, static_cast<size_t>(n));
      }
      const size_t start = request.find(' ') + 1;
      const std::string target = request.substr(start, request.find(' ', start) - start);
      std::string answer;
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(target);
        answer = handler_(target);
      }
      const bool stalls = stall_at_ < answer.size();
      if (stalls) answer.resize(stall_at_);
      const size_t step = trickle_ms_ > 0 ? 1 : answer.size();
      for (size_t at = 0; at < answer.size(); at += step) {
        if (send(fd, answer.data() + at, std::min(step, answer.size() - at), MSG_NOSIGNAL) <= 0) break;
        if (trickle_ms_ > 0) usleep(static_cast<useconds_t>(trickle_ms_) * 1000);
      }
      while (stalls && recv(fd, buffer, sizeof buffer, 0) > 0) {
      }
      close(fd);
    }
  }

  Handler handler_;
  const int trickle_ms_;
  const size_t stall_at_;
  int listener_ = -1;
  int port_ = 0;
  std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

}  // namespace linnet::testing

#endif  // LINNET_TESTS_TRUST_HTTP_SERVER_H_
