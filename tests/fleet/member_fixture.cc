#include "tests/fleet/member_fixture.h"

#include <sys/stat.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "runtime/base/file_system.h"
#include "storage/repo/device.h"
#include "storage/repo/models.h"

namespace linnet::fleet {

absl::Status MemoryHost::Switch(const std::string& path) {
  std::string bytes;
  if (!path.empty()) {
    auto read = base::FileSystem::Real().ReadFile(path, 1 << 24);
    if (!read.ok()) return read.status();
    bytes = *std::move(read);
  }
  base::MutexLock lock(mutex_);
  running_ = std::move(bytes);
  inferences_ = 0;
  return absl::OkStatus();
}

absl::Status MemoryHost::SelfCheck() {
  base::MutexLock lock(mutex_);
  ++inferences_;
  return absl::OkStatus();
}

uint64_t MemoryHost::inferences() const {
  base::MutexLock lock(mutex_);
  return inferences_;
}

std::string MemoryHost::running() const {
  base::MutexLock lock(mutex_);
  return running_;
}

Member::Member(const base::Clock& clock, peers::PeerOptions peer_options, base::KeyKeeping key_options)
    : peering(std::move(peer_options)), keys(std::move(key_options)), clock_(clock) {
  const std::string probe = dir / "probe";
  std::ofstream(probe) << "#!/bin/sh\necho '{\"ok\":true}'\n";
  chmod(probe.c_str(), 0755);
  Restart();
}

void Member::Kill() {
  agent.reset();
  state.reset();
  host.reset();
}

void Member::Restart() {
  Kill();
  auto opened = repo::StateDatabase::Open(dir / "state.db");
  ASSERT_TRUE(opened.ok()) << opened.status();
  state = *std::move(opened);
  host = std::make_unique<MemoryHost>();
  FleetAgentOptions options;
  options.state_dir = dir.path();
  options.probe_path = dir / "probe";
  options.facts = {.agent_version = 1'002'003, .kernel_set = "avx2", .ram_mib = 512, .cores = 4};
  options.uplink_budget_bytes = budget;
  options.peering = peering;
  options.keys = keys;
  options.uptime = uptime;
  auto made = FleetAgent::Create(options, *state, base::FileSystem::Real(), clock_, *host);
  ASSERT_TRUE(made.ok()) << made.status();
  agent = *std::move(made);
  agent->Start();
}

std::string Member::id() const {
  std::string id;
  EXPECT_TRUE(state
                  ->Write([&] {
                    id = repo::Device(state->db()).LoadOrCreate("")->id;
                    return absl::OkStatus();
                  })
                  .ok());
  return id;
}

std::string Member::name() const {
  std::string name;
  EXPECT_TRUE(state
                  ->Write([&] {
                    name = repo::Device(state->db()).LoadOrCreate("")->name;
                    return absl::OkStatus();
                  })
                  .ok());
  return name;
}

std::vector<repo::UplinkMessage> Member::uplink() const {
  std::vector<repo::UplinkMessage> messages;
  EXPECT_TRUE(state
                  ->Read([&] {
                    messages = *repo::UplinkJournal(state->db()).List(0, 10000);
                    return absl::OkStatus();
                  })
                  .ok());
  return messages;
}

bool Member::Committed() const {
  repo::ModelSlots slots;
  EXPECT_TRUE(state
                  ->Read([&] {
                    slots = *repo::Models(state->db()).Slots();
                    return absl::OkStatus();
                  })
                  .ok());
  return !slots.active.empty() && !slots.trial;
}

absl::Time Member::believed() const {
  absl::Time time;
  EXPECT_TRUE(state
                  ->Read([&] {
                    time = *repo::Device(state->db()).BelievedTime();
                    return absl::OkStatus();
                  })
                  .ok());
  return time;
}

std::string MemberFixture::NewToken(const std::string& name) {
  return DeviceWithToken(name)->token->Encode();
}

std::unique_ptr<Member> MemberFixture::NewMember(const std::string& name, peers::PeerOptions peering) {
  auto member = std::make_unique<Member>(clock_, std::move(peering));
  const absl::Status enrolled = member->agent->Enroll(NewToken(name));
  EXPECT_TRUE(enrolled.ok()) << enrolled;
  return member;
}

bool MemberFixture::RunUntil(const std::function<bool()>& done) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    clock_.Advance(absl::Seconds(1));
  }
  return true;
}

}  // namespace linnet::fleet
