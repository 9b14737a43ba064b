#include "tests/fuzz/coordinator_world.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "coordinator/admin_service.h"
#include "coordinator/authority.h"
#include "coordinator/fleet_service.h"
#include "coordinator/publication.h"
#include "coordinator/site_files.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "storage/chunks/chunk_store.h"
#include "storage/trust/plan.h"
#include "tests/fuzz/database_rows.h"

namespace linnet::testing {
namespace {

using coordinator::TestDevice;

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

std::string Digest(std::string_view bytes) { return std::string(base::AsView(base::Sha256(bytes))); }

}  // namespace

// As coordinator.cc puts them together, in the same order.
struct CoordinatorWorld::Running {
  Running(const std::string& site_dir, const std::string& state_dir, const base::Clock& clock)
      : site(Need(coordinator::LoadSiteFiles(Files(), site_dir))),
        authority(site.device_ca, site.device_ca_key, site.fleet_root) {
    const std::string repository_dir = Need(coordinator::PrepareRepository(Files(), site_dir, state_dir));
    log = Need(coordinator::PublishedLog::Open(absl::StrCat(state_dir, "/published.db")));
    repository = Need(trust::Repository::Open(
        Files(), repository_dir, trust::OnlineKeysIn(Files(), site_dir), clock,
        [this](const auto& files, const auto& key) { return log->Append(files, key); }));
    Need(repository->RefreshOnlineRoles().status());
    content = Need(coordinator::ContentStore::Open(Files(), state_dir));
    fleet = Need(coordinator::FleetDatabase::Open(absl::StrCat(state_dir, "/fleet.db")));
    seen = Need(coordinator::SeenLog::Open(absl::StrCat(state_dir, "/seen.db")));
    {
      const base::MutexLock lock(fleet->mutex);
      cohort = Need(coordinator::Cohort::Load(*fleet, seen->TakeLoaded()));
    }
    rollouts = Need(coordinator::RolloutDriver::Load(*fleet, *cohort, notifiers, site.fleet_root, clock));
    worker = std::make_unique<coordinator::Worker>([] { return absl::Hours(1); });
    enrollment = std::make_unique<coordinator::Enrollment>(
        *fleet, *cohort, authority, clock,
        coordinator::Enrollment::Coordinates{"coordinator.example:7300", site.server_spki_sha256,
                                             Need(repository->Metadata("root", 1))});
    fleet_service = std::make_unique<coordinator::FleetService>(
        coordinator::FleetService::Parts{*fleet, *cohort, *seen, *enrollment, *rollouts, *repository, *log,
                                         *content, notifiers, *worker, clock});
    admin_service = std::make_unique<coordinator::AdminService>(coordinator::AdminService::Parts{
        Files(), absl::StrCat(state_dir, "/incoming"), *fleet, *cohort, *enrollment, *rollouts, *repository,
        *log, *content, notifiers, *worker, clock, "1.2.3", clock.Now()});
  }

  const coordinator::SiteFiles site;
  const coordinator::Authority authority;
  coordinator::Notifiers notifiers;
  std::unique_ptr<coordinator::PublishedLog> log;
  std::unique_ptr<trust::Repository> repository;
  std::unique_ptr<coordinator::ContentStore> content;
  std::unique_ptr<coordinator::FleetDatabase> fleet;
  std::unique_ptr<coordinator::SeenLog> seen;
  std::unique_ptr<coordinator::Cohort> cohort;
  std::unique_ptr<coordinator::RolloutDriver> rollouts;
  std::unique_ptr<coordinator::Enrollment> enrollment;
  std::unique_ptr<coordinator::Worker> worker;
  std::unique_ptr<coordinator::FleetService> fleet_service;
  std::unique_ptr<coordinator::AdminService> admin_service;
};

std::string CoordinatorWorld::ModelBytes(const std::string& version) {
  std::string bytes = "LINNETPK";
  for (size_t i = bytes.size(); i < 10'000; ++i) bytes += static_cast<char>((i * i + i / 255) & 255);
  return bytes + version;
}

std::string CoordinatorWorld::model_sha256() const { return Digest(ModelBytes("1")); }

std::string CoordinatorWorld::Pem(const TestDevice& device) {
  return base::Certificate::FromDer(device.chain.front())->ToPem();
}

CoordinatorWorld::CoordinatorWorld() {
  Need(trust::InitSite(Files(), dir_ / "site", {}, clock_));
  site_ = Need(trust::Site::Open(Files(), dir_ / "site", "", clock_));
  operator_pem_ = Need(Files().ReadFile(dir_ / "site/operator/operator.pem", 1 << 16));
  Need(Files().CreateDirectories(dir_ / "state"));
  Open();
  Begin();
  running_.reset();
  std::filesystem::copy(dir_ / "state", dir_ / "first", std::filesystem::copy_options::recursive);
  Open();
}

CoordinatorWorld::~CoordinatorWorld() = default;

void CoordinatorWorld::Open() {
  running_ = std::make_unique<Running>(dir_ / "site/coordinator", dir_ / "state", clock_);
  fleet_rows_ = std::make_unique<DatabaseRows>(dir_ / "state/fleet.db", std::set<std::string>{"audit"});
  content_rows_ = std::make_unique<DatabaseRows>(dir_ / "state/content.db");
  published_rows_ = std::make_unique<DatabaseRows>(dir_ / "state/published.db");
}

void CoordinatorWorld::Reset() {
  running_.reset();
  fleet_rows_.reset();
  content_rows_.reset();
  published_rows_.reset();
  std::filesystem::remove_all(dir_ / "state");
  std::filesystem::copy(dir_ / "first", dir_ / "state", std::filesystem::copy_options::recursive);
  Open();
}

grpc::Service& CoordinatorWorld::fleet_service() { return *running_->fleet_service; }
grpc::Service& CoordinatorWorld::admin_service() { return *running_->admin_service; }

std::string CoordinatorWorld::Rows() {
  const auto received = Files().List(dir_ / "state/incoming");
  LINNET_CHECK(!received.ok() || received->empty());  // nothing of a publication lies about
  const trust::Repository::Versions versions = running_->repository->versions();
  return absl::StrCat(fleet_rows_->Hash(), content_rows_->Hash(), published_rows_->Hash(), versions.root, " ",
                      versions.targets, " ", versions.snapshot, " ", versions.timestamp, "\n",
                      FilesBelow(dir_ / "state"));
}

const coordinator::SiteFiles& CoordinatorWorld::site_files() const { return running_->site; }

trust::OnlineKeys CoordinatorWorld::online_keys() const {
  const auto key = [this](const char* file) {
    return Need(
        base::OpenKey(Need(Files().ReadFile(dir_ / absl::StrCat("site/coordinator/", file), 1 << 16)), ""));
  };
  return {.snapshot = key("snapshot.key"), .timestamp = key("timestamp.key")};
}

std::string CoordinatorWorld::tuf_root() const { return Need(running_->repository->Metadata("root", 1)); }

trust::Repository::Versions CoordinatorWorld::published() const { return running_->repository->versions(); }

void CoordinatorWorld::Pause() { Need(running_->rollouts->Pause("test", "")); }

void CoordinatorWorld::Tick() { running_->rollouts->Tick(); }

void CoordinatorWorld::Publish(const trust::Publication& publication, const std::string& model_bytes) {
  auto incoming = Need(coordinator::Publication::Begin(Files(), dir_ / "state/incoming"));
  for (const auto& [role, bytes] : publication.metadata) Need(incoming->AddMetadata(role, bytes));
  std::map<std::string, std::string> targets = publication.small_targets;
  if (!model_bytes.empty()) targets[publication.targets[0].path] = model_bytes;
  for (const auto& [name, bytes] : targets) {
    Need(incoming->BeginTarget(name, bytes.size(), Digest(bytes)));
    Need(incoming->AddData(bytes));
  }
  Need(incoming->Commit(*running_->repository, *running_->content).status());
}

void CoordinatorWorld::Join(TestDevice& device, const std::string& name) {
  const coordinator::NewToken token = Need(running_->enrollment->CreateToken("test", name, absl::Hours(1)));
  device.token = Need(net::EnrollmentToken::Parse(token.text));
  if (name == "guest") return;
  const fleet::v1::EnrollResponse answer = Need(running_->enrollment->Enroll(device.EnrollRequest()));
  device.chain.assign(answer.certificate_chain().begin(), answer.certificate_chain().end());
}

trust::Publication CoordinatorWorld::SignModel(const std::string& version) {
  const std::string path = dir_ / ("model-" + version);
  Need(Files().WriteFileAtomic(path, ModelBytes(version), 0600));
  return Need(
      site_->PublishModel({.family = "starter",
                           .name = "tiny",
                           .version = version,
                           .file = path,
                           .index_json = Need(chunks::ChunkIndex::OfFile(Files(), path, 4096)).ToJson(),
                           .license = "Apache-2.0"},
                          running_->repository->Current()));
}

trust::Plan CoordinatorWorld::PlanFor(const trust::TargetInfo& model, char id) const {
  trust::Plan plan;
  plan.id = base::Hex(std::string(16, id));
  plan.model_target = model.path;
  plan.model_sha256 = model.sha256;
  plan.release_counter = 1;
  const std::string canary = base::Hex(canary_.id);
  trust::PlanWave first{.name = "canary", .devices = {canary}};
  first.keys[canary] = base::Hex(Digest(canary_.key.public_key().SpkiDer()));
  plan.waves = {first, {.name = "all", .passes_needed = 1, .soak = absl::Seconds(60)}};
  plan.created = clock_.Now();
  plan.expires = clock_.Now() + absl::Hours(24);
  return plan;
}

void CoordinatorWorld::Begin() {
  member_.id = MemberId();
  canary_.id = std::string(16, 'c');
  revoked_.id = std::string(16, 'r');
  guest_.id = std::string(16, 'g');
  Join(member_, "press");
  Join(canary_, "fridge");
  Join(revoked_, "stolen");
  Need(running_->enrollment->Revoke("test", revoked_.id));
  Join(guest_, "guest");

  // By the fleet's own authority: of a device that never enrolled, and of a member, from long ago.
  base::CertificateRequest request;
  const auto certified = [&](const TestDevice& device) {
    request.common_name = base::Hex(device.id);
    request.uri = absl::StrCat(std::string(base::kDeviceUri), base::Hex(device.id));
    return Need(base::Issue(running_->site.device_ca, running_->site.device_ca_key, device.key.public_key(),
                            request))
        .ToPem();
  };
  request.not_before = clock_.Now() - absl::Hours(1);
  request.not_after = clock_.Now() + absl::Hours(1);
  stranger_pem_ = certified(guest_);
  request.not_after = clock_.Now() - absl::Minutes(1);
  expired_pem_ = certified(member_);

  const trust::Publication model = SignModel("1");
  Publish(model, ModelBytes("1"));
  const trust::Plan plan = PlanFor(model.targets[0], 'p');
  const trust::Publication signed_plan = Need(site_->SignPlan(plan, running_->repository->Current()));
  Publish(signed_plan, "");
  const auto& [target, json] = *signed_plan.small_targets.begin();
  LINNET_CHECK(target == kPlanTarget && model.targets[0].path == kModelTarget);
  plan_sha256_ = Digest(json);
  Need(running_->rollouts->Start("test", target, plan_sha256_, json).status());
  Tick();
  const trust::Publication next =
      Need(site_->SignPlan(PlanFor(model.targets[0], 'q'), running_->repository->Current()));
  Publish(next, "");
  next_plan_sha256_ = Digest(next.small_targets.begin()->second);
  const trust::Lift lift{.rollout = plan.id,
                         .plan_sha256 = plan_sha256_,
                         .number = 1,
                         .most_failures = 0,
                         .created = clock_.Now(),
                         .expires = clock_.Now() + absl::Hours(1)};
  Publish(Need(site_->SignLift(lift, running_->repository->Current())), "");
  LINNET_CHECK(next.small_targets.begin()->first == kNextPlanTarget && lift.Target() == kLiftTarget);
  next_model_ = SignModel("2");
}

}  // namespace linnet::testing
