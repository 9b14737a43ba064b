#ifndef LINNET_AGENT_FLEET_MEMBERSHIP_H_
#define LINNET_AGENT_FLEET_MEMBERSHIP_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/fleet/identity_keys.h"
#include "agent/update/link.h"
#include "runtime/base/clock.h"
#include "runtime/base/file_system.h"
#include "runtime/base/mutex.h"
#include "storage/repo/device.h"
#include "storage/repo/state_database.h"

namespace linnet::fleet {

// Who this device is to its fleet: the row in state.db, and the private keys in <state>/identity (never sent,
// never logged). Thread-safe.
class Membership {
 public:
  // Errors: also those of a TPM that has the key, or shall have the next (base::Tpm::FailedAt).
  static absl::StatusOr<std::unique_ptr<Membership>> Open(base::FileSystem& fs, std::string identity_dir,
                                                          const base::KeyKeeping& keys,
                                                          repo::StateDatabase& state,
                                                          const base::Clock& clock);

  const std::string& device_id() const { return device_id_; }
  absl::Time Now() const;  // max(clock, last believed)

  // Copies; nullopt or FailedPrecondition when not enrolled.
  std::optional<repo::Enrolment> enrolment() const;
  absl::StatusOr<update::Credentials> credentials() const;

  // The key that an enrolment under way is for: made at the first call, the same until Joined, so that a
  // retry with the same token is the same device.
  absl::StatusOr<base::PrivateKey> EnrollingKey();
  // Everything in one transaction; the key's file first. `now`: what signed evidence says.
  absl::Status Joined(repo::Enrolment enrolment, std::string_view device_name, absl::Time evidence);

  // A key for the next certificate: kept until Renewed, for the same reason.
  absl::StatusOr<base::PrivateKey> PendingKey();
  // `evidence`: the beginning of the new certificate; `horizon`: how far it counts (update::OfflineHorizon).
  absl::Status Renewed(const std::string& certificate_chain_pem, absl::Time evidence, absl::Time horizon);

 private:
  Membership(base::FileSystem& fs, std::string dir, const base::KeyKeeping& keys, repo::StateDatabase& state,
             const base::Clock& clock)
      : keys_(fs, std::move(dir), keys), state_(state), clock_(clock) {}
  absl::Status Load();

  IdentityKeys keys_;
  repo::StateDatabase& state_;
  const base::Clock& clock_;
  std::string device_id_;
  mutable base::Mutex mutex_;
  std::optional<repo::Enrolment> enrolment_ ABSL_GUARDED_BY(mutex_);
  std::optional<update::Credentials> credentials_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace linnet::fleet

#endif  // LINNET_AGENT_FLEET_MEMBERSHIP_H_
