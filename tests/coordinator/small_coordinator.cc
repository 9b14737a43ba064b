#include "tests/coordinator/small_coordinator.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <future>

#include "absl/strings/str_cat.h"
#include "coordinator/publication.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "storage/chunks/chunk_store.h"
#include "storage/trust/plan.h"

namespace linnet::coordinator {
namespace {

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (!value.ok()) {
    ADD_FAILURE() << value.status();
    std::abort();
  }
  return *std::move(value);
}

std::string HashOf(std::string_view bytes) { return std::string(base::AsView(base::Sha256(bytes))); }

}  // namespace

absl::StatusOr<std::unique_ptr<Stores>> Stores::Open(base::FileSystem& fs, const std::string& site_dir,
                                                     const std::string& state_dir, const base::Clock& clock) {
  auto s = std::make_unique<Stores>();
  LINNET_ASSIGN_OR_RETURN(SiteFiles site, LoadSiteFiles(fs, site_dir));
  s->site = std::make_unique<SiteFiles>(std::move(site));
  s->authority = std::make_unique<Authority>(s->site->device_ca, s->site->device_ca_key, s->site->fleet_root);
  LINNET_RETURN_IF_ERROR(fs.CreateDirectories(state_dir));
  LINNET_ASSIGN_OR_RETURN(const std::string repository_dir, PrepareRepository(fs, site_dir, state_dir));
  LINNET_ASSIGN_OR_RETURN(s->log, PublishedLog::Open(state_dir + "/published.db"));
  LINNET_ASSIGN_OR_RETURN(
      s->repository, trust::Repository::Open(fs, repository_dir, trust::OnlineKeysIn(fs, site_dir), clock,
                                             [log = s->log.get()](const auto& files, const auto& key) {
                                               return log->Append(files, key);
                                             }));
  LINNET_RETURN_IF_ERROR(s->repository->RefreshOnlineRoles().status());
  LINNET_ASSIGN_OR_RETURN(const std::string tuf_root, s->repository->Metadata("root", 1));
  LINNET_ASSIGN_OR_RETURN(s->content, ContentStore::Open(fs, state_dir));
  LINNET_ASSIGN_OR_RETURN(s->fleet, FleetDatabase::Open(state_dir + "/fleet.db"));
  LINNET_ASSIGN_OR_RETURN(s->seen, SeenLog::Open(state_dir + "/seen.db"));
  {
    const base::MutexLock lock(s->fleet->mutex);
    LINNET_ASSIGN_OR_RETURN(s->cohort, Cohort::Load(*s->fleet, s->seen->TakeLoaded()));
  }
  LINNET_ASSIGN_OR_RETURN(
      s->rollouts, RolloutDriver::Load(*s->fleet, *s->cohort, s->notifiers, s->site->fleet_root, clock));
  s->enrollment = std::make_unique<Enrollment>(
      *s->fleet, *s->cohort, *s->authority, clock,
      Enrollment::Coordinates{"127.0.0.1:7300", s->site->server_spki_sha256, tuf_root});
  return s;
}

absl::Status Stores::Publish(base::FileSystem& fs, const std::string& incoming, absl::Time now,
                             const std::map<std::string, std::string>& metadata,
                             const std::map<std::string, std::string>& targets) {
  LINNET_ASSIGN_OR_RETURN(const auto publication, Publication::Begin(fs, incoming));
  for (const auto& [role, bytes] : metadata) {
    LINNET_RETURN_IF_ERROR(publication->AddMetadata(role, bytes));
  }
  for (const auto& [name, bytes] : targets) {
    LINNET_RETURN_IF_ERROR(publication->BeginTarget(name, bytes.size(), HashOf(bytes)));
    LINNET_RETURN_IF_ERROR(publication->AddData(bytes));
  }
  LINNET_ASSIGN_OR_RETURN(const auto versions, publication->Commit(*repository, *content));
  const base::MutexLock lock(fleet->mutex);
  return fleet->db->Transact([&] {
    return fleet->audit.Append(now, "operator", "publish", absl::StrCat("snapshot ", versions.snapshot));
  });
}

absl::Status Stores::Start(const std::string& plan) {
  for (const trust::TargetInfo& info : repository->Targets()) {
    if (info.path != plan) continue;
    LINNET_ASSIGN_OR_RETURN(const std::string json, content->Read(info.sha256));
    LINNET_ASSIGN_OR_RETURN(const trust::Plan parsed, trust::Plan::FromJson(json));
    LINNET_ASSIGN_OR_RETURN(const bool here, content->Has(parsed.model_sha256));
    if (!here) return absl::FailedPreconditionError("the model's bytes are not here");
    return rollouts->Start("operator", plan, info.sha256, json).status();
  }
  return absl::NotFoundError(absl::StrCat(plan, ": not published"));
}

fleet::v1::CheckInResponse Stores::CheckIn(const std::string& device, const repo::DeviceReport& report) {
  fleet::v1::CheckInResponse response;
  rollouts->Answer(device, report, response);
  {
    const base::MutexLock lock(fleet->mutex);
    cohort->Saw(device, report);
  }
  std::promise<void> done;
  seen->Append(device, report, [&] { done.set_value(); });
  done.get_future().wait();
  return response;
}

SmallCoordinator::SmallCoordinator() : begin_(clock_.Now()) {
  auto& real = base::FileSystem::Real();
  const std::string site_dir = dir_ / "site";
  EXPECT_TRUE(trust::InitSite(real, site_dir, {}, clock_).ok());
  std::filesystem::create_directory(dir_ / "state");  // for what SQLite is not asked to make
  const auto site = OrDie(trust::Site::Open(real, site_dir, "", clock_));
  disk_.Import(site_dir + "/coordinator");
  image_ = disk_.Save();
  device_.id = std::string(16, 'p');

  const auto once = OrDie(Stores::Open(disk_.files(), site_dir + "/coordinator", dir_ / "state", clock_));
  const auto publish = [&](const trust::Publication& signed_now, std::map<std::string, std::string> more) {
    more.insert(signed_now.small_targets.begin(), signed_now.small_targets.end());
    EXPECT_TRUE(
        once->Publish(disk_.files(), dir_ / "state/incoming", clock_.Now(), signed_now.metadata, more).ok());
  };
  model_bytes_ = "LINNETPK";
  for (int i = 0; i < 5000; ++i) model_bytes_ += static_cast<char>(i * i >> 3);
  const std::string file = dir_ / "model";
  EXPECT_TRUE(real.WriteFileAtomic(file, model_bytes_).ok());
  model_ =
      OrDie(site->PublishModel({.family = "starter",
                                .name = "tiny",
                                .version = "1",
                                .file = file,
                                .index_json = OrDie(chunks::ChunkIndex::OfFile(real, file, 2048)).ToJson(),
                                .license = "Apache-2.0"},
                               once->repository->Current()));
  model_target_ = model_.targets[0].path;
  model_sha256_ = model_.targets[0].sha256;
  publish(model_, {{model_target_, model_bytes_}});
  trust::Plan plan;
  plan.id = base::Hex(base::RandomBytes(16));
  plan.model_target = model_target_;
  plan.model_sha256 = model_sha256_;
  plan.release_counter = 1;
  plan.waves.push_back({.name = "all"});
  plan.most_failures = 1;
  plan.created = clock_.Now();
  plan.expires = clock_.Now() + absl::Hours(24 * 30);
  plan_ = OrDie(site->SignPlan(plan, once->repository->Current()));
  plan_target_ = plan_.small_targets.begin()->first;
  plan_sha256_ = HashOf(plan_.small_targets.begin()->second);

  const auto name_step = [&](std::string name, std::function<absl::Status()> run) {
    steps_.push_back({std::move(name), std::move(run)});
  };
  name_step("start", [this] { return Opened(); });
  name_step("token", [this]() -> absl::Status {
    LINNET_ASSIGN_OR_RETURN(const NewToken token, stores_->enrollment->CreateToken("op", "press", {}));
    token_ = token.text;
    return absl::OkStatus();
  });
  name_step("enrol", [this]() -> absl::Status {
    LINNET_ASSIGN_OR_RETURN(device_.token, net::EnrollmentToken::Parse(token_));
    LINNET_ASSIGN_OR_RETURN(device_.enrolled, stores_->enrollment->Enroll(device_.EnrollRequest()));
    device_.chain.assign(device_.enrolled.certificate_chain().begin(),
                         device_.enrolled.certificate_chain().end());
    return absl::OkStatus();
  });
  const auto publish_step = [this](const trust::Publication& signed_before,
                                   std::map<std::string, std::string> more) -> absl::Status {
    more.insert(signed_before.small_targets.begin(), signed_before.small_targets.end());
    LINNET_RETURN_IF_ERROR(
        stores_->Publish(disk_.files(), dir_ / "state/incoming", clock_.Now(), signed_before.metadata, more));
    timestamp_ = stores_->repository->versions().timestamp;
    return LogOnlyGrew();
  };
  name_step("publish a model", [=, this] { return publish_step(model_, {{model_target_, model_bytes_}}); });
  name_step("publish a plan", [=, this] { return publish_step(plan_, {}); });
  name_step("start a rollout", [this] { return stores_->Start(plan_target_); });
  name_step("check in", [this]() -> absl::Status {
    const auto response = stores_->CheckIn(device_.id, {.last_seen = clock_.Now()});
    // Nothing is the answer of a coordinator whose disk is away.
    return response.plan() == plan_target_
               ? absl::OkStatus()
               : absl::UnavailableError(absl::StrCat(dir_.path(), ": no plan is offered"));
  });
  name_step("report", [this] {
    return stores_->rollouts->Report(device_.id,
                                     device_.Report(plan_sha256_, model_sha256_, fleet::v1::Outcome::PASSED));
  });
  name_step("revoke", [this] { return stores_->enrollment->Revoke("op", device_.id); });
  name_step("a new timestamp", [this]() -> absl::Status {
    clock_.Set(begin_ + absl::Hours(18));
    LINNET_RETURN_IF_ERROR(stores_->repository->RefreshOnlineRoles().status());
    timestamp_ = stores_->repository->versions().timestamp;
    return LogOnlyGrew();
  });
}

void SmallCoordinator::CheckInAgain() { stores_->CheckIn(device_.id, {.last_seen = begin_}); }

void SmallCoordinator::Reset() {
  Close();
  clock_.Set(begin_);
  disk_.Load(image_);
  disk_.PowerOn(testing::Unsynced::kKept);
  newest_ = {};
  timestamp_ = 0;
}

absl::Status SmallCoordinator::Opened() {
  Close();
  LINNET_ASSIGN_OR_RETURN(stores_,
                          Stores::Open(disk_.files(), dir_ / "site/coordinator", dir_ / "state", clock_));
  return LogOnlyGrew();
}

absl::Status SmallCoordinator::LogOnlyGrew() {
  fleet::v1::GetLogProofRequest request;
  const trust::Repository::Versions versions = stores_->repository->versions();
  request.set_timestamp_version(versions.timestamp);
  request.set_snapshot_version(versions.snapshot);
  if (newest_.size > 0) request.add_old()->set_size(newest_.size);
  fleet::v1::GetLogProofResponse response;
  LINNET_RETURN_IF_ERROR(stores_->log->Prove(request, response));
  const audit::LogHead head{response.head().size(), response.head().root_sha256(),
                            response.head().signature()};
  if (newest_.size > 0) {
    const auto& proof = response.grown(0).sha256();
    LINNET_RETURN_IF_ERROR(audit::VerifyOneLog(newest_, head, {proof.begin(), proof.end()}));
  }
  newest_ = head;
  return absl::OkStatus();
}

std::string SmallCoordinator::WhatIsWrong() {
  if (stores_ == nullptr) {
    if (const absl::Status opened = Opened(); !opened.ok())
      return absl::StrCat("no start: ", opened.ToString());
  }
  if (const absl::Status grew = LogOnlyGrew(); !grew.ok()) return absl::StrCat("the log: ", grew.ToString());
  if (stores_->repository->versions().timestamp < timestamp_) return "an older timestamp than was shown";
  std::vector<std::string> wanted = {model_target_, plan_target_};
  for (const trust::TargetInfo& info : stores_->repository->Targets()) std::erase(wanted, info.path);
  if (!wanted.empty()) return absl::StrCat(wanted[0], ": not published any more");
  const auto index = chunks::ChunkIndex::FromJson(model_.small_targets.begin()->second);
  if (!index.ok()) return index.status().ToString();
  std::string bytes;
  for (const chunks::Chunk& chunk : index->chunks) {
    const auto data = stores_->content->Read(chunk.sha256);
    if (!data.ok()) return absl::StrCat("a chunk: ", data.status().ToString());
    bytes += *data;
  }
  if (bytes != model_bytes_) return "the model's bytes";
  const auto view = stores_->rollouts->View("", kMostDeviceLines);
  if (!view.ok()) return absl::StrCat("the rollout: ", view.status().ToString());
  if (view->state() != admin::v1::COMPLETED) return "the rollout has not completed";
  const base::MutexLock lock(stores_->fleet->mutex);
  const repo::DeviceRow* row = stores_->cohort->Find(device_.id);
  if (row == nullptr || row->public_key != device_.key.public_key().Raw()) return "the device";
  if (!row->revoked) return "the revocation";
  if (row->report.last_seen != begin_) return "its check-in";
  const absl::Status chain = stores_->fleet->audit.Verify();
  return chain.ok() ? "" : chain.ToString();
}

}  // namespace linnet::coordinator
