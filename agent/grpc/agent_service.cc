#include "agent/grpc/agent_service.h"

#include <grpcpp/server_context.h>

#include <fstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/grpc/calls.h"
#include "agent/grpc/convert.h"
#include "linnet/agent/v1/agent.grpc.pb.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/net/grpc_server.h"
#include "runtime/net/tls.h"
#include "storage/repo/models.h"
#include "storage/repo/uplink_journal.h"

namespace linnet::agent_grpc {
namespace {

namespace v1 = agent::v1;
using owner::Scope;

// Leaves room under the 4 MiB that stock clients accept.
constexpr size_t kMaxJournalBytes = 2 << 20;
constexpr uint32_t kMaxListed = 10'000;

owner::Credential CredentialOf(const grpc::ServerContextBase& context, Door door) {
  owner::Credential credential;
  credential.local_user = door == Door::kUnixSocket;
  if (credential.local_user) return credential;
  credential.certificate = net::PeerOf(context);
  if (credential.certificate.has_value()) return credential;
  const auto found = context.client_metadata().find("authorization");
  if (found != context.client_metadata().end()) {
    const std::string value(found->second.data(), found->second.size());
    if (value.size() > 7 && absl::AsciiStrToLower(value.substr(0, 7)) == "bearer ") {
      credential.bearer_token = value.substr(7);
    }
  }
  return credential;
}

uint64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * 4096;
}

class AgentService final : public v1::Agent::WithRawCallbackMethod_Ingest<v1::Agent::CallbackService> {
 public:
  AgentService(const ServiceParts& parts, Door door) : p_(parts), door_(door) {}

  grpc::ServerWriteReactor<v1::GenerateResponse>* Generate(grpc::CallbackServerContext* context,
                                                           const v1::GenerateRequest* request) override {
    return NewGenerateStream(p_.workers, p_.generator, Needs(context, Scope::kAsk),
                             GenerationOf(*request, DeadlineOf(*context)));
  }

  grpc::ServerWriteReactor<v1::GenerateResponse>* Chat(grpc::CallbackServerContext* context,
                                                       const v1::ChatRequest* request) override {
    return NewGenerateStream(p_.workers, p_.generator, Needs(context, Scope::kAsk),
                             GenerationOf(*request, DeadlineOf(*context)));
  }

  grpc::ServerReadReactor<grpc::ByteBuffer>* Ingest(grpc::CallbackServerContext* context,
                                                    grpc::ByteBuffer* response) override {
    return NewIngestStream(p_.workers, p_.device, Needs(context, Scope::kIngest), response);
  }

  grpc::ServerUnaryReactor* Ask(grpc::CallbackServerContext* context, const v1::AskRequest* request,
                                v1::AskResponse* response) override {
    const auto work = [=, this](const std::shared_ptr<engine::Cancellation>& cancellation) -> absl::Status {
      answer::AskRequest ask = AskRequestOf(*request, DeadlineOf(*context));
      ask.cancellation = cancellation;
      LINNET_ASSIGN_OR_RETURN(const device::AskOutcome outcome, p_.device.Ask(ask, request->anomaly_id()));
      SetAnswer(outcome, response);
      return absl::OkStatus();
    };
    return NewCancellableCall(p_.workers, Needs(context, Scope::kAsk), work);
  }

  grpc::ServerUnaryReactor* SetInventory(grpc::CallbackServerContext* context,
                                         const v1::SetInventoryRequest* request,
                                         v1::SetInventoryResponse* response) override {
    return Unary(context, Scope::kIngest, [=, this]() -> absl::Status {
      LINNET_RETURN_IF_ERROR(p_.device.SetInventory(InventoryOf(*request, p_.clock.Now())));
      response->set_items(static_cast<uint32_t>(request->items_size()));
      return absl::OkStatus();
    });
  }

  grpc::ServerUnaryReactor* SetEntities(grpc::CallbackServerContext* context,
                                        const v1::SetEntitiesRequest* request,
                                        v1::SetEntitiesResponse* response) override {
    return Unary(context, Scope::kManage, [=, this]() -> absl::Status {
      LINNET_ASSIGN_OR_RETURN(const std::vector<repo::EntityRow> rows, EntitiesOf(*request));
      LINNET_RETURN_IF_ERROR(p_.device.SetEntities(rows, request->own_room()));
      response->set_entities(static_cast<uint32_t>(rows.size()));
      return absl::OkStatus();
    });
  }

  grpc::ServerUnaryReactor* ListAnomalies(grpc::CallbackServerContext* context,
                                          const v1::ListAnomaliesRequest* request,
                                          v1::ListAnomaliesResponse* response) override {
    return Unary(context, Scope::kReadData, [=, this]() -> absl::Status {
      const uint32_t limit = request->limit() == 0 ? 100 : std::min(request->limit(), kMaxListed);
      LINNET_ASSIGN_OR_RETURN(const std::vector<repo::AnomalyRow> rows, p_.device.Anomalies(limit));
      for (const repo::AnomalyRow& row : rows) SetAnomaly(row, response->add_anomalies());
      return absl::OkStatus();
    });
  }

  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext* context, const v1::ListModelsRequest*,
                                       v1::ListModelsResponse* response) override {
    return Unary(context, Scope::kReadData, [=, this] { return FillModels(response); });
  }

  grpc::ServerUnaryReactor* PrivacyJournal(grpc::CallbackServerContext* context,
                                           const v1::PrivacyJournalRequest* request,
                                           v1::PrivacyJournalResponse* response) override {
    return Unary(context, Scope::kReadData, [=, this] { return FillJournal(*request, response); });
  }

  grpc::ServerUnaryReactor* Status(grpc::CallbackServerContext* context, const v1::StatusRequest*,
                                   v1::StatusResponse* response) override {
    return Unary(context, Scope::kMetrics, [=, this] { return FillStatus(response); });
  }

  grpc::ServerUnaryReactor* CreateGrant(grpc::CallbackServerContext* context,
                                        const v1::CreateGrantRequest* request,
                                        v1::CreateGrantResponse* response) override {
    return Unary(context, Scope::kManage, [=, this]() -> absl::Status {
      LINNET_ASSIGN_OR_RETURN(const owner::Scopes scopes,
                              owner::Scopes::FromNames({request->scopes().begin(), request->scopes().end()}));
      LINNET_RETURN_IF_ERROR(p_.owner.AuthorizeGiving(CredentialOf(*context, door_), scopes));
      // Above the limit is above the limit, however large: no overflow on the way to a duration.
      const auto seconds =
          static_cast<int64_t>(std::min<uint64_t>(request->valid_seconds(), uint64_t{1} << 40));
      LINNET_ASSIGN_OR_RETURN(const owner::NewGrant grant,
                              p_.owner.CreateGrant(request->name(), scopes, absl::Seconds(seconds)));
      response->set_id(grant.grant.id);
      response->set_bearer_token(grant.bearer_token);
      response->set_certificate_pem(grant.certificate_pem);
      response->set_private_key_pem(grant.private_key_pem);
      const base::Sha256Digest pin = p_.owner.server_certificate().SpkiSha256();
      response->set_server_spki_sha256(std::string(base::AsView(pin)));
      response->set_address(p_.doors.grpc_address());
      response->set_http_address(p_.doors.http_address());
      return absl::OkStatus();
    });
  }

  grpc::ServerUnaryReactor* ListGrants(grpc::CallbackServerContext* context, const v1::ListGrantsRequest*,
                                       v1::ListGrantsResponse* response) override {
    return Unary(context, Scope::kManage, [=, this]() -> absl::Status {
      for (const owner::Grant& grant : p_.owner.ListGrants()) {
        v1::Grant* out = response->add_grants();
        out->set_id(grant.id);
        out->set_name(grant.name);
        for (const std::string& scope : grant.scopes.Names()) out->add_scopes(scope);
        out->set_created_unix_micros(absl::ToUnixMicros(grant.created));
        out->set_expires_unix_micros(absl::ToUnixMicros(grant.expires));
        out->set_revoked(grant.revoked);
      }
      return absl::OkStatus();
    });
  }

  grpc::ServerUnaryReactor* RevokeGrant(grpc::CallbackServerContext* context,
                                        const v1::RevokeGrantRequest* request,
                                        v1::RevokeGrantResponse*) override {
    return Unary(context, Scope::kManage, [=, this] { return p_.owner.RevokeGrant(request->id()); });
  }

  grpc::ServerUnaryReactor* CheckForUpdate(grpc::CallbackServerContext* context,
                                           const v1::CheckForUpdateRequest*,
                                           v1::CheckForUpdateResponse*) override {
    return Unary(context, Scope::kManage, [this] { return p_.fleet.CheckNow(); });
  }

  grpc::ServerUnaryReactor* ForgetLog(grpc::CallbackServerContext* context, const v1::ForgetLogRequest*,
                                      v1::ForgetLogResponse*) override {
    return Unary(context, Scope::kManage, [this] { return p_.fleet.ForgetLog(); });
  }

  grpc::ServerUnaryReactor* OfferModel(grpc::CallbackServerContext* context,
                                       const v1::OfferModelRequest* request,
                                       v1::OfferModelResponse* response) override {
    return Unary(context, Scope::kManage, [=, this]() -> absl::Status {
      const absl::StatusOr<base::FileInfo> info = base::FileSystem::Real().Stat(request->path());
      const bool is_bundle = info.ok() && info->is_directory;
      if (is_bundle && !request->root_sha256().empty() && request->root_sha256().size() != 32) {
        return absl::InvalidArgumentError("root_sha256: 32 bytes are expected");
      }
      LINNET_ASSIGN_OR_RETURN(const std::string name,
                              is_bundle ? p_.fleet.InstallBundle(request->path(), request->root_sha256())
                                        : p_.fleet.OfferModel(request->path(), request->target_name()));
      response->set_target_name(name);
      return absl::OkStatus();
    });
  }

 private:
  Authorization Needs(const grpc::CallbackServerContext* context, Scope scope) const {
    return [this, context, scope] { return p_.owner.Authorize(CredentialOf(*context, door_), scope); };
  }

  // The request and the response live until Finish.
  grpc::ServerUnaryReactor* Unary(grpc::CallbackServerContext* context, Scope scope,
                                  std::function<absl::Status()> work) {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    const bool posted = p_.workers.Post([reactor, allowed = Needs(context, scope), work = std::move(work)] {
      absl::Status status = allowed();
      if (status.ok()) status = work();
      reactor->Finish(net::ToGrpc(status));
    });
    if (!posted) reactor->Finish(net::ToGrpc(absl::ResourceExhaustedError("this device is busy; try again")));
    return reactor;
  }

  absl::Status FillModels(v1::ListModelsResponse* response) {
    std::vector<repo::InstalledModel> installed;
    repo::ModelSlots slots;
    const absl::Status read = p_.state.Read([&]() -> absl::Status {
      repo::Models models(p_.state.db());
      LINNET_ASSIGN_OR_RETURN(installed, models.List());
      LINNET_ASSIGN_OR_RETURN(slots, models.Slots());
      return absl::OkStatus();
    });
    LINNET_RETURN_IF_ERROR(read);
    bool active_listed = false;
    for (const repo::InstalledModel& model : installed) {
      v1::Model* out = response->add_models();
      out->set_name(model.target);
      out->set_sha256(model.sha256);
      out->set_size_bytes(model.bytes);
      out->set_license(model.license);
      out->set_active(model.sha256 == slots.active);
      out->set_trial(out->active() && slots.trial);
      out->set_previous(model.sha256 == slots.previous);
      out->set_release_counter(model.release_counter);
      active_listed |= out->active();
    }
    // A file named by --model is in no slot, but it is what answers.
    if (const std::shared_ptr<engine::Engine> engine = p_.models.engine();
        engine != nullptr && !active_listed) {
      v1::Model* out = response->add_models();
      out->set_name(engine->info().name);
      out->set_size_bytes(engine->info().file_bytes);
      out->set_license(engine->info().license);
      out->set_active(true);
    }
    return absl::OkStatus();
  }

  absl::Status FillJournal(const v1::PrivacyJournalRequest& request, v1::PrivacyJournalResponse* response) {
    const uint32_t limit = request.limit() == 0 ? 1'000 : std::min(request.limit(), kMaxListed);
    std::vector<repo::UplinkMessage> messages;
    repo::UplinkTotals totals;
    const absl::Status read = p_.state.Read([&]() -> absl::Status {
      repo::UplinkJournal journal(p_.state.db());
      LINNET_ASSIGN_OR_RETURN(messages, journal.List(request.after_id(), limit));
      LINNET_ASSIGN_OR_RETURN(totals, journal.Totals(p_.clock.Now()));
      return absl::OkStatus();
    });
    LINNET_RETURN_IF_ERROR(read);
    response->set_total_messages(totals.messages);
    response->set_total_bytes(totals.bytes);
    response->set_bytes_today(totals.bytes_today);
    response->set_budget_bytes_a_day(p_.fleet.status().budget_bytes_a_day);
    response->set_budget_bytes_today(totals.budget_bytes_today);
    for (const repo::ServedTotal& served : totals.served) {
      v1::ServedMessages* out = response->add_served();
      out->set_message(served.message);
      out->set_messages(served.messages);
      out->set_bytes(served.bytes);
    }
    size_t bytes = 0;
    for (const repo::UplinkMessage& message : messages) {
      v1::UplinkMessage* out = response->add_messages();
      out->set_id(message.id);
      out->set_time_unix_micros(absl::ToUnixMicros(message.time));
      out->set_message(message.message);
      out->set_bytes(message.bytes);
      out->set_for_update(message.for_update);
      for (const repo::UplinkField& field : message.fields) {
        v1::UplinkField* to = out->add_fields();
        to->set_name(field.name);
        to->set_bytes(field.bytes);
        to->set_kind(field.kind);
        to->set_value(field.value);
      }
      bytes += out->ByteSizeLong();
      if (bytes > kMaxJournalBytes) break;  // the rest by after_id
    }
    return absl::OkStatus();
  }

  absl::Status FillStatus(v1::StatusResponse* response) {
    response->set_version(p_.version);
    response->set_device_name(p_.device.name());
    response->set_device_id(p_.device_id);
    const fleet::FleetStatus fleet = p_.fleet.status();
    response->set_enrolled(fleet.enrolled);
    response->set_coordinator(fleet.coordinator);
    response->set_coordinator_reachable(fleet.coordinator_reachable);
    response->set_fleet_key_sha256(fleet.key_sha256);
    response->set_update_state(fleet.update_state);
    response->set_last_update_error(fleet.last_update_error);
    if (const absl::StatusOr<update::Witness::State> log = p_.fleet.log(); log.ok()) SetLog(*log, response);
    response->set_kernel_set(p_.kernel_set);
    if (const std::shared_ptr<engine::Engine> engine = p_.models.engine(); engine != nullptr) {
      response->set_model(engine->info().name);
      response->set_kernel_set(engine->info().kernel_set);
      repo::ModelSlots slots;
      const absl::Status read = p_.state.Read([&]() -> absl::Status {
        LINNET_ASSIGN_OR_RETURN(slots, repo::Models(p_.state.db()).Slots());
        return absl::OkStatus();
      });
      LINNET_RETURN_IF_ERROR(read);
      response->set_model_sha256(slots.active);
    }
    response->set_resident_bytes(ResidentBytes());
    response->set_uptime_micros(
        static_cast<uint64_t>(std::max<int64_t>(0, absl::ToInt64Microseconds(p_.clock.Now() - p_.started))));
    LINNET_ASSIGN_OR_RETURN(const device::LocalCounts counts, p_.device.Counts());
    response->set_readings(counts.readings);
    response->set_anomalies(counts.anomalies);
    response->set_answers(counts.answers);
    response->set_template_answers(counts.template_answers);
    return absl::OkStatus();
  }

  const ServiceParts p_;
  const Door door_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeAgentService(const ServiceParts& parts, Door door) {
  return std::make_unique<AgentService>(parts, door);
}

}  // namespace linnet::agent_grpc
