#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/fleet/enroll.h"
#include "runtime/base/hash.h"
#include "runtime/net/enrollment_token.h"
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
  // For the coordinator.
  void Pass(absl::Duration time) {
    clock_.Advance(time);
    coordinator_->Tick();
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

// A clock that begins in 1970 at each start, and an up-time beside it that nobody sets.
class NoClock {
 public:
  void Pass(absl::Duration time) {
    clock.Advance(time);
    up_.Advance(time);
  }
  void Boot() { clock.Set(absl::FromUnixSeconds(60)); }
  std::function<absl::Duration()> uptime() {
    return [this] { return up_.Now() - absl::UnixEpoch(); };
  }
  linnet::testing::FakeClock clock{absl::FromUnixSeconds(60)};

 private:
  linnet::testing::FakeClock up_;
};

class NoClockTest : public EnrolTest {
 protected:
  NoClockTest() {
    member_.uptime = device_.uptime();
    member_.Restart();
    EXPECT_THAT(member_.agent->Enroll(NewToken("no-clock")), IsOk());
    EXPECT_TRUE(RunUntil([&] { return member_.agent->status().coordinator_reachable; }));
  }
  bool RunUntil(const std::function<bool()>& done) {
    return EnrolTest::RunUntil([&] {
      device_.Pass(absl::Seconds(5));
      EXPECT_THAT(member_.agent->CheckNow(), IsOk());  // not in seconds of ours
      return done();
    });
  }
  bool IsMember() {
    return member_.agent->status().certificate_expires > clock_.Now() &&
           member_.agent->status().coordinator_reachable;
  }

  NoClock device_;
  Member member_{device_.clock};
};

TEST_F(NoClockTest, UpTimeAloneRenewsTheCertificateInTime) {
  const std::vector<std::string> keys = KeysOf(member_);
  const absl::Time expires = member_.agent->status().certificate_expires;
  const auto renewed = [&] { return member_.agent->status().certificate_expires > expires; };
  // In steps, as it passes; nothing is published meanwhile.
  for (int day = 1; day <= 25 && !renewed(); ++day) {
    const absl::Time floor = member_.believed();
    clock_.Advance(absl::Hours(24));
    device_.Pass(absl::Hours(24));
    ASSERT_TRUE(RunUntil([&] { return member_.believed() >= floor + absl::Hours(23); })) << day;
    if (day < 14) {
      EXPECT_EQ(KeysOf(member_), keys) << "too early, day " << day;
    }
  }
  ASSERT_TRUE(RunUntil([&] { return renewed() && IsMember(); }));
}

TEST_F(NoClockTest, OffForTwentyFiveDaysItIsStillAMember) {
  const absl::Time expires = member_.agent->status().certificate_expires;
  member_.Kill();
  Pass(absl::Hours(24 * 25));
  device_.Boot();
  member_.Restart();
  // What the timestamp says about the time makes the renewal due.
  ASSERT_TRUE(RunUntil([&] { return member_.agent->status().certificate_expires > expires; }))
      << member_.agent->status().last_update_error;
  EXPECT_TRUE(RunUntil([&] { return IsMember(); }));
}

TEST_F(NoClockTest, OffForFortyDaysItIsStillAMember) {
  member_.Kill();
  Pass(absl::Hours(24 * 40));
  device_.Boot();
  member_.Restart();
  // It thinks that its certificate is new; the coordinator turns it away.
  ASSERT_TRUE(RunUntil([&] { return IsMember(); })) << member_.agent->status().last_update_error;
  EXPECT_GT(member_.believed(), clock_.Now() - absl::Hours(24));
}

TEST_F(NoClockTest, ItsConnectionStaysOpenWhileItsCertificateExpires) {
  Pass(absl::Hours(24 * 40));
  ASSERT_TRUE(RunUntil([&] { return IsMember(); })) << member_.agent->status().last_update_error;
}

// With a clock that is right, too: a report that waits for the coordinator waits with a key that expires.
TEST_F(EnrolTest, ADeviceThatWasOffForFortyDaysInTheMiddleOfAnUpdateIsStillAMember) {
  config_.listen = coordinator_->fleet_address();
  const auto member = NewMember("press-line-3");
  // Its self-check takes until the coordinator is gone.
  std::ofstream(member->dir / "probe") << "#!/bin/sh\nwhile [ ! -e \"" << (member->dir / "go")
                                       << "\" ]; do sleep 0.05; done\necho '{\"ok\":true}'\n";
  const Model model = SignModel("1");
  ASSERT_TRUE(Publish(model).ok());
  ASSERT_TRUE(Start(PublishPlan(model, {})).ok());
  ASSERT_TRUE(RunUntil([&] { return member->agent->status().update_state == "STAGE"; }));
  admin_.reset();
  coordinator_.reset();
  std::ofstream(member->dir / "go") << "go";
  ASSERT_TRUE(RunUntil([&] { return member->agent->status().update_state == "REPORT"; }));
  member->Kill();
  clock_.Advance(absl::Hours(24 * 40));
  StartCoordinator();
  member->Restart();
  ASSERT_TRUE(RunUntil([&] { return member->agent->status().certificate_expires > clock_.Now(); }))
      << member->agent->status().update_state << ": " << member->agent->status().last_update_error;
  EXPECT_TRUE(RunUntil([&] { return member->agent->status().update_state == "IDLE"; }))
      << member->agent->status().last_update_error;
}

// Whoever sets a device's clock back and keeps the coordinator from it: what it has does not stay fresh.
TEST_F(EnrolTest, AClockThatIsSetBackAYearFreezesNothing) {
  NoClock device;
  device.clock.Set(clock_.Now());
  Member member(device.clock);
  member.uptime = device.uptime();
  member.Restart();
  ASSERT_THAT(member.agent->Enroll(NewToken("press-line-3")), IsOk());
  const Model model = SignModel("1");
  ASSERT_TRUE(Publish(model).ok());
  const SignedPlan plan = PublishPlan(model, {});
  const auto run_until = [&](const std::function<bool()>& done) {
    return RunUntil([&] {
      device.Pass(absl::Seconds(1));
      return done();
    });
  };
  const auto error = [&] { return member.agent->status().last_update_error; };
  ASSERT_TRUE(run_until([&] { return member.agent->log()->newest.has_value(); })) << error();
  device.Pass(absl::Hours(25));
  device.clock.Advance(-absl::Hours(24 * 365));
  ASSERT_TRUE(Start(plan).ok());  // under the timestamp of yesterday
  ASSERT_TRUE(run_until([&] { return absl::StrContains(error(), "expired"); })) << error();
  EXPECT_FALSE(member.Committed());
  // It was nothing but time: a fresh one is taken, whatever the clock says.
  Pass(absl::Hours(25));
  ASSERT_TRUE(run_until([&] { return error() == ""; })) << error();
  EXPECT_GT(member.believed(), clock_.Now() - absl::Hours(2));
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
  EXPECT_LE(member.believed(), clock_.Now());

  own.Set(clock_.Now());
  ASSERT_TRUE(run_until([&] { return member.Committed(); })) << error();
  EXPECT_EQ(member.host->running(), model.bytes);
  EXPECT_LE(member.believed(), clock_.Now());
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
