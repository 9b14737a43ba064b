#include "tests/fuzz/agent_world.h"

#include <grpcpp/impl/codegen/service_type.h>

#include <cstdio>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/answer/intent.h"
#include "agent/device/generator.h"
#include "agent/device/local_device.h"
#include "agent/device/worker_pool.h"
#include "agent/fleet/fleet_agent.h"
#include "agent/grpc/agent_service.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"
#include "storage/repo/device.h"
#include "storage/repo/state_database.h"
#include "storage/repo/uplink_journal.h"
#include "storage/repo/user_database.h"
#include "tests/support/tiny_model.h"

namespace linnet::testing {
namespace {

using owner::Scope;
using owner::Scopes;

base::FileSystem& Files() { return base::FileSystem::Real(); }

template <typename T>
T Need(absl::StatusOr<T> value) {
  if (!value.ok()) std::fprintf(stderr, "%s\n", value.status().ToString().c_str());
  LINNET_CHECK(value.ok());
  return *std::move(value);
}
void Need(const absl::Status& status) {
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  LINNET_CHECK(status.ok());
}

Scopes Only(Scope scope) {
  Scopes scopes;
  scopes.Add(scope);
  return scopes;
}

// As with --model: rollouts do not change what answers.
class OneModel final : public update::ModelHost {
 public:
  absl::Status Switch(const std::string& path) override {
    return path.empty() ? absl::OkStatus() : absl::FailedPreconditionError("answers with one model");
  }
  absl::Status SelfCheck() override { return absl::FailedPreconditionError("answers with one model"); }
  uint64_t inferences() const override { return 0; }
};

std::string CertificateOf(const std::string& uri) {
  const base::PrivateKey key = base::PrivateKey::Generate(base::KeyType::kP256);
  base::CertificateRequest request;
  request.common_name = "fuzz";
  request.use = base::CertificateUse::kAuthority;
  request.not_before = AgentWorld::Now() - absl::Hours(24);
  request.not_after = AgentWorld::Now() + absl::Hours(24);
  const base::Certificate root = base::IssueSelfSigned(key, request);
  request.use = base::CertificateUse::kClient;
  request.uri = uri;
  return base::Issue(root, key, key.public_key(), request)->ToPem();
}

}  // namespace

// As agent.cc puts them together, in the same order.
struct AgentWorld::Running {
  Running(const std::string& state_dir, device::ModelSlot& models, const FakeClock& clock)
      : state(Need(repo::StateDatabase::Open(absl::StrCat(state_dir, "/state.db")))), generator(models) {
    repo::DeviceIdentity identity;
    Need(state->Write([&]() -> absl::Status {
      LINNET_ASSIGN_OR_RETURN(identity, repo::Device(state->db()).LoadOrCreate("press"));
      return absl::OkStatus();
    }));
    user = Need(repo::UserDatabase::Open(Files(), absl::StrCat(state_dir, "/user")));
    owner = Need(owner::Owner::Open(Files(),
                                    {.directory = absl::StrCat(state_dir, "/owner"),
                                     .device_id_hex = base::Hex(std::string_view(identity.id)),
                                     .now = [&clock] { return clock.Now(); }},
                                    user->cipher()));
    device::LocalDeviceOptions local;
    local.name = [name = identity.name] { return name; };
    local.zone = absl::UTCTimeZone();
    device = Need(device::LocalDevice::Create(*user, models, clock, std::move(local)));
    fleet::FleetAgentOptions options;
    options.state_dir = state_dir;
    options.probe_path = absl::StrCat(state_dir, "/no-probe");
    fleet = Need(fleet::FleetAgent::Create(std::move(options), *state, Files(), clock, host));
    fleet->Start();
    LINNET_CHECK(fleet->WaitUntilModelLoaded(absl::Seconds(20)));
    doors.Set("192.0.2.1:7400", "192.0.2.1:7401");
    const agent_grpc::ServiceParts parts{*owner,      *device,  generator,  models, workers,
                                         *fleet,      *state,   doors,      clock,  "1.2.3",
                                         identity.id, "scalar", clock.Now()};
    tls = agent_grpc::MakeAgentService(parts, agent_grpc::Door::kTls);
    unix_socket = agent_grpc::MakeAgentService(parts, agent_grpc::Door::kUnixSocket);
  }
  ~Running() {
    fleet->Stop();
    workers.Stop();
  }

  std::unique_ptr<repo::StateDatabase> state;
  std::unique_ptr<repo::UserDatabase> user;
  std::unique_ptr<owner::Owner> owner;
  OneModel host;
  device::Generator generator;
  std::unique_ptr<device::LocalDevice> device;
  std::unique_ptr<fleet::FleetAgent> fleet;
  device::WorkerPool workers{4, 128};
  agent_grpc::Doors doors;
  std::unique_ptr<grpc::Service> tls, unix_socket;
};

AgentWorld::AgentWorld() {
  base::SetLogSeverity(base::Severity::kError);
  Need(Files().CreateDirectories(dir_ / "state"));
  // As much as a question with its facts and an answer of bytes take.
  WriteTinyModel(dir_ / "tiny.gguf", {.context_tokens = 2048});
  engine::EngineOptions options;
  options.threads = 1;
  models_ = std::make_unique<device::ModelSlot>(Files(), std::move(options));
  Need(models_->Switch(dir_ / "tiny.gguf"));
  Open();
  Begin();
  running_.reset();
  std::filesystem::copy(dir_ / "state", dir_ / "first", std::filesystem::copy_options::recursive);
  Open();
}

AgentWorld::~AgentWorld() = default;

void AgentWorld::Open() {
  running_ = std::make_unique<Running>(dir_ / "state", *models_, clock_);
  // The detectors take up what is stored at their first use, which writes.
  device::IngestOutcome outcome;
  Need(running_->device->Ingest(kChannel, "m/s2", {}, outcome));
  user_rows_ = std::make_unique<DatabaseRows>(dir_ / "state/user/user.db");
  state_rows_ = std::make_unique<DatabaseRows>(dir_ / "state/state.db");
}

void AgentWorld::Reset() {
  running_.reset();
  user_rows_.reset();
  state_rows_.reset();
  std::filesystem::remove_all(dir_ / "state");
  std::filesystem::copy(dir_ / "first", dir_ / "state", std::filesystem::copy_options::recursive);
  Open();
}

grpc::Service& AgentWorld::tls_service() { return *running_->tls; }
grpc::Service& AgentWorld::local_service() { return *running_->unix_socket; }

std::string AgentWorld::Rows() {
  const std::string grants = Need(Files().ReadFile(dir_ / "state/owner/grants", 1 << 20));
  return absl::StrCat(user_rows_->Hash(), state_rows_->Hash(), base::Hex(base::AsView(base::Sha256(grants))),
                      "\n", FilesBelow(dir_ / "state"));
}

Scopes AgentWorld::ScopesOf(size_t caller) {
  switch (caller) {
    case kHasAll:
    case kLocalUser:
      return Scopes::All();
    case kMayAsk:
      return Only(Scope::kAsk);
    case kMayIngest:
      return Only(Scope::kIngest);
    case kMayMeasure:
      return Only(Scope::kMetrics);
    case kMayRead:
      return Only(Scope::kReadData);
    case kMayManage:
      return Only(Scope::kManage);
    default:
      return Scopes();
  }
}

void AgentWorld::Give() {
  owner::Owner& owner = *running_->owner;
  const auto grant = [&](Scopes scopes, absl::Duration valid = absl::Hours(24)) {
    return Need(owner.CreateGrant("fuzz", scopes, valid));
  };
  const owner::NewGrant all = grant(Scopes::All());
  callers_[kHasAll].certificate_pem = all.certificate_pem;
  for (const AgentCaller caller : {kMayAsk, kMayIngest}) {
    const owner::NewGrant made = grant(ScopesOf(caller));
    callers_[caller].bearer_token = made.bearer_token;
    if (caller == kMayAsk) grant_id_ = made.grant.id;
  }
  for (const AgentCaller caller : {kMayMeasure, kMayRead, kMayManage})
    callers_[caller].certificate_pem = grant(ScopesOf(caller)).certificate_pem;
  const owner::NewGrant expired = grant(Scopes::All(), absl::Minutes(1));
  callers_[kExpiredToken].bearer_token = expired.bearer_token;
  callers_[kExpiredPem].certificate_pem = expired.certificate_pem;
  const owner::NewGrant revoked = grant(Scopes::All());
  Need(owner.RevokeGrant(revoked.grant.id));
  callers_[kRevokedToken].bearer_token = revoked.bearer_token;
  callers_[kRevokedPem].certificate_pem = revoked.certificate_pem;
  callers_[kUnknownToken].bearer_token = "linnet_" + std::string(43, 'A');
  callers_[kOfAnotherOwner].certificate_pem = CertificateOf("linnet-owner:" + all.grant.id);
  callers_[kMember].certificate_pem = CertificateOf("linnet-device:" + base::Hex(std::string(16, 'm')));
  callers_[kOperator].certificate_pem = CertificateOf("linnet-operator:operator");
  callers_[kMemberWithToken] = {callers_[kMember].certificate_pem, all.bearer_token};
}

void AgentWorld::Begin() {
  Give();
  clock_.Advance(absl::Minutes(2));  // one has expired
  device::LocalDevice& device = *running_->device;
  Need(device.SetInventory({{"Lachs", 300, "g", clock_.Now() + absl::Hours(48)}, {"rice", 1, "kg", {}}}));
  const auto entity = [](answer::EntityKind kind, const char* name) {
    repo::EntityRow row;
    row.kind = static_cast<int>(kind);
    row.name = name;
    return row;
  };
  repo::EntityRow kitchen = entity(answer::EntityKind::kRoom, "kitchen");
  kitchen.aliases = {"Küche"};
  kitchen.state = {{"light", "on"}, {"temperature", "21.5"}};
  repo::EntityRow fan = entity(answer::EntityKind::kDevice, "fan");
  fan.room = "kitchen";
  Need(device.SetEntities({kitchen, fan}, "kitchen"));
  std::vector<repo::TimedValue> values;  // of more than the hour in which the detector learns
  for (int i = 0; i < 400; ++i) {
    const double value = 1 + 0.01 * (i % 7) + (i >= 380 ? 5 : 0);
    values.push_back({clock_.Now() - absl::Seconds(10 * (400 - i)), value});
  }
  device::IngestOutcome outcome;
  Need(device.Ingest(kChannel, "m/s2", values, outcome));
  LINNET_CHECK(!outcome.anomalies.empty());
  Need(running_->state->Write([&] {
    repo::UplinkMessage message;
    message.time = clock_.Now();
    message.message = "linnet.fleet.v1.CheckInRequest";
    message.bytes = 2;
    message.fields = {{"protocol", 2, "VERSION", "1"}};
    return repo::UplinkJournal(running_->state->db()).Append(message);
  }));
}

}  // namespace linnet::testing
