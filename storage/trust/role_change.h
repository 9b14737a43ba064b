#ifndef LINNET_STORAGE_TRUST_ROLE_CHANGE_H_
#define LINNET_STORAGE_TRUST_ROLE_CHANGE_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/keys.h"
#include "storage/trust/canonical_json.h"
#include "storage/trust/metadata.h"
#include "storage/trust/offline_set.h"

// New versions of roles on their way to their thresholds: whose signatures they need, whose they have, what
// they change. Pure: no keys, no files.
namespace linnet::trust {

// Signatures that one role needs, by one list of keys.
struct SignatureNeed {
  std::string role;
  bool before = false;  // a root also needs those whom the root before it names
  RoleKeys list;
  Keys keys;
};

// In the order of trust. DataLoss or FailedPrecondition, naming the role, when `change` is no step from
// `base`: malformed, not the next version of its role, or a role that nobody delegates to.
absl::StatusOr<std::vector<SignatureNeed>> NeedsOf(const OfflineSet& base,
                                                   const OfflineSet::Metadata& change);

// What `change` does to `base`, a line each, for the person who signs it: versions, expiry, keys, thresholds,
// targets. `change` must have passed NeedsOf.
std::vector<std::string> Describe(const OfflineSet& base, const OfflineSet::Metadata& change);

// The same document with one more signature. Errors: those of PrivateKey::Sign.
absl::StatusOr<std::string> WithSignature(std::string_view bytes, const base::PrivateKey& key);

// In a root, or in a targets document that delegates to `role`: `with` takes the place of key `keyid`. Keys
// that no role lists any more go.
void ReplaceKey(Json& signed_part, std::string_view role, std::string_view keyid,
                const base::PublicKey& with);

// The signed part of bytes that have been parsed before.
Json SignedPart(std::string_view bytes);

// Takes a target and its chunk index out of a role. What went is kept in the signed document (a field that
// clients ignore): its release counter and its name are not given to other bytes.
void Withdraw(Json& signed_part, std::string_view path);
struct Withdrawn {
  std::string sha256_hex;  // empty: this path was never withdrawn
  uint64_t release_counter = 0;
};
Withdrawn WithdrawnAs(const Json& signed_part, std::string_view path);
uint64_t LargestWithdrawnCounter(const Json& signed_part);

}  // namespace linnet::trust

#endif  // LINNET_STORAGE_TRUST_ROLE_CHANGE_H_
