#include "agent/device/worker_pool.h"

#include <utility>

namespace linnet::device {

bool WorkerPool::Post(std::function<void()> job) {
  base::MutexLock lock(mutex_);
  if (stopping_ || queue_.size() >= max_queued_) return false;
  queue_.push_back(std::move(job));
  if (static_cast<size_t>(idle_) < queue_.size() && threads_.size() < static_cast<size_t>(max_threads_)) {
    threads_.emplace_back([this] { Work(); });
  }
  wake_.Signal();
  return true;
}

void WorkerPool::Work() {
  while (true) {
    std::function<void()> job;
    {
      base::MutexLock lock(mutex_);
      ++idle_;
      while (queue_.empty() && !stopping_) wake_.Wait(mutex_);
      --idle_;
      if (queue_.empty()) return;
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    job();
  }
}

void WorkerPool::Stop() {
  std::vector<std::thread> threads;
  {
    base::MutexLock lock(mutex_);
    stopping_ = true;
    threads.swap(threads_);
    wake_.SignalAll();
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace linnet::device
