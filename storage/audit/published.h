#ifndef LINNET_STORAGE_AUDIT_PUBLISHED_H_
#define LINNET_STORAGE_AUDIT_PUBLISHED_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/keys.h"
#include "storage/audit/merkle.h"

// What the log of published metadata holds, and how its state at one size is signed. Pure.
namespace linnet::audit {

// One signed metadata file that a coordinator published.
struct PublishedFile {
  std::string role;  // "timestamp", "models/starter"
  uint64_t version = 0;
  std::string sha256;  // of its bytes, 32
};

// The leaf of that file: LeafHash("linnet-published-1" || version (8 bytes, big-endian) || sha256 || role).
// Whoever accepted the file can compute it.
std::string LeafHashOf(const PublishedFile& file);

// "The log has `size` entries and this root hash", signed with the key of the site's timestamp role. It has
// no time of its own: the timestamp.json that is shown to be in it has an expiry.
struct LogHead {
  uint64_t size = 0;      // 1 to kMostEntries
  std::string root;       // 32 bytes
  std::string signature;  // 64 bytes, Ed25519

  bool SameLog(const LogHead& other) const { return size == other.size && root == other.root; }
  std::string ToString() const;  // "17:9f86d0…", size and 64 hex digits
};
inline constexpr uint64_t kMostEntries = uint64_t{1} << 62;
inline constexpr size_t kHeadSignatureBytes = 64;

// `key`: Ed25519, else InvalidArgument.
absl::StatusOr<LogHead> SignHead(const MerkleTree& tree, const base::PrivateKey& key);
// InvalidArgument: no head at all (lengths, size). Unauthenticated: not signed by `key`, or that is no
// Ed25519 key.
absl::Status VerifyHead(const LogHead& head, const base::PublicKey& key);

// Do both belong to one list that only grew? `proof`: for the smaller to the larger. DataLoss says why not.
absl::Status VerifyOneLog(const LogHead& a, const LogHead& b, const Proof& proof);

}  // namespace linnet::audit

#endif  // LINNET_STORAGE_AUDIT_PUBLISHED_H_
