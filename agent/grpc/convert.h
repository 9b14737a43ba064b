#ifndef LINNET_AGENT_GRPC_CONVERT_H_
#define LINNET_AGENT_GRPC_CONVERT_H_

#include <grpcpp/server_context.h>

#include <vector>

#include "absl/status/statusor.h"
#include "agent/answer/ask.h"
#include "agent/device/generator.h"
#include "agent/device/local_device.h"
#include "agent/update/witness.h"
#include "linnet/agent/v1/agent.pb.h"
#include "runtime/engine/engine.h"
#include "storage/repo/anomalies.h"
#include "storage/repo/entities.h"
#include "storage/repo/inventory.h"

namespace linnet::agent_grpc {

// Between agent.proto and the types of the parts.

// The caller's deadline, less what an answer needs to travel; infinite when it set none.
absl::Time DeadlineOf(const grpc::ServerContextBase& context);

// InvalidArgument names a field that has no meaning.
absl::StatusOr<device::Generation> GenerationOf(const agent::v1::GenerateRequest& request,
                                                absl::Time deadline);
absl::StatusOr<device::Generation> GenerationOf(const agent::v1::ChatRequest& request, absl::Time deadline);
void SetUsage(const engine::GenerateResult& result, agent::v1::Usage* usage);

answer::AskRequest AskRequestOf(const agent::v1::AskRequest& request, absl::Time deadline);
void SetUsage(const answer::ModelUse& use, agent::v1::Usage* usage);
void SetAnswer(const device::AskOutcome& outcome, agent::v1::AskResponse* response);

void SetAnomaly(const repo::AnomalyRow& row, agent::v1::Anomaly* anomaly);
std::vector<repo::InventoryRow> InventoryOf(const agent::v1::SetInventoryRequest& request, absl::Time now);
// InvalidArgument: an entity without a kind.
absl::StatusOr<std::vector<repo::EntityRow>> EntitiesOf(const agent::v1::SetEntitiesRequest& request);

void SetLog(const update::Witness::State& log, agent::v1::StatusResponse* response);

}  // namespace linnet::agent_grpc

#endif  // LINNET_AGENT_GRPC_CONVERT_H_
