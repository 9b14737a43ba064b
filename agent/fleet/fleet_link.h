#ifndef LINNET_AGENT_FLEET_FLEET_LINK_H_
#define LINNET_AGENT_FLEET_FLEET_LINK_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/fleet/fleet_agent.h"
#include "agent/fleet/fleet_client.h"
#include "agent/fleet/membership.h"
#include "agent/peers/peers.h"
#include "agent/update/link.h"
#include "runtime/base/clock.h"
#include "runtime/base/mutex.h"
#include "storage/chunks/paced_source.h"
#include "storage/trust/wave_filter.h"

namespace linnet::fleet {

// What a plan's filter is asked of: what this device's check-ins say (and what it is built for).
trust::DeviceFacts PlanFacts(const DeviceFacts& facts);

// The update machine's way to the coordinator: gRPC with mutual TLS. The client is made anew when the
// membership changed. Thread-safe.
//
// With peers: only a coordinator that said that it knows of them hears of ours, and is asked about others'.
class FleetLink final : public update::Link,
                        private trust::MetadataFetcher,
                        private chunks::ChunkSource,
                        private peers::ChunkCoordinator {
 public:
  // `download_bytes_a_second` 0: no limit.
  FleetLink(Membership& membership, UplinkGate& gate, DeviceFacts facts, uint64_t download_bytes_a_second,
            const base::Clock& clock);
  // Before the first call. Lives until Shutdown, at least.
  void SetPeers(peers::Peers& peers);
  peers::ChunkCoordinator& coordinator() { return *this; }

  absl::StatusOr<update::Credentials> credentials() override { return membership_.credentials(); }
  absl::StatusOr<update::CheckInAnswer> CheckIn(const update::CheckInFacts& facts) override;
  absl::Status Report(const update::OutcomeReport& report) override;
  absl::StatusOr<update::LogAnswer> ShowLog(const update::LogQuestion& question) override;
  trust::MetadataFetcher& metadata() override { return *this; }
  chunks::ChunkSource& chunks() override {
    return paced_.has_value() ? static_cast<chunks::ChunkSource&>(*paced_) : *this;
  }
  chunks::ChunkSource& ChunksOf(std::string_view file_sha256) override;

  // The current client; FailedPrecondition when not enrolled, Cancelled after Shutdown.
  absl::StatusOr<std::shared_ptr<FleetClient>> client();
  // After enrolment or renewal: connects anew at the next call, ends the calls of the old one.
  void Reset();
  void Shutdown();
  bool reachable();
  bool refused();  // FleetClient::refused

 private:
  absl::StatusOr<std::string> Fetch(std::string_view role, uint64_t version, uint64_t max_bytes) override;
  absl::Status Fetch(
      const std::vector<std::string>& sha256,
      const std::function<absl::Status(std::string_view sha256, std::string_view data)>& on_chunk) override;

  absl::StatusOr<std::vector<peers::PeerHint>> GetPeers(const std::string& file_sha256) override;
  absl::Status FetchSparing(const std::vector<std::string>& sha256, const OnChunk& on_chunk,
                            const OnElsewhere& on_elsewhere) override;
  absl::Status FetchAll(const std::vector<std::string>& sha256, const OnChunk& on_chunk) override;
  // Our port, when there are peers and this coordinator knows of them; else 0.
  uint32_t PeerPort(FleetClient& connection);

  // Cancelled by Shutdown.
  absl::Status Pause(absl::Duration time);

  Membership& membership_;
  UplinkGate& gate_;
  const DeviceFacts facts_;
  const uint64_t download_bytes_a_second_;
  const base::Clock& clock_;
  peers::Peers* peers_ = nullptr;
  std::optional<chunks::PacedSource> paced_, paced_peers_;
  base::Mutex mutex_;
  std::shared_ptr<FleetClient> client_ ABSL_GUARDED_BY(mutex_);
  bool knows_peers_ ABSL_GUARDED_BY(mutex_) = false;  // the coordinator does
  bool down_ ABSL_GUARDED_BY(mutex_) = false;
  base::CondVar went_down_;
};

}  // namespace linnet::fleet

#endif  // LINNET_AGENT_FLEET_FLEET_LINK_H_
