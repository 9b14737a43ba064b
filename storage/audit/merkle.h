#ifndef LINNET_STORAGE_AUDIT_MERKLE_H_
#define LINNET_STORAGE_AUDIT_MERKLE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

// The Merkle tree of RFC 6962 section 2 (the same in RFC 9162), SHA-256: a list that only grows has a root
// hash at each size; that an entry is in it, and that it grew from what it was at an earlier size, is shown
// with a few hashes. Pure.
namespace linnet::audit {

inline constexpr size_t kHashBytes = 32;
// A tree of 2^63 entries: no valid proof has more hashes.
inline constexpr size_t kMostProofHashes = 64;

// Hashes are 32 bytes each.
using Proof = std::vector<std::string>;

std::string LeafHash(std::string_view entry);
std::string NodeHash(std::string_view left, std::string_view right);

// The list's side. 64 bytes an entry. Not thread-safe.
class MerkleTree {
 public:
  void Append(std::string_view leaf_hash);
  uint64_t size() const;
  // At that size, which must be at most size(). Of none: the hash of nothing.
  std::string RootAt(uint64_t size) const;
  // That entry `index` (from 0) is in the tree of `size`. index < size <= size().
  Proof Inclusion(uint64_t index, uint64_t size) const;
  // That the tree of `size` grew from that of `old_size`. 0 < old_size <= size <= size(); empty when equal.
  Proof Consistency(uint64_t old_size, uint64_t size) const;

 private:
  std::string_view At(size_t level, uint64_t index) const;
  std::string Range(uint64_t begin, uint64_t end) const;

  // levels_[k] holds, one behind the other, the hashes of all complete subtrees of 2^k entries.
  std::vector<std::string> levels_ = {""};
};

// The other side, which believes nobody. OK, or DataLoss: it does not show that. Takes at most
// kMostProofHashes steps, whatever the arguments are.
absl::Status VerifyInclusion(std::string_view leaf_hash, uint64_t index, uint64_t size, std::string_view root,
                             const Proof& proof);
// `old_size` 0 is refused: everything grew from nothing.
absl::Status VerifyConsistency(uint64_t old_size, std::string_view old_root, uint64_t size,
                               std::string_view root, const Proof& proof);

}  // namespace linnet::audit

#endif  // LINNET_STORAGE_AUDIT_MERKLE_H_
