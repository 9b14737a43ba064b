#include "runtime/engine/request_queue.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace linnet::engine {

absl::Status RequestQueue::Push(Job& job) {
  base::MutexLock lock(mutex_);
  if (closed_) return absl::CancelledError("the engine is shutting down");
  if (jobs_.size() >= max_queued_) {
    return absl::ResourceExhaustedError(
        absl::StrCat(max_queued_, " requests wait already; try again when some are done"));
  }
  jobs_.push_back(std::move(job));
  changed_.Signal();
  return absl::OkStatus();
}

size_t RequestQueue::First() const {
  size_t best = 0;
  for (size_t i = 1; i < jobs_.size(); ++i) {
    const GenerateRequest &a = jobs_[i].request, &b = jobs_[best].request;
    if (a.priority < b.priority || (a.priority == b.priority && a.deadline < b.deadline)) best = i;
  }
  return best;
}

Job RequestQueue::TakeAt(size_t index) {
  Job job = std::move(jobs_[index]);
  jobs_.erase(jobs_.begin() + static_cast<std::ptrdiff_t>(index));
  return job;
}

bool RequestQueue::Wait() {
  base::MutexLock lock(mutex_);
  while (jobs_.empty() && !closed_) changed_.Wait(mutex_);
  return !closed_;
}

std::optional<Job> RequestQueue::Take(Priority least) {
  base::MutexLock lock(mutex_);
  if (jobs_.empty()) return std::nullopt;
  const size_t first = First();
  if (jobs_[first].request.priority > least) return std::nullopt;
  return TakeAt(first);
}

bool RequestQueue::Has(Priority least) const {
  base::MutexLock lock(mutex_);
  return !jobs_.empty() && jobs_[First()].request.priority <= least;
}

std::vector<Job> RequestQueue::TakeDead(absl::Time now) {
  base::MutexLock lock(mutex_);
  std::vector<Job> dead;
  for (size_t i = jobs_.size(); i-- > 0;) {
    if (jobs_[i].Cancelled() || jobs_[i].request.deadline <= now) dead.push_back(TakeAt(i));
  }
  return dead;
}

std::vector<Job> RequestQueue::Close() {
  base::MutexLock lock(mutex_);
  closed_ = true;
  changed_.SignalAll();
  return std::exchange(jobs_, {});
}

bool RequestQueue::closed() const {
  base::MutexLock lock(mutex_);
  return closed_;
}

}  // namespace linnet::engine
