#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/base/hash.h"
#include "storage/trust/metadata.h"
#include "storage/trust/role_name.h"
#include "tests/trust/updater_fixture.h"

namespace linnet::trust {
namespace {

using linnet::testing::IsOk;
using linnet::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Code = absl::StatusCode;

class DelegationsTest : public UpdaterTest {
 protected:
  struct Edge {
    std::string from, to;
    std::vector<std::string> paths = {"*"};
    bool terminating = false;
  };
  // Publishes a graph of delegations, and searches it for `path` in a new client. Returns the roles asked
  // for.
  std::vector<std::string> Visit(const std::vector<Edge>& edges, const std::string& path) {
    for (const Edge& e : edges) repository_.Delegate(e.from, e.to, e.paths, e.terminating);
    for (const auto& [name, json] : repository_.targets_json) {
      if (name != "targets") repository_.PublishTargets(name);
    }
    repository_.PublishAll();
    EXPECT_THAT(Refresh(), IsOk());
    repository_.requests.clear();
    const auto found = Find(path);
    EXPECT_THAT(found, IsOk());
    EXPECT_FALSE(found.ok() && found->has_value());
    for (std::string& r : repository_.requests) r = r.substr(r.find('.') + 1);
    return repository_.requests;
  }
};

TEST_F(DelegationsTest, SearchesInPreOrderDepthFirst) {
  EXPECT_THAT(Visit({{"targets", "A"}, {"targets", "B"}, {"A", "C"}, {"A", "D"}, {"C", "E"}}, "f"),
              ElementsAre("A", "C", "E", "D", "B"));
}

TEST_F(DelegationsTest, VisitsARoleOnceHoweverManyDelegateToIt) {
  EXPECT_THAT(Visit({{"targets", "A"}, {"targets", "B"}, {"A", "C"}, {"B", "C"}, {"C", "A"}}, "f"),
              ElementsAre("A", "C", "B"));
}

TEST_F(DelegationsTest, ATerminatingDelegationEndsTheSearchBehindIt) {
  EXPECT_THAT(
      Visit({{"targets", "A"}, {"targets", "B"}, {"A", "C", {"*"}, true}, {"A", "D"}, {"C", "E"}}, "f"),
      ElementsAre("A", "C", "E"));
}

TEST_F(DelegationsTest, ATerminatingDelegationThatDoesNotCoverThePathEndsNothing) {
  EXPECT_THAT(Visit({{"targets", "A", {"x/*"}, true}, {"targets", "B", {"f"}}}, "f"), ElementsAre("B"));
}

TEST_F(DelegationsTest, StopsAfterThirtyTwoDelegations) {
  std::vector<Edge> edges = {{"targets", "r0"}};
  for (int i = 0; i < 40; ++i) edges.push_back({absl::StrCat("r", i), absl::StrCat("r", i + 1)});
  EXPECT_EQ(Visit(edges, "f").size(), 32u);
}

TEST_F(DelegationsTest, FindsATargetInTheFirstRoleThatHasIt) {
  repository_.Delegate("targets", "A", {"*.txt"});
  repository_.Delegate("targets", "B", {"*.txt"});
  repository_.AddTarget("B", "f.txt", "from B");
  repository_.AddTarget("B", "g.txt", "only B");
  repository_.AddTarget("B", "g.bin", "outside its paths");
  repository_.AddTarget("A", "f.txt", "from A");
  for (const char* role : {"A", "B"}) repository_.PublishTargets(role);
  repository_.PublishAll();
  ASSERT_OK_AND_ASSIGN(updater_, Updater::Open(store_, repository_.now));
  ASSERT_OK_AND_ASSIGN(const auto f, Find("f.txt"));  // refreshes by itself
  EXPECT_EQ(f->role, "A");
  EXPECT_EQ(f->sha256, base::AsView(base::Sha256("from A")));
  EXPECT_EQ(f->length, 6u);
  EXPECT_EQ(f->custom_json, "{}");
  ASSERT_OK_AND_ASSIGN(const auto g, Find("g.txt"));
  EXPECT_EQ(g->role, "B");
  ASSERT_OK_AND_ASSIGN(const auto none, Find("g.bin"));
  EXPECT_FALSE(none.has_value());
}

TEST_F(DelegationsTest, HashPrefixesAndHashBinsWork) {
  const std::string hash = base::Hex(base::Sha256("f"));
  Json delegation = Json::Object{{"name", "A"},
                                 {"keyids", Json::Array{}},
                                 {"threshold", 1},
                                 {"terminating", false},
                                 {"path_hash_prefixes", Json::Array{Json(hash.substr(0, 3))}}};
  repository_.Delegate("targets", "A", {"nothing"});
  Json& roles = repository_.targets_json["targets"]
                    .object()
                    ->find("delegations")
                    ->second.object()
                    ->find("roles")
                    ->second;
  delegation.object()->insert_or_assign("keyids", *(*roles.array())[0].Find("keyids"));
  roles = Json::Array{delegation};
  repository_.AddTarget("A", "f", "content");
  repository_.PublishTargets("A");
  repository_.PublishAll();
  ASSERT_THAT(Refresh(), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto f, Find("f"));
  EXPECT_TRUE(f.has_value());
  ASSERT_OK_AND_ASSIGN(const auto g, Find("g"));
  EXPECT_FALSE(g.has_value());

  const SuccinctRoles bins{.bit_length = 5, .name_prefix = "bin"};
  const std::string bin = bins.BinOf("f");  // SHA-256("f") = 252f10c8…: first five bits 00100
  EXPECT_EQ(bin, "bin-04");
  EXPECT_TRUE(bins.IsBin("bin-1f"));
  for (const char* no : {"bin-20", "bin-4", "bin-004", "bin-0G", "bin-1F", "bin", "xbin-04"})
    EXPECT_FALSE(bins.IsBin(no));
  const base::PrivateKey& key = repository_.Rotate(bin);
  repository_.targets_json[bin] = TargetsJson(1, repository_.now);
  repository_.AddTarget(bin, "f", "binned");
  repository_.targets_json["targets"].object()->insert_or_assign(
      "delegations",
      Json::Object{{"keys", Json::Object{{KeyId(key.public_key()), KeyJson(key.public_key())}}},
                   {"succinct_roles", Json::Object{{"keyids", Json::Array{Json(KeyId(key.public_key()))}},
                                                   {"threshold", 1},
                                                   {"bit_length", 5},
                                                   {"name_prefix", "bin"}}}});
  repository_.PublishTargets(bin);
  repository_.PublishAll();
  ASSERT_THAT(Refresh(), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto binned, Find("f"));
  ASSERT_TRUE(binned.has_value());
  EXPECT_EQ(binned->role, "bin-04");
}

TEST_F(DelegationsTest, ADelegatedRoleMustBeInTheSnapshot) {
  repository_.Delegate("targets", "A", {"*"});
  repository_.PublishAll();
  ASSERT_THAT(Refresh(), IsOk());
  EXPECT_THAT(Find("f"), StatusIs(Code::kFailedPrecondition, HasSubstr("does not list")));
}

TEST_F(DelegationsTest, DelegatedMetadataIsHeldToTheSameRules) {
  repository_.list_hashes = true;
  repository_.Delegate("targets", "A", {"*"});
  repository_.AddTarget("A", "f", "content");
  const auto expect = [&](Code code, const std::string& why) {
    ASSERT_THAT(Refresh(), IsOk());
    EXPECT_THAT(Find("f"), StatusIs(code, HasSubstr(why)));
    EXPECT_FALSE(Stored("A").has_value());
  };
  repository_.lifetime = absl::Hours(-1);
  repository_.PublishTargets("A");
  repository_.lifetime = absl::Hours(24);
  repository_.PublishAll();
  expect(Code::kFailedPrecondition, "A: expired");
  const auto signers = std::exchange(repository_.roles["A"].signers, {});
  repository_.PublishTargets("A");
  repository_.PublishAll();
  expect(Code::kUnauthenticated, "A: signed by 0 of the 1");
  repository_.roles["A"].signers = signers;
  repository_.PublishTargets("A");
  repository_.PublishAll();
  std::string& bytes = repository_.File("A", repository_.roles["A"].version);
  const std::string good = bytes;
  bytes[bytes.find("\"length\":7") + 9] = '8';
  expect(Code::kFailedPrecondition, "A: its sha256");
  bytes = repository_.File("A", 1) + std::string(good.size() - repository_.File("A", 1).size(), ' ');
  expect(Code::kFailedPrecondition, "A: its sha256");
  bytes = good;
  ASSERT_THAT(Refresh(), IsOk());
  EXPECT_THAT(Find("f"), IsOk());
}

TEST_F(DelegationsTest, AKeyThatTheDelegatorDoesNotHoldSignsNothing) {
  repository_.Delegate("targets", "A", {"*"});
  Json& delegations = repository_.targets_json["targets"].object()->find("delegations")->second;
  delegations.object()->insert_or_assign("keys", Json::Object{});
  repository_.PublishTargets("A");
  repository_.PublishAll();
  ASSERT_THAT(Refresh(), IsOk());
  EXPECT_THAT(Find("f"), StatusIs(Code::kUnauthenticated));
}

TEST_F(DelegationsTest, ARoleThatOneDelegatorVouchesForIsNotTrustedForAnother) {
  // A and B both delegate to C, with different keys; C is signed by the key that A lists. Through B it must
  // not be believed, however it got into the cache.
  repository_.Delegate("targets", "A", {"a/*"});
  repository_.Delegate("targets", "B", {"b/*"});
  repository_.Delegate("A", "C", {"*/*"});
  repository_.AddTarget("C", "a/f", "content");
  repository_.AddTarget("C", "b/f", "content");
  const auto keys = repository_.roles["C"];
  repository_.Rotate("C");
  repository_.Delegate("B", "C", {"*/*"});
  repository_.roles["C"] = keys;
  for (const char* role : {"A", "B", "C"}) repository_.PublishTargets(role);
  repository_.PublishAll();
  ASSERT_THAT(Refresh(), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto through_a, Find("a/f"));
  EXPECT_TRUE(through_a.has_value());
  EXPECT_THAT(Find("b/f"), StatusIs(Code::kUnauthenticated, HasSubstr("C: signed by 0")));
  ASSERT_OK_AND_ASSIGN(const auto again, Find("a/f"));
  EXPECT_TRUE(again.has_value());
}

TEST_F(DelegationsTest, RefusesTargetsThatAreOutOfForm) {
  const auto refused = [&](const std::string& why, Json delegation) {
    Json json = TargetsJson(1, repository_.now);
    json.object()->insert_or_assign("delegations", std::move(delegation));
    const auto envelope = Envelope::Parse(SignMetadata(json, {}));
    ASSERT_THAT(envelope, IsOk());
    EXPECT_THAT(ParseTargets(*envelope), StatusIs(Code::kDataLoss, HasSubstr(why)));
  };
  const auto role = [](const char* name) {
    return Json::Object{{"name", name},
                        {"keyids", Json::Array{}},
                        {"threshold", 1},
                        {"terminating", true},
                        {"paths", Json::Array{}}};
  };
  const auto with = [](Json::Array roles) {
    return Json::Object{{"keys", Json::Object{}}, {"roles", std::move(roles)}};
  };
  refused("is no name", with({role("root")}));
  refused("is no name", with({role("")}));
  refused("listed twice", with({role("A"), role("A")}));
  Json::Object both = role("A");
  both.emplace("path_hash_prefixes", Json::Array{});
  refused("one of", with({both}));
  Json::Object neither = role("A");
  neither.erase("paths");
  refused("one of", with({neither}));
  refused("one of", Json::Object{{"keys", Json::Object{}}});
  refused("bit_length", Json::Object{{"keys", Json::Object{}},
                                     {"succinct_roles", Json::Object{{"keyids", Json::Array{}},
                                                                     {"threshold", 1},
                                                                     {"bit_length", 33},
                                                                     {"name_prefix", "x"}}}});
}

TEST_F(DelegationsTest, ATargetNeedsAHashThatWeKnow) {
  TargetFile file{.length = 1, .hashes = {{"md5", "00"}}, .custom_json = "{}"};
  EXPECT_THAT(MakeTargetInfo("p", "r", file), StatusIs(Code::kDataLoss, HasSubstr("md5")));
  file.hashes = {{"sha512", base::Sha512Hex("x")}};
  ASSERT_OK_AND_ASSIGN(const TargetInfo info, MakeTargetInfo("p", "r", file));
  EXPECT_THAT(info.sha256, IsEmpty());
  EXPECT_EQ(base::Hex(info.sha512), base::Sha512Hex("x"));
  file.hashes = {{"sha256", "abc"}};
  EXPECT_THAT(MakeTargetInfo("p", "r", file), StatusIs(Code::kDataLoss, HasSubstr("malformed")));
  EXPECT_THAT(
      VerifyBytes("t", "x", 1, {{"sha256", base::Hex(base::Sha256("x"))}, {"sha512", base::Sha512Hex("y")}}),
      StatusIs(Code::kFailedPrecondition, HasSubstr("sha512")))
      << "every hash must hold";
}

TEST(PathMatchesTest, WildcardsStayWithinASegment) {
  EXPECT_TRUE(PathMatches("*", "file"));
  EXPECT_FALSE(PathMatches("*", "dir/file"));
  EXPECT_TRUE(PathMatches("*/*", "dir/file"));
  EXPECT_FALSE(PathMatches("*/*", "file"));
  EXPECT_TRUE(PathMatches("models/a/*", "models/a/x.gguf"));
  EXPECT_FALSE(PathMatches("models/a/*", "models/a/b/x.gguf"));
  EXPECT_FALSE(PathMatches("models/a/*", "models/A/x"));
  EXPECT_TRUE(PathMatches("a?c", "abc"));
  EXPECT_FALSE(PathMatches("a?c", "a/c"));
  EXPECT_TRUE(PathMatches("a?c",
                          "a\xC3\xA9"
                          "c"))
      << "one character, not one byte";
  EXPECT_FALSE(PathMatches("a?c", "ac"));
  EXPECT_TRUE(PathMatches("*.tgz", ".tgz"));
  EXPECT_TRUE(PathMatches("a*b*c", "a-b-b-c"));
  EXPECT_FALSE(PathMatches("a*b*c", "a-b-b"));
  EXPECT_TRUE(PathMatches("v[0-9].[!x]", "v1.y"));
  EXPECT_FALSE(PathMatches("v[0-9].[!x]", "v1.x"));
  EXPECT_TRUE(PathMatches("a[b", "a[b"));
  EXPECT_TRUE(PathMatches("[]]", "]"));
  EXPECT_TRUE(PathMatches("", ""));
  EXPECT_FALSE(PathMatches("", "x"));
  EXPECT_FALSE(PathMatches("x/", "x"));
  EXPECT_TRUE(PathMatches(std::string(5000, '*') + "b", std::string(5000, 'a') + "b"));
  EXPECT_FALSE(PathMatches("*a*a*a*a*a*a*a*a*a*a*a*a*a*b", std::string(2000, 'a')));
}

TEST(RoleFileNameTest, IsSafeAndUnique) {
  EXPECT_EQ(RoleFileName("models/starter"), "models%2Fstarter.json");
  EXPECT_EQ(RoleFileName("../x"), "..%2Fx.json");
  EXPECT_EQ(RoleFileName("a%2Fb"), "a%252Fb.json");
  EXPECT_EQ(RoleFileName(std::string(1, '\0')), "%00.json");
  const std::string name = RoleFileName(std::string(1000, 'x'));
  EXPECT_LT(name.size(), 100u);
  EXPECT_NE(name, RoleFileName(std::string(1001, 'x')));
  EXPECT_NE(name, RoleFileName(name.substr(0, name.size() - 5)));
}

}  // namespace
}  // namespace linnet::trust
