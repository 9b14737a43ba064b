#ifndef LINNET_STORAGE_TRUST_SIGNING_H_
#define LINNET_STORAGE_TRUST_SIGNING_H_

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "runtime/base/keys.h"
#include "storage/trust/canonical_json.h"
#include "storage/trust/metadata.h"

// Writing TUF metadata. What is written here, trusted_set.h believes. Ed25519, ECDSA P-256 and RSA keys.
namespace linnet::trust {

// The public key as metadata lists it, and its id: SHA-256 of the canonical form of that.
Json KeyJson(const base::PublicKey& key);
std::string KeyId(const base::PublicKey& key);

// {"signatures": [...], "signed": ...}: one line. `keys` sign in this order, and lie in memory: hardware may
// fail (WithSignature of role_change.h).
std::string SignMetadata(const Json& signed_part, std::span<const base::PrivateKey> keys);

struct RoleSigners {
  std::vector<base::PublicKey> keys;
  uint64_t threshold = 1;
};

// The signed parts. Times are cut to seconds. `created`: when it is signed, which TUF itself does not say.
Json RootJson(uint64_t version, absl::Time expires, const std::map<std::string, RoleSigners>& roles,
              bool consistent_snapshot = true);
Json TimestampJson(uint64_t version, absl::Time expires, uint64_t snapshot_version,
                   std::string_view snapshot_bytes, std::optional<absl::Time> created = std::nullopt);
// `meta`: by "<role>.json".
Json SnapshotJson(uint64_t version, absl::Time expires, const std::map<std::string, MetaFile>& meta);
// An empty targets document without delegations.
Json TargetsJson(uint64_t version, absl::Time expires);

// What a snapshot or timestamp says about these bytes: version, length and SHA-256.
MetaFile MetaFileOf(uint64_t version, std::string_view bytes);
Json MetaFileJson(const MetaFile& file);

// Changes to the signed part of a targets document, which must be one.
void SetVersion(Json& signed_part, uint64_t version, absl::Time expires);
void AddTarget(Json& signed_part, std::string_view path, uint64_t length, std::string_view sha256,
               Json custom);
void RemoveTarget(Json& signed_part, std::string_view path);
void AddDelegation(Json& signed_part, std::string_view role, const RoleSigners& signers,
                   const std::vector<std::string>& paths, bool terminating);

}  // namespace linnet::trust

#endif  // LINNET_STORAGE_TRUST_SIGNING_H_
