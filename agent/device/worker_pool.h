#ifndef LINNET_AGENT_DEVICE_WORKER_POOL_H_
#define LINNET_AGENT_DEVICE_WORKER_POOL_H_

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "runtime/base/mutex.h"

namespace linnet::device {

// Threads for work that may block, so that those of the servers never do. Threads start when they are first
// needed; an idle device has none. Thread-safe.
class WorkerPool {
 public:
  WorkerPool(int max_threads, size_t max_queued) : max_threads_(max_threads), max_queued_(max_queued) {}
  ~WorkerPool() { Stop(); }

  // False, and `job` is not run: `max_queued` wait already, or the pool was stopped.
  bool Post(std::function<void()> job);
  // Runs what is queued, then ends the threads. Idempotent.
  void Stop();

 private:
  void Work();

  const int max_threads_;
  const size_t max_queued_;
  base::Mutex mutex_;
  base::CondVar wake_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mutex_);
  int idle_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace linnet::device

#endif  // LINNET_AGENT_DEVICE_WORKER_POOL_H_
