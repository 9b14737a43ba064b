#ifndef LINNET_TESTS_FUZZ_AGENT_WORLD_H_
#define LINNET_TESTS_FUZZ_AGENT_WORLD_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "agent/device/model_slot.h"
#include "agent/owner/owner.h"
#include "tests/fuzz/database_rows.h"
#include "tests/fuzz/in_process_server.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace grpc {
class Service;
}

namespace linnet::testing {

// Who calls an agent. Seeds have these numbers: new ones come last.
enum AgentCaller : size_t {
  kNobody,
  kHasAll,  // certificate
  kMayAsk,  // bearer tokens
  kMayIngest,
  kMayMeasure,  // certificates
  kMayRead,
  kMayManage,
  kLocalUser,     // on the Unix socket
  kExpiredToken,  // of all scopes, as those below
  kExpiredPem,
  kRevokedToken,
  kRevokedPem,
  kUnknownToken,
  kOfAnotherOwner,  // certificate of another device's grant
  kMember,          // certificates that say what those of other domains say
  kOperator,
  kMemberWithToken,  // and shows the token of kHasAll beside it
  kAgentCallers
};

// A device, all of it but the listening: its owner's grants, some stock, rooms and readings, a model of
// random weights, and no fleet. Ids, keys and tokens are new in each process.
class AgentWorld {
 public:
  // Before every date on which this runs, so that no deadline of a call has passed already.
  static absl::Time Now() { return absl::FromUnixSeconds(1704067200); }  // 2024-01-01
  static constexpr char kChannel[] = "press.vibration.y";

  AgentWorld();
  ~AgentWorld();

  // Of the agent as it runs now: until Reset.
  grpc::Service& tls_service();
  grpc::Service& local_service();
  // All rows of both databases and all files, as a hash and names: what a refused call leaves alone.
  std::string Rows();
  // All as it was at first.
  void Reset();

  const std::vector<Caller>& callers() const { return callers_; }  // by AgentCaller
  static owner::Scopes ScopesOf(size_t caller);
  const std::string& grant_id() const { return grant_id_; }  // of kMayAsk

 private:
  struct Running;
  void Open();
  void Begin();
  void Give();

  TempDir dir_{/*in_memory=*/true};
  FakeClock clock_{Now()};
  std::unique_ptr<device::ModelSlot> models_;
  std::unique_ptr<Running> running_;
  std::unique_ptr<DatabaseRows> user_rows_, state_rows_;
  std::vector<Caller> callers_{kAgentCallers};
  std::string grant_id_;
};

}  // namespace linnet::testing

#endif  // LINNET_TESTS_FUZZ_AGENT_WORLD_H_
