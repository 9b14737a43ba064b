#ifndef LINNET_TESTS_UPDATE_TEST_FLEET_H_
#define LINNET_TESTS_UPDATE_TEST_FLEET_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/update/link.h"
#include "agent/update/model_host.h"
#include "agent/update/probe.h"
#include "agent/update/update_driver.h"
#include "runtime/base/file_system.h"
#include "storage/chunks/chunk_store.h"
#include "storage/repo/models.h"
#include "storage/repo/state_database.h"
#include "storage/trust/plan.h"
#include "storage/trust/repository.h"
#include "storage/trust/revoked_list.h"
#include "storage/trust/site.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faulty_files.h"
#include "tests/support/sim_disk.h"
#include "tests/support/temp_dir.h"
#include "tests/update/test_log.h"

namespace linnet::update {

// A real site with real keys, and what a coordinator would hold of it.
class TestSite {
 public:
  explicit TestSite(linnet::testing::FakeClock& clock);

  // Signs and publishes; the bytes become fetchable. Returns the target path.
  std::string PublishModel(std::string_view bytes, std::string_view version, uint64_t release,
                           std::string_view family = "starter");
  // What models that are published from now on are signed with; empty: nothing.
  std::string suite;
  uint32_t suite_least_ppm = trust::kAllPpm;
  std::string PublishPlan(const trust::Plan& plan, bool allow_unsigned_model = false);
  // For `target`, one wave for everybody, no soak, confirm in 10 s with 2 inferences.
  trust::Plan PlanFor(const std::string& target);
  // Signs `plan` and a long-lived timestamp, and writes both with the model that the plan names.
  void WriteBundle(const std::string& to, const trust::Plan& plan, std::string_view model_bytes,
                   absl::Duration valid);
  // Puts the device, with its key, on the list of revoked ones and publishes that.
  void Revoke(const Credentials& member);
  void PublishRevoked(const trust::RevokedList& list, bool with_bytes = true);
  void RotateKey(const std::string& role, std::string_view key);
  void Withdraw(const std::string& target);
  Credentials MakeMember(const std::string& device_id,
                         const base::PrivateKey& key = base::PrivateKey::Generate(base::KeyType::kP256));
  trust::TargetInfo Target(const std::string& path);
  std::string RootJson() { return *repository_->Metadata("root", 1); }
  void Put(std::string_view bytes);

  trust::Repository& repository() { return *repository_; }
  TestLog& log() { return *log_; }
  const std::string* Content(std::string_view sha256) const;

 private:
  void Publish(const absl::StatusOr<trust::Change>& change);

  linnet::testing::FakeClock& clock_;
  linnet::testing::TempDir dir_{true};
  std::unique_ptr<trust::Site> site_;
  std::unique_ptr<TestLog> log_;
  std::unique_ptr<trust::Repository> repository_;
  std::map<std::string, std::string, std::less<>> content_;
};

// The way to a coordinator that may be down, slow, or lie.
class TestLink final : public Link, private trust::MetadataFetcher, private chunks::ChunkSource {
  TestSite& site_;  // before `log`

 public:
  TestLink(TestSite& site, Credentials credentials) : site_(site), credentials_(std::move(credentials)) {}

  absl::StatusOr<Credentials> credentials() override {
    if (!enrolled) return absl::FailedPreconditionError("not enrolled");
    return credentials_;
  }
  absl::StatusOr<CheckInAnswer> CheckIn(const CheckInFacts& facts) override;
  absl::Status Report(const OutcomeReport& report) override;
  absl::StatusOr<LogAnswer> ShowLog(const LogQuestion& question) override;
  trust::MetadataFetcher& metadata() override { return *this; }
  chunks::ChunkSource& chunks() override { return *this; }

  // What it shows as its log: the site's; another one that goes on by itself; or, with null, none.
  const TestLog* log = &site_.log();
  std::function<void(LogAnswer&)> tamper_log;
  int logs_shown = 0;
  bool online = true, enrolled = true;
  bool stop = false;
  std::string plan;
  std::vector<Receipt> receipts;
  // Changes what is sent: role or "chunk", bytes.
  std::function<void(const std::string& what, std::string& bytes)> tamper;
  absl::Status report_answer;

  int check_ins = 0, chunks_sent = 0;
  CheckInFacts last_facts;
  std::vector<OutcomeReport> reports;
  // The receipt of the last report that had one; counts how many there were.
  const Receipt* last_receipt() const;
  std::vector<Reason> reasons() const;  // of final reports

 private:
  absl::StatusOr<std::string> Fetch(std::string_view role, uint64_t version, uint64_t max_bytes) override;
  absl::Status Fetch(
      const std::vector<std::string>& sha256,
      const std::function<absl::Status(std::string_view, std::string_view)>& on_chunk) override;
  Credentials credentials_;
};

// "Runs" a file by what words it holds: WONT-SWITCH, BAD-ANSWERS.
class TestHost final : public ModelHost {
 public:
  absl::Status Switch(const std::string& path) override;
  absl::Status SelfCheck() override;
  uint64_t inferences() const override { return inferences_; }

  void Use(uint64_t times) { inferences_ += times; }  // somebody asks, and is answered

  std::string running;  // bytes
  int switches = 0, self_checks = 0;
  const std::string* refuses = nullptr;  // bytes that will not load, though nothing is wrong with them
  base::FileSystem* fs = &base::FileSystem::Real();

 private:
  uint64_t inferences_ = 0;
};

struct DiedInProbe {};  // thrown: the device is gone, and Restart comes next

// PROBE-CRASH, PROBE-CRASH-ONCE, PROBE-NO, PROBE-TIMEOUT, PROBE-NOT-OK.
class TestProbe final : public Probe {
 public:
  ProbeResult Run(const std::string& model_path, const std::string& suite_path,
                  const std::function<bool()>& cancel) override;
  std::string suite;      // bytes that it was given last
  std::string score;      // what it says of them, e.g. {"cases":4,"passed":3}; empty: nothing
  Probe* real = nullptr;  // asked in its place
  int runs = 0;
  bool cannot_run = false;
  bool says_no = false;  // to every model
  int dies = 0;          // so many more runs end with the whole device
  base::FileSystem* fs = &base::FileSystem::Real();
  linnet::testing::SimDisk* disk = nullptr;  // on which a run counts as one change
};

// One device: its state folder survives Restart, as a disk does.
class TestDevice {
 public:
  TestDevice(TestSite& site, linnet::testing::FakeClock& clock, std::string device_id = std::string(16, 'd'));
  // Its folder is the root of `disk`. Nothing is on it and nothing runs: Enrol, or an image, then TryRestart.
  TestDevice(TestSite& site, linnet::testing::FakeClock& clock, linnet::testing::SimDisk& disk);

  absl::Status Enrol();  // it trusts the site from now on
  void Restart();
  absl::Status TryRestart();
  // As a service manager stops it, or a person; then Restart.
  void RestartCleanly();
  // The process is gone; Restart comes later.
  void Kill();
  // Steps, moving the clock over the pauses, until `done` or `steps` are over. True: done.
  bool RunUntil(const std::function<bool()>& done, int steps = 200);
  bool RunUntilIdleAfter(int reports);  // so many final reports were heard, and IDLE again
  bool RunChecks(int check_ins);        // so many more check-ins, and IDLE again
  std::string active() const;           // bytes of the active model, "" for none
  repo::ModelSlots slots() const;
  std::string state_name() const { return std::string(NameOf(driver->state())); }

  linnet::testing::TempDir dir{true};  // without a disk
  linnet::testing::FaultyFiles files;  // in it
  std::function<bool(State)> dies_after;
  // From the next Restart on.
  trust::DeviceFacts facts;
  absl::TimeZone zone = absl::UTCTimeZone();
  std::string wont_switch_to;  // see TestHost::refuses
  TestLink link;
  TestProbe probe;
  std::unique_ptr<TestHost> host;
  std::unique_ptr<repo::StateDatabase> state;
  std::unique_ptr<Revocations> revocations;
  std::unique_ptr<Witness> witness;
  std::unique_ptr<UpdateDriver> driver;
  std::vector<std::string> transcript;  // states, as walked

 private:
  TestSite& site_;
  linnet::testing::FakeClock& clock_;
  base::FileSystem& fs_;
  const std::string root_;
  std::unique_ptr<db::Database> chunk_db_;
  std::unique_ptr<chunks::ChunkStore> store_;
};

// 4,500 bytes that begin as a packed model does and hold `words`.
std::string ModelBytes(std::string_view words);

}  // namespace linnet::update

#endif  // LINNET_TESTS_UPDATE_TEST_FLEET_H_
