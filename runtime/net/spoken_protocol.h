#ifndef LINNET_RUNTIME_NET_SPOKEN_PROTOCOL_H_
#define LINNET_RUNTIME_NET_SPOKEN_PROTOCOL_H_

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "runtime/net/message_check.h"

namespace linnet::net {

// Which revision a client writes its requests in. It begins with its newest, goes down where that is refused,
// and up again as soon as an answer says that the server speaks more: each end may be updated, or replaced by
// an older one, at any time. Thread-safe.
class SpokenProtocol {
 public:
  explicit SpokenProtocol(Protocols own) : own_(own), now_(own.newest) {}

  uint32_t now() const { return now_; }
  // A request in `protocol` was refused for it. Whether there is an older one to try; else it begins anew
  // with the newest at the next call.
  bool Refused(uint32_t protocol) {
    const bool older = protocol > own_.oldest;
    now_ = older ? protocol - 1 : own_.newest;
    return older;
  }
  // The newest that the server speaks, as its answer says.
  void Heard(uint32_t newest) { now_ = std::clamp(newest, own_.oldest, own_.newest); }

 private:
  const Protocols own_;
  std::atomic<uint32_t> now_;
};

}  // namespace linnet::net

#endif  // LINNET_RUNTIME_NET_SPOKEN_PROTOCOL_H_
