#include "coordinator/fleet_service.h"

#include "absl/strings/str_cat.h"
#include "coordinator/callers.h"
#include "runtime/base/hash.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"
#include "runtime/net/address.h"
#include "runtime/net/grpc_server.h"
#include "runtime/net/message_check.h"
#include "runtime/net/tls.h"

namespace linnet::coordinator {
namespace {

grpc::ServerUnaryReactor* Finish(grpc::CallbackServerContext& context, std::string_view call,
                                 const absl::Status& status) {
  if (!status.ok()) {
    base::Log(base::Severity::kWarning, "request refused",
              {{"call", base::LogValue::Id(call)}, {"error", base::LogValue::Error(status)}});
  }
  grpc::ServerUnaryReactor* reactor = context.DefaultReactor();
  reactor->Finish(net::ToGrpc(status));
  return reactor;
}

// From this revision on a receipt comes without certificates (fleet.proto).
constexpr uint32_t kBareReceipts = 2;

uint64_t Seed() {
  uint64_t seed = 0;
  for (const char c : base::RandomBytes(8)) seed = seed << 8 | static_cast<unsigned char>(c);
  return seed;
}

}  // namespace

FleetService::FleetService(Parts parts)
    : parts_(parts), swarm_(parts.clock, [this](const std::string& id) { return IsMember(id); }, Seed()) {}

absl::StatusOr<std::string> FleetService::Device(const grpc::CallbackServerContext& context,
                                                 const google::protobuf::Message& request) {
  LINNET_ASSIGN_OR_RETURN(std::string device,
                          CallingDevice(context, known_, parts_.fleet, parts_.cohort, parts_.clock.Now()));
  LINNET_RETURN_IF_ERROR(net::CheckRequest(request, net::kFleetProtocols));
  return device;
}

grpc::ServerUnaryReactor* FleetService::Enroll(grpc::CallbackServerContext* context,
                                               const fleet::v1::EnrollRequest* request,
                                               fleet::v1::EnrollResponse* response) {
  const auto enroll = [&]() -> absl::Status {
    LINNET_RETURN_IF_ERROR(net::CheckRequest(*request, net::kFleetProtocols));
    LINNET_ASSIGN_OR_RETURN(*response, parts_.enrollment.Enroll(*request));
    return absl::OkStatus();
  };
  const absl::Status status = enroll();
  if (status.ok()) {
    base::Log(base::Severity::kInfo, "device enrolled",
              {{"device", base::LogValue::Id(base::Hex(request->device_id()))}});
    parts_.notifiers.operators.Notify();
  }
  return Finish(*context, "Enroll", status);
}

grpc::ServerUnaryReactor* FleetService::Renew(grpc::CallbackServerContext* context,
                                              const fleet::v1::RenewRequest* request,
                                              fleet::v1::EnrollResponse* response) {
  const auto renew = [&]() -> absl::Status {
    LINNET_RETURN_IF_ERROR(net::CheckRequest(*request, net::kFleetProtocols));
    LINNET_ASSIGN_OR_RETURN(*response, parts_.enrollment.Renew(*request));
    return absl::OkStatus();
  };
  return Finish(*context, "Renew", renew());
}

grpc::ServerUnaryReactor* FleetService::CheckIn(grpc::CallbackServerContext* context,
                                                const fleet::v1::CheckInRequest* request,
                                                fleet::v1::CheckInResponse* response) {
  const absl::StatusOr<std::string> device = Device(*context, *request);
  if (!device.ok()) return Finish(*context, "CheckIn", device.status());
  if (request->peer_port() > 65'535) {
    return Finish(*context, "CheckIn", absl::InvalidArgumentError("peer_port: is no port"));
  }
  const repo::DeviceReport report{.last_seen = parts_.clock.Now(),
                                  .update_state = request->state(),
                                  .model_sha256 = request->model_sha256(),
                                  .release_counter = request->release_counter(),
                                  .agent_version = request->agent_version(),
                                  .instruction_set = request->instruction_set(),
                                  .ram_mib = request->ram_mib(),
                                  .cores = request->cores(),
                                  .free_flash_mib = request->free_flash_mib()};
  Answer(*device, report, *response);
  net::NumericAddress where = net::AddressOfPeer(context->peer()).value_or(net::NumericAddress{});
  where.port = where.host.empty() ? 0 : static_cast<uint16_t>(request->peer_port());
  swarm_.Saw(*device, std::move(where), request->model_sha256());
  // Answered when it is on the disk, together with all that wait for the same sync.
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  Saw(*device, report, [reactor] { reactor->Finish(grpc::Status::OK); });
  return reactor;
}

void FleetService::Answer(const std::string& device, const repo::DeviceReport& report,
                          fleet::v1::CheckInResponse& response) {
  response.set_protocol(net::kFleetProtocols.newest);
  response.set_timestamp_version(parts_.repository.versions().timestamp);
  response.set_next_check_in_seconds(parts_.check_in_seconds);
  response.set_peers(true);
  response.set_log_size(parts_.log.size());
  parts_.rollouts.Answer(device, report, response);
}

void FleetService::Saw(const std::string& device, repo::DeviceReport report, std::function<void()> done) {
  bool moved = false;
  {
    const base::MutexLock lock(parts_.fleet.mutex);
    const repo::DeviceRow* row = parts_.cohort.Find(device);
    moved = row != nullptr && row->report.update_state != report.update_state;
    parts_.cohort.Saw(device, report);
  }
  parts_.seen.Append(device, std::move(report), std::move(done));
  if (moved) parts_.notifiers.operators.Notify();
}

bool FleetService::IsMember(const std::string& device) {
  const base::MutexLock lock(parts_.fleet.mutex);
  const repo::DeviceRow* row = parts_.cohort.Find(device);
  return row != nullptr && !row->revoked;
}

grpc::ServerUnaryReactor* FleetService::GetPeers(grpc::CallbackServerContext* context,
                                                 const fleet::v1::GetPeersRequest* request,
                                                 fleet::v1::GetPeersResponse* response) {
  const absl::StatusOr<std::string> device = Device(*context, *request);
  if (!device.ok()) return Finish(*context, "GetPeers", device.status());
  if (request->file_sha256().size() != 32) {
    return Finish(*context, "GetPeers", absl::InvalidArgumentError("file_sha256: not given"));
  }
  if (request->peer_port() > 65'535) {
    return Finish(*context, "GetPeers", absl::InvalidArgumentError("peer_port: is no port"));
  }
  net::NumericAddress where = net::AddressOfPeer(context->peer()).value_or(net::NumericAddress{});
  const std::string from = where.host;
  where.port = from.empty() ? 0 : static_cast<uint16_t>(request->peer_port());
  swarm_.Serves(*device, std::move(where));
  for (Swarm::Peer& peer : swarm_.PeersFor(*device, from, request->file_sha256())) {
    fleet::v1::PeerEndpoint& endpoint = *response->add_peers();
    endpoint.set_address(std::move(peer.address));
    endpoint.set_complete(peer.complete);
  }
  return Finish(*context, "GetPeers", absl::OkStatus());
}

grpc::ServerUnaryReactor* FleetService::GetMetadata(grpc::CallbackServerContext* context,
                                                    const fleet::v1::GetMetadataRequest* request,
                                                    fleet::v1::GetMetadataResponse* response) {
  const absl::StatusOr<std::string> device = Device(*context, *request);
  const absl::Status status = device.ok() ? DoGetMetadata(*request, *response) : device.status();
  if (absl::IsNotFound(status)) {  // the usual end of a root chain, no news
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(net::ToGrpc(status));
    return reactor;
  }
  return Finish(*context, "GetMetadata", status);
}

absl::Status FleetService::DoGetMetadata(const fleet::v1::GetMetadataRequest& request,
                                         fleet::v1::GetMetadataResponse& response) {
  std::string role;
  switch (request.role()) {
    case fleet::v1::ROOT:
      role = "root";
      break;
    case fleet::v1::TIMESTAMP:
      role = "timestamp";
      break;
    case fleet::v1::SNAPSHOT:
      role = "snapshot";
      break;
    case fleet::v1::TARGETS:
      role = "targets";
      break;
    case fleet::v1::DELEGATED:
      for (const auto& [name, bytes] : parts_.repository.Current()) {
        if (base::AsView(base::Sha256(name)) == request.role_name_sha256()) role = name;
      }
      if (role.empty()) return absl::NotFoundError("no role of this name has been published");
      break;
    default:
      return absl::InvalidArgumentError("role: not given");
  }
  LINNET_ASSIGN_OR_RETURN(std::string bytes, parts_.repository.Metadata(role, request.version()));
  response.set_metadata(std::move(bytes));
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* FleetService::GetLogProof(grpc::CallbackServerContext* context,
                                                    const fleet::v1::GetLogProofRequest* request,
                                                    fleet::v1::GetLogProofResponse* response) {
  const absl::StatusOr<std::string> device = Device(*context, *request);
  return Finish(*context, "GetLogProof",
                device.ok() ? parts_.log.Prove(*request, *response) : device.status());
}

grpc::ServerUnaryReactor* FleetService::Report(grpc::CallbackServerContext* context,
                                               const fleet::v1::ReportRequest* request,
                                               fleet::v1::ReportResponse*) {
  const absl::StatusOr<std::string> device = Device(*context, *request);
  if (!device.ok()) return Finish(*context, "Report", device.status());
  if (request->protocol() < kBareReceipts || !request->has_receipt()) {
    return Finish(*context, "Report", DoReport(*device, *request));
  }
  if (request->receipt().certificate_chain_size() > 0) {
    return Finish(*context, "Report",
                  absl::InvalidArgumentError("receipt: has certificates, which this protocol leaves out"));
  }
  // Who calls has signed it: with the certificate of this connection, which our authority has issued.
  fleet::v1::ReportRequest whole = *request;
  whole.mutable_receipt()->add_certificate_chain(net::PeerOf(*context)->der());
  whole.mutable_receipt()->add_certificate_chain(parts_.enrollment.authority_der());
  return Finish(*context, "Report", DoReport(*device, whole));
}

absl::Status FleetService::DoReport(const std::string& device, const fleet::v1::ReportRequest& request) {
  repo::DeviceReport report;
  {
    const base::MutexLock lock(parts_.fleet.mutex);
    const repo::DeviceRow* row = parts_.cohort.Find(device);
    if (row == nullptr) return absl::PermissionDeniedError("this device is not a member of the fleet");
    report = row->report;
  }
  report.last_seen = parts_.clock.Now();
  if (request.state() != fleet::v1::UPDATE_STATE_UNSPECIFIED) report.update_state = request.state();
  LINNET_RETURN_IF_ERROR(parts_.rollouts.Report(device, request));
  if (request.has_receipt()) parts_.worker.TickSoon();  // a soak may have begun: its end is a new deadline
  Saw(device, std::move(report), nullptr);
  return absl::OkStatus();
}

}  // namespace linnet::coordinator
