#ifndef LINNET_AGENT_FLEET_FLEET_AGENT_H_
#define LINNET_AGENT_FLEET_FLEET_AGENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/peers/peer_options.h"
#include "agent/update/model_host.h"
#include "agent/update/revocations.h"
#include "agent/update/witness.h"
#include "runtime/base/clock.h"
#include "runtime/base/file_system.h"
#include "runtime/base/tpm_key.h"
#include "runtime/base/uptime.h"
#include "storage/repo/state_database.h"

namespace linnet::fleet {

// What a check-in says about the hardware (fleet.proto, CheckInRequest).
struct DeviceFacts {
  uint32_t agent_version = 0;  // major * 1,000,000 + minor * 1,000 + patch
  std::string kernel_set;      // "avx2", "neon_dotprod", ...; unknown names are sent as unspecified
  uint32_t ram_mib = 0;
  uint32_t cores = 0;
};

struct FleetAgentOptions {
  std::string state_dir;   // <state>: state.db is the caller's; identity/, trust/, models/ are made here
  std::string probe_path;  // linnet-probe
  DeviceFacts facts;
  absl::Duration poll = absl::Minutes(15);                // when the coordinator does not say; with jitter
  uint64_t uplink_budget_bytes = 64 << 10;                // a day, plus what an update needs
  uint64_t download_bytes_a_second = 0;                   // of models; 0: as fast as they come
  peers::PeerOptions peering;                             // off, if nothing is said
  base::KeyKeeping keys;                                  // of the identity
  std::function<absl::Duration()> uptime = base::Uptime;  // what the floor under the clock moves by
};

struct FleetStatus {
  bool enrolled = false;
  std::string coordinator;  // "host:port"
  bool coordinator_reachable = false;
  std::string update_state;       // "IDLE", "DOWNLOAD", ...
  std::string last_update_error;  // for people; empty when the last check went well
  uint64_t budget_bytes_a_day = 0;
  absl::Time certificate_expires;
  std::string key_sha256;  // of its SubjectPublicKeyInfo, 32 bytes; empty when not enrolled
};

// A device as a member of a fleet: its identity, its one connection to the coordinator (mutual TLS), and the
// thread that drives updates. Everything that it sends is in the uplink journal first. Thread-safe.
//
// Answers never wait for it: with no coordinator, no enrolment and no network it only keeps trying.
class FleetAgent {
 public:
  // `state`, `fs`, `clock` and `host` outlive it. Makes the device's identity row and key folder (0700). An
  // error that base::Tpm::FailedAt knows: the TPM that has the device's key, or shall have it, does not work;
  // nothing was changed.
  static absl::StatusOr<std::unique_ptr<FleetAgent>> Create(FleetAgentOptions options,
                                                            repo::StateDatabase& state, base::FileSystem& fs,
                                                            const base::Clock& clock,
                                                            update::ModelHost& host);
  virtual ~FleetAgent() = default;  // Stop

  // Starts the update thread, which first loads the active model into the host (a trial's start is counted
  // before; a trial without starts left is rolled back) and ends an update that the last stop interrupted.
  virtual void Start() = 0;
  // Ends the thread and all calls under way; saved states make it safe at any time. Within 2 s.
  virtual void Stop() = 0;
  // Blocks until the active model is loaded or known to be unloadable, or `timeout` passed (false).
  virtual bool WaitUntilModelLoaded(absl::Duration timeout) = 0;

  // Joins a fleet by the token's text. InvalidArgument: not a token; Unauthenticated: token unknown, expired,
  // spent, or the coordinator is not the one that the token names; AlreadyExists: token bound to another key,
  // or this device is a member already; Unavailable: cannot reach it. A retry with the same token is safe.
  virtual absl::Status Enroll(std::string_view token) = 0;
  // Looks for updates now. FailedPrecondition: not enrolled.
  virtual absl::Status CheckNow() = 0;
  // Runs a file on this machine through an update's checks, up to its activation; blocks. `target_name`
  // empty: found by hash. Returns the signed target's name. PermissionDenied: no trusted key vouches for it,
  // or it differs from what they signed; FailedPrecondition: not enrolled, an update is under way, older
  // release; Aborted: the self-check failed. On a revoked device: PermissionDenied, for this and for bundles.
  virtual absl::StatusOr<std::string> OfferModel(const std::string& path, std::string_view target_name) = 0;

  // Installs from the folder that linnet site bundle wrote, by the checks that a coordinator's plan gets, up
  // to the activation; blocks. No coordinator and no enrolment is needed: `root_sha256` (32 bytes) says which
  // site to trust when this device trusts none yet. Returns the model's target. Until the bundle has passed
  // every check nothing changes: PermissionDenied or Unauthenticated (another site, bad signatures),
  // FailedPrecondition (older than what is trusted, expired, older release, an update is under way), DataLoss
  // (damaged), NotFound (a file is missing). Aborted: the self-check failed.
  virtual absl::StatusOr<std::string> InstallBundle(const std::string& dir, std::string_view root_sha256) = 0;

  virtual FleetStatus status() = 0;
  // What this device knows of the coordinator's log, and what it holds against it.
  virtual absl::StatusOr<update::Witness::State> log() = 0;
  // The owner has looked into it: all of that is forgotten, and plans are followed again.
  virtual absl::Status ForgetLog() = 0;
  // Which devices of the fleet are revoked, as the site signed it and this device learned it last: for
  // whoever accepts another device here. Lives as long as the agent; thread-safe.
  virtual const update::Revocations& revocations() const = 0;
};

}  // namespace linnet::fleet

#endif  // LINNET_AGENT_FLEET_FLEET_AGENT_H_
