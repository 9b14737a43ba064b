// The tables of key rotations that TUF clients are held to: each case is the versions of one role, with the
// keys that are listed, how many must sign, and who signed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/trust/updater_fixture.h"

namespace linnet::trust {
namespace {

using base::KeyType;
using base::PrivateKey;
using linnet::testing::IsOk;
using linnet::testing::StatusIs;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

struct Version {
  std::vector<size_t> keys;  // of ten
  uint64_t threshold = 1;
  std::vector<size_t> signers;
  bool refused = false;
};

struct Case {
  const char* name;
  std::vector<Version> versions;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class RotationCase : public UpdaterTest, public ::testing::WithParamInterface<Case> {
 protected:
  RotationCase() {
    while (pool_.size() < 10) pool_.push_back(PrivateKey::Generate(KeyType::kEd25519));
  }
  RoleSigners Listed(const Version& version) const {
    RoleSigners listed{.keys = {}, .threshold = version.threshold};
    for (const size_t key : version.keys) listed.keys.push_back(pool_[key].public_key());
    return listed;
  }
  std::vector<PrivateKey> Signers(const Version& version) const {
    std::vector<PrivateKey> signers;
    for (const size_t key : version.signers) signers.push_back(pool_[key]);
    return signers;
  }
  std::vector<PrivateKey> pool_;
};

class RootRotationCase : public RotationCase {};

TEST_P(RootRotationCase, EndsAtTheLastRootThatOldAndNewKeysSigned) {
  uint64_t number = 0, trusted = 0;
  for (const Version& version : GetParam().versions) {
    ++number;
    if (!version.refused) trusted = number;
    std::map<std::string, RoleSigners> listed{{"root", Listed(version)}};
    for (const char* role : {"timestamp", "snapshot", "targets"}) {
      listed[role] = repository_.roles[role].listed;
    }
    const Json root = RootJson(number, repository_.now + absl::Hours(24), listed);
    repository_.File("root", number) = SignMetadata(root, Signers(version));
  }
  ASSERT_THAT(store_.Save("root", repository_.File("root", 1)), IsOk());
  const absl::Status status = Refresh();
  if (trusted == number) {
    EXPECT_THAT(status, IsOk());
  } else {
    EXPECT_THAT(status, StatusIs(Code::kUnauthenticated, HasSubstr("root")));
    EXPECT_FALSE(Requested("timestamp"));
  }
  EXPECT_EQ(updater_->version("root"), trusted);
  EXPECT_EQ(Stored("root"), repository_.File("root", trusted));
}

INSTANTIATE_TEST_SUITE_P(
    Cases, RootRotationCase,
    ::testing::Values(
        Case{"one key for another", {{{1}, 1, {1}}, {{2}, 1, {2, 1}}, {{2}, 1, {2}}}},
        Case{"with signatures that count for nothing",
             {{{1}, 1, {3, 1, 4}}, {{2}, 1, {3, 2, 1, 4}}, {{2}, 1, {3, 2, 4}}}},
        Case{"not signed by the old key", {{{1}, 1, {1}}, {{2}, 1, {2, 3, 4}, true}}},
        Case{"not signed by the new key", {{{1}, 1, {1}}, {{2}, 1, {1, 3, 4}, true}}},
        Case{"three of five, whichever",
             {{{0, 1, 2, 3, 4}, 3, {0, 2, 4}},
              {{0, 1, 2, 3, 4}, 3, {0, 4, 1}},
              {{0, 1, 2, 3, 4}, 3, {0, 1, 3}},
              {{0, 1, 2, 3, 4}, 3, {0, 1, 3}}}},
        Case{"three of five, one replaced",
             {{{0, 1, 2, 3, 4}, 3, {0, 2, 4}}, {{0, 1, 3, 4, 5}, 3, {0, 4, 1}}}},
        Case{"three of five, one replaced, two of the new sign",
             {{{0, 1, 2, 3, 4}, 3, {0, 2, 4}}, {{0, 1, 3, 4, 5}, 3, {0, 2, 4}, true}}},
        Case{"three of five, one replaced, two of the old sign",
             {{{0, 1, 2, 3, 4}, 3, {0, 2, 4}}, {{0, 1, 3, 4, 5}, 3, {0, 4, 5}, true}}},
        Case{"three of five, one replaced, step by step",
             {{{0, 1, 2, 3, 4}, 3, {0, 2, 4}},
              {{0, 1, 3, 4, 5}, 3, {0, 2, 4, 5}},
              {{0, 1, 3, 4, 5}, 3, {0, 4, 5}}}},
        Case{"three of five, all replaced",
             {{{0, 1, 2, 3, 4}, 3, {0, 2, 4}},
              {{5, 6, 7, 8, 9}, 3, {0, 2, 4, 5, 6, 7}},
              {{5, 6, 7, 8, 9}, 3, {5, 6, 7}}}},
        Case{"one of three becomes two", {{{1, 2, 3}, 1, {1}}, {{1, 2, 3}, 2, {1, 2}}}},
        Case{"one of three becomes two, one signs", {{{1, 2, 3}, 1, {1}}, {{1, 2, 3}, 2, {2}, true}}},
        Case{"two of three become one",
             {{{1, 2, 3}, 2, {1, 2}}, {{1, 2, 3}, 1, {1, 2}}, {{1, 2, 3}, 1, {1}}}},
        Case{"two of three become one, one signs", {{{1, 2, 3}, 2, {1, 2}}, {{1, 2, 3}, 1, {1}, true}}},
        Case{"one of one becomes two of two", {{{1}, 1, {1}}, {{1, 2}, 2, {1, 2}}}}));

class OtherRotationCase : public RotationCase {};

// The first root lists some key, the second what the case says.
TEST_P(OtherRotationCase, HoldsForTimestampSnapshotAndTargets) {
  const Version& version = GetParam().versions[0];
  for (const std::string role : {"timestamp", "snapshot", "targets"}) {
    SCOPED_TRACE(role);
    const testing::LyingRepository::Role before = repository_.roles[role];
    repository_.roles[role].listed = Listed(version);
    repository_.roles[role].signers = Signers(version);
    repository_.PublishRoot();
    repository_.PublishAll();
    if (version.refused) {
      EXPECT_THAT(Refresh(), StatusIs(Code::kUnauthenticated, HasSubstr(role)));
    } else {
      EXPECT_THAT(Refresh(), IsOk());
      EXPECT_EQ(updater_->version(role), repository_.roles[role].version);
    }
    repository_.roles[role].listed = before.listed;
    repository_.roles[role].signers = before.signers;
    repository_.PublishRoot();
    repository_.PublishAll();
    EXPECT_THAT(Refresh(), IsOk());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, OtherRotationCase,
    ::testing::Values(Case{"one key for another", {{{2}, 1, {2}}}},
                      Case{"with signatures that count for nothing", {{{1}, 1, {3, 1, 4}}}},
                      Case{"not signed by the new key", {{{2}, 1, {1, 3, 4}, true}}},
                      Case{"two of three that sign are listed", {{{0, 1, 3, 4, 5}, 3, {0, 2, 4}, true}}},
                      Case{"two of five sign", {{{0, 1, 3, 4, 5}, 3, {0, 4}, true}}},
                      Case{"three of five", {{{0, 1, 2, 3, 4}, 3, {0, 2, 4}}}},
                      Case{"another three", {{{0, 1, 2, 3, 4}, 3, {0, 4, 1}}}},
                      Case{"a third three", {{{0, 1, 2, 3, 4}, 3, {0, 1, 3}}}},
                      Case{"a fourth three", {{{0, 1, 2, 3, 4}, 3, {1, 2, 3}}}},
                      Case{"a fifth three", {{{0, 1, 2, 3, 4}, 3, {2, 3, 4}}}}));

}  // namespace
}  // namespace linnet::trust
