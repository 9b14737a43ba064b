// The coordinator's host and all of its keys are stolen. What the thief cannot do, as claims; each beside a
// control that shows that the thief's coordinator does work.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/string_view.h"
#include "storage/trust/signing.h"
#include "tests/fleet/stolen_fixture.h"

namespace linnet::fleet {
namespace {

using ::testing::HasSubstr;

class RedTeamTest : public StolenFixture {
 protected:
  // Signed metadata of a delegated role, by a key of the thief's own.
  std::string Forged(const std::string& role, const std::string& path, std::string_view bytes) const {
    const base::PrivateKey key = base::PrivateKey::Generate(base::KeyType::kEd25519);
    auto envelope = trust::Envelope::Parse(honest_.at(role));
    EXPECT_TRUE(envelope.ok());
    trust::Json json = envelope->signed_part;
    const int64_t version = *json.Find("version")->integer();
    trust::SetVersion(json, static_cast<uint64_t>(version) + 1, clock_.Now() + absl::Hours(24));
    trust::AddTarget(json, path, bytes.size(), base::AsView(base::Sha256(bytes)), trust::Json());
    return trust::SignMetadata(json, {&key, 1});
  }
  // A plan that nobody signed, made like the honest ones.
  SignedPlan OwnPlan(const SignedPlan& like) const {
    SignedPlan own = like;
    own.plan.id = base::Hex(base::RandomBytes(16));
    own.plan.waves = {{.name = "all"}};
    own.json = own.plan.ToJson();
    own.target = absl::StrCat("plans/", own.plan.id, ".json");
    own.sha256 = std::string(base::AsView(base::Sha256(own.json)));
    return own;
  }
};

TEST_F(RedTeamTest, ControlItCanCarryWhatWasSigned) {
  const SignedPlan plan = PublishPlan(model_, {});
  Steal();
  Offer(plan);
  ASSERT_TRUE(RunUntil([&] { return member_->Committed(); })) << member_->agent->status().last_update_error;
  EXPECT_EQ(Running(), model_.bytes);
}

TEST_F(RedTeamTest, ItInstallsNoPlanThatThePlansKeyDidNotSign) {
  const SignedPlan like = PublishPlan(model_, {});
  Steal();
  const SignedPlan own = OwnPlan(like);
  Offer(own);  // not in any metadata
  ASSERT_TRUE(ItHadItsChance());
  EXPECT_EQ(Running(), "");
  auto roles = honest_;  // in metadata that the online keys vouch for, but the thief signed
  roles["plans"] = Forged("plans", own.target, own.json);
  thief_->Serve(roles);
  Offer(own);
  ASSERT_TRUE(ItHadItsChance());
  EXPECT_EQ(Running(), "");
  EXPECT_NE(member_->agent->status().last_update_error, "");
}

TEST_F(RedTeamTest, ItInstallsNoModelThatTheModelsKeyDidNotSign) {
  const SignedPlan plan = PublishPlan(model_, {});
  Steal();
  // The plan and its model are signed; what comes for the model are other bytes, under the same names.
  auto roles = honest_;
  const std::string evil = model_.bytes + "evil";
  roles["models/starter"] = Forged("models/starter", model_.target, evil);
  thief_->Serve(roles);
  Offer(plan);
  ASSERT_TRUE(ItHadItsChance());
  EXPECT_EQ(Running(), "");
  EXPECT_NE(member_->agent->status().last_update_error, "");
}

TEST_F(RedTeamTest, ItRollsNothingBackByOldMetadataOrOldPlans) {
  const SignedPlan first = PublishPlan(model_, {});
  const std::map<std::string, std::string> old = CurrentMetadata();
  const Model second = SignModel("2");
  ASSERT_TRUE(Publish(second).ok());
  SignedPlan newer = PublishPlan(second, {}, absl::ZeroDuration(), 1, 2);
  ASSERT_TRUE(Start(newer).ok());
  ASSERT_TRUE(RunUntil([&] { return member_->Committed(); })) << member_->agent->status().last_update_error;
  ASSERT_EQ(Running(), second.bytes);
  Steal();
  Offer(first);  // signed and valid, but it brings an older release
  ASSERT_TRUE(ItHadItsChance());
  EXPECT_EQ(Running(), second.bytes);
  thief_->Serve(old);  // as it was before the second release, under a newer snapshot and timestamp
  Offer(first);
  ASSERT_TRUE(ItHadItsChance());
  EXPECT_EQ(Running(), second.bytes);
  member_->Restart();
  ASSERT_TRUE(member_->agent->WaitUntilModelLoaded(absl::Seconds(20)));
  ASSERT_TRUE(ItHadItsChance());
  EXPECT_EQ(Running(), second.bytes);
}

TEST_F(RedTeamTest, ItSkipsNoCanaryByMembersOfItsOwn) {
  coordinator::TestDevice canary;
  canary.id = base::RandomBytes(16);
  const SignedPlan plan = PublishPlan(model_, {&canary});
  Steal();
  Offer(plan);  // no receipt
  ASSERT_TRUE(ItHadItsChance());
  EXPECT_EQ(Running(), "");
  const std::string own = base::RandomBytes(16);
  std::vector<fleet::v1::Receipt> forged = {
      thief_->Forge(own, own, plan.sha256, model_.sha256),        // of a member that it made
      thief_->Forge(canary.id, own, plan.sha256, model_.sha256),  // in the canary's name
  };
  for (int i = 0; i < 50; ++i) {
    const std::string id = base::RandomBytes(16);
    forged.push_back(thief_->Forge(id, id, plan.sha256, model_.sha256));
  }
  Offer(plan, forged);
  ASSERT_TRUE(ItHadItsChance());
  EXPECT_EQ(Running(), "");
}

// The stolen device authority certifies any key for any id; the plan says which key is the canary's.
TEST_F(RedTeamTest, WithTheDeviceAuthorityItCannotMakeUpACanarysPass) {
  const auto canary = NewDevice("fridge-kitchen");
  const SignedPlan plan = PublishPlan(model_, {canary.get()});
  Steal();
  Offer(plan, {thief_->Forge(canary->id, canary->id, plan.sha256, model_.sha256)});
  ASSERT_TRUE(ItHadItsChance());
  EXPECT_EQ(Running(), "");
  EXPECT_THAT(member_->agent->status().last_update_error, HasSubstr("not the one that the plan pins"));
  // Control: it can carry the pass that the canary itself signed.
  Offer(plan, {canary->Report(plan.sha256, model_.sha256, fleet::v1::PASSED).receipt()});
  ASSERT_TRUE(RunUntil([&] { return member_->Committed(); })) << member_->agent->status().last_update_error;
  EXPECT_EQ(Running(), model_.bytes);
}

// What is left to the thief: whoever has the coordinator when a plan is made may say a key of its own for a
// canary, to an operator who does not compare it with what the device shows (--canary-device NAME=KEY does).
TEST_F(RedTeamTest, APlanThatPinsTheThiefsKeyTakesTheThiefsPass) {
  const auto canary = NewDevice("fridge-kitchen");
  const base::PrivateKey own = base::PrivateKey::Generate(base::KeyType::kP256);
  coordinator::TestDevice lie{.id = canary->id, .key = own};
  const SignedPlan plan = PublishPlan(model_, {&lie});
  Steal();
  Offer(plan, {thief_->Forge(canary->id, canary->id, plan.sha256, model_.sha256, own)});
  ASSERT_TRUE(RunUntil([&] { return member_->Committed(); })) << member_->agent->status().last_update_error;
  EXPECT_EQ(Running(), model_.bytes);  // signed by the offline keys all the same
}

TEST_F(RedTeamTest, AStolenCanarysPassCountsNoMoreOnceItsSiteHasSignedThat) {
  // The thief has the canary too, with the key that the plan pins.
  const auto canary = NewDevice("fridge-kitchen");
  const SignedPlan plan = PublishPlan(model_, {canary.get()});
  trust::RevokedList list{.version = 1, .devices = {}};
  ASSERT_TRUE(list.Add({.device = base::Hex(canary->id),
                        .key_sha256 = base::Hex(base::Sha256(canary->key.public_key().SpkiDer())),
                        .revoked = absl::FromUnixSeconds(absl::ToUnixSeconds(clock_.Now()))})
                  .ok());
  const auto publication = site_->SignRevoked(list, CurrentMetadata());
  ASSERT_TRUE(publication.ok()) << publication.status();
  ASSERT_TRUE(PublishParts(publication->metadata, publication->small_targets).ok());
  ASSERT_TRUE(RunUntil([&] { return member_->agent->revocations().version() == 1; }));
  Steal();
  Offer(plan, {thief_->Forge(canary->id, canary->id, plan.sha256, model_.sha256, canary->key)});
  ASSERT_TRUE(ItHadItsChance());
  EXPECT_EQ(Running(), "");
  EXPECT_THAT(member_->agent->status().last_update_error, HasSubstr("revoked"));
}

TEST_F(RedTeamTest, ItReordersNoWaves) {
  coordinator::TestDevice canary;
  canary.id = base::RandomBytes(16);
  const SignedPlan plan = PublishPlan(model_, {&canary});
  Steal();
  SignedPlan reordered = plan;  // the signed name, with the waves the other way round
  std::reverse(reordered.plan.waves.begin(), reordered.plan.waves.end());
  reordered.plan.waves[0].passes_needed = 0;
  reordered.json = reordered.plan.ToJson();
  Offer(reordered);
  ASSERT_TRUE(ItHadItsChance());
  EXPECT_EQ(Running(), "");
}

// TUF would follow a role below plans; a device does not.
TEST_F(RedTeamTest, WithThePlansKeyTooItCannotHandItOn) {
  const SignedPlan like = PublishPlan(model_, {});
  Steal();
  const auto file = base::FileSystem::Real().ReadFile(dir_ / "site/offline/plans.key", 10'000);
  ASSERT_TRUE(file.ok());
  const base::PrivateKey plans_key = *base::OpenKey(*file, "");
  const base::PrivateKey friend_key = base::PrivateKey::Generate(base::KeyType::kEd25519);
  const SignedPlan own = OwnPlan(like);
  const auto add_own = [&](trust::Json& json) {
    trust::AddTarget(json, own.target, own.json.size(), base::AsView(base::Sha256(own.json)), trust::Json());
  };
  const absl::Time expires = clock_.Now() + absl::Hours(24);
  trust::Json plans = trust::Envelope::Parse(honest_.at("plans"))->signed_part;
  const auto version = static_cast<uint64_t>(*plans.Find("version")->integer());
  trust::Json handed_on = plans;
  trust::SetVersion(handed_on, version + 1, expires);
  trust::AddDelegation(handed_on, "friend", {.keys = {friend_key.public_key()}}, {"plans/*"}, true);
  trust::Json below = trust::TargetsJson(1, expires);
  add_own(below);
  auto roles = honest_;
  roles["plans"] = trust::SignMetadata(handed_on, {&plans_key, 1});
  roles["friend"] = trust::SignMetadata(below, {&friend_key, 1});
  thief_->Serve(roles);
  Offer(own);
  ASSERT_TRUE(ItHadItsChance());
  EXPECT_EQ(Running(), "");
  EXPECT_THAT(member_->agent->status().last_update_error,
              HasSubstr("signed by friend, to which plans may not"));
  // Control: the plans key itself can roll out what is signed.
  trust::SetVersion(plans, version + 2, expires);
  add_own(plans);
  roles["plans"] = trust::SignMetadata(plans, {&plans_key, 1});
  thief_->Serve(roles);
  Offer(own);
  ASSERT_TRUE(RunUntil([&] { return member_->Committed(); })) << member_->agent->status().last_update_error;
}

TEST_F(RedTeamTest, ItPushesNoRightClockForward) {
  const SignedPlan plan = PublishPlan(model_, {});
  Steal();
  thief_->DateAhead(absl::Hours(24 * 3653));
  thief_->Serve(honest_);
  Offer(plan);
  ASSERT_TRUE(RunUntil([&] { return member_->Committed(); })) << member_->agent->status().last_update_error;
  EXPECT_LE(member_->believed(), clock_.Now());
  EXPECT_GT(member_->believed(), clock_.Now() - absl::Hours(1));
}

// A device without a clock has only what is signed: the thief can hold it back for as long as the offline
// keys signed, as it could by silence, and no longer.
TEST_F(RedTeamTest, ItPushesADeviceWithoutAClockNoFurtherThanTheOfflineRolesHold) {
  linnet::testing::FakeClock broken(absl::FromUnixSeconds(60));
  Member member(broken);
  ASSERT_TRUE(member.agent->Enroll(NewToken("no-clock")).ok());
  const auto run_until = [&](const std::function<bool()>& done) {
    return RunUntil([&] {
      broken.Advance(absl::Seconds(1));
      return done();
    });
  };
  ASSERT_TRUE(run_until([&] { return member.agent->log()->newest.has_value(); }));
  const absl::Time targets_expire =
      trust::ParseTargets(*trust::Envelope::Parse(CurrentMetadata().at("targets")))->expires;
  ASSERT_LT(member.believed(), clock_.Now() + absl::Hours(1));
  Steal();
  thief_->DateAhead(absl::Hours(24 * 3653));
  thief_->Serve(honest_);
  thief_->Answer({});
  ASSERT_TRUE(run_until([&] { return member.believed() > clock_.Now() + absl::Hours(24); }));
  EXPECT_EQ(member.believed(), targets_expire);
  thief_->Serve(honest_);  // what it has done by that: nothing that it has to offer is fresh any more
  ASSERT_TRUE(run_until([&] {
    EXPECT_TRUE(member.agent->CheckNow().ok());
    return member.agent->status().last_update_error.find("expired") != std::string::npos;
  }));
  EXPECT_EQ(member.believed(), targets_expire);
}

TEST_F(RedTeamTest, ItCanHoldAPlanBackButNotUseItAfterItsExpiry) {
  const SignedPlan plan = PublishPlan(model_, {});
  Steal();
  clock_.Advance(absl::Hours(25));
  thief_->Serve(honest_);
  Offer(plan);
  ASSERT_TRUE(ItHadItsChance());
  EXPECT_EQ(Running(), "");
}

}  // namespace
}  // namespace linnet::fleet
