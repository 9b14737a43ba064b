// A device that watches its coordinator's log: what it sees, and what nobody can make it see.
#include "agent/update/witness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/update/test_fleet.h"

namespace linnet::update {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::testing::HasSubstr;
using Kind = repo::LogEvidence::Kind;

class WitnessTest : public ::testing::Test {
 protected:
  // Something else is published, to all.
  void Republish() { EXPECT_THAT(site_.repository().SignOnlineRoles(absl::Hours(24)), IsOk()); }
  static void Append(TestLog& log, int files, char fill = 'x') {
    for (int i = 0; i < files; ++i) log.Append({"plans", 1000 + log.size(), std::string(32, fill)});
  }
  // Two check-ins at least: the second sees what the first brought.
  bool Look(TestDevice& device) { return device.RunChecks(2); }
  Witness::State Shown(TestDevice& device) {
    const auto state = device.witness->Show();
    EXPECT_THAT(state, IsOk());
    return *state;
  }
  // What `device` holds against the coordinator now: kinds.
  std::vector<Kind> Evidence(TestDevice& device) {
    std::vector<Kind> kinds;
    for (const repo::LogEvidence& evidence : Shown(device).evidence) kinds.push_back(evidence.kind);
    return kinds;
  }
  // A plan is offered; does the device follow it?
  bool Follows(TestDevice& device) {
    const std::string model = site_.PublishModel(ModelBytes("good"), "1", 1);
    device.link.plan = site_.PublishPlan(site_.PlanFor(model));
    // Refused, it waits longer each time: more steps would be more than a timestamp's day.
    constexpr int kSteps = 60;
    return device.RunUntil(
        [&] { return device.active() == ModelBytes("good") && device.state_name() == "IDLE"; }, kSteps);
  }

  linnet::testing::FakeClock clock_;
  TestSite site_{clock_};
  const TestLog before_ = site_.log();  // to fork from
  TestDevice a_{site_, clock_}, b_{site_, clock_, std::string(16, 'e')};
};

TEST_F(WitnessTest, FollowsAnHonestLogAndItsPlans) {
  ASSERT_TRUE(Look(a_));
  ASSERT_TRUE(Shown(a_).newest.has_value());
  EXPECT_TRUE(Shown(a_).newest->SameLog(site_.log().head()));
  EXPECT_TRUE(Follows(a_));
  EXPECT_TRUE(Shown(a_).newest->SameLog(site_.log().head()));
  EXPECT_TRUE(Evidence(a_).empty());
}

TEST_F(WitnessTest, AnHonestLogRaisesNothingHoweverFarBehindADeviceIs) {
  ASSERT_TRUE(Look(a_));
  ASSERT_TRUE(Look(b_));
  for (int i = 0; i < 200; ++i) {
    Republish();
    if (i % 7 == 0) {
      ASSERT_TRUE(Look(a_));
      b_.witness->Heard(*Shown(a_).newest);  // b was off; a tells it on the way
      a_.witness->Heard(*Shown(b_).newest);
    }
    if (i % 50 == 0) a_.Restart();
  }
  ASSERT_TRUE(Look(b_));
  ASSERT_TRUE(Look(a_));
  EXPECT_TRUE(Shown(b_).newest->SameLog(site_.log().head()));
  EXPECT_FALSE(b_.witness->HasUnproved());
  EXPECT_FALSE(a_.witness->HasUnproved());
  EXPECT_TRUE(Evidence(a_).empty());
  EXPECT_TRUE(Evidence(b_).empty());
}

TEST_F(WitnessTest, TwoLogsOfOneSizeAreSeenByBothWhenTheyMeet) {
  TestLog other = site_.log();
  Append(site_.log(), 1, 'a');
  Append(other, 1, 'b');
  b_.link.log = &other;
  ASSERT_TRUE(Look(a_));
  ASSERT_TRUE(Look(b_));
  EXPECT_TRUE(Evidence(a_).empty()) << "each for itself sees nothing";
  EXPECT_TRUE(Evidence(b_).empty());
  const audit::LogHead of_a = *a_.witness->Newest(), of_b = *b_.witness->Newest();
  a_.witness->Heard(of_b);
  b_.witness->Heard(of_a);
  for (TestDevice* device : {&a_, &b_}) {
    ASSERT_THAT(Evidence(*device), ::testing::ElementsAre(Kind::kSplit));
    const repo::LogEvidence evidence = Shown(*device).evidence[0];
    EXPECT_EQ(evidence.first.size, evidence.second.size);
    // Proof to anybody who knows the key: the coordinator's two signatures.
    const auto key = base::PublicKey::FromEd25519(evidence.key);
    ASSERT_THAT(key, IsOk());
    EXPECT_THAT(audit::VerifyHead(evidence.first, *key), IsOk());
    EXPECT_THAT(audit::VerifyHead(evidence.second, *key), IsOk());
    EXPECT_FALSE(evidence.first.SameLog(evidence.second));
    EXPECT_THAT(device->driver->last_error(), HasSubstr("exclude each other"));
    EXPECT_FALSE(Follows(*device));
    device->Restart();
    EXPECT_FALSE(Follows(*device)) << "it is on the disk";
  }
}

TEST_F(WitnessTest, TwoLogsOfDifferentSizeAreSeenWhenTheCoordinatorCannotJoinThem) {
  for (const bool longer : {false, true}) {
    TestDevice device{site_, clock_};
    TestLog other = site_.log();
    Append(site_.log(), longer ? 3 : 1, 'a');
    Append(other, longer ? 1 : 3, 'b');
    ASSERT_TRUE(Look(device));
    device.witness->Heard(other.head());
    EXPECT_TRUE(Evidence(device).empty()) << "not yet: another device may have seen a newer one";
    ASSERT_TRUE(device.witness->HasUnproved());
    ASSERT_TRUE(Look(device));
    EXPECT_THAT(Evidence(device), ::testing::ElementsAre(Kind::kNotGrown));
    EXPECT_FALSE(device.witness->HasUnproved());
    EXPECT_FALSE(Follows(device));
  }
}

TEST_F(WitnessTest, ACoordinatorThatTurnsToAnotherLogIsSeenByOneDeviceAlone) {
  Append(site_.log(), 3);
  ASSERT_TRUE(Look(a_));
  TestLog other = site_.log();
  Append(site_.log(), 2, 'a');
  Republish();
  ASSERT_TRUE(Look(a_));
  Append(other, 9, 'b');
  a_.link.log = &other;
  Republish();
  ASSERT_TRUE(Look(a_));
  EXPECT_THAT(Evidence(a_), ::testing::ElementsAre(Kind::kNotGrown));
  EXPECT_FALSE(Follows(a_));
}

TEST_F(WitnessTest, ALogThatWasCutIsSeen) {
  const TestLog before = site_.log();
  Append(site_.log(), 4);
  Republish();
  ASSERT_TRUE(Look(a_));
  a_.link.log = &before;
  Republish();
  ASSERT_TRUE(Look(a_));
  EXPECT_THAT(Evidence(a_), ::testing::ElementsAre(Kind::kNotGrown));
}

TEST_F(WitnessTest, WhatIsNotSignedByTheTimestampKeyIsNothing) {
  ASSERT_TRUE(Look(a_));
  const audit::LogHead own = *a_.witness->Newest();
  TestLog foreign(base::PrivateKey::Generate(base::KeyType::kEd25519));
  Append(foreign, static_cast<int>(own.size));
  audit::LogHead unsigned_one = own, resized = own, short_root = own;
  unsigned_one.root = std::string(32, 'x');
  ++resized.size;
  short_root.root = "x";
  for (const audit::LogHead& head : {foreign.head(), unsigned_one, resized, short_root, audit::LogHead{}}) {
    a_.witness->Heard(head);
  }
  EXPECT_FALSE(a_.witness->HasUnproved());
  EXPECT_TRUE(Evidence(a_).empty());
  EXPECT_TRUE(Follows(a_));
}

TEST_F(WitnessTest, AnOldHeadThatAPeerKeptRaisesNoAlarm) {
  const audit::LogHead old = site_.log().head();
  for (int i = 0; i < 5; ++i) Republish();
  ASSERT_TRUE(Look(a_));
  a_.witness->Heard(old);
  a_.witness->Heard(old);
  EXPECT_TRUE(a_.witness->HasUnproved());
  ASSERT_TRUE(Look(a_));
  EXPECT_FALSE(a_.witness->HasUnproved());
  EXPECT_TRUE(Evidence(a_).empty());
  EXPECT_TRUE(Follows(a_));
}

TEST_F(WitnessTest, PeersCanFillNothing) {
  std::vector<audit::LogHead> old;
  for (int i = 0; i < 50; ++i) {
    Republish();
    old.push_back(site_.log().head());
  }
  ASSERT_TRUE(Look(a_));
  for (const audit::LogHead& head : old) a_.witness->Heard(head);
  a_.link.tamper_log = [&](LogAnswer& answer) { EXPECT_LE(answer.grown.size(), 9u); };
  ASSERT_TRUE(Look(a_));
  EXPECT_FALSE(a_.witness->HasUnproved());
  // And a coordinator that signs what it likes fills no more.
  for (int i = 0; i < 50; ++i) {
    TestLog fork = before_;
    Append(fork, static_cast<int>(site_.log().size() - fork.size()), static_cast<char>('A' + i));
    a_.witness->Heard(fork.head());
  }
  EXPECT_EQ(Evidence(a_).size(), repo::LogHeads::kMostEvidence);
}

TEST_F(WitnessTest, MetadataThatTheLogDoesNotHaveAreNotFollowed) {
  ASSERT_TRUE(Look(a_));
  const TestLog without = site_.log();
  TestLog other = without;
  Append(other, 3);
  a_.link.log = &other;  // it grew, but what is published now is not in it
  EXPECT_FALSE(Follows(a_));
  EXPECT_THAT(a_.driver->last_error(), HasSubstr("does not show the timestamp"));
  EXPECT_TRUE(Evidence(a_).empty()) << "no two signatures that exclude each other";
  a_.link.log = &site_.log();
  Republish();
  a_.RunChecks(2);
  EXPECT_THAT(Evidence(a_), ::testing::ElementsAre(Kind::kNotGrown)) << "now there are";
}

TEST_F(WitnessTest, AProofThatWasCutOrChangedIsNotBelieved) {
  ASSERT_TRUE(Look(a_));
  Republish();
  a_.link.tamper_log = [](LogAnswer& answer) {
    if (!answer.timestamp.proof.empty()) answer.timestamp.proof.pop_back();
  };
  EXPECT_FALSE(Follows(a_));
  EXPECT_TRUE(Evidence(a_).empty());
  a_.link.tamper_log = [](LogAnswer& answer) { answer.head.signature = std::string(64, 's'); };
  EXPECT_FALSE(Follows(a_));
  EXPECT_TRUE(Evidence(a_).empty());
  a_.link.tamper_log = nullptr;
  Republish();
  EXPECT_TRUE(a_.RunUntil([&] { return a_.active() == ModelBytes("good"); }, 2000));
}

TEST_F(WitnessTest, ACoordinatorFromBeforeLogsIsFollowedButNoneThatHidesItsLog) {
  a_.link.log = nullptr;
  EXPECT_TRUE(Follows(a_));
  ASSERT_TRUE(Look(b_));
  b_.link.log = nullptr;
  EXPECT_FALSE(Follows(b_));
  EXPECT_THAT(b_.driver->last_error(), HasSubstr("no more"));
  EXPECT_TRUE(Evidence(b_).empty());
}

TEST_F(WitnessTest, TheModelThatRunsGoesOnAndTheOwnersOffersAreTheOwners) {
  EXPECT_TRUE(Follows(a_));
  TestLog fork = before_;
  Append(fork, static_cast<int>(site_.log().size() - fork.size()), 'f');
  a_.witness->Heard(fork.head());
  ASSERT_THAT(Evidence(a_), ::testing::ElementsAre(Kind::kSplit));
  a_.Restart();
  EXPECT_EQ(a_.active(), ModelBytes("good"));
  EXPECT_EQ(a_.host->running, ModelBytes("good"));
  const std::string path = a_.dir / "offer";
  ASSERT_THAT(base::FileSystem::Real().WriteFileAtomic(path, ModelBytes("better")), IsOk());
  site_.PublishModel(ModelBytes("better"), "2", 2);
  EXPECT_THAT(a_.driver->Offer(path, ""), IsOk());
  EXPECT_EQ(a_.active(), ModelBytes("better"));
}

TEST_F(WitnessTest, EvidenceThatComesDuringADownloadEndsTheUpdateBeforeAnythingChanged) {
  ASSERT_TRUE(Look(a_));
  const std::string model = site_.PublishModel(ModelBytes("good"), "1", 1);
  a_.link.plan = site_.PublishPlan(site_.PlanFor(model));
  ASSERT_TRUE(a_.RunUntil([&] { return a_.state_name() == "DOWNLOAD"; }));
  TestLog fork = before_;  // a peer shows a head of another size: only the coordinator can say
  Append(fork, static_cast<int>(site_.log().size() - fork.size()) + 2, 'f');
  a_.witness->Heard(fork.head());
  ASSERT_TRUE(a_.RunUntilIdleAfter(1));
  EXPECT_EQ(a_.active(), "");
  EXPECT_THAT(a_.link.reasons(), ::testing::ElementsAre(Reason::kSplitView));
  EXPECT_EQ(a_.link.last_receipt(), nullptr) << "it says nothing about the model";
}

TEST_F(WitnessTest, WhenTheOwnerHasLookedIntoItPlansAreFollowedAgain) {
  Republish();
  ASSERT_TRUE(Look(a_));
  TestLog fork = before_;
  Append(fork, static_cast<int>(site_.log().size() - fork.size()), 'f');
  a_.witness->Heard(fork.head());
  EXPECT_FALSE(Follows(a_));
  EXPECT_THAT(a_.witness->MayInstall(), StatusIs(absl::StatusCode::kPermissionDenied));
  ASSERT_THAT(a_.witness->Forget(), IsOk());
  EXPECT_TRUE(Evidence(a_).empty());
  EXPECT_TRUE(a_.RunUntil([&] { return a_.active() == ModelBytes("good"); }));
}

TEST_F(WitnessTest, AHeadThatCannotBePlacedNowIsPlacedLater) {
  ASSERT_TRUE(Look(a_));
  const audit::LogHead before = *a_.witness->Newest();
  Republish();
  a_.witness->Heard(site_.log().head());
  a_.link.online = false;
  a_.RunUntil([] { return false; }, 20);
  EXPECT_TRUE(a_.witness->HasUnproved());
  a_.Restart();
  EXPECT_TRUE(a_.witness->HasUnproved());
  EXPECT_TRUE(a_.witness->Newest()->SameLog(before)) << "a peer moves nothing";
  a_.link.online = true;
  ASSERT_TRUE(a_.RunUntil([&] { return !a_.witness->HasUnproved(); }, 500));
  EXPECT_TRUE(Evidence(a_).empty());
}

}  // namespace
}  // namespace linnet::update
