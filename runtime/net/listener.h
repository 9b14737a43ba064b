#ifndef LINNET_RUNTIME_NET_LISTENER_H_
#define LINNET_RUNTIME_NET_LISTENER_H_

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>

#include "absl/status/statusor.h"

namespace linnet::net {

// Accepts connections on a thread of its own and hands each to `on_connection`, which then owns the
// descriptor. Survives running out of descriptors. Who has hung up while it waited is not handed out. Above
// `max_connections` it closes new ones at once.
class Listener {
 public:
  // `address`: "host:port" (numeric host or localhost; port 0: any) or "unix:/path". Errors: grpc_server.h.
  static absl::StatusOr<std::unique_ptr<Listener>> Open(const std::string& address, int max_connections);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // `full` is asked before each connection that is taken: while it says yes, they stay in the kernel's queue.
  void Start(
      std::function<void(int listener_fd, int fd)> on_connection,
      std::function<bool()> full = [] { return false; });
  void Stop();  // the thread has ended when it returns; idempotent

  const std::string& address() const { return address_; }  // with the real port
  int port() const { return port_; }                       // 0: a Unix socket

 private:
  Listener(int fd, int wake_fd, int max_connections) : fd_(fd), wake_fd_(wake_fd), max_(max_connections) {}
  void Run();
  bool Admit(int fd);
  bool Wait(int timeout_ms, bool accepting);  // false: stop

  const int fd_;
  const int wake_fd_;
  const int max_;
  std::string address_;
  std::string socket_path_;
  int port_ = 0;
  std::function<void(int, int)> on_connection_;
  std::function<bool()> full_;
  // Descriptors handed out -> inode of the socket. One whose inode has changed was closed by its new owner:
  // so connections are counted without being told of their end.
  std::unordered_map<int, ino_t> open_;
  std::thread thread_;
};

}  // namespace linnet::net

#endif  // LINNET_RUNTIME_NET_LISTENER_H_
