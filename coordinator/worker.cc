#include "coordinator/worker.h"

#include <algorithm>
#include <chrono>

namespace linnet::coordinator {

Worker::Worker(std::function<absl::Duration()> tick) : tick_(std::move(tick)), thread_([this] { Run(); }) {}

Worker::~Worker() {
  {
    const base::MutexLock lock(mutex_);
    stop_ = true;
  }
  wake_.SignalAll();
  thread_.join();
}

void Worker::Post(std::function<void()> job) {
  {
    const base::MutexLock lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  wake_.SignalAll();
}

void Worker::TickSoon() {
  {
    const base::MutexLock lock(mutex_);
    tick_now_ = true;
  }
  wake_.SignalAll();
}

void Worker::Run() {
  using SteadyClock = std::chrono::steady_clock;
  SteadyClock::time_point next = SteadyClock::now();
  while (true) {
    std::function<void()> job;
    bool tick = false;
    {
      const base::MutexLock lock(mutex_);
      while (jobs_.empty() && !stop_ && !tick_now_ && SteadyClock::now() < next) {
        const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(next - SteadyClock::now());
        wake_.WaitFor(mutex_, absl::Milliseconds(std::max<int64_t>(wait.count(), 1)));
      }
      if (!jobs_.empty()) {
        job = std::move(jobs_.front());
        jobs_.pop_front();
      } else if (stop_) {
        return;
      } else {
        tick = true;
        tick_now_ = false;
      }
    }
    if (job) job();
    if (tick) {
      next = SteadyClock::now() +
             absl::ToChronoMilliseconds(std::clamp(tick_(), absl::Milliseconds(10), absl::Hours(1)));
    }
  }
}

}  // namespace linnet::coordinator
