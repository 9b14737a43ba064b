#ifndef LINNET_AGENT_FLEET_ANSWER_STREAM_H_
#define LINNET_AGENT_FLEET_ANSWER_STREAM_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "runtime/base/mutex.h"
#include "runtime/base/uptime.h"

namespace linnet::fleet {

enum class StreamEvent { kMessage, kEnd, kNothingYet };

// What comes in a stream, message by message. None is asked for before the last was dealt with: a pause here
// holds back the sender. Used by one thread; `context` outlives it, and cancelling that ends it.
template <typename Response>
class AnswerStream final : public grpc::ClientReadReactor<Response> {
 public:
  // `begin(reactor)`: makes the call, by the asynchronous stub.
  template <typename Begin>
  AnswerStream(grpc::ClientContext& context, const Begin& begin) : context_(context) {
    begin(this);
    this->AddHold();  // reads are begun from outside
    this->StartCall();
  }
  ~AnswerStream() override { End(); }

  // Waits for the next message at most `time`; one that is under way then comes with a later call.
  StreamEvent Read(absl::Duration time) {
    {
      const base::MutexLock lock(mutex_);
      if (!reading_) read_.reset();
    }
    if (!std::exchange(reading_, true)) this->StartRead(&message_);
    const base::MutexLock lock(mutex_);
    if (!read_.has_value() && time > absl::ZeroDuration()) changed_.WaitFor(mutex_, time);
    if (!read_.has_value()) return StreamEvent::kNothingYet;
    reading_ = false;
    return *read_ ? StreamEvent::kMessage : StreamEvent::kEnd;
  }
  const Response& message() const { return message_; }

  // Ends the call, if it has not ended, and says how it did.
  grpc::Status End() {
    if (held_) {
      held_ = false;
      {
        const base::MutexLock lock(mutex_);
        if (!read_.has_value() || *read_) context_.TryCancel();
      }
      this->RemoveHold();
    }
    const base::MutexLock lock(mutex_);
    // A stream that ends brings its status along. Where none comes (a message was too large, or none at all,
    // and the other side goes on), nobody waits for it until the call's time is over.
    constexpr absl::Duration kStatusComesWithin = absl::Seconds(5);
    const absl::Duration until = base::Uptime() + kStatusComesWithin;
    while (!ended_.has_value() && base::Uptime() < until) changed_.WaitFor(mutex_, until - base::Uptime());
    if (!ended_.has_value()) context_.TryCancel();
    while (!ended_.has_value()) changed_.Wait(mutex_);
    return *ended_;
  }

 private:
  void OnReadDone(bool ok) override {
    const base::MutexLock lock(mutex_);
    read_ = ok;
    changed_.SignalAll();
  }
  void OnDone(const grpc::Status& status) override {
    const base::MutexLock lock(mutex_);
    ended_ = status;
    changed_.SignalAll();
  }

  grpc::ClientContext& context_;
  Response message_;
  bool reading_ = false, held_ = true;
  base::Mutex mutex_;
  base::CondVar changed_;
  std::optional<bool> read_ ABSL_GUARDED_BY(mutex_);  // of the read begun last: did it bring one?
  std::optional<grpc::Status> ended_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace linnet::fleet

#endif  // LINNET_AGENT_FLEET_ANSWER_STREAM_H_
