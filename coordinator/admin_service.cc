#include "coordinator/admin_service.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "coordinator/callers.h"
#include "coordinator/names.h"
#include "runtime/base/hash.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "runtime/base/utf8.h"
#include "runtime/net/grpc_server.h"

namespace linnet::coordinator {
namespace {

constexpr uint32_t kMostAuditEntries = 10'000;
// Clients take 4 MiB if nobody tells them otherwise: at 250 bytes a device, 1 KiB a rollout.
constexpr size_t kMostDevicesAtOnce = 10'000;
constexpr uint32_t kMostDevicesInPage = 2'000;
constexpr size_t kMostRolloutsAtOnce = 2'000;
constexpr uint32_t kMostRolloutsInPage = 500;

// Runs `call(operator's name)` when the caller is an operator.
template <typename Call>
grpc::ServerUnaryReactor* AsOperator(grpc::CallbackServerContext& context, const base::Clock& clock,
                                     std::string_view name, const Call& call) {
  const absl::StatusOr<std::string> actor = CallingOperator(context, clock.Now());
  const absl::Status status = actor.ok() ? call(*actor) : actor.status();
  if (!status.ok()) {
    base::Log(base::Severity::kWarning, "request refused",
              {{"call", base::LogValue::Id(name)}, {"error", base::LogValue::Error(status)}});
  }
  grpc::ServerUnaryReactor* reactor = context.DefaultReactor();
  reactor->Finish(net::ToGrpc(status));
  return reactor;
}

uint64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t total = 0;
  uint64_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

// Of a P-256 point: its SubjectPublicKeyInfo (RFC 5480) is this and the point. By hand, because a list has
// thousands of devices and the fleet waits for it.
std::string SpkiSha256(std::string_view point) {
  constexpr std::string_view kBefore(
      "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42"
      "\x00",
      26);
  return std::string(base::AsView(base::Sha256(std::string(kBefore).append(point))));
}

void Describe(const repo::DeviceRow& row, admin::v1::Device& device) {
  device.set_id(row.id);
  device.set_name(row.name);
  device.set_enrolled_unix_micros(absl::ToUnixMicros(row.enrolled));
  device.set_last_seen_unix_micros(absl::ToUnixMicros(row.report.last_seen));
  device.set_update_state(NameOf(static_cast<fleet::v1::UpdateState>(row.report.update_state)));
  device.set_model_sha256(row.report.model_sha256);
  device.set_release_counter(row.report.release_counter);
  device.set_agent_version(row.report.agent_version);
  device.set_instruction_set(NameOf(static_cast<fleet::v1::InstructionSet>(row.report.instruction_set)));
  device.set_ram_mib(row.report.ram_mib);
  device.set_cores(row.report.cores);
  device.set_revoked(row.revoked);
  // After a renewal that no handshake has shown yet, the key that it is about to use.
  device.set_key_sha256(SpkiSha256(row.next_key.empty() ? row.public_key : row.next_key));
  device.set_certificate_expires_unix_micros(absl::ToUnixMicros(row.certificate_expires));
}

// A target of the role "plans" that was published whole is not damaged: it is of another kind than this call
// takes.
absl::Status NotOfThisKind(std::string_view path, std::string_view kind, const absl::Status& status) {
  return absl::FailedPreconditionError(absl::StrCat(std::string(path), ": is no ", std::string(kind),
                                                    " that this coordinator knows: ", base::Message(status)));
}

}  // namespace

void AdminService::Close() {
  closing_ = true;
  parts_.notifiers.operators.Notify();
}

grpc::ServerUnaryReactor* AdminService::CreateToken(grpc::CallbackServerContext* context,
                                                    const admin::v1::CreateTokenRequest* request,
                                                    admin::v1::CreateTokenResponse* response) {
  return AsOperator(*context, parts_.clock, "CreateToken", [&](const std::string& actor) -> absl::Status {
    const auto valid = static_cast<int64_t>(std::min<uint64_t>(request->valid_seconds(), 1'000'000'000));
    LINNET_ASSIGN_OR_RETURN(const NewToken token, parts_.enrollment.CreateToken(actor, request->device_name(),
                                                                                absl::Seconds(valid)));
    response->set_token(token.text);
    response->set_expires_unix_micros(absl::ToUnixMicros(token.expires));
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AdminService::ListDevices(grpc::CallbackServerContext* context,
                                                    const admin::v1::ListDevicesRequest* request,
                                                    admin::v1::ListDevicesResponse* response) {
  return AsOperator(*context, parts_.clock, "ListDevices", [&](const std::string&) -> absl::Status {
    const base::MutexLock lock(parts_.fleet.mutex);
    const Cohort::Members& members = parts_.cohort.all();
    if (request->page_size() > 0) {
      const uint32_t most = std::min(request->page_size(), kMostDevicesInPage);
      auto member = members.upper_bound(request->page_token());
      for (uint32_t i = 0; i < most && member != members.end(); ++i, ++member) {
        Describe(member->second, *response->add_devices());
      }
      if (member != members.end()) response->set_next_page_token(std::prev(member)->first);
      return absl::OkStatus();
    }
    if (members.size() > kMostDevicesAtOnce) {
      return absl::ResourceExhaustedError(absl::StrCat("the site has ", members.size(),
                                                       " devices, more than ", kMostDevicesAtOnce,
                                                       " for one message; ask in pages (page_size)"));
    }
    for (const auto& [id, member] : members) Describe(member, *response->add_devices());
    // In the order in which they came.
    std::sort(response->mutable_devices()->begin(), response->mutable_devices()->end(),
              [](const auto& a, const auto& b) {
                return std::make_tuple(a.enrolled_unix_micros(), a.name()) <
                       std::make_tuple(b.enrolled_unix_micros(), b.name());
              });
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AdminService::RevokeDevice(grpc::CallbackServerContext* context,
                                                     const admin::v1::RevokeDeviceRequest* request,
                                                     admin::v1::RevokeDeviceResponse*) {
  return AsOperator(*context, parts_.clock, "RevokeDevice", [&](const std::string& actor) -> absl::Status {
    LINNET_RETURN_IF_ERROR(parts_.enrollment.Revoke(actor, request->id()));
    parts_.worker.TickSoon();      // the rollout may be complete without it
    parts_.notifiers.NotifyAll();  // its Watch ends
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AdminService::GetRepository(grpc::CallbackServerContext* context,
                                                      const admin::v1::GetRepositoryRequest*,
                                                      admin::v1::GetRepositoryResponse* response) {
  return AsOperator(*context, parts_.clock, "GetRepository", [&](const std::string&) -> absl::Status {
    for (auto& [role, bytes] : parts_.repository.Current()) {
      admin::v1::MetadataFile& file = *response->add_metadata();
      file.set_role(role);
      file.set_bytes(bytes);
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<std::string> AdminService::SignedPlanFile(const std::vector<trust::TargetInfo>& targets,
                                                         std::string_view path, std::string* sha256) const {
  const auto info = std::find_if(targets.begin(), targets.end(),
                                 [&](const trust::TargetInfo& t) { return t.path == path; });
  if (info == targets.end()) {
    return absl::NotFoundError(
        absl::StrCat("\"", base::OneLine(path, 200), "\": not published; publish it first"));
  }
  if (info->role != "plans") {
    return absl::PermissionDeniedError(
        absl::StrCat(info->path, ": is signed by \"", info->role, "\", not by \"plans\""));
  }
  *sha256 = info->sha256;
  return parts_.content.Read(info->sha256);
}

absl::Status AdminService::DoStartRollout(const std::string& actor, const std::string& plan,
                                          std::string& rollout_id) {
  const std::vector<trust::TargetInfo> targets = parts_.repository.Targets();
  std::string sha256;
  LINNET_ASSIGN_OR_RETURN(const std::string json, SignedPlanFile(targets, plan, &sha256));
  const absl::StatusOr<trust::Plan> parsed = trust::Plan::FromJson(json);
  if (!parsed.ok()) return NotOfThisKind(plan, "plan", parsed.status());
  const auto model = std::find_if(targets.begin(), targets.end(),
                                  [&](const trust::TargetInfo& t) { return t.path == parsed->model_target; });
  if (model == targets.end() || model->sha256 != parsed->model_sha256) {
    return absl::FailedPreconditionError(
        absl::StrCat(plan, ": its model \"", parsed->model_target,
                     "\" is not published with the hash that the plan names"));
  }
  LINNET_ASSIGN_OR_RETURN(const bool here, parts_.content.Has(model->sha256));
  if (!here) {
    return absl::FailedPreconditionError(
        absl::StrCat(parsed->model_target, ": its bytes are not here; publish it again"));
  }
  LINNET_ASSIGN_OR_RETURN(rollout_id, parts_.rollouts.Start(actor, plan, sha256, json));
  parts_.worker.TickSoon();
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* AdminService::StartRollout(grpc::CallbackServerContext* context,
                                                     const admin::v1::StartRolloutRequest* request,
                                                     admin::v1::StartRolloutResponse* response) {
  return AsOperator(*context, parts_.clock, "StartRollout", [&](const std::string& actor) {
    return DoStartRollout(actor, request->plan(), *response->mutable_rollout_id());
  });
}

grpc::ServerUnaryReactor* AdminService::StopRollout(grpc::CallbackServerContext* context,
                                                    const admin::v1::StopRolloutRequest* request,
                                                    admin::v1::StopRolloutResponse*) {
  return AsOperator(*context, parts_.clock, "StopRollout", [&](const std::string& actor) {
    return parts_.rollouts.Stop(actor, request->rollout_id());
  });
}

grpc::ServerUnaryReactor* AdminService::PauseRollout(grpc::CallbackServerContext* context,
                                                     const admin::v1::PauseRolloutRequest* request,
                                                     admin::v1::PauseRolloutResponse*) {
  return AsOperator(*context, parts_.clock, "PauseRollout", [&](const std::string& actor) {
    return parts_.rollouts.Pause(actor, request->rollout_id());
  });
}

grpc::ServerUnaryReactor* AdminService::ResumeRollout(grpc::CallbackServerContext* context,
                                                      const admin::v1::ResumeRolloutRequest* request,
                                                      admin::v1::ResumeRolloutResponse* response) {
  return AsOperator(*context, parts_.clock, "ResumeRollout", [&](const std::string& actor) -> absl::Status {
    std::string sha256;
    LINNET_ASSIGN_OR_RETURN(const std::string json,
                            SignedPlanFile(parts_.repository.Targets(), request->lift(), &sha256));
    const absl::StatusOr<trust::Lift> lift = trust::Lift::FromJson(json);
    if (!lift.ok()) return NotOfThisKind(request->lift(), "lift", lift.status());
    LINNET_ASSIGN_OR_RETURN(*response->mutable_rollout_id(), parts_.rollouts.Lift(actor, *lift));
    parts_.worker.TickSoon();
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AdminService::GetPlan(grpc::CallbackServerContext* context,
                                                const admin::v1::GetPlanRequest* request,
                                                admin::v1::GetPlanResponse* response) {
  return AsOperator(*context, parts_.clock, "GetPlan", [&](const std::string&) -> absl::Status {
    LINNET_ASSIGN_OR_RETURN(*response, parts_.rollouts.SignedPlan(request->rollout_id()));
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AdminService::GetTarget(grpc::CallbackServerContext* context,
                                                  const admin::v1::GetTargetRequest* request,
                                                  admin::v1::GetTargetResponse* response) {
  return AsOperator(*context, parts_.clock, "GetTarget", [&](const std::string&) -> absl::Status {
    std::string sha256;
    LINNET_ASSIGN_OR_RETURN(*response->mutable_content(),
                            SignedPlanFile(parts_.repository.Targets(), request->target(), &sha256));
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AdminService::ListRollouts(grpc::CallbackServerContext* context,
                                                     const admin::v1::ListRolloutsRequest* request,
                                                     admin::v1::ListRolloutsResponse* response) {
  return AsOperator(*context, parts_.clock, "ListRollouts", [&](const std::string&) -> absl::Status {
    const bool paged = request->page_size() > 0;
    const size_t most = paged ? std::min(request->page_size(), kMostRolloutsInPage) : kMostRolloutsAtOnce;
    std::vector<admin::v1::Rollout> rollouts =
        parts_.rollouts.List(request->page_token(), most + 1, MostLines(*request));
    const bool more = rollouts.size() > most;
    if (more && !paged) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the site has more than ", most, " rollouts; ask for them in pages (page_size)"));
    }
    if (more) rollouts.pop_back();
    if (more) response->set_next_page_token(rollouts.back().id());
    response->mutable_rollouts()->Assign(std::make_move_iterator(rollouts.begin()),
                                         std::make_move_iterator(rollouts.end()));
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AdminService::ListProgress(grpc::CallbackServerContext* context,
                                                     const admin::v1::ListProgressRequest* request,
                                                     admin::v1::ListProgressResponse* response) {
  return AsOperator(*context, parts_.clock, "ListProgress", [&](const std::string&) -> absl::Status {
    LINNET_ASSIGN_OR_RETURN(*response, parts_.rollouts.Progress(*request));
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AdminService::ListAudit(grpc::CallbackServerContext* context,
                                                  const admin::v1::ListAuditRequest* request,
                                                  admin::v1::ListAuditResponse* response) {
  return AsOperator(*context, parts_.clock, "ListAudit", [&](const std::string&) -> absl::Status {
    const uint32_t limit = request->limit() == 0 ? 100 : std::min(request->limit(), kMostAuditEntries);
    const base::MutexLock lock(parts_.fleet.mutex);
    LINNET_ASSIGN_OR_RETURN(const std::vector<repo::AuditRow> rows,
                            request->oldest_first()
                                ? parts_.fleet.audit.After(request->after_id(), limit, request->about())
                                : parts_.fleet.audit.Newest(limit, request->about()));
    for (const repo::AuditRow& row : rows) {
      admin::v1::AuditEntry& entry = *response->add_entries();
      entry.set_id(row.id);
      entry.set_time_unix_micros(absl::ToUnixMicros(row.time));
      entry.set_actor(row.actor);
      entry.set_action(row.action);
      entry.set_subject(row.subject);
      entry.set_hash(row.hash);
    }
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AdminService::ListPublished(grpc::CallbackServerContext* context,
                                                      const admin::v1::ListPublishedRequest* request,
                                                      admin::v1::ListPublishedResponse* response) {
  return AsOperator(*context, parts_.clock, "ListPublished",
                    [&](const std::string&) { return parts_.log.List(*request, *response); });
}

grpc::ServerUnaryReactor* AdminService::Status(grpc::CallbackServerContext* context,
                                               const admin::v1::StatusRequest*,
                                               admin::v1::StatusResponse* response) {
  return AsOperator(*context, parts_.clock, "Status", [&](const std::string&) {
    const trust::Repository::Versions versions = parts_.repository.versions();
    response->set_version(parts_.version);
    response->set_timestamp_version(versions.timestamp);
    response->set_snapshot_version(versions.snapshot);
    response->set_timestamp_expires_unix_micros(absl::ToUnixMicros(parts_.repository.timestamp_expires()));
    response->set_resident_bytes(ResidentBytes());
    response->set_uptime_micros(
        static_cast<uint64_t>(absl::ToInt64Microseconds(parts_.clock.Now() - parts_.started)));
    const base::MutexLock lock(parts_.fleet.mutex);
    response->set_devices(parts_.cohort.live());
    return absl::OkStatus();
  });
}

}  // namespace linnet::coordinator
