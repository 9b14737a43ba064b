#ifndef LINNET_STORAGE_TRUST_TRUSTED_SET_H_
#define LINNET_STORAGE_TRUST_TRUSTED_SET_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/trust/metadata.h"

namespace linnet::trust {

// What may be believed: the rules of the TUF 1.0 client workflow (specification §5.3 to 5.6), and no input or
// output. Invariants:
//  1. What is in the set is signed by the keys that its delegator names, now.
//  2. A call that fails changes nothing.
//  3. All expiry checks are against one time, given at the start.
// Steps go in order: root, timestamp, snapshot, targets, delegated roles; one that comes too early is
// FailedPrecondition. Errors as in updater.h. Not thread-safe.
class TrustedSet {
 public:
  // From a root that is already trusted, or comes with the device: it must have signed itself.
  static absl::StatusOr<TrustedSet> Create(std::string_view root, absl::Time start);

  struct RootChange {
    bool online_keys_rotated = false;  // of timestamp or snapshot: their stored metadata must go (§5.3.11)
  };
  // The next version of the root, signed by the old and by the new keys. An expired one is taken: it may be a
  // step on the way.
  absl::StatusOr<RootChange> UpdateRoot(std::string_view bytes);
  // After the last root: it must not be expired.
  absl::Status CheckRoot() const;

  // What was trusted before, for comparison, from our own store: signatures must hold, expiry does not
  // matter.
  absl::Status LoadTimestamp(std::string_view bytes);
  // False: its version is that of the trusted one, which stays; its content is not looked at.
  absl::StatusOr<bool> UpdateTimestamp(std::string_view bytes);

  // As LoadTimestamp. True: it is what the timestamp names and not expired, so there is nothing to fetch.
  absl::StatusOr<bool> LoadSnapshot(std::string_view bytes);
  absl::Status UpdateSnapshot(std::string_view bytes);

  // `delegator`: "root" for the top-level targets, else a role in the set that delegates to `role`.
  absl::Status UpdateTargets(std::string_view role, std::string_view delegator, std::string_view bytes);
  // Is `role` in the set, and signed by the keys that `delegator` names? It may have come by another way.
  absl::Status CheckDelegation(std::string_view role, std::string_view delegator) const;

  const Root& root() const { return root_; }
  const std::optional<Timestamp>& timestamp() const { return timestamp_; }
  // Final only: one that the timestamp names.
  const Snapshot* snapshot() const { return snapshot_is_final_ ? &*snapshot_ : nullptr; }
  const Targets* targets(std::string_view role) const;
  // What the snapshot says about a targets role. FailedPrecondition: nothing.
  absl::StatusOr<MetaFile> MetaOf(std::string_view role) const;
  uint64_t version(std::string_view role) const;  // 0: not in the set

 private:
  struct TargetsEntry {
    Envelope envelope;  // kept to be checked against other delegators
    Targets targets;
  };
  explicit TrustedSet(absl::Time start) : start_(start) {}

  absl::Status CheckExpiry(std::string_view role, absl::Time expires) const;
  absl::Status CheckTimestamp() const;
  absl::Status CheckSnapshotContent(const Snapshot& snapshot) const;
  absl::Status VerifyByRoot(const Envelope& envelope, std::string_view role) const;
  absl::Status VerifyByDelegator(const Envelope& envelope, std::string_view role,
                                 std::string_view delegator) const;

  absl::Time start_;
  Root root_;
  std::optional<Timestamp> timestamp_;
  std::optional<Snapshot> snapshot_;
  bool snapshot_is_final_ = false;
  std::map<std::string, TargetsEntry, std::less<>> targets_;
};

}  // namespace linnet::trust

#endif  // LINNET_STORAGE_TRUST_TRUSTED_SET_H_
