#ifndef LINNET_TESTS_SUPPORT_LYING_REPOSITORY_H_
#define LINNET_TESTS_SUPPORT_LYING_REPOSITORY_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "runtime/base/keys.h"
#include "storage/trust/canonical_json.h"
#include "storage/trust/metadata.h"
#include "storage/trust/signing.h"
#include "storage/trust/updater.h"

namespace linnet::testing {

// A TUF repository in memory that a test can make say anything: it signs what it is told to, with whichever
// keys, and serves whichever bytes. Members are public on purpose; nothing is checked. Honest as constructed:
// version 1 of root, targets, snapshot and timestamp, one Ed25519 key each.
class LyingRepository final : public trust::MetadataFetcher {
 public:
  struct Role {
    std::vector<base::PrivateKey> signers;  // who sign
    trust::RoleSigners listed;              // whom the delegator lists
    uint64_t version = 0;
    absl::Time expires;
  };

  explicit LyingRepository(absl::Time now);

  // A new key for a role: it replaces all others, in the list and as signer. Publish the delegator
  // afterwards.
  const base::PrivateKey& Rotate(const std::string& role);
  const base::PrivateKey& AddKey(const std::string& role);

  // Each makes the next version from the members below. A root is signed by the last root's signers too.
  void PublishRoot();
  void PublishTargets(const std::string& role = "targets");
  void PublishSnapshot();
  void PublishTimestamp();
  // targets, snapshot, timestamp.
  void PublishAll();

  // Delegates from `from` (a targets role) and publishes nothing.
  void Delegate(const std::string& from, const std::string& to, const std::vector<std::string>& paths,
                bool terminating = false);
  void AddTarget(const std::string& role, const std::string& path, std::string_view content);

  // The bytes served for a version; 0 is the timestamp (and everything, without consistent snapshots).
  std::string& File(const std::string& role, uint64_t version) { return files[{role, version}]; }

  absl::StatusOr<std::string> Fetch(std::string_view role, uint64_t version, uint64_t max_bytes) override;

  absl::Time now;
  absl::Duration lifetime = absl::Hours(24);
  bool consistent_snapshot = true;
  bool list_hashes = false;  // lengths and hashes in snapshot and timestamp
  std::map<std::string, Role> roles;
  std::map<std::string, trust::Json> targets_json;       // signed parts, by role
  std::map<std::string, trust::MetaFile> snapshot_meta;  // by "<role>.json"
  std::map<std::pair<std::string, uint64_t>, std::string> files;
  std::map<std::string, absl::Status> failures;  // by role: what Fetch answers instead
  std::vector<std::string> requests;             // "2.root", "timestamp", ...

 private:
  std::string Sign(const std::string& role, const trust::Json& json) const;
  std::vector<base::PrivateKey> last_root_signers_;
};

}  // namespace linnet::testing

#endif  // LINNET_TESTS_SUPPORT_LYING_REPOSITORY_H_
