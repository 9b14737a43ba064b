#include <memory>
#include <utility>

#include "agent/grpc/calls.h"
#include "runtime/engine/engine.h"
#include "runtime/net/grpc_server.h"

namespace linnet::agent_grpc {
namespace {

class CancellableCall final : public grpc::ServerUnaryReactor,
                              public std::enable_shared_from_this<CancellableCall> {
 public:
  using Work = std::function<absl::Status(const std::shared_ptr<engine::Cancellation>&)>;

  void Begin(device::WorkerPool& workers, Authorization authorization, Work work) {
    self_ = shared_from_this();
    const bool posted =
        workers.Post([self = self_, authorization = std::move(authorization), work = std::move(work)] {
          absl::Status status = authorization();
          // A caller that went while the pool was busy is not worth the work.
          if (status.ok() && self->cancellation_->cancelled()) status = absl::CancelledError("cancelled");
          if (status.ok()) status = work(self->cancellation_);
          self->Finish(net::ToGrpc(status));
        });
    if (!posted) Finish(net::ToGrpc(absl::ResourceExhaustedError("this device is busy; try again")));
  }

  void OnCancel() override { cancellation_->Cancel(); }
  void OnDone() override { self_ = nullptr; }

 private:
  const std::shared_ptr<engine::Cancellation> cancellation_ = std::make_shared<engine::Cancellation>();
  std::shared_ptr<CancellableCall> self_;  // until gRPC is done with it
};

}  // namespace

grpc::ServerUnaryReactor* NewCancellableCall(device::WorkerPool& workers, Authorization authorization,
                                             CancellableCall::Work work) {
  auto call = std::make_shared<CancellableCall>();
  call->Begin(workers, std::move(authorization), std::move(work));
  return call.get();
}

}  // namespace linnet::agent_grpc
