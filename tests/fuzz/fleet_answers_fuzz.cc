// Any answers of a coordinator to a device of its fleet: the device's own client, update machine, trust and
// witness, on real databases and files, over TLS. Whatever is answered, also by who holds all of the
// coordinator's keys: it ends, asks no more than it may, believes nothing that was not signed by who may, and
// an error is one line that says something.
//
// method: the scene. flags & 1: after the script nobody answers any more (else honestly).

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/fleet/enroll.h"
#include "agent/fleet/fleet_client.h"
#include "agent/peers/peer_source.h"
#include "runtime/base/hash.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "tests/fuzz/answer_script.h"
#include "tests/fuzz/device_world.h"
#include "tests/fuzz/fleet_answers.h"
#include "tests/fuzz/service_target.h"

namespace linnet::testing {
namespace {

namespace v1 = fleet::v1;

// A check with all that follows takes 20; a download that is tried again and again, more.
constexpr int kMostSteps = 100;
// Of a device between two steps that wait: none may ask without end.
constexpr size_t kMostCalls = 400;
// A check-in's answer; what an empty receipt of two bytes comes to is a hundred times as much.
constexpr size_t kMostCheckInBytes = 2 << 20, kMostReceipts = 1024;

class Target {
 public:
  Target();
  void Run(const FuzzedCall& call);

 private:
  void Check();
  void Enroll();
  void Renew();
  void Watch();
  void Download();
  void Spare();
  void Log();
  void CheckIn();

  TempDir dir_{/*in_memory=*/true};
  HonestCoordinator honest_;
  AnswerScript script_{honest_};
  std::unique_ptr<ScriptedServer> server_;
  std::unique_ptr<DeviceWorld> canary_, newcomer_, informed_;
  std::string canary_rows_, newcomer_rows_;
  chunks::ChunkIndex index_;
};

Target::Target() {
  base::SetLogSeverity(base::Severity::kError);
  const std::string address = absl::StrCat("unix:", dir_ / "coordinator");
  honest_.SetAddress(address);
  auto credentials = net::ServerCredentials(
      honest_.world().site_files().server, [](const auto&) { return absl::OkStatus(); }, false);
  LINNET_CHECK(credentials.ok());
  server_ = std::make_unique<ScriptedServer>(address, *credentials,
                                             [this](const std::string& method, const std::string& request) {
                                               return script_.Next(method, request);
                                             });
  canary_ = std::make_unique<DeviceWorld>(DeviceWorld::Kind::kCanary, honest_, address);
  canary_rows_ = canary_->Rows();
  newcomer_ = std::make_unique<DeviceWorld>(DeviceWorld::Kind::kNewcomer, honest_, address);
  newcomer_rows_ = newcomer_->Rows();
  // One that holds the site's metadata, and a head that a peer has shown.
  informed_ = std::make_unique<DeviceWorld>(DeviceWorld::Kind::kCanary, honest_, address);
  script_.Begin({}, true);
  const auto updater = trust::Updater::Open(informed_->trust(), informed_->clock().Now());
  LINNET_CHECK(updater.ok() && (*updater)->Refresh(informed_->link().metadata()).ok());
  const v1::LogHead head = honest_.Head();
  informed_->witness().Heard(
      {.size = head.size(), .root = head.root_sha256(), .signature = head.signature()});
  LINNET_CHECK(informed_->witness().HasUnproved());
  informed_->KeepAsFirst();

  const std::string file = dir_ / "model";
  LINNET_CHECK(canary_->fs().WriteFileAtomic(file, CoordinatorWorld::ModelBytes("1"), 0600).ok());
  index_ = *chunks::ChunkIndex::OfFile(canary_->fs(), file, 4096);
}

void Target::Run(const FuzzedCall& call) {
  script_.Begin(call.messages, (call.flags & 1) == 0);
  switch (static_cast<AnswerScene>(call.method % kAnswerScenes)) {
    case kSceneCheck:
      return Check();
    case kSceneEnroll:
      return Enroll();
    case kSceneRenew:
      return Renew();
    case kSceneWatch:
      return Watch();
    case kSceneDownload:
      return Download();
    case kSceneSpare:
      return Spare();
    case kSceneLog:
      return Log();
    case kSceneCheckIn:
      return CheckIn();
    case kAnswerScenes:
      break;
  }
}

// From IDLE to the end of what the check-in leads to.
void Target::Check() {
  {
    const auto driver = canary_->NewDriver();
    for (int step = 0; step < kMostSteps; ++step) {
      const absl::Duration wait = driver->Step();
      CheckText(driver->last_error());
      if (driver->state() == update::State::kIdle) break;
      canary_->clock().Advance(std::clamp(wait, absl::ZeroDuration(), absl::Hours(24)));
    }
    LINNET_CHECK(script_.calls() <= kMostCalls);
  }
  server_->AwaitNone();
  canary_->CheckOnlySigned();
  canary_->Reset();
}

void Target::Enroll() {
  const absl::Status joined = fleet::EnrollWith(honest_.token().Encode(), newcomer_->membership(),
                                                newcomer_->gate(), newcomer_->trust());
  server_->AwaitNone();
  CheckStatus(joined);
  if (joined.ok()) {
    // What whoever knows the token's secret may say.
    const auto credentials = newcomer_->membership().credentials();
    LINNET_CHECK(credentials.ok() &&
                 base::VerifyChain(credentials->chain, credentials->fleet_root, base::CertificateUse::kClient,
                                   base::kDeviceUri, newcomer_->clock().Now())
                     .ok());
    LINNET_CHECK(trust::Updater::Open(newcomer_->trust(), newcomer_->clock().Now()).ok());
  } else {
    LINNET_CHECK(newcomer_->Rows() == newcomer_rows_);
  }
  newcomer_->Reset(/*who=*/true);
}

void Target::Renew() {
  const std::string before = canary_->membership().enrolment()->certificate_chain_pem;
  const absl::Status renewed = fleet::Renew(canary_->membership(), canary_->gate(), canary_->trust());
  server_->AwaitNone();
  CheckStatus(renewed);
  const auto enrolment = canary_->membership().enrolment();
  const auto credentials = canary_->membership().credentials();
  LINNET_CHECK(enrolment.has_value() && credentials.ok());
  LINNET_CHECK(enrolment->fleet_root_pem == honest_.world().site_files().fleet_root.ToPem());
  if (renewed.ok()) {
    LINNET_CHECK(enrolment->pending_key.empty());
    const auto id =
        base::VerifyChain(credentials->chain, honest_.world().site_files().fleet_root,
                          base::CertificateUse::kClient, base::kDeviceUri, canary_->clock().Now());
    LINNET_CHECK(id.ok() && *id == base::Hex(honest_.world().canary().id));
  } else {
    LINNET_CHECK(enrolment->certificate_chain_pem == before);
  }
  canary_->Reset(/*who=*/true);
}

void Target::Watch() {
  const auto client = canary_->link().client();
  LINNET_CHECK(client.ok());
  CheckStatus((*client)->Watch([](const v1::WatchResponse&) {}));
  server_->AwaitNone();
  LINNET_CHECK(canary_->Rows() == canary_rows_);
  canary_->Reset();
}

void Target::Download() {
  const auto path = canary_->store().Complete(index_, canary_->link().chunks(), nullptr, nullptr);
  server_->AwaitNone();
  CheckStatus(path.status());
  if (path.ok()) {
    LINNET_CHECK(*canary_->fs().ReadFile(*path, 1 << 20) == CoordinatorWorld::ModelBytes("1"));
  } else {
    LINNET_CHECK(absl::IsNotFound(canary_->store().PathOf(index_.file_sha256).status()));
  }
  canary_->CheckOnlySigned();
  canary_->Reset();
}

// What a device with peers asks: each answer once, at most.
void Target::Spare() {
  peers::ChunkCoordinator& coordinator = canary_->link().coordinator();
  CheckStatus(coordinator.GetPeers(index_.file_sha256).status());
  std::vector<std::string> hashes;
  for (const chunks::Chunk& chunk : index_.chunks) hashes.push_back(chunk.sha256);
  size_t answers = 0;
  CheckStatus(coordinator.FetchSparing(
      hashes,
      [&](std::string_view, std::string_view) {
        ++answers;
        return absl::OkStatus();
      },
      [&](std::string_view, const std::vector<std::string>& addresses) {
        ++answers;
        LINNET_CHECK(addresses.size() <= kMostAddresses);
      }));
  LINNET_CHECK(answers <= hashes.size());
  server_->AwaitNone();
  LINNET_CHECK(canary_->Rows() == canary_rows_);
  canary_->Reset();
}

void Target::Log() {
  const absl::Status shown = informed_->witness().Check(informed_->link(), 1);
  server_->AwaitNone();
  CheckStatus(shown);
  CheckStatus(informed_->witness().MayInstall());
  informed_->CheckOnlySigned();
  informed_->Reset();
}

void Target::CheckIn() {
  const auto answer = canary_->link().CheckIn({});
  server_->AwaitNone();
  CheckStatus(answer.status());
  LINNET_CHECK(!answer.ok() || answer->receipts.size() <= kMostReceipts);
  LINNET_CHECK(!answer.ok() || script_.largest() <= kMostCheckInBytes);
  canary_->Reset();
}

}  // namespace
}  // namespace linnet::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return linnet::testing::RunCall<linnet::testing::Target>(data, size);
}
