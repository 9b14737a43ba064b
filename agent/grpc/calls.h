#ifndef LINNET_AGENT_GRPC_CALLS_H_
#define LINNET_AGENT_GRPC_CALLS_H_

// Inside agent/grpc only: what the reactors share.

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>

#include "agent/device/generator.h"
#include "agent/device/local_device.h"
#include "agent/device/worker_pool.h"
#include "linnet/agent/v1/agent.pb.h"

namespace linnet::agent_grpc {

// Asked on the pool, before the call's work.
using Authorization = std::function<absl::Status()>;

// Starts on the pool; deltas that come while one is being written travel together. A client that goes, or
// leaves 256 KiB unread, ends its generation.
grpc::ServerWriteReactor<agent::v1::GenerateResponse>* NewGenerateStream(
    device::WorkerPool& workers, device::Generator& generator, Authorization authorization,
    absl::StatusOr<device::Generation> generation);

// A call with one answer, whose work should end when the caller goes: `work` runs on the pool and watches
// what it is given.
grpc::ServerUnaryReactor* NewCancellableCall(
    device::WorkerPool& workers, Authorization authorization,
    std::function<absl::Status(const std::shared_ptr<engine::Cancellation>&)> work);

// IngestRequests as bytes (runtime/net/stream_message.h says why), one at a time: the next is read when the
// last one is kept. `response`: of an IngestResponse.
grpc::ServerReadReactor<grpc::ByteBuffer>* NewIngestStream(device::WorkerPool& workers,
                                                           device::LocalDevice& device,
                                                           Authorization authorization,
                                                           grpc::ByteBuffer* response);

}  // namespace linnet::agent_grpc

#endif  // LINNET_AGENT_GRPC_CALLS_H_
