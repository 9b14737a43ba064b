#include "tests/update/test_fleet.h"

#include <gtest/gtest.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/pack/pack_borders.h"
#include "storage/repo/device.h"
#include "storage/trust/bundle.h"

namespace linnet::update {
namespace {

constexpr uint32_t kChunkBytes = 1000;

std::string HashOf(std::string_view bytes) { return std::string(base::AsView(base::Sha256(bytes))); }

bool Holds(const std::string& bytes, std::string_view word) { return bytes.find(word) != std::string::npos; }

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (!value.ok()) {
    ADD_FAILURE() << value.status();
    std::abort();
  }
  return *std::move(value);
}

base::FileSystem& Real() { return base::FileSystem::Real(); }

std::string ReadAll(const std::string& path) { return OrDie(Real().ReadFile(path, 1 << 24)); }

}  // namespace

std::string ModelBytes(std::string_view words) {
  std::string bytes = absl::StrCat("LINNETPK model ", std::string(words), "\n");
  for (int i = 0; bytes.size() < 4500; ++i)
    absl::StrAppend(&bytes, "weight ", i, " of ", std::string(words), "\n");
  bytes.resize(4500);
  return bytes;
}

TestSite::TestSite(linnet::testing::FakeClock& clock) : clock_(clock) {
  const std::string dir = dir_ / "site";
  EXPECT_TRUE(trust::InitSite(Real(), dir, {}, clock_).ok());
  site_ = OrDie(trust::Site::Open(Real(), dir, "", clock_));
  const auto key = [&](const char* name) {
    return OrDie(base::OpenKey(ReadAll(absl::StrCat(dir, "/coordinator/", name)), ""));
  };
  log_ = std::make_unique<TestLog>(key("timestamp.key"));
  repository_ = OrDie(trust::Repository::Open(Real(), dir + "/coordinator/repository",
                                              trust::OnlineKeysIn(Real(), dir + "/coordinator"), clock_,
                                              [this](const auto& files, const auto&) {
                                                log_->Publish(files);
                                                return absl::OkStatus();
                                              }));
}

void TestSite::Put(std::string_view bytes) { content_[HashOf(bytes)] = std::string(bytes); }

const std::string* TestSite::Content(std::string_view sha256) const {
  const auto it = content_.find(sha256);
  return it == content_.end() ? nullptr : &it->second;
}

std::string TestSite::PublishModel(std::string_view bytes, std::string_view version, uint64_t release,
                                   std::string_view family) {
  const std::string file = dir_ / "model.linnet";
  EXPECT_TRUE(Real().WriteFileAtomic(file, bytes).ok());
  // Real packs as the command cuts them.
  const absl::StatusOr<std::vector<uint64_t>> borders = pack::BordersOf(Real(), file);
  const chunks::ChunkIndex index =
      OrDie(borders.ok() ? chunks::ChunkIndex::OfFile(Real(), file, 0, *borders)
                         : chunks::ChunkIndex::OfFile(Real(), file, kChunkBytes));
  for (const chunks::Chunk& chunk : index.chunks) Put(bytes.substr(chunk.offset, chunk.length));
  Put(index.ToJson());
  trust::ModelRelease model;
  model.family = family;
  model.name = "m";
  model.version = version;
  model.file = file;
  model.index_json = index.ToJson();
  model.license = "Apache-2.0";
  model.release_counter = release;
  model.suite_json = suite;
  model.suite_least_ppm = suite_least_ppm;
  if (!suite.empty()) Put(suite);
  const trust::Publication signed_model = OrDie(site_->PublishModel(model, repository_->Current()));
  if (!signed_model.metadata.empty()) OrDie(repository_->Publish(signed_model.metadata));
  return signed_model.targets.front().path;
}

std::string TestSite::PublishPlan(const trust::Plan& plan, bool allow_unsigned_model) {
  const trust::Publication published =
      OrDie(site_->SignPlan(plan, repository_->Current(), allow_unsigned_model));
  OrDie(repository_->Publish(published.metadata));
  for (const auto& [path, bytes] : published.small_targets) Put(bytes);
  return published.targets.front().path;
}

void TestSite::Revoke(const Credentials& member) {
  trust::RevokedList list = OrDie(site_->Revoked({}, repository_->Current()));
  EXPECT_TRUE(list.Add({.device = base::Hex(member.device_id),
                        .key_sha256 = base::Hex(base::AsView(member.chain.front().SpkiSha256())),
                        .revoked = absl::FromUnixSeconds(absl::ToUnixSeconds(clock_.Now()))})
                  .ok());
  ++list.version;
  PublishRevoked(list);
}

void TestSite::PublishRevoked(const trust::RevokedList& list, bool with_bytes) {
  const trust::Publication published = OrDie(site_->SignRevoked(list, repository_->Current()));
  OrDie(repository_->Publish(published.metadata));
  if (with_bytes) Put(list.ToJson());
}

void TestSite::WriteBundle(const std::string& to, const trust::Plan& plan, std::string_view model_bytes,
                           absl::Duration valid) {
  const std::string path = PublishPlan(plan);
  const absl::Status signed_online = repository_->SignOnlineRoles(valid);
  EXPECT_TRUE(signed_online.ok()) << signed_online;
  const auto small = [&](const std::string& target) -> trust::BundleFile {
    const trust::TargetInfo info = Target(target);
    return {.target = info, .bytes = *Content(info.sha256)};
  };
  std::vector<trust::BundleFile> files = {
      {.target = Target(plan.model_target), .bytes = std::string(model_bytes)},
      small(plan.model_target + ".index.json"),
      small(path)};
  const std::string suite_path = absl::StrCat(plan.model_target, std::string(trust::kSuiteSuffix));
  if (site_->FindTarget(suite_path, repository_->Current()).ok()) files.push_back(small(suite_path));
  const std::string revoked(trust::kRevokedTarget);
  if (site_->FindTarget(revoked, repository_->Current()).ok()) files.push_back(small(revoked));
  const absl::Status written =
      trust::WriteBundle(Real(), to, {.site = site_->id(), .plan = path}, *repository_, files);
  EXPECT_TRUE(written.ok()) << written;
}

void TestSite::Publish(const absl::StatusOr<trust::Change>& change) {
  OrDie(repository_->Publish(OrDie(site_->Adopt(OrDie(change), repository_->Current())).metadata));
}

void TestSite::RotateKey(const std::string& role, std::string_view key) {
  Publish(site_->RotateKey(role, key, repository_->Current()));
}

void TestSite::Withdraw(const std::string& target) {
  Publish(site_->Withdraw(target, repository_->Current()));
}

trust::TargetInfo TestSite::Target(const std::string& path) {
  return OrDie(site_->FindTarget(path, repository_->Current()));
}

trust::Plan TestSite::PlanFor(const std::string& target) {
  const trust::TargetInfo model = Target(target);
  trust::Plan plan;
  plan.id = base::Hex(base::RandomBytes(16));
  plan.model_target = target;
  plan.model_sha256 = model.sha256;
  const size_t at = model.custom_json.find("\"release_counter\":") + 18;
  plan.release_counter = std::strtoull(model.custom_json.c_str() + at, nullptr, 10);
  plan.waves.push_back({.name = "all"});
  plan.confirm_time = absl::Seconds(10);
  plan.confirm_inferences = 2;
  plan.created = clock_.Now();
  plan.expires = clock_.Now() + absl::Hours(24 * 30);
  return plan;
}

Credentials TestSite::MakeMember(const std::string& device_id, const base::PrivateKey& key) {
  const std::string at = dir_ / "site/coordinator/";
  const base::Certificate root = OrDie(base::Certificate::FromPem(ReadAll(at + "fleet-root.pem")));
  const base::Certificate authority = OrDie(base::Certificate::FromPem(ReadAll(at + "device-ca.pem")));
  const base::PrivateKey authority_key = OrDie(base::OpenKey(ReadAll(at + "device-ca.key"), ""));
  base::CertificateRequest request;
  request.common_name = "device";
  request.uri = absl::StrCat(std::string(base::kDeviceUri), base::Hex(device_id));
  request.use = base::CertificateUse::kClient;
  request.not_before = clock_.Now() - absl::Hours(1);
  request.not_after = clock_.Now() + absl::Hours(24 * 30);
  const base::Certificate leaf = OrDie(base::Issue(authority, authority_key, key.public_key(), request));
  return {device_id, root, {leaf, authority}, key};
}

absl::StatusOr<CheckInAnswer> TestLink::CheckIn(const CheckInFacts& facts) {
  if (!online) return absl::UnavailableError("offline");
  ++check_ins;
  last_facts = facts;
  return CheckInAnswer{site_.repository().versions().timestamp, plan, stop, absl::Minutes(1), receipts,
                       log == nullptr ? 0 : log->size()};
}

absl::StatusOr<LogAnswer> TestLink::ShowLog(const LogQuestion& question) {
  if (!online || log == nullptr) return absl::UnavailableError("offline");
  ++logs_shown;
  LogAnswer answer = log->Show(question);
  if (tamper_log) tamper_log(answer);
  return answer;
}

absl::Status TestLink::Report(const OutcomeReport& report) {
  if (!online) return absl::UnavailableError("offline");
  if (!report_answer.ok()) return report_answer;
  reports.push_back(report);
  return absl::OkStatus();
}

const Receipt* TestLink::last_receipt() const {
  for (auto it = reports.rbegin(); it != reports.rend(); ++it) {
    if (it->receipt.has_value()) return &*it->receipt;
  }
  return nullptr;
}

std::vector<Reason> TestLink::reasons() const {
  std::vector<Reason> reasons;
  for (const OutcomeReport& report : reports) {
    if (report.state == State::kReport) reasons.push_back(report.reason);
  }
  return reasons;
}

absl::StatusOr<std::string> TestLink::Fetch(std::string_view role, uint64_t version, uint64_t) {
  if (!online) return absl::UnavailableError("offline");
  absl::StatusOr<std::string> bytes = site_.repository().Metadata(role, version);
  if (bytes.ok() && tamper) tamper(std::string(role), *bytes);
  return bytes;
}

absl::Status TestLink::Fetch(
    const std::vector<std::string>& sha256,
    const std::function<absl::Status(std::string_view, std::string_view)>& on_chunk) {
  for (const std::string& hash : sha256) {
    if (!online) return absl::UnavailableError("offline");
    const std::string* found = site_.Content(hash);
    if (found == nullptr) return absl::NotFoundError("the coordinator lacks this chunk");
    std::string bytes = *found;
    if (tamper) tamper("chunk", bytes);
    ++chunks_sent;
    if (const absl::Status status = on_chunk(hash, bytes); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status TestHost::Switch(const std::string& path) {
  ++switches;
  std::string bytes;
  if (!path.empty()) {
    LINNET_ASSIGN_OR_RETURN(const auto file, fs->Map(path));
    bytes = base::AsText(file->bytes());
  }
  if (Holds(bytes, "WONT-SWITCH") || (refuses != nullptr && !bytes.empty() && bytes == *refuses))
    return absl::DataLossError("will not load");
  running = bytes;
  inferences_ = 0;
  return absl::OkStatus();
}

absl::Status TestHost::SelfCheck() {
  ++self_checks;
  if (Holds(running, "BAD-ANSWERS")) return absl::InternalError("nonsense came out");
  ++inferences_;
  return absl::OkStatus();
}

ProbeResult TestProbe::Run(const std::string& model_path, const std::string& suite_path,
                           const std::function<bool()>& cancel) {
  ++runs;
  if (disk != nullptr && !disk->Step()) return {ProbeResult::Kind::kCannotRun, "", "no process"};
  if (dies > 0) {
    --dies;
    throw DiedInProbe();
  }
  suite = suite_path.empty() ? "" : OrDie(fs->ReadFile(suite_path, 1 << 24));
  if (real != nullptr) return real->Run(model_path, suite_path, cancel);
  const auto passed = [&]() -> ProbeResult {
    const std::string said = score.empty() ? "" : absl::StrCat(",\"suite\":", score);
    return {ProbeResult::Kind::kPassed, absl::StrCat("{\"ok\":true", said, "}"), ""};
  };
  const absl::StatusOr<std::string> read = fs->ReadFile(model_path, 1 << 24);
  if (!read.ok()) return {ProbeResult::Kind::kCannotRun, "", std::string(read.status().message())};
  const std::string& bytes = *read;
  using Kind = ProbeResult::Kind;
  if (cannot_run) return {Kind::kCannotRun, "", "no linnet-probe"};
  if (says_no) return {Kind::kFailed, "", "exit code 1: no"};
  if (Holds(bytes, "PROBE-CRASH-ONCE") && runs > 1) return passed();
  if (Holds(bytes, "PROBE-CRASH")) return {Kind::kCrashed, "", "signal 11"};
  if (Holds(bytes, "PROBE-NOT-OK")) return {Kind::kPassed, "{\"ok\":false}", ""};
  if (Holds(bytes, "PROBE-NO")) return {Kind::kFailed, "", "exit code 1: no"};
  if (Holds(bytes, "PROBE-TIMEOUT")) return {Kind::kTimedOut, "", "too slow"};
  return passed();
}

TestDevice::TestDevice(TestSite& site, linnet::testing::FakeClock& clock, std::string device_id)
    : link(site, site.MakeMember(device_id)), site_(site), clock_(clock), fs_(files), root_(dir.path()) {
  EXPECT_TRUE(Enrol().ok());
  Restart();
}

TestDevice::TestDevice(TestSite& site, linnet::testing::FakeClock& clock, linnet::testing::SimDisk& disk)
    : link(site, site.MakeMember(std::string(16, 'd'))),
      site_(site),
      clock_(clock),
      fs_(disk.files()),
      root_(disk.root()) {
  probe.fs = &fs_;
  probe.disk = &disk;
}

absl::Status TestDevice::Enrol() {
  LINNET_RETURN_IF_ERROR(fs_.CreateDirectories(root_ + "/trust", 0700));
  trust::TrustStore trust(fs_, root_ + "/trust");
  return trust.Save("root", site_.RootJson());
}

void TestDevice::Kill() {
  driver.reset();
  witness.reset();
  revocations.reset();
  store_.reset();
  chunk_db_.reset();
  state.reset();
  host.reset();
}

void TestDevice::Restart() {
  const absl::Status started = TryRestart();
  EXPECT_TRUE(started.ok()) << started;
}

absl::Status TestDevice::TryRestart() {
  Kill();
  const std::string path = root_ + "/state.db";
  LINNET_ASSIGN_OR_RETURN(state, repo::StateDatabase::Open(path));
  LINNET_RETURN_IF_ERROR(state->Write([&] { return repo::Models(state->db()).Slots().status(); }));
  LINNET_RETURN_IF_ERROR(state->Write([&] { return repo::Device(state->db()).LoadOrCreate("").status(); }));
  LINNET_ASSIGN_OR_RETURN(chunk_db_, db::Database::Open(path, db::Durability::kFull));
  LINNET_ASSIGN_OR_RETURN(store_, chunks::ChunkStore::Open(fs_, root_ + "/models", *chunk_db_));
  host = std::make_unique<TestHost>();
  host->refuses = &wont_switch_to;
  host->fs = probe.fs;
  DriverOptions options;
  options.trust_dir = root_ + "/trust";
  options.poll = absl::Minutes(1);
  options.facts = facts;
  options.local_zone = zone;
  options.dies_after = [this](State to) {
    transcript.emplace_back(NameOf(to));
    return dies_after && dies_after(to);
  };
  revocations = std::make_unique<Revocations>(*state);
  LINNET_RETURN_IF_ERROR(revocations->Load());
  witness = std::make_unique<Witness>(*state, fs_, options.trust_dir, clock_);
  driver = std::make_unique<UpdateDriver>(
      options, DriverParts{*state, *store_, fs_, clock_, link, probe, *host, *revocations, *witness});
  return driver->Resume();
}

void TestDevice::RestartCleanly() {
  driver->Quit();
  driver->Finish();
  Restart();
}

bool TestDevice::RunUntil(const std::function<bool()>& done, int steps) {
  for (int i = 0; i < steps; ++i) {
    if (done()) return true;
    const absl::Duration wait = driver->Step();
    if (wait == absl::InfiniteDuration()) return done();
    clock_.Advance(wait);
  }
  return done();
}

bool TestDevice::RunUntilIdleAfter(int reports) {
  return RunUntil([&] {
    return driver->state() == State::kIdle && link.reasons().size() >= static_cast<size_t>(reports);
  });
}

bool TestDevice::RunChecks(int check_ins) {
  const int target = link.check_ins + check_ins;
  return RunUntil([&] { return driver->state() == State::kIdle && link.check_ins >= target; });
}

repo::ModelSlots TestDevice::slots() const {
  repo::ModelSlots slots;
  EXPECT_TRUE(state
                  ->Read([&] {
                    slots = OrDie(repo::Models(state->db()).Slots());
                    return absl::OkStatus();
                  })
                  .ok());
  return slots;
}

std::string TestDevice::active() const {
  const repo::ModelSlots now = slots();
  return now.active.empty() ? "" : OrDie(fs_.ReadFile(OrDie(store_->PathOf(now.active)), 1 << 24));
}

}  // namespace linnet::update
