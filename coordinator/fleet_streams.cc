// The two calls of fleet.proto that answer with a stream.
#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/callers.h"
#include "coordinator/fleet_service.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/net/address.h"
#include "runtime/net/grpc_server.h"

namespace linnet::coordinator {
namespace {

// Each holds a chunk (at most 1 MiB) in memory while the device reads it.
constexpr int kMostChunkStreams = 128;

// A stream that only says why not.
template <typename Response>
class Refusal final : public grpc::ServerWriteReactor<Response> {
 public:
  explicit Refusal(const absl::Status& status) { this->Finish(net::ToGrpc(status)); }
  void OnDone() override { delete this; }
};

}  // namespace

// Reads the next chunk when gRPC has taken the one before: a slow device costs one chunk of memory.
class ChunkStream final : public grpc::ServerWriteReactor<fleet::v1::GetChunksResponse> {
 public:
  // `sparing_from`: where the device calls from, when it asks SPARING; else empty. It then has the leases of
  // all that it is to get here at once: others get theirs, and each finds many chunks with few peers.
  ChunkStream(FleetService& service, std::string device, const std::string& sparing_from,
              std::vector<std::string> hashes)
      : service_(service),
        device_(std::move(device)),
        sparing_(!sparing_from.empty()),
        hashes_(std::move(hashes)),
        elsewhere_(hashes_.size()) {
    for (size_t i = 0; sparing_ && i < hashes_.size(); ++i) {
      elsewhere_[i] = service_.swarm_.Ask(device_, sparing_from, hashes_[i]);
    }
    Next();
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::CANCELLED);
    if (!response_.data().empty()) {
      service_.chunk_bytes_sent_ += response_.data().size();
      service_.swarm_.Sent(device_, response_.sha256());
      ForRest(&Swarm::Keep);
    }
    ++done_;
    Next();
  }
  void OnDone() override {
    ForRest(&Swarm::GiveUp);
    --service_.chunk_streams_;
    delete this;
  }

 private:
  void Next() {
    if (done_ == hashes_.size()) return Finish(grpc::Status::OK);
    const std::string& sha256 = hashes_[done_];
    response_.Clear();
    response_.set_sha256(sha256);
    if (!elsewhere_[done_].empty()) {
      response_.mutable_peers()->Assign(elsewhere_[done_].begin(), elsewhere_[done_].end());
    } else {
      absl::StatusOr<std::string> data = service_.parts_.content.Read(sha256);
      if (!data.ok()) return Finish(net::ToGrpc(data.status()));
      response_.set_data(*std::move(data));
    }
    StartWrite(&response_);
  }

  // The leases of what has not been sent.
  void ForRest(void (Swarm::*call)(const std::string& device, const std::string& chunk)) {
    for (size_t i = done_; sparing_ && i < hashes_.size(); ++i) {
      if (elsewhere_[i].empty()) (service_.swarm_.*call)(device_, hashes_[i]);
    }
  }

  FleetService& service_;
  const std::string device_;
  const bool sparing_;
  const std::vector<std::string> hashes_;
  std::vector<std::vector<std::string>> elsewhere_;
  size_t done_ = 0;
  fleet::v1::GetChunksResponse response_;
};

// Says "a check-in is worth while" with the state of things at that moment; what happens while a message is
// on its way is told by one more message, not by many.
class WatchStream final : public grpc::ServerWriteReactor<fleet::v1::WatchResponse> {
 public:
  WatchStream(FleetService& service, std::string device) : service_(service), device_(std::move(device)) {}

  void Begin() {
    subscription_ = service_.parts_.notifiers.devices.Subscribe([this] { LookAgain(); });
    LookAgain();
  }

  void LookAgain() {
    const base::MutexLock lock(mutex_);
    if (ending_.has_value()) return;
    if (service_.closing_) return End(absl::UnavailableError("the coordinator is shutting down"));
    if (!service_.IsMember(device_)) return End(absl::PermissionDeniedError("this device was revoked"));
    if (writing_) return;
    const uint64_t timestamp = service_.parts_.repository.versions().timestamp;
    const uint64_t revision = service_.parts_.rollouts.revision();
    if (told_ && timestamp == told_timestamp_ && revision == told_revision_) return;
    told_ = true;
    told_timestamp_ = timestamp;
    told_revision_ = revision;
    response_.set_timestamp_version(timestamp);
    response_.set_stop(service_.parts_.rollouts.stopping());
    writing_ = true;
    StartWrite(&response_);
  }

  void Replace() {
    const base::MutexLock lock(mutex_);
    End(absl::AbortedError("the device has opened another Watch"));
  }

  void OnWriteDone(bool ok) override {
    {
      const base::MutexLock lock(mutex_);
      writing_ = false;
      if (ending_.has_value()) return Finish(net::ToGrpc(*ending_));
      if (!ok) return End(absl::CancelledError("the device is gone"));
    }
    LookAgain();
  }
  void OnCancel() override {
    const base::MutexLock lock(mutex_);
    End(absl::CancelledError("the device is gone"));
  }
  void OnDone() override {
    service_.parts_.notifiers.devices.Unsubscribe(subscription_);
    service_.Gone(device_, this);
    delete this;
  }

 private:
  // A write that is under way ends first.
  void End(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (ending_.has_value()) return;
    ending_ = status;
    if (!writing_) Finish(net::ToGrpc(status));
  }

  FleetService& service_;
  const std::string device_;
  uint64_t subscription_ = 0;
  base::Mutex mutex_;
  std::optional<absl::Status> ending_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool told_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t told_timestamp_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t told_revision_ ABSL_GUARDED_BY(mutex_) = 0;
  fleet::v1::WatchResponse response_;
};

grpc::ServerWriteReactor<fleet::v1::WatchResponse>* FleetService::Watch(
    grpc::CallbackServerContext* context, const fleet::v1::WatchRequest* request) {
  const absl::StatusOr<std::string> device = Device(*context, *request);
  if (!device.ok()) return new Refusal<fleet::v1::WatchResponse>(device.status());
  auto* stream = new WatchStream(*this, *device);
  {
    const base::MutexLock lock(watches_mutex_);
    WatchStream*& held = watches_[*device];
    if (held != nullptr) held->Replace();
    held = stream;
  }
  stream->Begin();
  return stream;
}

void FleetService::Gone(const std::string& device, const WatchStream* stream) {
  const base::MutexLock lock(watches_mutex_);
  const auto it = watches_.find(device);
  if (it != watches_.end() && it->second == stream) watches_.erase(it);
}

void FleetService::Close() {
  closing_ = true;
  parts_.notifiers.devices.Notify();
}

grpc::ServerWriteReactor<fleet::v1::GetChunksResponse>* FleetService::GetChunks(
    grpc::CallbackServerContext* context, const fleet::v1::GetChunksRequest* request) {
  using Refused = Refusal<fleet::v1::GetChunksResponse>;
  const absl::StatusOr<std::string> device = Device(*context, *request);
  if (!device.ok()) return new Refused(device.status());
  std::vector<std::string> hashes(request->sha256().begin(), request->sha256().end());
  for (const std::string& hash : hashes) {
    if (hash.size() != 32) return new Refused(absl::InvalidArgumentError("sha256: a hash is empty"));
  }
  if (++chunk_streams_ > kMostChunkStreams) {
    --chunk_streams_;
    return new Refused(absl::UnavailableError("too many devices fetch at once; try again later"));
  }
  std::string sparing_from;
  if (request->asking() == fleet::v1::SPARING) {
    sparing_from = net::AddressOfPeer(context->peer()).value_or(net::NumericAddress{}).host;
  }
  return new ChunkStream(*this, *device, sparing_from, std::move(hashes));
}

}  // namespace linnet::coordinator
