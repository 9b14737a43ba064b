#include "storage/audit/published.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "storage/db/database.h"
#include "storage/repo/published.h"
#include "tests/support/status_matchers.h"

namespace linnet::audit {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;

class LogHeadTest : public ::testing::Test {
 protected:
  LogHeadTest() {
    for (uint64_t version = 1; version <= 5; ++version) {
      tree_.Append(LeafHashOf({"timestamp", version, std::string(32, 't')}));
    }
    head_ = *SignHead(tree_, key_);
  }
  const base::PrivateKey key_ = base::PrivateKey::Generate(base::KeyType::kEd25519);
  MerkleTree tree_;
  LogHead head_;
};

TEST_F(LogHeadTest, IsBelievedUnderItsKeyOnly) {
  EXPECT_THAT(VerifyHead(head_, key_.public_key()), IsOk());
  const base::PrivateKey other = base::PrivateKey::Generate(base::KeyType::kEd25519);
  EXPECT_THAT(VerifyHead(head_, other.public_key()), StatusIs(absl::StatusCode::kUnauthenticated));
  const base::PrivateKey p256 = base::PrivateKey::Generate(base::KeyType::kP256);
  EXPECT_THAT(VerifyHead(head_, p256.public_key()), StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(SignHead(tree_, p256), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(LogHeadTest, EveryChangeOfItIsSeen) {
  LogHead other = head_;
  ++other.size;
  EXPECT_THAT(VerifyHead(other, key_.public_key()), StatusIs(absl::StatusCode::kUnauthenticated));
  for (size_t i = 0; i < 32; ++i) {
    other = head_;
    other.root[i] = static_cast<char>(other.root[i] ^ 1);
    EXPECT_THAT(VerifyHead(other, key_.public_key()), StatusIs(absl::StatusCode::kUnauthenticated));
  }
  other = head_;
  other.root.pop_back();
  EXPECT_THAT(VerifyHead(other, key_.public_key()), StatusIs(absl::StatusCode::kInvalidArgument));
  other = head_;
  other.signature += 'x';
  EXPECT_THAT(VerifyHead(other, key_.public_key()), StatusIs(absl::StatusCode::kInvalidArgument));
  for (const uint64_t size : {uint64_t{0}, kMostEntries + 1, UINT64_MAX}) {
    other = head_;
    other.size = size;
    EXPECT_THAT(VerifyHead(other, key_.public_key()), StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST_F(LogHeadTest, TheSameTreeIsSignedTheSameSoThatARestartShowsNothingNew) {
  EXPECT_EQ(SignHead(tree_, key_)->signature, head_.signature);
}

TEST_F(LogHeadTest, TwoBelongToOneLogInEitherOrder) {
  const LogHead old = head_;
  tree_.Append(LeafHashOf({"timestamp", 6, std::string(32, 't')}));
  const LogHead now = *SignHead(tree_, key_);
  const Proof proof = tree_.Consistency(old.size, now.size);
  EXPECT_THAT(VerifyOneLog(old, now, proof), IsOk());
  EXPECT_THAT(VerifyOneLog(now, old, proof), IsOk());
  EXPECT_THAT(VerifyOneLog(now, now, {}), IsOk());
  EXPECT_THAT(VerifyOneLog(now, old, {}), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(PublishedFileTest, NoTwoFilesHaveOneLeaf) {
  std::set<std::string> leaves;
  int files = 0;
  for (const char* role : {"root", "timestamp", "models/a", "models/", "m", ""}) {
    for (const uint64_t version : {uint64_t{0}, uint64_t{1}, uint64_t{256}, UINT64_MAX}) {
      for (const char fill : {'a', 'b', '\0'}) {
        leaves.insert(LeafHashOf({role, version, std::string(32, fill)}));
        ++files;
      }
    }
  }
  EXPECT_EQ(leaves.size(), static_cast<size_t>(files));
}

TEST(PublishedTableTest, NumbersItsRowsAndFindsThem) {
  ASSERT_OK_AND_ASSIGN(const auto db, db::Database::Open(":memory:", db::Durability::kNormal));
  ASSERT_THAT(db::Migrate(*db, repo::PublishedMigrations()), IsOk());
  repo::Published rows(*db);
  const PublishedFile first{"timestamp", 1, std::string(32, 'a')};
  const PublishedFile again{"timestamp", 1, std::string(32, 'b')};
  for (const PublishedFile& file : {first, PublishedFile{"snapshot", 1, std::string(32, 's')}, again}) {
    ASSERT_THAT(rows.Append(file), IsOk());
  }
  EXPECT_EQ(rows.IndexOf(first)->value(), 0u);
  EXPECT_EQ(rows.IndexOf(again)->value(), 2u);
  EXPECT_FALSE(rows.IndexOf({"timestamp", 2, std::string(32, 'a')})->has_value());
  EXPECT_EQ(rows.Find("timestamp", 1)->value().index, 2u) << "the newest";
  EXPECT_FALSE(rows.Find("targets", 1)->has_value());
  ASSERT_OK_AND_ASSIGN(const auto page, rows.From(1, 1));
  ASSERT_EQ(page.size(), 1u);
  EXPECT_EQ(page[0].role, "snapshot");
  ASSERT_THAT(db->Execute("DELETE FROM published WHERE number = 2"), IsOk());
  EXPECT_THAT(rows.From(0, 10), StatusIs(absl::StatusCode::kDataLoss));
}

}  // namespace
}  // namespace linnet::audit
