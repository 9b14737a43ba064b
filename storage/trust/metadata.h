#ifndef LINNET_STORAGE_TRUST_METADATA_H_
#define LINNET_STORAGE_TRUST_METADATA_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/base/keys.h"
#include "storage/trust/canonical_json.h"
#include "storage/trust/updater.h"

// The documents of TUF 1.0 (specification §4), parsed and checked for form, not for truth. All errors are
// DataLoss and name the field. Fields that we do not know are ignored, and are inside the signed bytes.
namespace linnet::trust {

inline constexpr std::string_view kRoot = "root";
inline constexpr std::string_view kTimestamp = "timestamp";
inline constexpr std::string_view kSnapshot = "snapshot";
inline constexpr std::string_view kTargets = "targets";
inline constexpr std::string_view kPlans = "plans";

// Upper bounds of what is fetched (specification §5.3.3, 5.4.1, 5.5.1, 5.6.1), as python-tuf has them. A
// signed length lowers them and never raises them: it may come from a stolen online key.
inline constexpr uint64_t kMaxRootBytes = 512'000;
inline constexpr uint64_t kMaxTimestampBytes = 16'384;
inline constexpr uint64_t kMaxSnapshotBytes = 2'000'000;
inline constexpr uint64_t kMaxTargetsBytes = 5'000'000;
inline constexpr int kMaxRootRotations = 256;
inline constexpr int kMaxDelegations = 32;
uint64_t MaxBytesOf(std::string_view role);

struct Signature {
  std::string keyid;
  std::string bytes;  // what the hex says; empty when it is not hex
};

// A document before its content is believed.
struct Envelope {
  Json signed_part;
  std::string canonical;  // of signed_part: what signatures cover
  std::vector<Signature> signatures;
  static absl::StatusOr<Envelope> Parse(std::string_view bytes);
};

struct Key {
  // nullopt: of a type or scheme that we do not know, or malformed; such a key signs nothing.
  std::optional<base::PublicKey> key;
  std::string identity;  // equal for equal keys under different ids; empty with nullopt
};
using Keys = std::map<std::string, Key, std::less<>>;  // by keyid

struct RoleKeys {
  std::vector<std::string> keyids;  // none twice
  uint64_t threshold = 1;           // at least 1
};

struct Common {
  uint64_t version = 0;  // at least 1
  absl::Time expires;
};

struct Root : Common {
  bool consistent_snapshot = true;
  Keys keys;
  std::map<std::string, RoleKeys, std::less<>> roles;  // the four top-level roles, at least
};

using Hashes = std::map<std::string, std::string, std::less<>>;  // algorithm -> lower-case hex

struct MetaFile {
  uint64_t version = 0;  // at least 1
  std::optional<uint64_t> length;
  Hashes hashes;  // may be empty
};

// Ours, in a timestamp: other clients ignore it, as they do every field that they do not know.
inline constexpr std::string_view kCreatedField = "x-linnet-created";

struct Timestamp : Common {
  MetaFile snapshot;
  std::optional<absl::Time> created;  // when it was signed, as its signer says; absent or malformed: nullopt
};

struct Snapshot : Common {
  std::map<std::string, MetaFile, std::less<>> meta;  // by "<role>.json"
};

struct TargetFile {
  uint64_t length = 0;
  Hashes hashes;            // at least one
  std::string custom_json;  // canonical; "{}" when absent
};

struct Delegation {
  std::string name;
  RoleKeys keys;
  bool terminating = false;
  std::vector<std::string> paths;          // or
  std::vector<std::string> hash_prefixes;  // of SHA-256(path), hex
  bool Covers(std::string_view path) const;
};

// TAP 15: 2^bit_length bins named "<prefix>-<hex>", all with the same keys.
struct SuccinctRoles {
  RoleKeys keys;
  uint32_t bit_length = 1;  // 1 to 32
  std::string name_prefix;
  std::string BinOf(std::string_view path) const;
  bool IsBin(std::string_view role) const;
};

struct Targets : Common {
  std::map<std::string, TargetFile, std::less<>> targets;
  Keys keys;
  std::vector<Delegation> delegations;  // in order of search
  std::optional<SuccinctRoles> succinct;
  // Keys for a role that this one delegates to; null when it does not.
  const RoleKeys* KeysOf(std::string_view role) const;
};

absl::StatusOr<Root> ParseRoot(const Envelope& envelope);
absl::StatusOr<Timestamp> ParseTimestamp(const Envelope& envelope);
absl::StatusOr<Snapshot> ParseSnapshot(const Envelope& envelope);
absl::StatusOr<Targets> ParseTargets(const Envelope& envelope);

// The keys that a root lists for a role and that we can use, in its order.
std::vector<base::PublicKey> KeysOfRole(const Root& root, std::string_view role);

// Does `path` match the glob `pattern`? "*" and "?" (and "[abc]", "[!a-z]") stay within one path segment;
// case matters.
bool PathMatches(std::string_view pattern, std::string_view path);

// The ids of the different keys among `role.keyids` that signed. Each key counts once, under however many ids
// it is listed; a signature that does not verify is as good as none.
std::vector<std::string> SignersOf(const Envelope& envelope, const RoleKeys& role, const Keys& keys);

// OK when at least `role.threshold` of them did. Unauthenticated says how many of how many.
absl::Status VerifySignatures(const Envelope& envelope, std::string_view role_name, const RoleKeys& role,
                              const Keys& keys);

// FailedPrecondition when length or any hash differs, or a hash is of a kind that we do not know.
absl::Status VerifyBytes(std::string_view what, std::string_view bytes, std::optional<uint64_t> length,
                         const Hashes& hashes);

// DataLoss when none of the hashes is of a kind that we know, or one is malformed.
absl::StatusOr<TargetInfo> MakeTargetInfo(std::string_view path, std::string_view role,
                                          const TargetFile& file);

}  // namespace linnet::trust

#endif  // LINNET_STORAGE_TRUST_METADATA_H_
