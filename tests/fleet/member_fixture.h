#ifndef LINNET_TESTS_FLEET_MEMBER_FIXTURE_H_
#define LINNET_TESTS_FLEET_MEMBER_FIXTURE_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/fleet/fleet_agent.h"
#include "agent/update/model_host.h"
#include "runtime/base/mutex.h"
#include "storage/repo/state_database.h"
#include "storage/repo/uplink_journal.h"
#include "tests/coordinator/fleet_fixture.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace linnet::fleet {

// Remembers the bytes of what it was told to run.
class MemoryHost final : public update::ModelHost {
 public:
  absl::Status Switch(const std::string& path) override;
  absl::Status SelfCheck() override;
  uint64_t inferences() const override;
  std::string running() const;

 private:
  mutable base::Mutex mutex_;
  std::string running_ ABSL_GUARDED_BY(mutex_);
  uint64_t inferences_ ABSL_GUARDED_BY(mutex_) = 0;
};

// The fleet half of an agent in a folder of its own, with a self-check that says yes.
class Member {
 public:
  explicit Member(const base::Clock& clock, peers::PeerOptions peer_options = {},
                  base::KeyKeeping key_options = {});
  void Restart();  // the process is gone and comes back
  void Kill();

  std::string id() const;
  std::string name() const;
  std::vector<repo::UplinkMessage> uplink() const;
  bool Committed() const;       // runs a model that is on trial no more
  absl::Time believed() const;  // the floor under its clock

  linnet::testing::TempDir dir{true};
  std::unique_ptr<MemoryHost> host;
  std::unique_ptr<repo::StateDatabase> state;
  std::unique_ptr<FleetAgent> agent;
  uint64_t budget = 64 << 10;
  peers::PeerOptions peering;
  base::KeyKeeping keys;
  std::function<absl::Duration()> uptime = base::Uptime;  // from the next Restart on

 private:
  const base::Clock& clock_;
};

// The coordinator's fixture (site, coordinator, operator), and members that are the real thing.
class MemberFixture : public coordinator::FleetFixture {
 protected:
  std::string NewToken(const std::string& name);
  // Enrolled and running.
  std::unique_ptr<Member> NewMember(const std::string& name, peers::PeerOptions peering = {});
  // Moves the fake clock a second at a time until `done`; false after a minute of real time.
  bool RunUntil(const std::function<bool()>& done);
};

}  // namespace linnet::fleet

#endif  // LINNET_TESTS_FLEET_MEMBER_FIXTURE_H_
