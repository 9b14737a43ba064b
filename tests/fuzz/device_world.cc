#include "tests/fuzz/device_world.h"

#include <filesystem>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "storage/repo/device.h"
#include "storage/repo/log_heads.h"
#include "storage/repo/models.h"
#include "storage/repo/update_journal.h"
#include "storage/trust/metadata.h"

namespace linnet::testing {
namespace {

namespace stdfs = std::filesystem;

constexpr char kKeyFile[] = "first.key";

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

std::set<std::string> JournalTables() { return {"uplink_message", "uplink_total", "uplink_day"}; }

// A file whose name is that of a key which only a later answer can make the device's own.
bool IsKeyToBe(const std::string& line) {
  return line.find("/identity/") != std::string::npos && line.find(kKeyFile) == std::string::npos;
}

}  // namespace

// Runs whatever it is told to: what that may be is CheckModels' to say.
class DeviceWorld::Host final : public update::ModelHost {
 public:
  absl::Status Switch(const std::string& path) override {
    running.clear();
    if (!path.empty()) running = Need(base::FileSystem::Real().ReadFile(path, 1 << 24));
    return absl::OkStatus();
  }
  absl::Status SelfCheck() override {
    ++inferences_;
    return absl::OkStatus();
  }
  uint64_t inferences() const override { return inferences_; }

  std::string running;

 private:
  uint64_t inferences_ = 0;
};

class DeviceWorld::YesProbe final : public update::Probe {
 public:
  update::ProbeResult Run(const std::string&, const std::string&, const std::function<bool()>&) override {
    return {update::ProbeResult::Kind::kPassed, "{\"ok\":true}", ""};
  }
};

DeviceWorld::DeviceWorld(Kind kind, HonestCoordinator& site, const std::string& coordinator_address)
    : kind_(kind), site_(site), clock_(site.world().now()), trust_(fs(), dir_ / "trust") {
  for (const char* folder : {"trust", "identity", "models"})
    Need(fs().CreateDirectories(dir_ / folder, 0700));
  state_ = Need(repo::StateDatabase::Open(dir_ / "state.db"));
  const coordinator::TestDevice& canary = site.world().canary();
  const std::string id = kind == Kind::kCanary ? canary.id : std::string(16, 'n');
  Need(state_->Write([&]() -> absl::Status {
    repo::Device device(state_->db());
    LINNET_RETURN_IF_ERROR(device.LoadOrCreate("fuzz").status());
    LINNET_RETURN_IF_ERROR(
        state_->db().Execute(absl::StrCat("UPDATE device SET device_id = X'", base::Hex(id), "'")));
    if (kind_ == Kind::kNewcomer) return absl::OkStatus();
    repo::Enrolment enrolment;
    enrolment.coordinator = coordinator_address;
    enrolment.spki_sha256 = site_.world().site_files().server_spki_sha256;
    enrolment.fleet_root_pem = site_.world().site_files().fleet_root.ToPem();
    enrolment.certificate_chain_pem = canary.Identity().certificate_chain_pem;
    enrolment.key_file = kKeyFile;
    enrolment.enrolled = clock_.Now();
    return device.SaveEnrolment(enrolment);
  }));
  if (kind == Kind::kCanary) {
    Need(fs().WriteFileAtomic(dir_ / absl::StrCat("identity/", kKeyFile), canary.key.ToPem(), 0600));
    Need(trust_.Save(trust::kRoot, site.world().tuf_root()));
  }
  chunk_db_ = Need(db::Database::Open(dir_ / "state.db", db::Durability::kFull));
  store_ = Need(chunks::ChunkStore::Open(fs(), dir_ / "models", *chunk_db_));
  host_ = std::make_unique<Host>();
  probe_ = std::make_unique<YesProbe>();
  gate_ = std::make_unique<fleet::UplinkGate>(*state_, clock_, uint64_t{1} << 40);
  revocations_ = std::make_unique<update::Revocations>(*state_);
  witness_ = std::make_unique<update::Witness>(*state_, fs(), dir_ / "trust", clock_);
  OpenIdentity();
  rows_ = std::make_unique<DatabaseRows>(dir_ / "state.db", JournalTables());
  std::set<std::string> except = JournalTables();
  except.insert({"chunk_file", "chunk_location", "log_head", "log_evidence"});
  other_rows_ = std::make_unique<DatabaseRows>(dir_ / "state.db", except);
  KeepAsFirst();
}

DeviceWorld::~DeviceWorld() = default;

void DeviceWorld::OpenIdentity() {
  if (link_ != nullptr) link_->Shutdown();
  link_.reset();
  membership_ = Need(fleet::Membership::Open(fs(), dir_ / "identity", base::KeyKeeping(), *state_, clock_));
  link_ = std::make_unique<fleet::FleetLink>(
      *membership_, *gate_,
      fleet::DeviceFacts{.agent_version = 1'002'003, .kernel_set = "avx2", .ram_mib = 512, .cores = 4}, 0,
      clock_);
}

void DeviceWorld::KeepAsFirst() {
  restore_db_.reset();
  stdfs::remove_all(first_.path());
  stdfs::create_directory(first_.path());
  for (const char* folder : {"trust", "identity", "models"}) {
    stdfs::copy(dir_ / folder, first_ / folder, stdfs::copy_options::recursive);
  }
  restore_db_ = Need(db::Database::Open(dir_ / "state.db", db::Durability::kNormal));
  std::vector<std::string> tables;
  auto names = Need(restore_db_->Prepare(
      "SELECT name FROM main.sqlite_master WHERE type = 'table' AND (name NOT LIKE 'sqlite_%' OR name = "
      "'sqlite_sequence')"));
  while (*names.Step()) tables.emplace_back(names.Text(0));
  Need(restore_db_->Execute("PRAGMA foreign_keys = OFF"));
  restore_sql_ = "BEGIN IMMEDIATE;";
  for (const std::string& table : tables) {
    const std::string kept = absl::StrCat("temp.\"first_", table, "\"");
    const std::string there = absl::StrCat("main.\"", table, "\"");
    Need(restore_db_->Execute(absl::StrCat("CREATE TABLE ", kept, " AS SELECT * FROM ", there)));
    absl::StrAppend(&restore_sql_, "DELETE FROM ", there, "; INSERT INTO ", there, " SELECT * FROM ", kept,
                    ";");
  }
  restore_sql_ += "COMMIT";
}

void DeviceWorld::Reset(bool who) {
  Need(restore_db_->Execute(restore_sql_));
  for (const char* folder : {"trust", "identity", "models"}) {
    for (const auto& entry : stdfs::directory_iterator(dir_ / folder)) stdfs::remove_all(entry.path());
    stdfs::copy(first_ / folder, dir_ / folder,
                stdfs::copy_options::recursive | stdfs::copy_options::overwrite_existing);
  }
  clock_.Set(site_.world().now());
  host_ = std::make_unique<Host>();
  Need(revocations_->Load());
  if (who) OpenIdentity();
}

std::string DeviceWorld::Files() const {
  std::string lines;
  for (const char* folder : {"trust", "identity", "models"}) {
    std::set<std::string> found;
    for (const auto& entry : stdfs::recursive_directory_iterator(dir_ / folder)) {
      if (entry.is_regular_file()) found.insert(entry.path().string());
    }
    for (const std::string& path : found) {
      if (IsKeyToBe(path)) continue;
      absl::StrAppend(&lines, path, " ",
                      base::Hex(Digest(Need(base::FileSystem::Real().ReadFile(path, 1 << 24)))), "\n");
    }
  }
  return lines;
}

std::string DeviceWorld::Rows() { return rows_->Hash() + Files(); }

std::string DeviceWorld::RowsBesideChunksAndLog() { return other_rows_->Hash(); }

std::unique_ptr<update::UpdateDriver> DeviceWorld::NewDriver() {
  update::DriverOptions options;
  options.trust_dir = dir_ / "trust";
  auto driver = std::make_unique<update::UpdateDriver>(
      options,
      update::DriverParts{*state_, *store_, fs(), clock_, *link_, *probe_, *host_, *revocations_, *witness_});
  Need(driver->Resume());
  return driver;
}

void DeviceWorld::CheckOnlySigned() {
  CheckMetadata();
  CheckHeads();
  CheckModels();
}

void DeviceWorld::CheckMetadata() {
  const auto root = Need(trust::ParseRoot(Need(trust::Envelope::Parse(site_.world().tuf_root()))));
  for (const std::string& name : Need(fs().List(dir_ / "trust"))) {
    const std::string bytes = Need(fs().ReadFile(dir_ / ("trust/" + name), 8 << 20));
    if (site_.IsPublished(bytes)) continue;
    LINNET_CHECK(name == "timestamp.json" || name == "snapshot.json");
    const std::string role = name.substr(0, name.find('.'));
    const auto envelope = Need(trust::Envelope::Parse(bytes));
    Need(trust::VerifySignatures(envelope, role, root.roles.find(role)->second, root.keys));
  }
}

void DeviceWorld::CheckHeads() {
  const base::PublicKey key = site_.online_keys().timestamp.public_key();
  const update::Witness::State log = Need(witness_->Show());
  if (log.newest.has_value()) Need(audit::VerifyHead(*log.newest, key));
  for (const repo::LogEvidence& evidence : log.evidence) {
    Need(audit::VerifyHead(evidence.first, key));
    Need(audit::VerifyHead(evidence.second, key));
  }
}

void DeviceWorld::CheckModels() {
  const std::string model = CoordinatorWorld::ModelBytes("1");
  const std::string sha256 = Digest(model);
  const std::set<std::string> plans = {site_.world().plan_sha256(), site_.world().next_plan_sha256()};
  Need(state_->Read([&]() -> absl::Status {
    repo::Models models(state_->db());
    LINNET_ASSIGN_OR_RETURN(const auto installed, models.List());
    for (const repo::InstalledModel& one : installed) LINNET_CHECK(one.sha256 == sha256);
    repo::UpdateJournal journal(state_->db());
    LINNET_ASSIGN_OR_RETURN(const auto open, journal.Open());
    LINNET_ASSIGN_OR_RETURN(const auto last, journal.Last());
    for (const auto& attempt : {open, last}) {
      LINNET_CHECK(!attempt.has_value() ||
                   (plans.count(attempt->plan_sha256) != 0 && attempt->model_sha256 == sha256));
    }
    repo::Device device(state_->db());
    LINNET_ASSIGN_OR_RETURN(const absl::Time believed, device.BelievedTime());
    LINNET_CHECK(believed <= site_.world().now());  // when its plans and certificates were made
    return absl::OkStatus();
  }));
  LINNET_CHECK(host_->running.empty() || host_->running == model);
  const std::string name = base::Hex(sha256);
  for (const std::string& file : Need(fs().List(models_dir()))) {
    LINNET_CHECK(file.substr(0, name.size()) == name);
    LINNET_CHECK(Need(fs().Stat(models_dir() + "/" + file)).size_bytes <= model.size());
  }
}

}  // namespace linnet::testing
