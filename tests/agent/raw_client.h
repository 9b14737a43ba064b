#ifndef LINNET_TESTS_AGENT_RAW_CLIENT_H_
#define LINNET_TESTS_AGENT_RAW_CLIENT_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>

namespace linnet::testing {

// A TCP connection to 127.0.0.1 that sends exactly what it is told. Reads end after 10 s at the latest.
class RawClient {
 public:
  explicit RawClient(int port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) std::abort();
  }
  ~RawClient() { Close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

  // False when the server has closed.
  bool Send(const std::string& bytes) {
    size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t n = send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return false;
      sent += static_cast<size_t>(n);
    }
    return true;
  }

  // Until `end` was read, the server closed, or the time is up.
  std::string ReadUntil(const std::string& end) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (held_.find(end) == std::string::npos && std::chrono::steady_clock::now() < until) {
      if (!ReadSome()) break;
    }
    const size_t at = held_.find(end);
    const size_t take = at == std::string::npos ? held_.size() : at + end.size();
    std::string text = held_.substr(0, take);
    held_.erase(0, take);
    return text;
  }
  std::string ReadAll() { return ReadUntil(std::string(1, '\0') + "never"); }

  // One whole answer with a content-length.
  std::string ReadAnswer() {
    std::string answer = ReadUntil("\r\n\r\n");
    const size_t at = answer.find("content-length: ");
    if (at == std::string::npos) return answer;
    const size_t body = std::stoul(answer.substr(at + 16));
    while (held_.size() < body && ReadSome()) {
    }
    answer += held_.substr(0, body);
    held_.erase(0, body);
    return answer;
  }

  std::string Ask(const std::string& request) {
    Send(request);
    return ReadAnswer();
  }

 private:
  bool ReadSome() {
    pollfd waiting{fd_, POLLIN, 0};
    if (poll(&waiting, 1, 10'000) <= 0) return false;
    char bytes[65536];
    const ssize_t n = recv(fd_, bytes, sizeof bytes, 0);
    if (n <= 0) return false;
    held_.append(bytes, static_cast<size_t>(n));
    return true;
  }

  int fd_;
  std::string held_;
};

}  // namespace linnet::testing

#endif  // LINNET_TESTS_AGENT_RAW_CLIENT_H_
