// A device as a witness of its coordinator's log (storage/audit/published.h): what it was shown, others must
// have been shown too.
//
//   1 a head counts only under the timestamp key that the site's trusted root names now; any other is nothing
//   2 the newest head that is held moves only along a proof that the log grew
//   3 what the coordinator served as timestamp and snapshot must be in the log, or no plan is looked at
//   4 of two heads that no one log can have had, both are kept, and no plan is followed while that key is the
//     site's. The model that runs goes on, and what the owner offers is the owner's business
//   5 what another device says is a head of the coordinator's or nothing: it can make this device ask, and
//     show it the coordinator's own signature, no more
#ifndef LINNET_AGENT_UPDATE_WITNESS_H_
#define LINNET_AGENT_UPDATE_WITNESS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/update/link.h"
#include "runtime/base/clock.h"
#include "runtime/base/file_system.h"
#include "runtime/base/keys.h"
#include "storage/repo/log_heads.h"
#include "storage/repo/state_database.h"
#include "storage/trust/updater.h"

namespace linnet::update {

// Thread-safe: its state is in state.db.
class Witness {
 public:
  // `state`, `fs` and `clock` outlive it. `trust_dir`: where the trusted metadata lie.
  Witness(repo::StateDatabase& state, base::FileSystem& fs, const std::string& trust_dir,
          const base::Clock& clock)
      : state_(state), clock_(clock), trust_(fs, trust_dir) {}

  // The newest head that the coordinator has proved; nullopt: none under the key that counts now.
  std::optional<audit::LogHead> Newest();
  // What another device of the fleet showed. What is not signed by the site's timestamp key is dropped.
  void Heard(const audit::LogHead& head);
  // Is there a head of another device's that the coordinator has yet to place?
  bool HasUnproved();

  // Asks the coordinator, behind a refresh of the metadata. `log_size`: what it said at the check-in. OK: the
  // metadata that this device holds are in its log, or it is of an older version and never had one.
  // FailedPrecondition, Unauthenticated, DataLoss: it shows no log, or not that; Unavailable and such: ask
  // again. What it shows against itself is kept before this returns.
  absl::Status Check(Link& link, uint64_t log_size);

  // PermissionDenied: there is evidence against the key that counts now; says what to do.
  absl::Status MayInstall();

  struct State {
    std::optional<audit::LogHead> newest;
    std::vector<repo::LogEvidence> evidence;
    std::optional<repo::LogEvidence> holding;  // of those, the first that holds plans back
  };
  absl::StatusOr<State> Show();
  // The owner has looked into it: heads and evidence go, the next check begins anew.
  absl::Status Forget();

 private:
  struct Key {
    std::string raw;  // 32 bytes
    base::PublicKey key;
  };
  struct Held {  // a head, and whose
    std::string key;
    audit::LogHead head;
  };

  absl::StatusOr<std::vector<Key>> Keys() const;
  absl::StatusOr<audit::PublishedFile> Accepted(std::string_view role) const;
  // Which of `keys` signed it; Unauthenticated or InvalidArgument: none.
  static absl::StatusOr<std::string> SignerOf(const audit::LogHead& head, const std::vector<Key>& keys);
  static absl::Status CheckIncluded(const audit::PublishedFile& file, const LogInclusion& shown,
                                    const audit::LogHead& head);
  // Inside Write. The first of each pair is what was there before.
  absl::Status Keep(repo::LogHeads& heads, repo::LogEvidence::Kind kind, const Held& first,
                    const audit::LogHead& second);

  repo::StateDatabase& state_;
  const base::Clock& clock_;
  const trust::TrustStore trust_;
};

}  // namespace linnet::update

#endif  // LINNET_AGENT_UPDATE_WITNESS_H_
