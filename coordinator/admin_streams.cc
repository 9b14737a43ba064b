// The two calls of admin.proto that stream.
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "coordinator/admin_service.h"
#include "coordinator/callers.h"
#include "coordinator/publication.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"
#include "runtime/net/grpc_server.h"
#include "runtime/net/stream_message.h"

namespace linnet::coordinator {

// Receives on gRPC's threads, a message at a time; checks and takes in on the worker. One at a time in the
// whole coordinator.
class PublishStream final : public grpc::ServerReadReactor<grpc::ByteBuffer> {
 public:
  PublishStream(AdminService& service, std::string actor, std::unique_ptr<Publication> publication,
                grpc::ByteBuffer& response)
      : service_(service),
        actor_(std::move(actor)),
        publication_(std::move(publication)),
        response_(response) {
    StartRead(&bytes_);
  }

  void OnReadDone(bool ok) override {
    if (ended_) return;
    if (!ok) {
      // The operator has sent everything, or is gone, or gRPC has ended the call (a message that is too
      // large): only to the first can still be written.
      ended_ = true;
      StartSendInitialMetadata();
      return;
    }
    if (const absl::Status status = Add(); !status.ok()) {
      ended_ = true;
      Done(status);
      return;
    }
    StartRead(&bytes_);
  }
  void OnSendInitialMetadataDone(bool ok) override {
    if (!ok) cancelled_ = true;
    service_.parts_.worker.Post([this] { Done(Commit()); });
  }
  void OnCancel() override { cancelled_ = true; }
  void OnDone() override { delete this; }

 private:
  absl::Status Add() {
    LINNET_RETURN_IF_ERROR(net::ParseMessage(bytes_, request_));
    switch (request_.part_case()) {
      case admin::v1::PublishRequest::kMetadata:
        return publication_->AddMetadata(request_.metadata().role(), request_.metadata().bytes());
      case admin::v1::PublishRequest::kTarget:
        return publication_->BeginTarget(request_.target().name(), request_.target().size_bytes(),
                                         request_.target().sha256());
      case admin::v1::PublishRequest::kTargetData:
        return publication_->AddData(request_.target_data());
      case admin::v1::PublishRequest::kFilesAreLost:
        if (request_.files_are_lost()) publication_->FilesAreLost();
        return absl::OkStatus();
      default:
        return absl::InvalidArgumentError("publish: a message without a part");
    }
  }

  absl::Status Commit() {
    if (cancelled_) return absl::CancelledError("the operator is gone");
    LINNET_ASSIGN_OR_RETURN(const trust::Repository::Versions versions,
                            publication_->Commit(service_.parts_.repository, service_.parts_.content));
    admin::v1::PublishResponse response;
    response.set_snapshot_version(versions.snapshot);
    response.set_timestamp_version(versions.timestamp);
    net::SerializeMessage(response, response_);
    {
      const base::MutexLock lock(service_.parts_.fleet.mutex);
      const absl::Status saved = service_.parts_.fleet.db->Transact([&] {
        return service_.parts_.fleet.audit.Append(service_.parts_.clock.Now(), actor_, "publish",
                                                  absl::StrCat("snapshot ", versions.snapshot));
      });
      if (!saved.ok()) return saved;
    }
    service_.parts_.notifiers.devices.Notify();
    return absl::OkStatus();
  }

  void Done(const absl::Status& status) {
    if (!status.ok()) {
      base::Log(base::Severity::kWarning, "request refused",
                {{"call", "Publish"}, {"error", base::LogValue::Error(status)}});
      const base::MutexLock lock(service_.parts_.fleet.mutex);
      service_.parts_.fleet.db
          ->Transact([&] {
            return service_.parts_.fleet.audit.Append(service_.parts_.clock.Now(), actor_, "publish refused",
                                                      absl::StatusCodeToString(status.code()));
          })
          .IgnoreError();
    }
    // Before the answer: who has it may publish again.
    publication_.reset();
    service_.publishing_ = false;
    Finish(net::ToGrpc(status));
  }

  AdminService& service_;
  const std::string actor_;
  std::unique_ptr<Publication> publication_;
  grpc::ByteBuffer& response_;
  grpc::ByteBuffer bytes_;
  admin::v1::PublishRequest request_;
  bool ended_ = false;  // gRPC calls OnReadDone one after the other
  std::atomic<bool> cancelled_ = false;
};

// The state now, then each change; what happens while a message is on its way becomes one message.
class RolloutStream final : public grpc::ServerWriteReactor<admin::v1::Rollout> {
 public:
  RolloutStream(AdminService& service, std::string rollout, uint32_t most_devices)
      : service_(service), rollout_(std::move(rollout)), most_devices_(most_devices) {}

  void Begin() {
    subscription_ = service_.parts_.notifiers.operators.Subscribe([this] { LookAgain(); });
    LookAgain();
  }

  void LookAgain() {
    const base::MutexLock lock(mutex_);
    if (ending_.has_value()) return;
    if (service_.closing_) return End(absl::UnavailableError("the coordinator is shutting down"));
    if (writing_) return;
    absl::StatusOr<admin::v1::Rollout> view = service_.parts_.rollouts.View(rollout_, most_devices_);
    if (!view.ok()) return End(view.status());
    const bool last = Ended(static_cast<RolloutState>(view->state()));
    std::string bytes = view->SerializeAsString();
    if (bytes == told_) {
      if (last) End(absl::OkStatus());
      return;
    }
    told_ = std::move(bytes);
    view_ = *std::move(view);
    writing_ = true;
    StartWrite(&view_);
  }

  void OnWriteDone(bool ok) override {
    {
      const base::MutexLock lock(mutex_);
      writing_ = false;
      if (ending_.has_value()) return Finish(net::ToGrpc(*ending_));
      if (!ok) return End(absl::CancelledError("the operator is gone"));
    }
    LookAgain();
  }
  void OnCancel() override {
    const base::MutexLock lock(mutex_);
    End(absl::CancelledError("the operator is gone"));
  }
  void OnDone() override {
    service_.parts_.notifiers.operators.Unsubscribe(subscription_);
    delete this;
  }

 private:
  // A write that is under way ends first.
  void End(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (ending_.has_value()) return;
    ending_ = status;
    if (!writing_) Finish(net::ToGrpc(status));
  }

  AdminService& service_;
  const std::string rollout_;
  const uint32_t most_devices_;
  uint64_t subscription_ = 0;
  base::Mutex mutex_;
  std::optional<absl::Status> ending_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  std::string told_ ABSL_GUARDED_BY(mutex_);
  admin::v1::Rollout view_;
};

namespace {

class RefusedPublish final : public grpc::ServerReadReactor<grpc::ByteBuffer> {
 public:
  explicit RefusedPublish(const absl::Status& status) { Finish(net::ToGrpc(status)); }
  void OnDone() override { delete this; }
};

class RefusedWatch final : public grpc::ServerWriteReactor<admin::v1::Rollout> {
 public:
  explicit RefusedWatch(const absl::Status& status) { Finish(net::ToGrpc(status)); }
  void OnDone() override { delete this; }
};

}  // namespace

grpc::ServerReadReactor<grpc::ByteBuffer>* AdminService::Publish(grpc::CallbackServerContext* context,
                                                                 grpc::ByteBuffer* response) {
  absl::StatusOr<std::string> actor = CallingOperator(*context, parts_.clock.Now());
  if (!actor.ok()) return new RefusedPublish(actor.status());
  if (publishing_.exchange(true)) {
    return new RefusedPublish(
        absl::UnavailableError("another publication is under way; try again when it is done"));
  }
  auto publication = Publication::Begin(parts_.fs, parts_.incoming_dir);
  if (!publication.ok()) {
    publishing_ = false;
    return new RefusedPublish(publication.status());
  }
  return new PublishStream(*this, *std::move(actor), *std::move(publication), *response);
}

grpc::ServerWriteReactor<admin::v1::Rollout>* AdminService::WatchRollout(
    grpc::CallbackServerContext* context, const admin::v1::WatchRolloutRequest* request) {
  const absl::StatusOr<std::string> actor = CallingOperator(*context, parts_.clock.Now());
  if (!actor.ok()) return new RefusedWatch(actor.status());
  const absl::StatusOr<admin::v1::Rollout> view = parts_.rollouts.View(request->rollout_id(), 0);
  if (!view.ok()) return new RefusedWatch(view.status());
  auto* stream = new RolloutStream(*this, view->id(), MostLines(*request));
  stream->Begin();
  return stream;
}

}  // namespace linnet::coordinator
