#ifndef LINNET_AGENT_PEERS_UPLOAD_PACE_H_
#define LINNET_AGENT_PEERS_UPLOAD_PACE_H_

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "runtime/base/mutex.h"

namespace linnet::peers {

// Shares a rate among all uploads: each books its bytes, and goes when its turn has come. Nothing is saved up
// while nobody asks. Thread-safe.
class UploadPace {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;

  explicit UploadPace(uint64_t bytes_a_second) : rate_(bytes_a_second) {}  // 0: no limit

  // How long to wait before these bytes go.
  Duration Book(uint64_t bytes, Time now) {
    if (rate_ == 0) return Duration::zero();
    const base::MutexLock lock(mutex_);
    free_ = std::max(free_, now);
    const Duration wait = free_ - now;
    free_ += std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(static_cast<double>(bytes) / static_cast<double>(rate_)));
    return wait;
  }
  // How long what is booked will take.
  Duration Backlog(Time now) const {
    const base::MutexLock lock(mutex_);
    return std::max(free_ - now, Duration::zero());
  }

 private:
  const uint64_t rate_;
  mutable base::Mutex mutex_;
  Time free_ ABSL_GUARDED_BY(mutex_) = {};
};

}  // namespace linnet::peers

#endif  // LINNET_AGENT_PEERS_UPLOAD_PACE_H_
