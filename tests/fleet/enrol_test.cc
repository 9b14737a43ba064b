#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/fleet/enroll.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/net/enrollment_token.h"
#include "storage/repo/device.h"
#include "storage/trust/updater.h"
#include "tests/fleet/member_fixture.h"
#include "tests/support/status_matchers.h"

namespace linnet::fleet {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::testing::HasSubstr;

class EnrolTest : public MemberFixture {
 protected:
  static std::vector<std::string> KeysOf(const Member& member) {
    return *base::FileSystem::Real().List(member.dir / "identity");
  }
};

TEST_F(EnrolTest, KeysArePrivateAndTheIdStays) {
  const auto member = NewMember("fridge-kitchen");
  const std::string id = member->id();
  const std::vector<std::string> keys = KeysOf(*member);
  ASSERT_EQ(keys.size(), 1u);
  struct stat info;
  ASSERT_EQ(stat((member->dir / absl::StrCat("identity/", keys[0])).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(stat((member->dir / "identity").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  member->Restart();
  EXPECT_EQ(member->id(), id);
  EXPECT_TRUE(member->agent->status().enrolled);
  EXPECT_TRUE(RunUntil([&] { return member->agent->status().coordinator_reachable; }));
}

TEST_F(EnrolTest, WhatIsNoTokenIsSaidToBeNone) {
  Member member(clock_);
  EXPECT_THAT(member.agent->Enroll("hello"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_TRUE(member.uplink().empty());
}

TEST_F(EnrolTest, ATokenWorksOnce) {
  const std::string token = NewToken("fridge-kitchen");
  Member first(clock_), second(clock_);
  ASSERT_THAT(first.agent->Enroll(token), IsOk());
  EXPECT_THAT(first.agent->Enroll(token), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("member")));
  EXPECT_THAT(second.agent->Enroll(token), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_FALSE(second.agent->status().enrolled);
}

TEST_F(EnrolTest, AnExpiredTokenIsRefused) {
  const std::string token = NewToken("fridge-kitchen");
  clock_.Advance(absl::Hours(2));
  Member member(clock_);
  EXPECT_THAT(member.agent->Enroll(token),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("expired")));
}

TEST_F(EnrolTest, AnotherCoordinatorAtThatAddressIsRecognised) {
  auto token = net::EnrollmentToken::Parse(NewToken("fridge-kitchen"));
  ASSERT_THAT(token, IsOk());
  token->spki_sha256[0] ^= 1;
  Member member(clock_);
  EXPECT_THAT(
      member.agent->Enroll(token->Encode()),
      StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("not the coordinator that the token names")));
  EXPECT_FALSE(member.agent->status().enrolled);
}

TEST_F(EnrolTest, AWrongSecretIsRefused) {
  auto token = net::EnrollmentToken::Parse(NewToken("fridge-kitchen"));
  token->secret[3] ^= 1;
  Member member(clock_);
  EXPECT_THAT(member.agent->Enroll(token->Encode()), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(EnrolTest, NobodyThereIsUnavailableAndALaterRetryWithTheSameTokenWorks) {
  const std::string text = NewToken("fridge-kitchen");
  auto token = net::EnrollmentToken::Parse(text);
  token->coordinator_address = "127.0.0.1:1";
  Member member(clock_);
  EXPECT_THAT(member.agent->Enroll(token->Encode()), StatusIs(absl::StatusCode::kUnavailable));
  const std::vector<std::string> keys = KeysOf(member);
  member.Restart();
  EXPECT_EQ(KeysOf(member), keys) << "the key is kept for the retry";
  EXPECT_THAT(member.agent->Enroll(text), IsOk());
}

TEST_F(EnrolTest, AnAnswerThatWasLostIsAskedForAgain) {
  const std::string token = NewToken("fridge-kitchen");
  Member member(clock_);
  ASSERT_THAT(member.agent->Enroll(token), IsOk());
  // As if the power had gone after the coordinator's answer, before the row: key there, row not.
  const std::string key = KeysOf(member).at(0);
  ASSERT_THAT(member.state->Write([&] { return member.state->db().Execute("DELETE FROM enrolment"); }),
              IsOk());
  ASSERT_THAT(base::FileSystem::Real().Rename(member.dir / absl::StrCat("identity/", key),
                                              member.dir / "identity/enrolling.key"),
              IsOk());
  member.Restart();
  EXPECT_FALSE(member.agent->status().enrolled);
  EXPECT_THAT(member.agent->Enroll(token), IsOk());
}

TEST_F(EnrolTest, ARootThatWasSavedWithoutJoiningGivesWayToTheNextToken) {
  // As if the power had gone after the root of another site was saved, before this device joined there.
  linnet::testing::TempDir other;
  ASSERT_THAT(trust::InitSite(base::FileSystem::Real(), other / "site", {}, clock_), IsOk());
  Member member(clock_);
  base::FileSystem& fs = base::FileSystem::Real();
  trust::TrustStore store(fs, member.dir / "trust");
  const auto foreign = fs.ReadFile(other / "site/coordinator/repository/1.root.json", 1 << 20);
  ASSERT_THAT(foreign, IsOk());
  ASSERT_THAT(store.Save("root", *foreign), IsOk());
  ASSERT_THAT(store.Save("snapshot", "of the other site"), IsOk());
  ASSERT_THAT(store.Save("models/starter", "of the other site"), IsOk());

  ASSERT_THAT(member.agent->Enroll(NewToken("fridge-kitchen")), IsOk());
  EXPECT_NE(**store.Load("root"), *foreign);
  EXPECT_NE(store.Load("snapshot")->value_or(""), "of the other site");
  EXPECT_EQ(*store.Load("models/starter"), std::nullopt);
  member.Restart();
  EXPECT_TRUE(RunUntil([&] { return store.Load("timestamp")->has_value(); }))
      << member.agent->status().last_update_error;
}

TEST_F(EnrolTest, RenewsInTheSecondHalfWithANewKey) {
  const auto member = NewMember("fridge-kitchen");
  const absl::Time expires = member->agent->status().certificate_expires;
  const std::vector<std::string> keys = KeysOf(*member);
  member->Kill();
  clock_.Advance((expires - clock_.Now()) * 0.45);
  member->Restart();
  ASSERT_TRUE(RunUntil([&] { return member->agent->status().coordinator_reachable; }));
  EXPECT_EQ(member->agent->status().certificate_expires, expires) << "too early";
  member->Kill();
  clock_.Advance((expires - clock_.Now()) * 0.5);
  member->Restart();
  ASSERT_TRUE(RunUntil([&] { return member->agent->status().certificate_expires > expires; }));
  EXPECT_EQ(KeysOf(*member).size(), 1u);
  EXPECT_NE(KeysOf(*member), keys);
  EXPECT_TRUE(RunUntil([&] { return member->agent->status().coordinator_reachable; }));
}

TEST_F(EnrolTest, ComesBackAfterItsCertificateHasExpired) {
  const auto member = NewMember("fridge-kitchen");
  const absl::Time expires = member->agent->status().certificate_expires;
  member->Kill();
  clock_.Set(expires + absl::Hours(24 * 20));
  member->Restart();
  ASSERT_TRUE(RunUntil([&] { return member->agent->status().certificate_expires > clock_.Now(); }));
  EXPECT_TRUE(RunUntil([&] { return member->agent->status().coordinator_reachable; }));
}

TEST_F(EnrolTest, ADeviceThatBootsIn1970IsStillAMember) {
  testing::FakeClock broken(absl::FromUnixSeconds(60));
  Member member(broken);
  ASSERT_THAT(member.agent->Enroll(NewToken("no-clock")), IsOk());
  EXPECT_TRUE(RunUntil([&] { return member.agent->status().coordinator_reachable; }));
  member.Restart();
  EXPECT_TRUE(RunUntil([&] { return member.agent->status().coordinator_reachable; }))
      << member.agent->status().last_update_error;
}

// While it is wrong everything signed has expired, which delays. What is remembered comes from what was
// signed, never from the clock, so that nothing is left of it when the clock is right again.
TEST_F(EnrolTest, AClockTenYearsAheadDelaysUpdatesAndLeavesNothingBehind) {
  linnet::testing::FakeClock own(clock_.Now());
  Member member(own);
  ASSERT_THAT(member.agent->Enroll(NewToken("press-line-3")), IsOk());
  const auto run_until = [&](const std::function<bool()>& done) {
    return RunUntil([&] {
      own.Advance(absl::Seconds(1));
      return done();
    });
  };
  const auto error = [&] { return member.agent->status().last_update_error; };
  const auto believed = [&] {
    absl::Time time;
    EXPECT_THAT(member.state->Read([&]() -> absl::Status {
      LINNET_ASSIGN_OR_RETURN(time, repo::Device(member.state->db()).BelievedTime());
      return absl::OkStatus();
    }),
                IsOk());
    return time;
  };
  const Model model = SignModel("1");
  ASSERT_TRUE(Publish(model).ok());
  ASSERT_TRUE(run_until([&] { return member.agent->log()->newest.has_value(); })) << error();
  const std::vector<std::string> keys = KeysOf(member);

  own.Advance(absl::Hours(24 * 3653));
  ASSERT_TRUE(Start(PublishPlan(model, {})).ok());
  ASSERT_TRUE(run_until([&] { return absl::StrContains(error(), "expired"); })) << error();
  member.Restart();  // as after a night
  ASSERT_TRUE(run_until([&] { return error() != ""; }));
  EXPECT_FALSE(member.Committed());
  EXPECT_LE(believed(), clock_.Now());

  own.Set(clock_.Now());
  ASSERT_TRUE(run_until([&] { return member.Committed(); })) << error();
  EXPECT_EQ(member.host->running(), model.bytes);
  EXPECT_LE(believed(), clock_.Now());
  // What waited for a time that lay years ahead waits no more: the certificate is renewed when it is due.
  for (linnet::testing::FakeClock* clock : {&own, &clock_}) clock->Advance(absl::Hours(24 * 25));
  coordinator_->Tick();
  ASSERT_TRUE(run_until([&] { return KeysOf(member) != keys && member.agent->status().enrolled; }))
      << error();
}

TEST(RenewalTimeTest, LiesBetweenHalfAndSevenTenths) {
  const base::PrivateKey key = base::PrivateKey::Generate(base::KeyType::kP256);
  base::CertificateRequest request;
  request.common_name = "x";
  request.not_before = absl::FromUnixSeconds(1'000'000'000);
  request.not_after = request.not_before + absl::Hours(1000);
  for (int i = 0; i < 8; ++i) {
    request.common_name = absl::StrCat("x", i);
    const absl::Time at = RenewalTime(base::IssueSelfSigned(key, request));
    EXPECT_GE(at, request.not_before + absl::Hours(499));
    EXPECT_LE(at, request.not_before + absl::Hours(701));
  }
}

}  // namespace
}  // namespace linnet::fleet
