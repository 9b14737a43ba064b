#ifndef LINNET_RUNTIME_NET_HANDSHAKES_H_
#define LINNET_RUNTIME_NET_HANDSHAKES_H_

#include <cstddef>
#include <functional>
#include <memory>

namespace linnet::net {

// The TLS handshakes of one server that are under way, so that its listener takes no more connections than
// the machine gets done in time: the rest keeps its place in the kernel's queue, and no handshake that has
// begun runs out of its limit and is thrown away. gRPC tells nobody of its handshakes, but OpenSSL does: when
// an SSL object is made, when the other side's Finished has come, when the object is freed. Thread-safe.
class Handshakes {
 public:
  explicit Handshakes(size_t most);
  ~Handshakes();
  Handshakes(const Handshakes&) = delete;
  Handshakes& operator=(const Handshakes&) = delete;

  // Runs `hand_over`, which gives `fd` to gRPC. If it makes an SSL object on this thread, a handshake has
  // begun; with none (a Unix socket without TLS) nothing is counted.
  void Begin(int fd, const std::function<void()>& hand_over);
  // As many as may be are under way. One whose other side has been silent for much longer than others take is
  // not counted any more: connections that say nothing must not keep others out.
  bool Full();
  size_t under_way() const;

  struct State;  // shared with the SSL objects, which may outlive this

 private:
  const std::shared_ptr<State> state_;
};

}  // namespace linnet::net

#endif  // LINNET_RUNTIME_NET_HANDSHAKES_H_
