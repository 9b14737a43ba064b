#include "coordinator/notifier.h"

#include <utility>

namespace linnet::coordinator {

Notifier::~Notifier() {
  {
    const base::MutexLock lock(mutex_);
    stop_ = true;
  }
  wake_.SignalAll();
  thread_.join();
}

uint64_t Notifier::Subscribe(std::function<void()> look_again) {
  const base::MutexLock lock(mutex_);
  subscribers_.emplace(++last_, std::move(look_again));
  return last_;
}

void Notifier::Unsubscribe(uint64_t id) {
  const base::MutexLock lock(mutex_);
  while (telling_ == id && id != 0) told_.Wait(mutex_);
  subscribers_.erase(id);
}

void Notifier::Notify() {
  {
    const base::MutexLock lock(mutex_);
    again_ = true;
  }
  wake_.Signal();
}

// The lock is not held while one is told: streams that begin and end meanwhile would wait for all the others.
void Notifier::Run() {
  mutex_.Lock();
  while (true) {
    while (!again_ && !stop_) wake_.Wait(mutex_);
    if (stop_) break;
    again_ = false;
    uint64_t before = 0;
    while (!stop_) {
      const auto next = subscribers_.upper_bound(before);
      if (next == subscribers_.end()) break;
      before = telling_ = next->first;
      // Stays where it is: Unsubscribe waits, and others move no element of a map.
      const std::function<void()>& look_again = next->second;
      mutex_.Unlock();
      look_again();
      mutex_.Lock();
      telling_ = 0;
      told_.SignalAll();
    }
  }
  mutex_.Unlock();
}

}  // namespace linnet::coordinator
