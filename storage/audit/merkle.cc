#include "storage/audit/merkle.h"

#include <algorithm>
#include <bit>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"

namespace linnet::audit {
namespace {

// The largest power of two below n. n > 1.
uint64_t SplitOf(uint64_t n) { return std::bit_floor(n - 1); }

absl::Status NotShown(std::string_view what) {
  return absl::DataLossError(absl::StrCat("the proof does not show ", std::string(what)));
}

bool WellFormed(const Proof& proof) {
  return proof.size() <= kMostProofHashes &&
         std::all_of(proof.begin(), proof.end(), [](const auto& hash) { return hash.size() == kHashBytes; });
}

}  // namespace

std::string LeafHash(std::string_view entry) {
  return std::string(base::AsView(base::Sha256(std::string(1, '\0').append(entry))));
}

std::string NodeHash(std::string_view left, std::string_view right) {
  return std::string(base::AsView(base::Sha256(std::string(1, '\1').append(left).append(right))));
}

uint64_t MerkleTree::size() const { return levels_[0].size() / kHashBytes; }

std::string_view MerkleTree::At(size_t level, uint64_t index) const {
  return std::string_view(levels_[level]).substr(index * kHashBytes, kHashBytes);
}

void MerkleTree::Append(std::string_view leaf_hash) {
  LINNET_CHECK(leaf_hash.size() == kHashBytes);
  levels_[0] += leaf_hash;
  uint64_t count = size();
  for (size_t level = 0; count % 2 == 0; ++level, count /= 2) {
    if (levels_.size() == level + 1) levels_.emplace_back();
    levels_[level + 1] += NodeHash(At(level, count - 2), At(level, count - 1));
  }
}

// Of entries [begin, end), where `begin` is a multiple of the next power of two at or above their number.
std::string MerkleTree::Range(uint64_t begin, uint64_t end) const {
  const uint64_t n = end - begin;
  if (n == 0) return std::string(base::AsView(base::Sha256("")));
  if (std::has_single_bit(n)) return std::string(At(static_cast<size_t>(std::countr_zero(n)), begin / n));
  const uint64_t split = begin + SplitOf(n);
  return NodeHash(Range(begin, split), Range(split, end));
}

std::string MerkleTree::RootAt(uint64_t size) const {
  LINNET_CHECK(size <= this->size());
  return Range(0, size);
}

// RFC 6962 section 2.1.1, from the root down: what is on the other side of each split.
Proof MerkleTree::Inclusion(uint64_t index, uint64_t size) const {
  LINNET_CHECK(index < size && size <= this->size());
  Proof proof;
  uint64_t begin = 0, end = size;
  while (end - begin > 1) {
    const uint64_t split = begin + SplitOf(end - begin);
    if (index < split) {
      proof.push_back(Range(split, end));
      end = split;
    } else {
      proof.push_back(Range(begin, split));
      begin = split;
    }
  }
  std::reverse(proof.begin(), proof.end());
  return proof;
}

// RFC 6962 section 2.1.2. The subtree that is the whole old tree is known to who has the old root.
Proof MerkleTree::Consistency(uint64_t old_size, uint64_t size) const {
  LINNET_CHECK(old_size > 0 && old_size <= size && size <= this->size());
  Proof proof;
  uint64_t begin = 0, end = size;
  while (end != old_size) {
    const uint64_t split = begin + SplitOf(end - begin);
    if (old_size <= split) {
      proof.push_back(Range(split, end));
      end = split;
    } else {
      proof.push_back(Range(begin, split));
      begin = split;
    }
  }
  if (begin != 0) proof.push_back(Range(begin, end));
  std::reverse(proof.begin(), proof.end());
  return proof;
}

// RFC 9162 section 2.1.3.2.
absl::Status VerifyInclusion(std::string_view leaf_hash, uint64_t index, uint64_t size, std::string_view root,
                             const Proof& proof) {
  const absl::Status no = NotShown(absl::StrCat("that the entry is number ", index, " of ", size));
  if (index >= size || !WellFormed(proof)) return no;
  uint64_t fn = index, sn = size - 1;
  std::string r(leaf_hash);
  for (const std::string& p : proof) {
    if (sn == 0) return no;
    if (fn % 2 == 1 || fn == sn) {
      r = NodeHash(p, r);
      while (fn % 2 == 0 && fn != 0) fn >>= 1, sn >>= 1;
    } else {
      r = NodeHash(r, p);
    }
    fn >>= 1, sn >>= 1;
  }
  return sn == 0 && r == root ? absl::OkStatus() : no;
}

// RFC 9162 section 2.1.4.2.
absl::Status VerifyConsistency(uint64_t old_size, std::string_view old_root, uint64_t size,
                               std::string_view root, const Proof& proof) {
  const absl::Status no = NotShown(absl::StrCat("that the list of ", size, " grew from that of ", old_size));
  if (old_size == 0 || old_size > size || !WellFormed(proof)) return no;
  if (old_size == size) return proof.empty() && old_root == root ? absl::OkStatus() : no;
  Proof path = proof;
  if (std::has_single_bit(old_size)) path.emplace(path.begin(), old_root);
  if (path.empty()) return no;
  uint64_t fn = old_size - 1, sn = size - 1;
  while (fn % 2 == 1) fn >>= 1, sn >>= 1;
  std::string fr = path[0], sr = path[0];
  for (size_t i = 1; i < path.size(); ++i) {
    if (sn == 0) return no;
    if (fn % 2 == 1 || fn == sn) {
      fr = NodeHash(path[i], fr);
      sr = NodeHash(path[i], sr);
      while (fn % 2 == 0 && fn != 0) fn >>= 1, sn >>= 1;
    } else {
      sr = NodeHash(sr, path[i]);
    }
    fn >>= 1, sn >>= 1;
  }
  return sn == 0 && fr == old_root && sr == root ? absl::OkStatus() : no;
}

}  // namespace linnet::audit
