#include "runtime/net/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"

namespace linnet::net {
namespace {

// A fleet that comes back at once: what does not fit waits a second or more for its next SYN. The kernel cuts
// it to net.core.somaxconn (4096 by default).
constexpr int kBacklog = 4096;
constexpr int kFullMs = 2;    // a handshake takes about as long
constexpr int kPauseMs = 50;  // after descriptors ran out: some will have been closed by then

absl::Status SystemError(int error, const std::string& address, std::string_view doing) {
  const std::string message =
      absl::StrCat(address, ": cannot ", std::string(doing), ": ", std::strerror(error));
  switch (error) {
    case EADDRINUSE:
      return absl::AlreadyExistsError(absl::StrCat(
          address, ": already in use; stop the program that listens there, or choose another address"));
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(message);
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return absl::ResourceExhaustedError(message);
    case ENOENT:
    case ENOTDIR:
      return absl::NotFoundError(message);
    case EADDRNOTAVAIL:
      return absl::InvalidArgumentError(absl::StrCat(address, ": this machine has no such address"));
    default:
      return absl::UnavailableError(message);
  }
}

// Closes on the way out unless released.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

absl::StatusOr<int> OpenUnix(const std::string& address, const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof name.sun_path) {
    return absl::InvalidArgumentError(absl::StrCat(address, ": a Unix socket's path has 1 to ",
                                                   sizeof name.sun_path - 1, " bytes, this one ", path.size(),
                                                   "; choose a shorter folder"));
  }
  std::memcpy(name.sun_path, path.data(), path.size());
  const auto* raw = reinterpret_cast<const sockaddr*>(&name);
  Descriptor fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0) return SystemError(errno, address, "make a socket");
  struct stat info{};
  if (lstat(path.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode)) {
      return absl::AlreadyExistsError(absl::StrCat(address, ": a file that is no socket is in the way"));
    }
    const Descriptor probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (connect(probe.get(), raw, sizeof name) == 0 || errno == EAGAIN) {
      return SystemError(EADDRINUSE, address, "listen");
    }
    unlink(path.c_str());  // nobody answers: left behind by a process that was killed
  }
  if (bind(fd.get(), raw, sizeof name) != 0) return SystemError(errno, address, "bind");
  // Nobody can connect before listen(), so there is no moment with other permissions.
  if (chmod(path.c_str(), 0600) != 0) return SystemError(errno, address, "set the mode of");
  if (listen(fd.get(), kBacklog) != 0) return SystemError(errno, address, "listen");
  return fd.Release();
}

struct HostPort {
  std::string host;
  int port = 0;
};

absl::StatusOr<HostPort> Split(const std::string& address) {
  const size_t colon = address.rfind(':');
  HostPort out;
  if (colon == std::string::npos || !absl::SimpleAtoi(address.substr(colon + 1), &out.port) || out.port < 0 ||
      out.port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("address \"", address, "\": expected HOST:PORT, [IPV6]:PORT or unix:/PATH"));
  }
  out.host = address.substr(0, colon);
  if (out.host.size() > 2 && out.host.front() == '[' && out.host.back() == ']') {
    out.host = out.host.substr(1, out.host.size() - 2);
  }
  if (out.host == "localhost") out.host = "127.0.0.1";
  return out;
}

absl::StatusOr<int> OpenTcp(const std::string& address, const HostPort& where, int& port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_PASSIVE;  // no name service: a listening address is our own
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(where.host.c_str(), absl::StrCat(where.port).c_str(), &hints, &found) != 0) {
    return absl::InvalidArgumentError(absl::StrCat("address \"", address, "\": \"", where.host,
                                                   "\" is not an IP address or \"localhost\""));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, freeaddrinfo);
  Descriptor fd(socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0) return SystemError(errno, address, "make a socket");
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);  // restart at once; TIME_WAIT only
  if (bind(fd.get(), found->ai_addr, found->ai_addrlen) != 0) return SystemError(errno, address, "bind");
  if (listen(fd.get(), kBacklog) != 0) return SystemError(errno, address, "listen");
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (getsockname(fd.get(), reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    return SystemError(errno, address, "read the port of");
  }
  port = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port
                                           : reinterpret_cast<sockaddr_in*>(&bound)->sin_port);
  return fd.Release();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Listener>> Listener::Open(const std::string& address, int max_connections) {
  const int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake < 0) return SystemError(errno, address, "make an event descriptor");
  Descriptor wake_fd(wake);
  if (address.starts_with("unix:")) {
    const std::string path = address.substr(5);
    LINNET_ASSIGN_OR_RETURN(const int fd, OpenUnix(address, path));
    std::unique_ptr<Listener> listener(new Listener(fd, wake_fd.Release(), max_connections));
    listener->address_ = address;
    listener->socket_path_ = path;
    return listener;
  }
  LINNET_ASSIGN_OR_RETURN(const HostPort where, Split(address));
  int port = 0;
  LINNET_ASSIGN_OR_RETURN(const int fd, OpenTcp(address, where, port));
  std::unique_ptr<Listener> listener(new Listener(fd, wake_fd.Release(), max_connections));
  listener->port_ = port;
  listener->address_ = absl::StrCat(address.substr(0, address.rfind(':')), ":", port);
  return listener;
}

Listener::~Listener() {
  Stop();
  close(fd_);
  close(wake_fd_);
  if (!socket_path_.empty()) unlink(socket_path_.c_str());
}

void Listener::Start(std::function<void(int, int)> on_connection, std::function<bool()> full) {
  on_connection_ = std::move(on_connection);
  full_ = std::move(full);
  thread_ = std::thread([this] { Run(); });
}

void Listener::Stop() {
  if (!thread_.joinable()) return;
  eventfd_write(wake_fd_, 1);
  thread_.join();
}

bool Listener::Wait(int timeout_ms, bool accepting) {
  pollfd waits[2] = {{wake_fd_, POLLIN, 0}, {fd_, POLLIN, 0}};
  poll(waits, accepting ? 2 : 1, timeout_ms);  // an interrupted wait is tried again by the caller's loop
  return (waits[0].revents & POLLIN) == 0;
}

bool Listener::Admit(int fd) {
  struct stat info{};
  if (fstat(fd, &info) != 0) return false;
  open_.erase(fd);  // the number was free, so whoever had it is gone
  if (open_.size() >= static_cast<size_t>(max_)) {
    std::erase_if(open_, [](const auto& entry) {
      struct stat now{};
      return fstat(entry.first, &now) != 0 || now.st_ino != entry.second;
    });
    if (open_.size() >= static_cast<size_t>(max_)) return false;
  }
  open_[fd] = info.st_ino;
  return true;
}

void Listener::Run() {
  while (Wait(-1, true)) {
    while (full_()) {
      if (!Wait(kFullMs, false)) return;
    }
    const int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
      // Out of descriptors or memory: the connection stays in the queue; pause instead of spinning.
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        base::Log(base::Severity::kWarning, "accept: out of descriptors or memory", {{"errno", errno}});
        if (!Wait(kPauseMs, false)) return;
      }
      continue;  // the peer has gone, or another passing error
    }
    // What was sent before is still there to be read, and would cost a handshake.
    pollfd peer{fd, POLLRDHUP, 0};
    const bool gone = poll(&peer, 1, 0) == 1 && (peer.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
    if (gone || !Admit(fd)) {
      close(fd);
      continue;
    }
    if (port_ != 0) {
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    on_connection_(fd_, fd);
  }
}

}  // namespace linnet::net
