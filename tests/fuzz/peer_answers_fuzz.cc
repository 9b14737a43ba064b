// Any answers of other devices of the fleet, and of a coordinator that names them: the device's own peer
// client and source of chunks, over TLS. Whatever is answered: a model is complete with the signed bytes or
// not at all, nothing is asked without end, and what is heard of the coordinator's log is believed where the
// coordinator's key has signed it.
//
// method: the scene, a download from peers and coordinator or one call to a peer. flags & 1: after the script
// nobody answers any more (else honestly). flags & 2: the connection to the peer is new, so that heads are
// exchanged.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/fleet/enroll.h"
#include "agent/peers/peer_pool.h"
#include "agent/peers/peer_source.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"
#include "tests/fuzz/answer_script.h"
#include "tests/fuzz/device_world.h"
#include "tests/fuzz/fleet_answers.h"
#include "tests/fuzz/service_target.h"

namespace linnet::testing {
namespace {

// A download of three chunks; each step brings one, rules a peer out or ends it.
constexpr size_t kMostCalls = 100;

class Target {
 public:
  Target();
  void Run(const FuzzedCall& call);

 private:
  void Download();
  void Ask();

  TempDir dir_{/*in_memory=*/true};
  HonestCoordinator honest_;
  AnswerScript script_{honest_};
  std::unique_ptr<ScriptedServer> coordinator_, peer_;
  std::unique_ptr<DeviceWorld> device_;
  peers::PeerOptions options_;
  std::unique_ptr<peers::PeerPool> pool_;
  std::string address_, rows_;
  chunks::ChunkIndex index_;
};

Target::Target() {
  base::SetLogSeverity(base::Severity::kError);
  const auto serve = [this](const std::string& address, const net::TlsIdentity& identity) {
    auto credentials = net::ServerCredentials(identity, [](const auto&) { return absl::OkStatus(); }, false);
    LINNET_CHECK(credentials.ok());
    return std::make_unique<ScriptedServer>(address, *credentials,
                                            [this](const std::string& method, const std::string& request) {
                                              return script_.Next(method, request);
                                            });
  };
  const std::string coordinator = absl::StrCat("unix:", dir_ / "coordinator");
  coordinator_ = serve(coordinator, honest_.world().site_files().server);
  peer_ = serve("127.0.0.1:0", honest_.world().member().Identity());
  address_ = absl::StrCat("127.0.0.1:", peer_->port());
  honest_.SetPeer(address_);
  device_ = std::make_unique<DeviceWorld>(DeviceWorld::Kind::kCanary, honest_, coordinator);
  rows_ = device_->RowsBesideChunksAndLog();

  const std::string file = dir_ / "model";
  LINNET_CHECK(device_->fs().WriteFileAtomic(file, CoordinatorWorld::ModelBytes("1"), 0600).ok());
  index_ = *chunks::ChunkIndex::OfFile(device_->fs(), file, 4096);
  options_.listen = "on";
  options_.patience = absl::ZeroDuration();
  pool_ = std::make_unique<peers::PeerPool>(peers::PeerPool::Parts{
      .now = [this] { return device_->membership().Now(); },
      .is_refused = {},
      .admit = [this](const auto& message) { return device_->gate().Admit(message, true); },
      .connect = options_.connect,
      .batch = options_.batch,
      .heads = {.newest = [this] { return device_->witness().Newest(); },
                .heard = [this](const audit::LogHead& head) { device_->witness().Heard(head); }}});
  const auto credentials = device_->membership().credentials();
  LINNET_CHECK(credentials.ok());
  pool_->SetIdentity({fleet::IdentityOf(*credentials), credentials->fleet_root, credentials->device_id});
}

void Target::Run(const FuzzedCall& call) {
  script_.Begin(call.messages, (call.flags & 1) == 0);
  if ((call.flags & 2) != 0) pool_->Drop(address_);
  if (call.method % 2 == 0) {
    Download();
  } else {
    Ask();
  }
  coordinator_->AwaitNone();
  peer_->AwaitNone();
  LINNET_CHECK(script_.calls() <= kMostCalls);
  LINNET_CHECK(device_->RowsBesideChunksAndLog() == rows_);
  device_->CheckOnlySigned();
  device_->Reset();
}

void Target::Download() {
  peers::PeerSource source(options_, *pool_, device_->link().coordinator(), /*seed=*/1);
  source.SetFile(index_.file_sha256);
  const auto path = device_->store().Complete(index_, source, nullptr, nullptr);
  CheckStatus(path.status());
  if (path.ok()) {
    LINNET_CHECK(*device_->fs().ReadFile(*path, 1 << 20) == CoordinatorWorld::ModelBytes("1"));
  } else {
    LINNET_CHECK(absl::IsNotFound(device_->store().PathOf(index_.file_sha256).status()));
  }
}

void Target::Ask() {
  std::vector<std::string> hashes;
  for (const chunks::Chunk& chunk : index_.chunks) hashes.push_back(chunk.sha256);
  size_t answers = 0;
  CheckStatus(pool_->GetChunks(address_, hashes, [&](std::string_view, std::string_view) {
    ++answers;
    return absl::OkStatus();
  }));
  LINNET_CHECK(answers <= hashes.size());
}

}  // namespace
}  // namespace linnet::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return linnet::testing::RunCall<linnet::testing::Target>(data, size);
}
