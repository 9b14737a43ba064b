#ifndef LINNET_COORDINATOR_NOTIFIER_H_
#define LINNET_COORDINATOR_NOTIFIER_H_

#include <cstdint>
#include <functional>
#include <map>

#include "runtime/base/mutex.h"

namespace linnet::coordinator {

// "Something changed, look again", to everybody who holds a stream open. Thread-safe.
class Notifier {
 public:
  // `look_again` must not call this object. It is never running once Unsubscribe has returned.
  uint64_t Subscribe(std::function<void()> look_again) {
    const base::MutexLock lock(mutex_);
    subscribers_.emplace(++last_, std::move(look_again));
    return last_;
  }
  void Unsubscribe(uint64_t id) {
    const base::MutexLock lock(mutex_);
    subscribers_.erase(id);
  }
  void Notify() {
    const base::MutexLock lock(mutex_);
    for (const auto& [id, look_again] : subscribers_) look_again();
  }

 private:
  base::Mutex mutex_;
  uint64_t last_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, std::function<void()>> subscribers_ ABSL_GUARDED_BY(mutex_);
};

// Two circles of listeners, because there are many devices and few operators.
struct Notifiers {
  Notifier devices;    // new metadata, a wave, a stop: worth a check-in
  Notifier operators;  // also how far each device is

  void NotifyAll() {
    devices.Notify();
    operators.Notify();
  }
};

}  // namespace linnet::coordinator

#endif  // LINNET_COORDINATOR_NOTIFIER_H_
