#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "storage/trust/trusted_set.h"
#include "tests/trust/updater_fixture.h"

namespace linnet::trust {
namespace {

using base::KeyType;
using base::PrivateKey;
using linnet::testing::IsOk;
using linnet::testing::LyingRepository;
using linnet::testing::StatusIs;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

class RotationTest : public UpdaterTest {};

TEST_F(RotationTest, ThresholdsCountDifferentKeysOnly) {
  repository_.AddKey("snapshot");
  repository_.roles["snapshot"].listed.threshold = 2;
  repository_.PublishRoot();
  repository_.PublishAll();
  EXPECT_THAT(Refresh(), IsOk());
  repository_.roles["snapshot"].signers.pop_back();
  repository_.PublishAll();
  EXPECT_THAT(Refresh(), StatusIs(Code::kUnauthenticated, HasSubstr("signed by 1 of the 2")));
}

TEST_F(RotationTest, ARoleWithFewerKeysThanItsThresholdIsNeverSatisfied) {
  repository_.roles["snapshot"].listed.threshold = 3;
  repository_.PublishRoot();
  repository_.PublishAll();
  EXPECT_THAT(Refresh(), StatusIs(Code::kUnauthenticated, HasSubstr("snapshot")));
}

TEST_F(RotationTest, OneKeyListedNineTimesIsRefused) {
  auto& listed = repository_.roles["snapshot"].listed;
  listed.keys.resize(9, listed.keys[0]);
  listed.threshold = 6;
  repository_.PublishRoot();
  repository_.PublishAll();
  EXPECT_THAT(Refresh(), StatusIs(Code::kDataLoss, HasSubstr("listed twice")));
  EXPECT_EQ(updater_->version("snapshot"), 0u);
}

// Replaces text in the signed part of a root, and signs it again.
std::string Resign(const std::string& bytes, const std::function<void(Json&)>& change,
                   const std::vector<PrivateKey>& signers) {
  Json json = Envelope::Parse(bytes)->signed_part;
  change(json);
  return SignMetadata(json, signers);
}

Json& At(Json& json, std::initializer_list<std::string_view> path) {
  Json* at = &json;
  for (const std::string_view name : path) at = &at->object()->find(name)->second;
  return *at;
}

TEST_F(RotationTest, OneKeyUnderTwoIdsCountsOnce) {
  auto& snapshot = repository_.roles["snapshot"];
  const std::string id = KeyId(snapshot.listed.keys[0]);
  repository_.PublishRoot();
  repository_.File("root", 2) = Resign(
      repository_.File("root", 2),
      [&](Json& root) {
        Json copy = At(root, {"keys", id});
        At(root, {"keys"}).object()->emplace("another-id", std::move(copy));
        At(root, {"roles", "snapshot"}) =
            Json::Object{{"keyids", Json::Array{Json(id), Json("another-id")}}, {"threshold", 2}};
      },
      repository_.roles["root"].signers);
  repository_.PublishAll();
  Json file = *ParseJson(repository_.File("snapshot", 2));
  Json::Array signatures = *file.Find("signatures")->array();
  Json second = signatures[0];
  second.object()->insert_or_assign("keyid", "another-id");
  signatures.push_back(second);
  file.object()->insert_or_assign("signatures", signatures);
  repository_.File("snapshot", 2) = file.Dump();
  EXPECT_THAT(Refresh(), StatusIs(Code::kUnauthenticated, HasSubstr("signed by 1 of the 2")));
}

TEST_F(RotationTest, TwoSignaturesUnderOneKeyidAreRefused) {
  repository_.PublishAll();
  Json file = *ParseJson(repository_.File("timestamp", 0));
  Json::Array signatures = *file.Find("signatures")->array();
  signatures.push_back(signatures[0]);
  file.object()->insert_or_assign("signatures", signatures);
  repository_.File("timestamp", 0) = file.Dump();
  EXPECT_THAT(Refresh(), StatusIs(Code::kDataLoss, HasSubstr("twice")));
}

TEST_F(RotationTest, BadSignaturesBesideGoodOnesDoNoHarm) {
  Json file = *ParseJson(repository_.File("timestamp", 0));
  Json::Array signatures = *file.Find("signatures")->array();
  signatures.push_back(Json::Object{{"keyid", "unknown"}, {"sig", ""}});
  signatures.push_back(
      Json::Object{{"keyid", KeyId(repository_.roles["root"].listed.keys[0])}, {"sig", "no hex"}});
  file.object()->insert_or_assign("signatures", signatures);
  file.object()->insert_or_assign("beside", "ignored");
  repository_.File("timestamp", 0) = file.Dump();
  EXPECT_THAT(Refresh(), IsOk());
}

TEST_F(RotationTest, UnknownFieldsAreInsideTheSignedBytes) {
  const auto& signers = repository_.roles["targets"].signers;
  repository_.File("targets", 1) = Resign(
      repository_.File("targets", 1),
      [](Json& json) { json.object()->emplace("x-new", Json::Array{1, "two"}); }, signers);
  EXPECT_THAT(Refresh(), IsOk());
  ASSERT_THAT(store_.Delete("targets"), IsOk());
  std::string& bytes = repository_.File("targets", 1);
  bytes.replace(bytes.find("\"two\""), 5, "\"too\"");
  EXPECT_THAT(Refresh(), StatusIs(Code::kUnauthenticated));
}

TEST_F(RotationTest, KeyTypesOfTheSpecificationWork) {
  // A key of a type that we do not know makes no file unreadable; it signs nothing.
  for (const KeyType type : {KeyType::kEd25519, KeyType::kP256}) {
    auto& timestamp = repository_.roles["timestamp"];
    timestamp.signers = {PrivateKey::Generate(type)};
    timestamp.listed.keys = {timestamp.signers[0].public_key()};
    repository_.PublishRoot();
    repository_.PublishTimestamp();
    EXPECT_THAT(Refresh(), IsOk());
  }
  repository_.PublishRoot();
  const uint64_t newest = repository_.roles["root"].version;
  repository_.File("root", newest) = Resign(
      repository_.File("root", newest),
      [&](Json& root) {
        const std::string id = KeyId(repository_.roles["timestamp"].listed.keys[0]);
        At(root, {"keys", id, "keytype"}) = Json("ecdsa-sha2-nistp256");  // both spellings are in use
        At(root, {"keys"})
            .object()
            ->emplace("new",
                      Json::Object{
                          {"keytype", "ml-dsa"}, {"scheme", "x"}, {"keyval", Json::Object{{"public", "?"}}}});
      },
      repository_.roles["root"].signers);
  EXPECT_THAT(Refresh(), IsOk());
}

TEST_F(RotationTest, ANewRootNeedsTheOldKeysAndTheNew) {
  const std::vector<PrivateKey> old = repository_.roles["root"].signers;
  repository_.Rotate("root");
  repository_.PublishRoot();
  const Json signed_part = Envelope::Parse(repository_.File("root", 2))->signed_part;
  const std::string good = repository_.File("root", 2);
  repository_.File("root", 2) = SignMetadata(signed_part, old);
  EXPECT_THAT(Refresh(), StatusIs(Code::kUnauthenticated, HasSubstr("by its own keys")));
  repository_.File("root", 2) = SignMetadata(signed_part, repository_.roles["root"].signers);
  EXPECT_THAT(Refresh(), StatusIs(Code::kUnauthenticated));
  EXPECT_EQ(updater_->version("root"), 1u);
  repository_.File("root", 2) = good;
  EXPECT_THAT(Refresh(), IsOk());
  EXPECT_EQ(updater_->version("root"), 2u);
}

TEST_F(RotationTest, RootThresholdsRiseAndFall) {
  auto& root = repository_.roles["root"];
  repository_.AddKey("root");
  repository_.AddKey("root");
  root.listed.threshold = 2;
  repository_.PublishRoot();
  repository_.PublishRoot();
  EXPECT_THAT(Refresh(), IsOk());
  root.listed.threshold = 1;
  root.signers.erase(root.signers.begin() + 1, root.signers.end());
  root.listed.keys.erase(root.listed.keys.begin() + 1, root.listed.keys.end());
  repository_.PublishRoot();  // signed by all three of the last root
  EXPECT_THAT(Refresh(), IsOk());
  EXPECT_EQ(updater_->version("root"), 4u);
  repository_.File("root", 5) = repository_.File("root", 4);
  EXPECT_THAT(Refresh(), StatusIs(Code::kFailedPrecondition));
}

TEST_F(RotationTest, OneStolenTargetsKeyOfTwoIsNotEnough) {
  repository_.AddKey("targets");
  repository_.AddKey("targets");
  repository_.roles["targets"].listed.threshold = 2;
  repository_.PublishRoot();
  repository_.PublishAll();
  ASSERT_THAT(Refresh(), IsOk());
  repository_.roles["targets"].signers.erase(repository_.roles["targets"].signers.begin() + 1,
                                             repository_.roles["targets"].signers.end());
  repository_.PublishAll();
  EXPECT_THAT(Refresh(), StatusIs(Code::kUnauthenticated, HasSubstr("targets: signed by 1 of the 2")));
}

TEST_F(RotationTest, OldOnlineKeysAreWorthNothingAfterARotation) {
  for (const std::string role : {"timestamp", "snapshot", "targets"}) {
    const std::vector<PrivateKey> old = repository_.roles[role].signers;
    repository_.Rotate(role);
    repository_.PublishRoot();
    std::swap(repository_.roles[role].signers, const_cast<std::vector<PrivateKey>&>(old));
    repository_.PublishAll();
    EXPECT_THAT(Refresh(), StatusIs(Code::kUnauthenticated, HasSubstr(role)));
    std::swap(repository_.roles[role].signers, const_cast<std::vector<PrivateKey>&>(old));
    repository_.PublishAll();
    EXPECT_THAT(Refresh(), IsOk());
  }
}

TEST_F(RotationTest, ARotatedTimestampKeyUndoesAFastForwardOfTimestampAndSnapshotButNotOfTargets) {
  repository_.roles["timestamp"].version = 1'000'000;
  repository_.roles["snapshot"].version = 1'000'000;
  repository_.PublishAll();
  ASSERT_THAT(Refresh(), IsOk());
  EXPECT_EQ(updater_->version("timestamp"), 1'000'001u);
  repository_.roles["timestamp"].version = 4;
  repository_.roles["snapshot"].version = 4;
  repository_.PublishAll();
  EXPECT_THAT(Refresh(), StatusIs(Code::kFailedPrecondition, HasSubstr("was seen before")));
  const std::optional<std::string> targets = Stored("targets");
  repository_.Rotate("timestamp");
  repository_.PublishRoot();
  repository_.failures["timestamp"] = absl::UnavailableError("away");
  EXPECT_THAT(Refresh(), StatusIs(Code::kUnavailable));
  EXPECT_FALSE(Stored("timestamp").has_value());
  EXPECT_FALSE(Stored("snapshot").has_value());
  EXPECT_EQ(Stored("targets"), targets);
  repository_.failures.clear();
  repository_.PublishAll();
  EXPECT_THAT(Refresh(), IsOk());
  EXPECT_EQ(updater_->version("snapshot"), 6u);
}

TEST_F(RotationTest, ARotatedSnapshotKeyUndoesAFastForwardOfTargets) {
  repository_.roles["targets"].version = 1'000'000;
  repository_.PublishAll();
  ASSERT_THAT(Refresh(), IsOk());
  repository_.roles["targets"].version = 2;
  repository_.Rotate("snapshot");
  repository_.PublishRoot();
  repository_.PublishAll();
  EXPECT_THAT(Refresh(), IsOk());
  EXPECT_EQ(updater_->version("targets"), 3u);
}

TEST_F(RotationTest, RefusesRootsThatAreOutOfForm) {
  const auto& signers = repository_.roles["root"].signers;
  repository_.PublishRoot();
  const std::string good = repository_.File("root", 2);
  const std::vector<std::pair<std::string, std::function<void(Json&)>>> changes = {
      {"spec_version", [](Json& r) { At(r, {"spec_version"}) = Json("2.0.0"); }},
      {"spec_version", [](Json& r) { At(r, {"spec_version"}) = Json("1"); }},
      {"spec_version", [](Json& r) { At(r, {"spec_version"}) = Json("1.x"); }},
      {"spec_version", [](Json& r) { At(r, {"spec_version"}) = Json("1.0.0.0"); }},
      {"spec_version", [](Json& r) { At(r, {"spec_version"}) = Json(1); }},
      {"version", [](Json& r) { At(r, {"version"}) = Json(-2); }},
      {"version", [](Json& r) { At(r, {"version"}) = Json(0); }},
      {"version", [](Json& r) { At(r, {"version"}) = Json("2"); }},
      {"expires", [](Json& r) { At(r, {"expires"}) = Json("2030-02-30T00:00:00Z"); }},
      {"expires", [](Json& r) { At(r, {"expires"}) = Json("2030-01-01T00:00:00+00:00"); }},
      {"expires", [](Json& r) { At(r, {"expires"}) = Json("2030-01-01 00:00:00Z"); }},
      {"threshold", [](Json& r) { At(r, {"roles", "targets", "threshold"}) = Json(0); }},
      {"threshold", [](Json& r) { At(r, {"roles", "targets", "threshold"}) = Json(-1); }},
      {"keyids", [](Json& r) { At(r, {"roles", "targets", "keyids"}) = Json("x"); }},
      {"snapshot", [](Json& r) { At(r, {"roles"}).object()->erase("snapshot"); }},
      {"keys", [](Json& r) { r.object()->erase("keys"); }},
      {"consistent_snapshot", [](Json& r) { At(r, {"consistent_snapshot"}) = Json("yes"); }},
      {"type", [](Json& r) { At(r, {"_type"}) = Json("targets"); }},
  };
  for (const auto& [name, change] : changes) {
    repository_.File("root", 2) = Resign(good, change, signers);
    EXPECT_THAT(Refresh(), StatusIs(Code::kDataLoss, HasSubstr(name))) << repository_.File("root", 2);
    EXPECT_EQ(updater_->version("root"), 1u);
  }
  repository_.File("root", 2) =
      Resign(good, [](Json& r) { At(r, {"spec_version"}) = Json("1.99"); }, signers);
  EXPECT_THAT(Refresh(), IsOk()) << "newer minor versions are ours too";
}

TEST_F(RotationTest, RefusesAnotherRootUnderTheVersionThatIsTrusted) {
  repository_.PublishRoot();
  ASSERT_THAT(Refresh(), IsOk());
  repository_.File("root", 3) = repository_.File("root", 2);
  EXPECT_THAT(Refresh(), StatusIs(Code::kFailedPrecondition, HasSubstr("root: has version 2, expected 3")));
}

TEST(TrustedSetTest, StepsOutOfOrderAreRefused) {
  LyingRepository repository(absl::FromUnixSeconds(1893456000));
  ASSERT_OK_AND_ASSIGN(TrustedSet set, TrustedSet::Create(repository.File("root", 1), repository.now));
  EXPECT_THAT(set.UpdateSnapshot(repository.File("snapshot", 1)), StatusIs(Code::kFailedPrecondition));
  EXPECT_THAT(set.UpdateTargets("targets", "root", repository.File("targets", 1)),
              StatusIs(Code::kFailedPrecondition));
  ASSERT_THAT(set.UpdateTimestamp(repository.File("timestamp", 0)), IsOk());
  EXPECT_THAT(set.UpdateTargets("targets", "root", repository.File("targets", 1)),
              StatusIs(Code::kFailedPrecondition));
  repository.PublishRoot();
  EXPECT_THAT(set.UpdateRoot(repository.File("root", 2)), StatusIs(Code::kFailedPrecondition));
  ASSERT_THAT(set.UpdateSnapshot(repository.File("snapshot", 1)), IsOk());
  EXPECT_THAT(set.UpdateTargets("x", "targets", repository.File("targets", 1)),
              StatusIs(Code::kFailedPrecondition));
  EXPECT_THAT(set.UpdateTargets("targets", "root", repository.File("targets", 1)), IsOk());
}

TEST(TrustedSetTest, AFailedStepChangesNothing) {
  LyingRepository repository(absl::FromUnixSeconds(1893456000));
  ASSERT_OK_AND_ASSIGN(TrustedSet set, TrustedSet::Create(repository.File("root", 1), repository.now));
  ASSERT_THAT(set.UpdateTimestamp(repository.File("timestamp", 0)), IsOk());
  ASSERT_THAT(set.UpdateSnapshot(repository.File("snapshot", 1)), IsOk());
  repository.roles["snapshot"].signers.clear();
  repository.PublishAll();
  EXPECT_THAT(set.UpdateSnapshot(repository.File("snapshot", 2)), StatusIs(Code::kUnauthenticated));
  EXPECT_EQ(set.version("snapshot"), 1u);
  EXPECT_NE(set.snapshot(), nullptr);
  EXPECT_THAT(set.UpdateTimestamp("{}"), StatusIs(Code::kDataLoss));
  EXPECT_EQ(set.version("timestamp"), 1u);
}

}  // namespace
}  // namespace linnet::trust
