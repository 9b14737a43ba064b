#include "agent/agent.h"

#include <grpcpp/impl/codegen/service_type.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/believed_time.h"
#include "agent/device/generator.h"
#include "agent/device/local_device.h"
#include "agent/device/model_slot.h"
#include "agent/device/worker_pool.h"
#include "agent/enroller.h"
#include "agent/fleet/fleet_agent.h"
#include "agent/grpc/agent_service.h"
#include "agent/http/api.h"
#include "agent/owner/owner.h"
#include "agent/state_lock.h"
#include "agent/version_number.h"
#include "runtime/base/hash.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/tpm_key.h"
#include "runtime/kernels/kernel_table.h"
#include "runtime/kernels/kv_types.h"
#include "runtime/net/grpc_server.h"
#include "runtime/net/tls.h"
#include "runtime/pack/local_pack.h"
#include "storage/repo/device.h"
#include "storage/repo/state_database.h"
#include "storage/repo/user_database.h"

namespace linnet::agent {
namespace {

constexpr char kOff[] = "off";
// A call may wait for the model, so a few; readings and lists take microseconds.
constexpr int kWorkers = 4;
constexpr size_t kMaxQueued = 128;

// With --model the named file answers and a rollout cannot take its place.
class PinnedModelHost final : public update::ModelHost {
 public:
  absl::Status Switch(const std::string& path) override {
    if (path.empty()) return absl::OkStatus();
    return absl::FailedPreconditionError(
        "this agent was started with --model and answers with that file only; start it without to take part "
        "in "
        "rollouts");
  }
  absl::Status SelfCheck() override { return absl::FailedPreconditionError("this agent runs --model"); }
  uint64_t inferences() const override { return 0; }
};

std::string ProbePath() {
  char path[4096];
  const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
  if (n <= 0) return "linnet-probe";
  const std::string self(path, static_cast<size_t>(n));
  return self.substr(0, self.rfind('/')) + "/linnet-probe";
}

class RunningAgent final : public Agent {
 public:
  RunningAgent(Config config, const base::Clock& clock, std::string version)
      : config_(std::move(config)),
        clock_(clock),
        version_(std::move(version)),
        models_(base::FileSystem::Real(), EngineOptionsOf(config_)),
        generator_(models_),
        workers_(kWorkers, kMaxQueued) {}

  ~RunningAgent() override { Stop(); }

  StartFailure Open() {
    if (absl::Status s = OpenState(); !s.ok()) return {s, base::Tpm::FailedAt(s) ? kNoTpm : kBadState};
    std::string kernel_error;
    const kernels::Variant* variant = kernels::SelectFromEnvironment(&kernel_error);
    if (variant == nullptr) return {absl::InvalidArgumentError(kernel_error), kUsage};
    kernel_set_ = variant->name;
    if (!config_.model.empty()) {
      if (absl::Status s = models_.Switch(OwnModel()); !s.ok()) return {std::move(s), kRuntime};
    }
    if (absl::Status s = OpenFleet(); !s.ok()) return {s, base::Tpm::FailedAt(s) ? kNoTpm : kBadState};
    if (absl::Status s = OpenDoors(); !s.ok()) {
      return {s, absl::IsAlreadyExists(s) ? kPortInUse : absl::IsInvalidArgument(s) ? kUsage : kRuntime};
    }
    fleet_->Start();
    if (!config_.token.empty() && !fleet_->status().enrolled) {
      enroller_ = std::make_unique<Enroller>(*fleet_, config_.token);
      if (absl::Status s = enroller_->WaitForFirstAnswer(); !s.ok()) {
        return {s, absl::IsInvalidArgument(s) ? kUsage : base::Tpm::FailedAt(s) ? kNoTpm : kEnrolmentRefused};
      }
    }
    return {absl::OkStatus(), kOk};
  }

  std::string ready_text() const override { return ready_text_; }

  void Stop() override {
    if (std::exchange(stopped_, true)) return;
    if (fleet_ != nullptr) fleet_->Stop();
    enroller_ = nullptr;
    if (http_ != nullptr) http_->Shutdown();
    if (tls_ != nullptr) tls_->Shutdown(absl::Seconds(1));
    if (local_ != nullptr) local_->Shutdown(absl::Seconds(1));
    workers_.Stop();
  }

 private:
  // --model, or what it was packed into for this machine.
  std::string OwnModel() const {
    const std::string packs = pack::PacksOfState(config_.state_dir);
    const pack::LocalPacks::Found found =
        pack::LocalPacks(base::FileSystem::Real(), packs).Find(config_.model);
    for (const std::string& note : found.notes) {
      base::Log(base::Severity::kWarning, "pack_passed_over", {{"why", base::LogValue::Id(note)}});
    }
    return found.path;
  }
  static engine::EngineOptions EngineOptionsOf(const Config& config) {
    engine::EngineOptions options;
    options.threads = static_cast<int>(config.threads);
    options.thread_file = absl::StrCat(config.state_dir, "/threads");
    options.context_tokens = config.context_tokens;
    if (const auto* kv = kernels::FindKvType(config.kv)) options.kv = kv->type;
    if (config.huge_pages == "auto") options.huge_pages = engine::HugePages::kWhereTheyPay;
    return options;
  }

  absl::Status OpenState() {
    base::FileSystem& fs = base::FileSystem::Real();
    LINNET_ASSIGN_OR_RETURN(lock_, StateLock::Acquire(config_.state_dir));
    LINNET_ASSIGN_OR_RETURN(state_, repo::StateDatabase::Open(absl::StrCat(config_.state_dir, "/state.db")));
    repo::DeviceIdentity identity;
    const absl::Status written = state_->Write([&]() -> absl::Status {
      repo::Device device(state_->db());
      LINNET_ASSIGN_OR_RETURN(identity, device.LoadOrCreate(config_.name));
      if (!config_.name.empty() && identity.name != config_.name) return device.SetName(config_.name);
      return absl::OkStatus();
    });
    LINNET_RETURN_IF_ERROR(written);
    device_id_ = identity.id;
    base::KeyKeeping keeping{.tpm = config_.tpm};
    LINNET_ASSIGN_OR_RETURN(keeping.place, base::KeyPlaceOf(config_.user_key));
    LINNET_ASSIGN_OR_RETURN(user_,
                            repo::UserDatabase::Open(fs, absl::StrCat(config_.state_dir, "/user"), keeping));
    KeepPrefixes(fs);
    believed_ = std::make_unique<BelievedTime>(*state_, clock_);
    owner::Owner::Options options;
    options.directory = absl::StrCat(config_.state_dir, "/owner");
    options.device_id_hex = base::Hex(std::string_view(device_id_));
    options.now = [this] { return believed_->Now(); };
    LINNET_ASSIGN_OR_RETURN(owner_, owner::Owner::Open(fs, std::move(options), user_->cipher()));
    device::LocalDeviceOptions local;
    local.name = [this, last = identity.name]() mutable { return last = DeviceName(last); };
    local.readings.max_bytes = uint64_t{config_.readings_mib} << 20;
    local.readings.max_age = absl::Hours(24) * config_.readings_days;
    LINNET_ASSIGN_OR_RETURN(device_, device::LocalDevice::Create(*user_, models_, clock_, std::move(local)));
    return absl::OkStatus();
  }

  // A prompt is the owner's text, and so is what was computed from it: it lies with it, and is sealed as it.
  void KeepPrefixes(base::FileSystem& fs) {
    if (config_.prefix_cache_mib == 0) return;
    engine::PrefixCacheOptions options;
    options.folder = absl::StrCat(config_.state_dir, "/user/prefixes");
    options.max_bytes = uint64_t{config_.prefix_cache_mib} << 20;
    options.seal_key = user_->cipher().KeyFor("prefixes");
    if (const absl::Status made = fs.CreateDirectories(options.folder, 0700); !made.ok()) {
      base::Log(base::Severity::kWarning, "prefixes_not_kept", {{"error", base::LogValue::Error(made)}});
      return;  // a cache: the device answers without it
    }
    models_.KeepPrefixes(std::move(options));
  }

  std::string DeviceName(const std::string& otherwise) {
    std::string name = otherwise;
    const absl::Status read = state_->Write([&]() -> absl::Status {
      LINNET_ASSIGN_OR_RETURN(const repo::DeviceIdentity identity,
                              repo::Device(state_->db()).LoadOrCreate(""));
      name = identity.name;
      return absl::OkStatus();
    });
    return read.ok() ? name : otherwise;
  }

  absl::Status OpenFleet() {
    fleet::FleetAgentOptions options;
    options.state_dir = config_.state_dir;
    options.probe_path = ProbePath();
    options.facts.agent_version = VersionNumber(version_);
    options.facts.kernel_set = kernel_set_;
    struct sysinfo info{};
    if (sysinfo(&info) == 0) {
      options.facts.ram_mib = static_cast<uint32_t>((uint64_t{info.totalram} * info.mem_unit) >> 20);
    }
    options.facts.cores = std::max(1U, std::thread::hardware_concurrency());
    options.poll = absl::Seconds(config_.check_in_seconds);
    options.uplink_budget_bytes = uint64_t{config_.uplink_kib_a_day} << 10;
    options.download_bytes_a_second = uint64_t{config_.download_kib_a_second} << 10;
    LINNET_ASSIGN_OR_RETURN(options.keys.place, base::KeyPlaceOf(config_.identity_key));
    options.keys.tpm = config_.tpm;
    options.peering.listen = config_.peers;
    options.peering.upload_bytes_a_second = uint64_t{config_.peer_upload_kib_a_second} << 10;
    update::ModelHost& host = config_.model.empty() ? static_cast<update::ModelHost&>(models_) : pinned_;
    LINNET_ASSIGN_OR_RETURN(fleet_, fleet::FleetAgent::Create(std::move(options), *state_,
                                                              base::FileSystem::Real(), clock_, host));
    return absl::OkStatus();
  }

  absl::Status OpenDoors() {
    const agent_grpc::ServiceParts parts{*owner_,    *device_,    generator_,  models_, workers_,
                                         *fleet_,    *state_,     doors_,      clock_,  version_,
                                         device_id_, kernel_set_, clock_.Now()};
    if (config_.http != kOff) {
      http::HttpServerOptions options;
      options.address = config_.http;
      options.max_connections = static_cast<int>(config_.max_connections);
      LINNET_ASSIGN_OR_RETURN(
          http_, http::HttpServer::Start(
                     options, http::MakeApi({*owner_, generator_, models_, workers_, clock_, version_})));
    }
    if (config_.listen != kOff) {
      tls_service_ = agent_grpc::MakeAgentService(parts, agent_grpc::Door::kTls);
      net::GrpcServerOptions options;
      options.address = config_.listen;
      options.services = {tls_service_.get()};
      options.max_connections = static_cast<int>(config_.max_connections);
      options.reflection = config_.reflection;
      LINNET_ASSIGN_OR_RETURN(
          options.credentials,
          net::ServerCredentials(
              {owner_->server_chain_pem(), owner_->server_key_pem()},
              net::UnderRoot(owner_->root(), base::CertificateUse::kClient, std::string(base::kOwnerUri),
                             [this] { return believed_->Now(); }),
              /*require_client_certificate=*/false));
      LINNET_ASSIGN_OR_RETURN(tls_, net::GrpcServer::Start(std::move(options)));
    }
    doors_.Set(tls_ == nullptr ? "" : tls_->address(), http_ == nullptr ? "" : http_->address());
    const std::string socket = absl::StrCat("unix:", config_.state_dir, "/agent.sock");
    local_service_ = agent_grpc::MakeAgentService(parts, agent_grpc::Door::kUnixSocket);
    net::GrpcServerOptions options;
    options.address = socket;
    options.services = {local_service_.get()};
    options.max_connections = static_cast<int>(config_.max_connections);
    options.reflection = config_.reflection;
    LINNET_ASSIGN_OR_RETURN(local_, net::GrpcServer::Start(std::move(options)));
    ready_text_ = absl::StrCat("socket=", socket, "\n");
    if (tls_ != nullptr) absl::StrAppend(&ready_text_, "grpc=", tls_->address(), "\n");
    if (http_ != nullptr) absl::StrAppend(&ready_text_, "http=", http_->address(), "\n");
    absl::StrAppend(&ready_text_, "device=", base::Hex(std::string_view(device_id_)), "\n");
    return absl::OkStatus();
  }

  // Each member may use those above it; destruction goes upwards.
  const Config config_;
  const base::Clock& clock_;
  const std::string version_;
  std::string device_id_, kernel_set_, ready_text_;
  bool stopped_ = false;
  std::unique_ptr<StateLock> lock_;
  std::unique_ptr<repo::StateDatabase> state_;
  std::unique_ptr<repo::UserDatabase> user_;
  std::unique_ptr<BelievedTime> believed_;
  std::unique_ptr<owner::Owner> owner_;
  device::ModelSlot models_;
  PinnedModelHost pinned_;
  device::Generator generator_;
  std::unique_ptr<device::LocalDevice> device_;
  std::unique_ptr<fleet::FleetAgent> fleet_;
  device::WorkerPool workers_;
  std::unique_ptr<Enroller> enroller_;
  agent_grpc::Doors doors_;
  std::unique_ptr<grpc::Service> tls_service_, local_service_;
  std::unique_ptr<http::HttpServer> http_;
  std::unique_ptr<net::GrpcServer> tls_, local_;
};

}  // namespace

std::unique_ptr<Agent> Agent::Start(const Config& config, const base::Clock& clock,
                                    const std::string& version, StartFailure* failure) {
  auto agent = std::make_unique<RunningAgent>(config, clock, version);
  *failure = agent->Open();
  if (!failure->status.ok()) return nullptr;
  return agent;
}

}  // namespace linnet::agent
