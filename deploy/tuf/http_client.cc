#include "deploy/tuf/http_client.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/rate_window.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"

namespace linnet::tuf {
namespace {

constexpr size_t kMaxHeaderBytes = 16 * 1024;
// Only differences are used: the clock may be shifted, or stand at any value.
using SteadyClock = std::chrono::steady_clock;

struct Url {
  std::string host;  // without brackets
  std::string port;
  std::string authority;  // as written
  std::string target;     // path and query, as written
};

absl::StatusOr<Url> ParseUrl(const std::string& text) {
  static constexpr std::string_view kScheme = "http://";
  const auto bad = [&](std::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat(text, ": ", std::string(why)));
  };
  if (!text.starts_with(kScheme)) return bad("only http:// is spoken here");
  if (text.find_first_of(" \t\r\n") != std::string::npos || text.find('\0') != std::string::npos) {
    return bad("a URL holds no white space");
  }
  Url url;
  const size_t path = std::min(text.find('/', kScheme.size()), text.size());
  url.authority = text.substr(kScheme.size(), path - kScheme.size());
  url.target = path == text.size() ? "/" : text.substr(path);
  if (url.authority.find('@') != std::string::npos) return bad("no user names in URLs");
  std::string_view rest = url.authority;
  if (rest.starts_with('[')) {
    const size_t close = rest.find(']');
    if (close == std::string_view::npos) return bad("the host is malformed");
    url.host = rest.substr(1, close - 1);
    rest.remove_prefix(close + 1);
  } else {
    const size_t colon = std::min(rest.find(':'), rest.size());
    url.host = rest.substr(0, colon);
    rest.remove_prefix(colon);
  }
  url.port = rest.empty() ? "80" : std::string(rest.substr(1));
  uint32_t port = 0;
  const bool has_port = rest.empty() || rest[0] == ':';
  if (url.host.empty() || !has_port || !absl::SimpleAtoi(url.port, &port) || port == 0 || port > 65535) {
    return bad("the host or port is malformed");
  }
  return url;
}

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  int fd() const { return fd_; }

  // True when ready before `deadline`.
  bool Wait(short events, SteadyClock::time_point deadline) const {
    while (true) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - SteadyClock::now()).count();
      if (left <= 0) return false;
      pollfd entry{.fd = fd_, .events = events, .revents = 0};
      const int n = poll(&entry, 1, static_cast<int>(std::min<int64_t>(left, 60'000)));
      if (n > 0) return true;
      if (n < 0 && errno != EINTR) return false;
    }
  }

 private:
  int fd_;
};

SteadyClock::time_point After(absl::Duration d) { return SteadyClock::now() + absl::ToChronoMilliseconds(d); }

absl::StatusOr<Socket> Connect(const Url& url, const HttpLimits& limits) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int rc = getaddrinfo(url.host.c_str(), url.port.c_str(), &hints, &found); rc != 0) {
    return absl::UnavailableError(absl::StrCat(url.authority, ": cannot be resolved: ", gai_strerror(rc)));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, freeaddrinfo);
  std::string why = "no address";
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    Socket socket_fd(socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (socket_fd.fd() < 0) continue;
    int error = 0;
    if (connect(socket_fd.fd(), address->ai_addr, address->ai_addrlen) != 0) {
      error = errno;
      if (error == EINPROGRESS) {
        socklen_t size = sizeof error;
        if (!socket_fd.Wait(POLLOUT, After(limits.connect))) {
          error = ETIMEDOUT;
        } else if (getsockopt(socket_fd.fd(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
          error = errno;
        }
      }
    }
    if (error == 0) return socket_fd;
    why = std::strerror(error);
  }
  return absl::UnavailableError(absl::StrCat(url.authority, ": cannot connect: ", why));
}

absl::Status SendAll(const Socket& socket_fd, std::string_view bytes, const Url& url,
                     const HttpLimits& limits) {
  const auto deadline = After(limits.window);
  while (!bytes.empty()) {
    const ssize_t n = send(socket_fd.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n > 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
    } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
      return absl::UnavailableError(absl::StrCat(url.authority, ": cannot send: ", std::strerror(errno)));
    } else if (!socket_fd.Wait(POLLOUT, deadline)) {
      return absl::UnavailableError(absl::StrCat(url.authority, ": does not take the request"));
    }
  }
  return absl::OkStatus();
}

// Receives under the minimum rate.
class Receiver {
 public:
  Receiver(const Socket& socket_fd, const Url& url, const HttpLimits& limits)
      : socket_(socket_fd), url_(url), window_({limits.window, limits.least_bytes}) {}

  // The next bytes; empty at the end of the stream. Valid until the next call.
  absl::StatusOr<std::string_view> Next() {
    while (true) {
      LINNET_RETURN_IF_ERROR(window_.Check(url_.authority));
      const ssize_t n = recv(socket_.fd(), buffer_.data(), buffer_.size(), 0);
      if (n >= 0) {
        window_.Count(static_cast<uint64_t>(n));
        return std::string_view(buffer_.data(), static_cast<size_t>(n));
      }
      if (errno == EAGAIN) {
        socket_.Wait(POLLIN, After(window_.left()));
      } else if (errno != EINTR) {
        return absl::UnavailableError(
            absl::StrCat(url_.authority, ": cannot receive: ", std::strerror(errno)));
      }
    }
  }

 private:
  const Socket& socket_;
  const Url& url_;
  base::RateWindow window_;
  std::array<char, 64 * 1024> buffer_;
};

struct Head {
  int status = 0;
  std::optional<uint64_t> length;
  std::string unsupported;  // a coding that we did not ask for
};

absl::StatusOr<Head> ParseHead(std::string_view text, const std::string& url) {
  const auto bad = [&] {
    return absl::FailedPreconditionError(absl::StrCat(url, ": the answer is no HTTP"));
  };
  Head head;
  size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  if (!line.starts_with("HTTP/1.") || line.size() < 12 || line[8] != ' ' ||
      !absl::SimpleAtoi(base::ToAbsl(line.substr(9, 3)), &head.status)) {
    return bad();
  }
  while (end < text.size()) {
    text.remove_prefix(end + 1);
    end = std::min(text.find('\n'), text.size());
    const std::string_view field = text.substr(0, end);
    const size_t colon = field.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string name = absl::AsciiStrToLower(base::ToAbsl(field.substr(0, colon)));
    const std::string_view value =
        base::ToStd(absl::StripAsciiWhitespace(base::ToAbsl(field.substr(colon + 1))));
    if (name == "content-length") {
      uint64_t length = 0;
      if (!absl::SimpleAtoi(base::ToAbsl(value), &length) || (head.length && *head.length != length))
        return bad();
      head.length = length;
    } else if (name == "transfer-encoding" || (name == "content-encoding" && value != "identity")) {
      head.unsupported = absl::StrCat(name, " ", std::string(value.substr(0, 40)));
    }
  }
  return head;
}

absl::Status CheckStatus(const Head& head, const std::string& url) {
  if (head.status == 200) return absl::OkStatus();
  const std::string message = absl::StrCat(url, ": the server answers ", head.status);
  if (head.status == 404 || head.status == 403) return absl::NotFoundError(message);
  if (head.status >= 500 || head.status == 429) return absl::UnavailableError(message);
  if (head.status / 100 == 3) return absl::FailedPreconditionError(message + "; redirects are not followed");
  return absl::FailedPreconditionError(message);
}

}  // namespace

absl::Status HttpGet(const std::string& url_text, uint64_t max_bytes,
                     const std::function<absl::Status(std::string_view)>& sink, const HttpLimits& limits) {
  LINNET_ASSIGN_OR_RETURN(const Url url, ParseUrl(url_text));
  LINNET_ASSIGN_OR_RETURN(const Socket socket_fd, Connect(url, limits));
  LINNET_RETURN_IF_ERROR(SendAll(socket_fd,
                                 absl::StrCat("GET ", url.target, " HTTP/1.0\r\nHost: ", url.authority,
                                              "\r\nUser-Agent: linnet-tuf\r\nConnection: close\r\n\r\n"),
                                 url, limits));
  Receiver receiver(socket_fd, url, limits);
  std::string start;
  size_t body = std::string::npos;
  while (body == std::string::npos) {
    LINNET_ASSIGN_OR_RETURN(const std::string_view piece, receiver.Next());
    if (piece.empty())
      return absl::UnavailableError(absl::StrCat(url_text, ": the answer ends in its headers"));
    start.append(piece);
    if (const size_t at = start.find("\r\n\r\n"); at != std::string::npos) body = at + 4;
    if (body == std::string::npos && start.size() > kMaxHeaderBytes) {
      return absl::FailedPreconditionError(
          absl::StrCat(url_text, ": the answer has more than ", kMaxHeaderBytes, " bytes of headers"));
    }
  }
  LINNET_ASSIGN_OR_RETURN(const Head head, ParseHead(std::string_view(start).substr(0, body), url_text));
  LINNET_RETURN_IF_ERROR(CheckStatus(head, url_text));
  if (!head.unsupported.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(url_text, ": the answer uses ", head.unsupported, ", which was not asked for"));
  }
  const auto too_long = [&](uint64_t size) {
    return absl::ResourceExhaustedError(
        absl::StrCat(url_text, ": has at least ", size, " bytes, at most ", max_bytes, " expected"));
  };
  if (head.length && *head.length > max_bytes) return too_long(*head.length);
  uint64_t received = 0;
  std::string_view piece = std::string_view(start).substr(body);
  while (true) {
    if (head.length) piece = piece.substr(0, std::min<uint64_t>(piece.size(), *head.length - received));
    received += piece.size();
    if (received > max_bytes) return too_long(received);
    if (!piece.empty()) LINNET_RETURN_IF_ERROR(sink(piece));
    if (head.length && received == *head.length) return absl::OkStatus();
    LINNET_ASSIGN_OR_RETURN(piece, receiver.Next());
    if (piece.empty()) break;
  }
  if (head.length && received < *head.length) {
    return absl::UnavailableError(
        absl::StrCat(url_text, ": cut off after ", received, " of ", *head.length, " bytes"));
  }
  return absl::OkStatus();
}

}  // namespace linnet::tuf
