#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "agent/grpc/calls.h"
#include "agent/grpc/convert.h"
#include "runtime/base/mutex.h"
#include "runtime/net/grpc_server.h"

namespace linnet::agent_grpc {
namespace {

namespace v1 = agent::v1;

constexpr size_t kMaxUnread = 256 << 10;

// Two sides write here: the engine's thread (deltas, end) and gRPC's (write done, cancel). The RPC ends only
// when the generation has, so that nothing of it is under way afterwards.
class GenerateStream final : public grpc::ServerWriteReactor<v1::GenerateResponse>,
                             public std::enable_shared_from_this<GenerateStream> {
 public:
  void Begin(device::WorkerPool& workers, device::Generator& generator, Authorization authorization,
             absl::StatusOr<device::Generation> generation) {
    self_ = shared_from_this();
    auto held = std::make_shared<absl::StatusOr<device::Generation>>(std::move(generation));
    const bool posted =
        workers.Post([self = self_, &generator, authorization = std::move(authorization), held] {
          absl::Status status = authorization();
          if (status.ok()) status = held->status();
          if (status.ok()) {
            status = generator.Start(
                **std::move(held), [self](std::string_view delta) { self->OnDelta(delta); },
                [self](absl::StatusOr<engine::GenerateResult> result) { self->OnResult(std::move(result)); },
                self->cancellation_, nullptr);
          }
          if (!status.ok()) self->OnResult(std::move(status));
        });
    if (!posted) OnResult(absl::ResourceExhaustedError("this device is busy; try again"));
  }

  void OnWriteDone(bool ok) override {
    base::MutexLock lock(mutex_);
    writing_ = false;
    if (!ok) {
      broken_ = true;
      cancellation_->Cancel();
    }
    Next();
  }
  void OnCancel() override { cancellation_->Cancel(); }
  void OnDone() override { self_ = nullptr; }

 private:
  void OnDelta(std::string_view delta) {
    base::MutexLock lock(mutex_);
    if (broken_) return;
    unread_ += delta;
    if (unread_.size() > kMaxUnread) {
      broken_ = true;
      slow_ = true;
      cancellation_->Cancel();
    }
    Next();
  }

  void OnResult(absl::StatusOr<engine::GenerateResult> result) {
    base::MutexLock lock(mutex_);
    result_ = std::move(result);
    Next();
  }

  void Next() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (writing_ || finished_) return;
    if (!unread_.empty() && !broken_) {
      message_.Clear();
      message_.set_delta(std::exchange(unread_, std::string()));
      writing_ = true;
      StartWrite(&message_);
      return;
    }
    if (!result_.has_value()) return;
    finished_ = true;
    if (slow_) {
      Finish(net::ToGrpc(absl::ResourceExhaustedError("the client did not read the answer for too long")));
    } else if (!result_->ok()) {
      Finish(net::ToGrpc(result_->status()));
    } else if (broken_ || (*result_)->finish == engine::FinishReason::kCancelled) {
      Finish(net::ToGrpc(absl::CancelledError("the request was cancelled")));
    } else {
      message_.Clear();
      SetUsage(**result_, message_.mutable_usage());
      StartWriteAndFinish(&message_, grpc::WriteOptions(), grpc::Status::OK);
    }
  }

  const std::shared_ptr<engine::Cancellation> cancellation_ = std::make_shared<engine::Cancellation>();
  std::shared_ptr<GenerateStream> self_;  // until gRPC is done with it
  base::Mutex mutex_;
  v1::GenerateResponse message_;
  std::string unread_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::StatusOr<engine::GenerateResult>> result_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;
  bool slow_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

grpc::ServerWriteReactor<v1::GenerateResponse>* NewGenerateStream(
    device::WorkerPool& workers, device::Generator& generator, Authorization authorization,
    absl::StatusOr<device::Generation> generation) {
  auto stream = std::make_shared<GenerateStream>();
  stream->Begin(workers, generator, std::move(authorization), std::move(generation));
  return stream.get();
}

}  // namespace linnet::agent_grpc
