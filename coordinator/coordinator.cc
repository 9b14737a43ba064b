#include "coordinator/coordinator.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "coordinator/admin_service.h"
#include "coordinator/fleet_service.h"
#include "coordinator/published_log.h"
#include "coordinator/site_files.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "runtime/base/utf8.h"
#include "runtime/net/grpc_server.h"
#include "runtime/net/tls.h"

namespace linnet::coordinator {
namespace {

constexpr absl::Duration kTickEvery = absl::Seconds(10);
constexpr int kFleetRequestBytes = 6 << 10;  // net::kMostSaidBytes, and a report's two certificates
constexpr int kAdminRequestBytes = 6 << 20;  // a role's metadata has at most 5 MiB
constexpr int kResponseBytes = 32 << 20;
constexpr int kMostOperators = 32;
constexpr absl::Duration kGrace = absl::Seconds(2);

// Two coordinators on one state would count separately.
class StateLock {
 public:
  static absl::StatusOr<StateLock> Take(const std::string& state_dir) {
    const std::string path = absl::StrCat(state_dir, "/lock");
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
      return absl::PermissionDeniedError(
          absl::StrCat(path, ": ", std::strerror(errno), "; choose a state folder that this user may write"));
    }
    StateLock lock(fd);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
      return absl::AlreadyExistsError(absl::StrCat(
          state_dir, ": another coordinator uses this state; stop it, or choose another --state-dir"));
    }
    return lock;
  }
  explicit StateLock(int fd) : fd_(fd) {}
  StateLock(StateLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  StateLock& operator=(StateLock&&) = delete;
  ~StateLock() {
    if (fd_ >= 0) close(fd_);
  }

 private:
  int fd_;
};

// What goes into tokens is typed into no shell and read by no resolver here: its form is all we can judge.
absl::Status CheckAdvertised(const std::string& address) {
  constexpr size_t kMaxHostBytes = 248;  // with the port, what a token carries (EnrollmentToken)
  const size_t colon = address.rfind(':');
  const std::string host = address.substr(0, colon);
  uint32_t port = 0;
  const bool ok = colon != std::string::npos && !host.empty() && host.size() <= kMaxHostBytes &&
                  std::all_of(host.begin(), host.end(), [](char c) { return c > 0x20 && c < 0x7f; }) &&
                  absl::SimpleAtoi(address.substr(colon + 1), &port) && port >= 1 && port <= 65535;
  if (ok) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "--advertise \"", base::OneLine(address, 100),
      "\": HOST:PORT expected, as devices call it, with a host of at most ", kMaxHostBytes, " bytes"));
}

class RealCoordinator final : public Coordinator {
 public:
  RealCoordinator(CoordinatorConfig config, base::FileSystem& fs, const base::Clock& clock, StateLock lock,
                  SiteFiles site)
      : config_(std::move(config)),
        fs_(fs),
        clock_(clock),
        lock_(std::move(lock)),
        site_(std::move(site)),
        authority_(site_.device_ca, site_.device_ca_key, site_.fleet_root) {}

  ~RealCoordinator() override {
    if (fleet_service_ != nullptr) fleet_service_->Close();
    if (admin_service_ != nullptr) admin_service_->Close();
    if (fleet_server_ != nullptr) fleet_server_->Shutdown(kGrace);
    if (admin_server_ != nullptr) admin_server_->Shutdown(kGrace);
    worker_.reset();
  }

  absl::Status OpenStores() {
    LINNET_ASSIGN_OR_RETURN(const std::string repository_dir,
                            PrepareRepository(fs_, config_.site_dir, config_.state_dir));
    LINNET_ASSIGN_OR_RETURN(log_, PublishedLog::Open(absl::StrCat(config_.state_dir, "/published.db")));
    LINNET_ASSIGN_OR_RETURN(
        repository_, trust::Repository::Open(
                         fs_, repository_dir, trust::OnlineKeysIn(fs_, config_.site_dir), clock_,
                         [this](const auto& files, const auto& key) { return log_->Append(files, key); }));
    LINNET_RETURN_IF_ERROR(repository_->RefreshOnlineRoles().status());
    LINNET_ASSIGN_OR_RETURN(tuf_root_, repository_->Metadata("root", 1));
    LINNET_ASSIGN_OR_RETURN(content_, ContentStore::Open(fs_, config_.state_dir));
    LINNET_ASSIGN_OR_RETURN(fleet_, FleetDatabase::Open(absl::StrCat(config_.state_dir, "/fleet.db")));
    LINNET_ASSIGN_OR_RETURN(seen_, SeenLog::Open(absl::StrCat(config_.state_dir, "/seen.db")));
    {
      const base::MutexLock lock(fleet_->mutex);
      LINNET_ASSIGN_OR_RETURN(cohort_, Cohort::Load(*fleet_, seen_->TakeLoaded()));
    }
    LINNET_ASSIGN_OR_RETURN(rollouts_,
                            RolloutDriver::Load(*fleet_, *cohort_, notifiers_, site_.fleet_root, clock_));
    return absl::OkStatus();
  }

  absl::Status Serve() {
    // Tokens name the address with its real port, so the listener's port must be known first: enrolment gets
    // it late.
    started_ = clock_.Now();
    worker_ = std::make_unique<Worker>([this] { return Tick(); });
    LINNET_ASSIGN_OR_RETURN(const std::string address, StartFleet());
    enrollment_->SetAddress(address);
    return StartAdmin();
  }

  const std::string& fleet_address() const override { return fleet_server_->address(); }
  const std::string& admin_address() const override { return admin_server_->address(); }
  uint64_t chunk_bytes_sent() const override { return fleet_service_->chunk_bytes_sent(); }

  absl::Duration Tick() override {
    const absl::StatusOr<bool> refreshed = repository_->RefreshOnlineRoles();
    if (!refreshed.ok()) {
      base::Log(base::Severity::kError, "timestamp not refreshed",
                {{"error", base::LogValue::Error(refreshed.status())}});
    } else if (*refreshed) {
      notifiers_.devices.Notify();
    }
    return std::min(rollouts_->Tick() - clock_.Now(), kTickEvery);
  }

 private:
  std::function<absl::Time()> Now() const {
    return [this] { return clock_.Now(); };
  }

  absl::StatusOr<std::string> StartFleet() {
    enrollment_ = std::make_unique<Enrollment>(
        *fleet_, *cohort_, authority_, clock_,
        Enrollment::Coordinates{config_.advertise, site_.server_spki_sha256, tuf_root_});
    fleet_service_ = std::make_unique<FleetService>(
        FleetService::Parts{*fleet_, *cohort_, *seen_, *enrollment_, *rollouts_, *repository_, *log_,
                            *content_, notifiers_, *worker_, clock_, config_.check_in_seconds});
    // Enroll and Renew come without a certificate; a certificate that is shown must be a device's.
    LINNET_ASSIGN_OR_RETURN(
        auto credentials,
        net::ServerCredentials(site_.server,
                               net::UnderRoot(site_.fleet_root, base::CertificateUse::kClient,
                                              std::string(base::kDeviceUri), Now()),
                               /*require_client_certificate=*/false));
    LINNET_ASSIGN_OR_RETURN(fleet_server_, net::GrpcServer::Start({.address = config_.listen,
                                                                   .credentials = std::move(credentials),
                                                                   .services = {fleet_service_.get()},
                                                                   .max_connections = config_.max_devices,
                                                                   .max_message_bytes = kResponseBytes,
                                                                   .max_request_bytes = kFleetRequestBytes,
                                                                   .reflection = config_.reflection}));
    return config_.advertise.empty() ? fleet_server_->address() : config_.advertise;
  }

  absl::Status StartAdmin() {
    admin_service_ = std::make_unique<AdminService>(AdminService::Parts{
        fs_, absl::StrCat(config_.state_dir, "/incoming"), *fleet_, *cohort_, *enrollment_, *rollouts_,
        *repository_, *log_, *content_, notifiers_, *worker_, clock_, config_.version, started_});
    LINNET_ASSIGN_OR_RETURN(
        auto credentials,
        net::ServerCredentials(site_.server,
                               net::UnderRoot(site_.operator_root, base::CertificateUse::kClient,
                                              std::string(base::kOperatorUri), Now()),
                               /*require_client_certificate=*/true));
    LINNET_ASSIGN_OR_RETURN(admin_server_, net::GrpcServer::Start({.address = config_.admin,
                                                                   .credentials = std::move(credentials),
                                                                   .services = {admin_service_.get()},
                                                                   .max_connections = kMostOperators,
                                                                   .max_message_bytes = kResponseBytes,
                                                                   .max_request_bytes = kAdminRequestBytes,
                                                                   .reflection = config_.reflection}));
    return absl::OkStatus();
  }

  const CoordinatorConfig config_;
  base::FileSystem& fs_;
  const base::Clock& clock_;
  const StateLock lock_;
  const SiteFiles site_;
  const Authority authority_;
  absl::Time started_;
  std::string tuf_root_;
  Notifiers notifiers_;
  std::unique_ptr<PublishedLog> log_;
  std::unique_ptr<trust::Repository> repository_;
  std::unique_ptr<ContentStore> content_;
  std::unique_ptr<FleetDatabase> fleet_;
  std::unique_ptr<SeenLog> seen_;
  std::unique_ptr<Cohort> cohort_;
  std::unique_ptr<RolloutDriver> rollouts_;
  std::unique_ptr<Enrollment> enrollment_;
  std::unique_ptr<Worker> worker_;
  std::unique_ptr<FleetService> fleet_service_;
  std::unique_ptr<AdminService> admin_service_;
  std::unique_ptr<net::GrpcServer> fleet_server_;
  std::unique_ptr<net::GrpcServer> admin_server_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Coordinator>> Coordinator::Start(CoordinatorConfig config,
                                                                base::FileSystem& fs,
                                                                const base::Clock& clock) {
  if (config.site_dir.empty() || config.state_dir.empty()) {
    return absl::InvalidArgumentError("--site-dir and --state-dir are needed; see --help");
  }
  for (const std::string_view everywhere : {"0.0.0.0:", "[::]:"}) {
    if (config.advertise.empty() && config.listen.starts_with(everywhere)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--listen ", config.listen, " is no address that a device can call; add --advertise HOST:PORT"));
    }
  }
  if (!config.advertise.empty()) LINNET_RETURN_IF_ERROR(CheckAdvertised(config.advertise));
  LINNET_ASSIGN_OR_RETURN(SiteFiles site, LoadSiteFiles(fs, config.site_dir));
  LINNET_RETURN_IF_ERROR(fs.CreateDirectories(config.state_dir));
  LINNET_ASSIGN_OR_RETURN(StateLock lock, StateLock::Take(config.state_dir));
  auto coordinator =
      std::make_unique<RealCoordinator>(std::move(config), fs, clock, std::move(lock), std::move(site));
  LINNET_RETURN_IF_ERROR(coordinator->OpenStores());
  LINNET_RETURN_IF_ERROR(coordinator->Serve());
  return coordinator;
}

}  // namespace linnet::coordinator
