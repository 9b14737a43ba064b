#include "storage/audit/merkle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "tests/support/status_matchers.h"

namespace linnet::audit {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;

constexpr uint64_t kMost = 40;

std::string Leaf(uint64_t i) { return LeafHash(absl::StrCat("entry ", i)); }

MerkleTree TreeOf(uint64_t size) {
  MerkleTree tree;
  for (uint64_t i = 0; i < size; ++i) tree.Append(Leaf(i));
  return tree;
}

// The definition in RFC 6962 section 2.1, word for word.
std::string ByDefinition(const std::vector<std::string>& entries) {
  if (entries.empty()) return std::string(base::AsView(base::Sha256("")));
  if (entries.size() == 1) return LeafHash(entries[0]);
  size_t k = 1;
  while (k * 2 < entries.size()) k *= 2;
  const auto middle = entries.begin() + static_cast<std::ptrdiff_t>(k);
  return NodeHash(ByDefinition({entries.begin(), middle}), ByDefinition({middle, entries.end()}));
}

// Every way to change a proof in one place.
std::vector<Proof> Changed(const Proof& proof) {
  std::vector<Proof> out;
  for (size_t i = 0; i < proof.size(); ++i) {
    Proof other = proof;
    other[i][7] = static_cast<char>(other[i][7] ^ 1);
    out.push_back(other);
    other = proof;
    other.erase(other.begin() + static_cast<std::ptrdiff_t>(i));
    out.push_back(other);
    other = proof;
    other.insert(other.begin() + static_cast<std::ptrdiff_t>(i), proof[i]);
    out.push_back(other);
    if (i > 0 && proof[i] != proof[i - 1]) {
      other = proof;
      std::swap(other[i], other[i - 1]);
      out.push_back(other);
    }
  }
  Proof longer = proof;
  longer.emplace_back(32, 'x');
  out.push_back(longer);
  longer.back().pop_back();
  out.push_back(longer);
  return out;
}

TEST(MerkleTest, HasTheRootsOfTheReferenceTree) {
  // The entries and roots of the tests of certificate-transparency (MerkleTreeTest), of RFC 6962's authors.
  const std::vector<std::string> hex_entries = {
      "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"};
  const std::vector<std::string> roots = {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                                          "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                                          "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                                          "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                                          "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                                          "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                                          "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                                          "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  MerkleTree tree;
  EXPECT_EQ(base::Hex(tree.RootAt(0)), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  for (size_t i = 0; i < roots.size(); ++i) {
    tree.Append(LeafHash(*base::UnHex(hex_entries[i])));
    EXPECT_EQ(base::Hex(tree.RootAt(i + 1)), roots[i]);
  }
}

TEST(MerkleTest, EveryRootIsThatOfTheDefinition) {
  const MerkleTree tree = TreeOf(kMost);
  std::vector<std::string> entries;
  for (uint64_t size = 0; size <= kMost; ++size) {
    EXPECT_EQ(tree.RootAt(size), ByDefinition(entries)) << size;
    entries.push_back(absl::StrCat("entry ", size));
  }
}

TEST(MerkleTest, EveryEntryIsShownToBeInEveryTreeThatHasIt) {
  const MerkleTree tree = TreeOf(kMost);
  for (uint64_t size = 1; size <= kMost; ++size) {
    for (uint64_t index = 0; index < size; ++index) {
      const Proof proof = tree.Inclusion(index, size);
      EXPECT_THAT(VerifyInclusion(Leaf(index), index, size, tree.RootAt(size), proof), IsOk());
    }
  }
}

TEST(MerkleTest, NothingElseIs) {
  const MerkleTree tree = TreeOf(kMost);
  for (uint64_t size = 1; size <= kMost; ++size) {
    const std::string root = tree.RootAt(size);
    for (uint64_t index = 0; index < size; ++index) {
      const Proof proof = tree.Inclusion(index, size);
      EXPECT_FALSE(VerifyInclusion(Leaf(index + 1), index, size, root, proof).ok());
      EXPECT_FALSE(VerifyInclusion(Leaf(index), index, size, std::string(32, 'r'), proof).ok());
      for (uint64_t other = 0; other < size; ++other) {
        if (other == index) continue;
        EXPECT_FALSE(VerifyInclusion(Leaf(index), other, size, root, proof).ok());
      }
      for (const Proof& changed : Changed(proof)) {
        EXPECT_FALSE(VerifyInclusion(Leaf(index), index, size, root, changed).ok()) << index << " " << size;
      }
    }
    EXPECT_FALSE(VerifyInclusion(Leaf(0), size, size, root, {}).ok());
    EXPECT_FALSE(VerifyInclusion(Leaf(0), UINT64_MAX, size, root, {}).ok());
  }
}

TEST(MerkleTest, EveryGrowthIsShown) {
  const MerkleTree tree = TreeOf(kMost);
  for (uint64_t size = 1; size <= kMost; ++size) {
    for (uint64_t old_size = 1; old_size <= size; ++old_size) {
      const Proof proof = tree.Consistency(old_size, size);
      EXPECT_THAT(VerifyConsistency(old_size, tree.RootAt(old_size), size, tree.RootAt(size), proof), IsOk())
          << old_size << " to " << size;
    }
  }
}

TEST(MerkleTest, AProofThatWasChangedShowsNoGrowth) {
  const MerkleTree tree = TreeOf(kMost);
  for (uint64_t size = 1; size <= kMost; ++size) {
    for (uint64_t old_size = 1; old_size <= size; ++old_size) {
      const Proof proof = tree.Consistency(old_size, size);
      for (const Proof& changed : Changed(proof)) {
        EXPECT_FALSE(
            VerifyConsistency(old_size, tree.RootAt(old_size), size, tree.RootAt(size), changed).ok())
            << old_size << " to " << size;
      }
      EXPECT_FALSE(VerifyConsistency(old_size, std::string(32, 'r'), size, tree.RootAt(size), proof).ok());
      EXPECT_FALSE(
          VerifyConsistency(old_size, tree.RootAt(old_size), size, std::string(32, 'r'), proof).ok());
    }
  }
}

// The one that matters: whoever changed an entry of before has no proof, and the best that it can do is one
// of its own tree.
TEST(MerkleTest, ATreeInWhichAnOldEntryDiffersDidNotGrowFromIt) {
  const MerkleTree tree = TreeOf(kMost);
  for (uint64_t changed = 0; changed < kMost; changed += 3) {
    MerkleTree other;
    for (uint64_t i = 0; i < kMost; ++i) other.Append(i == changed ? LeafHash("another") : Leaf(i));
    for (uint64_t old_size = 1; old_size <= kMost; ++old_size) {
      const absl::Status shown = VerifyConsistency(old_size, tree.RootAt(old_size), kMost,
                                                   other.RootAt(kMost), other.Consistency(old_size, kMost));
      EXPECT_EQ(shown.ok(), old_size <= changed) << changed << " at " << old_size;
    }
  }
}

TEST(MerkleTest, WhateverIsClaimedEndsSoon) {
  const Proof endless(100'000, std::string(32, 'p'));
  const std::string root(32, 'r');
  EXPECT_THAT(VerifyInclusion(root, 0, UINT64_MAX, root, endless), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(VerifyConsistency(1, root, UINT64_MAX, root, endless), StatusIs(absl::StatusCode::kDataLoss));
  const Proof longest(kMostProofHashes, std::string(32, 'p'));
  EXPECT_FALSE(VerifyInclusion(root, UINT64_MAX - 1, UINT64_MAX, root, longest).ok());
  EXPECT_FALSE(VerifyInclusion(root, 0, UINT64_MAX, root, longest).ok());
  EXPECT_FALSE(VerifyConsistency(UINT64_MAX - 1, root, UINT64_MAX, root, longest).ok());
  EXPECT_FALSE(VerifyConsistency(uint64_t{1} << 63, root, UINT64_MAX, root, longest).ok());
  EXPECT_FALSE(VerifyConsistency(0, root, 5, root, {}).ok());
  EXPECT_FALSE(VerifyConsistency(6, root, 5, root, {}).ok());
  EXPECT_FALSE(VerifyConsistency(5, root, 5, root, {root}).ok());
}

}  // namespace
}  // namespace linnet::audit
