#ifndef LINNET_COORDINATOR_NOTIFIER_H_
#define LINNET_COORDINATOR_NOTIFIER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <thread>

#include "runtime/base/mutex.h"

namespace linnet::coordinator {

// "Something changed, look again", to everybody who holds a stream open, one after the other on a thread of
// its own: whoever changes something does not wait until thousands have been told. Changes that come while
// they are being told are told by one more round. Thread-safe.
class Notifier {
 public:
  Notifier() : thread_([this] { Run(); }) {}
  ~Notifier();  // nobody may be subscribed any more
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  // `look_again` must not call this object. It is never running once Unsubscribe has returned.
  uint64_t Subscribe(std::function<void()> look_again);
  void Unsubscribe(uint64_t id);
  void Notify();

 private:
  void Run();

  base::Mutex mutex_;
  base::CondVar wake_, told_;
  uint64_t last_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t telling_ ABSL_GUARDED_BY(mutex_) = 0;  // whose `look_again` runs; 0: nobody's
  bool again_ ABSL_GUARDED_BY(mutex_) = false;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<uint64_t, std::function<void()>> subscribers_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
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
