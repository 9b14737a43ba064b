#include <iterator>
#include <utility>
#include <vector>

#include "agent/grpc/calls.h"
#include "agent/grpc/convert.h"
#include "runtime/net/grpc_server.h"
#include "runtime/net/stream_message.h"

namespace linnet::agent_grpc {
namespace {

namespace v1 = agent::v1;

// In one answer, the first ones; ListAnomalies has the rest.
constexpr size_t kMaxAnomalies = 1'000;

// At any time either a read or a job on the pool is under way, never both, so no lock is needed.
class IngestStream final : public grpc::ServerReadReactor<grpc::ByteBuffer> {
 public:
  IngestStream(device::WorkerPool& workers, device::LocalDevice& device, grpc::ByteBuffer& response)
      : workers_(workers), device_(device), response_(response) {}

  void Begin(Authorization authorization) {
    authorization_ = std::move(authorization);
    OnPool([this] {
      const absl::Status status = authorization_();
      if (!status.ok()) return Finish(net::ToGrpc(status));
      StartRead(&bytes_);
    });
  }

  void OnReadDone(bool ok) override {
    if (!ok) return Complete();
    OnPool([this] {
      // Again for each message: a stream may outlive its grant.
      if (const absl::Status allowed = authorization_(); !allowed.ok()) return Finish(net::ToGrpc(allowed));
      if (const absl::Status read = net::ParseMessage(bytes_, message_); !read.ok()) {
        return Finish(net::ToGrpc(read));
      }
      std::vector<repo::TimedValue> values;
      values.reserve(static_cast<size_t>(message_.readings_size()));
      for (const v1::Reading& reading : message_.readings()) {
        values.push_back({absl::FromUnixMicros(reading.time_unix_micros()), reading.value()});
      }
      const absl::Status status = device_.Ingest(message_.channel(), message_.unit(), values, outcome_);
      if (!status.ok()) return Finish(net::ToGrpc(status));
      // A stream may last for months; what the answer will not hold is not kept.
      while (outcome_.anomalies.size() > kMaxAnomalies) {
        outcome_.anomalies.erase(std::prev(outcome_.anomalies.end()));
      }
      StartRead(&bytes_);
    });
  }

  void OnDone() override { delete this; }

 private:
  void OnPool(std::function<void()> job) {
    if (!workers_.Post(std::move(job))) {
      Finish(net::ToGrpc(absl::ResourceExhaustedError("this device is busy; send these readings again")));
    }
  }

  void Complete() {
    v1::IngestResponse response;
    response.set_readings(outcome_.readings);
    response.set_rejected(outcome_.rejected);
    response.set_first_rejection(outcome_.first_rejection);
    for (const auto& [id, row] : outcome_.anomalies) SetAnomaly(row, response.add_anomalies());
    net::SerializeMessage(response, response_);
    Finish(grpc::Status::OK);
  }

  device::WorkerPool& workers_;
  device::LocalDevice& device_;
  Authorization authorization_;
  grpc::ByteBuffer& response_;
  grpc::ByteBuffer bytes_;
  v1::IngestRequest message_;
  device::IngestOutcome outcome_;
};

}  // namespace

grpc::ServerReadReactor<grpc::ByteBuffer>* NewIngestStream(device::WorkerPool& workers,
                                                           device::LocalDevice& device,
                                                           Authorization authorization,
                                                           grpc::ByteBuffer* response) {
  auto* stream = new IngestStream(workers, device, *response);  // deletes itself in OnDone
  stream->Begin(std::move(authorization));
  return stream;
}

}  // namespace linnet::agent_grpc
