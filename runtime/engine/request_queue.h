#ifndef LINNET_RUNTIME_ENGINE_REQUEST_QUEUE_H_
#define LINNET_RUNTIME_ENGINE_REQUEST_QUEUE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "runtime/base/mutex.h"
#include "runtime/engine/engine.h"
#include "runtime/model/lora.h"

namespace linnet::engine {

// A request and what belongs to it.
struct Job {
  GenerateRequest request;
  const model::LoraAdapter* adapter = nullptr;  // the request's; null: none
  OnDelta on_delta;                             // may be null
  OnDone on_done;
  std::shared_ptr<Cancellation> cancellation;  // may be null
  std::vector<float>* logits = nullptr;        // not null: only these are wanted, nothing is generated
  absl::Time submitted;

  bool Cancelled() const { return cancellation != nullptr && cancellation->cancelled(); }
};

// Requests that wait, bounded. Order: class, then deadline, then arrival. Thread-safe.
class RequestQueue {
 public:
  explicit RequestQueue(size_t max_queued) : max_queued_(max_queued) {}

  // ResourceExhausted when full, Cancelled when closed; the job is untouched then.
  absl::Status Push(Job& job);
  // Waits until there is a job; false once the queue is closed.
  bool Wait();
  // The next job if its class is `least` or a more urgent one. Never waits.
  std::optional<Job> Take(Priority least);
  // Whether Take(least) would give one.
  bool Has(Priority least) const;
  // Jobs that are cancelled, or whose deadline is before `now`. Never waits.
  std::vector<Job> TakeDead(absl::Time now);
  // Takes no more, and gives back what waits.
  std::vector<Job> Close();
  bool closed() const;

 private:
  Job TakeAt(size_t index) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  size_t First() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t max_queued_;
  mutable base::Mutex mutex_;
  base::CondVar changed_;
  std::vector<Job> jobs_ ABSL_GUARDED_BY(mutex_);  // in order of arrival
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace linnet::engine

#endif  // LINNET_RUNTIME_ENGINE_REQUEST_QUEUE_H_
