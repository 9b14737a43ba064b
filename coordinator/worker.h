#ifndef LINNET_COORDINATOR_WORKER_H_
#define LINNET_COORDINATOR_WORKER_H_

#include <deque>
#include <functional>
#include <thread>

#include "absl/time/time.h"
#include "runtime/base/mutex.h"

namespace linnet::coordinator {

// One thread for what takes long (taking in a model) or comes by the clock. Thread-safe.
class Worker {
 public:
  // `tick` runs at once, then after the time that it returned, at the latest; jobs run in between.
  explicit Worker(std::function<absl::Duration()> tick);
  ~Worker();  // runs what is queued, then ends
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void Post(std::function<void()> job);
  void TickSoon();

 private:
  void Run();

  const std::function<absl::Duration()> tick_;
  base::Mutex mutex_;
  base::CondVar wake_;
  std::deque<std::function<void()>> jobs_ ABSL_GUARDED_BY(mutex_);
  bool tick_now_ ABSL_GUARDED_BY(mutex_) = true;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace linnet::coordinator

#endif  // LINNET_COORDINATOR_WORKER_H_
