#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/update/test_fleet.h"

namespace linnet::update {
namespace {

using ::linnet::testing::FakeClock;
using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

class OfferTest : public ::testing::Test {
 protected:
  OfferTest() { target_ = site_.PublishModel(ModelBytes("one"), "1", 1); }
  std::string File(std::string_view bytes) {
    const std::string path = device_.dir / "offered.linnet";
    EXPECT_THAT(base::FileSystem::Real().WriteFileAtomic(path, bytes), IsOk());
    return path;
  }
  absl::StatusOr<std::string> Offer(std::string_view bytes, std::string_view name = "") {
    return device_.driver->Offer(File(bytes), name);
  }
  FakeClock clock_;
  TestSite site_{clock_};
  TestDevice device_{site_, clock_};
  std::string target_;
};

TEST_F(OfferTest, ASignedFileIsInstalledByNameOrByContent) {
  ASSERT_OK_AND_ASSIGN(const std::string name, Offer(ModelBytes("one")));
  EXPECT_EQ(name, target_);
  EXPECT_EQ(device_.driver->state(), State::kConfirm);
  EXPECT_EQ(device_.host->running, ModelBytes("one"));
  ASSERT_TRUE(device_.RunUntil([&] { return device_.driver->state() == State::kIdle; }));
  EXPECT_FALSE(device_.slots().trial);
  EXPECT_TRUE(device_.link.reports.empty()) << "what an owner does is not the fleet's business";
  const std::string second = site_.PublishModel(ModelBytes("two"), "2", 2);
  EXPECT_EQ(Offer(ModelBytes("two"), second).value_or(""), second);
}

TEST_F(OfferTest, TheActiveModelIsAcceptedWithoutDoingAnything) {
  ASSERT_THAT(Offer(ModelBytes("one")), IsOk());
  ASSERT_TRUE(device_.RunUntil([&] { return device_.driver->state() == State::kIdle; }));
  const int runs = device_.probe.runs;
  EXPECT_THAT(Offer(ModelBytes("one")), IsOk());
  EXPECT_EQ(device_.probe.runs, runs);
}

TEST_F(OfferTest, AnUnsignedFileIsRefusedAndSaysWhy) {
  EXPECT_THAT(
      Offer(ModelBytes("foreign")),
      StatusIs(absl::StatusCode::kPermissionDenied,
               AllOf(HasSubstr("offered.linnet"), HasSubstr("no key that this device trusts signed"))));
  EXPECT_THAT(Offer(ModelBytes("foreign"), "models/starter/other-1.linnet"),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("models/starter/other-1.linnet")));
  EXPECT_THAT(
      Offer("GGUF" + ModelBytes("foreign")),
      StatusIs(absl::StatusCode::kPermissionDenied, AllOf(HasSubstr("signed"), HasSubstr("is a GGUF"))));
  EXPECT_EQ(device_.slots().active, "");
  EXPECT_EQ(device_.probe.runs, 0) << "nothing of it was loaded";
}

TEST_F(OfferTest, AGgufIsRefusedEvenWhenItIsSigned) {
  const std::string gguf = "GGUF" + ModelBytes("one");
  const std::string name = site_.PublishModel(gguf, "3", 3);
  for (const std::string& claimed : {name, std::string()}) {
    EXPECT_THAT(Offer(gguf, claimed),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         AllOf(HasSubstr("offered.linnet"), HasSubstr("is a GGUF"), HasSubstr("packed"))));
  }
  EXPECT_EQ(device_.probe.runs, 0) << "nothing of it was loaded";
  EXPECT_EQ(device_.slots().active, "");
}

TEST_F(OfferTest, ATamperedFileIsRefusedAndSaysWhy) {
  std::string tampered = ModelBytes("one");
  tampered[100] ^= 1;
  EXPECT_THAT(Offer(tampered, target_),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       AllOf(HasSubstr("differs from the signed"), HasSubstr("tampered"))));
  EXPECT_THAT(Offer(ModelBytes("one").substr(0, 99), target_), StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(Offer(tampered), StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_EQ(device_.probe.runs, 0);
}

TEST_F(OfferTest, WhatIsSignedButNoModelIsRefused) {
  const std::string plan_path = site_.PublishPlan(site_.PlanFor(target_));
  const std::string* plan = site_.Content(site_.Target(plan_path).sha256);
  EXPECT_THAT(Offer(*plan), StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(Offer(*plan, plan_path),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("is no model")));
}

TEST_F(OfferTest, WorksWithoutANetworkOnceTheRoleIsKnown) {
  ASSERT_THAT(Offer(ModelBytes("foreign")), StatusIs(absl::StatusCode::kPermissionDenied));
  device_.link.online = false;
  EXPECT_THAT(Offer(ModelBytes("one")), IsOk());
}

TEST_F(OfferTest, ExpiredMetadataBlocksAnInstallNotTheModelThatRuns) {
  ASSERT_THAT(Offer(ModelBytes("one")), IsOk());
  ASSERT_TRUE(device_.RunUntil([&] { return device_.driver->state() == State::kIdle; }));
  site_.PublishModel(ModelBytes("two"), "2", 2);
  device_.driver->CheckSoon();
  device_.RunChecks(1);
  device_.link.online = false;
  clock_.Advance(absl::Hours(24 * 365));
  EXPECT_THAT(Offer(ModelBytes("two")),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("expired")));
  device_.Restart();
  EXPECT_EQ(device_.host->running, ModelBytes("one"));
}

TEST_F(OfferTest, AnOlderReleaseIsRefused) {
  site_.PublishModel(ModelBytes("two"), "2", 2);
  ASSERT_THAT(Offer(ModelBytes("two")), IsOk());
  ASSERT_TRUE(device_.RunUntil([&] { return device_.driver->state() == State::kIdle; }));
  EXPECT_THAT(Offer(ModelBytes("one")),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("committed release 2")));
}

TEST_F(OfferTest, AModelThatFailsItsSelfCheckSaysSoAndIsKeptAway) {
  site_.PublishModel(ModelBytes("PROBE-NO"), "2", 2);
  EXPECT_THAT(Offer(ModelBytes("PROBE-NO")), StatusIs(absl::StatusCode::kAborted, HasSubstr("exit code 1")));
  EXPECT_EQ(device_.driver->state(), State::kIdle);
  EXPECT_THAT(Offer(ModelBytes("PROBE-NO")),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("failed on this device before")));
  site_.PublishModel(ModelBytes("WONT-SWITCH"), "3", 3);
  EXPECT_THAT(Offer(ModelBytes("WONT-SWITCH")), StatusIs(absl::StatusCode::kAborted));
  EXPECT_EQ(device_.slots().active, "");
}

TEST_F(OfferTest, OneUpdateAtATime) {
  ASSERT_THAT(Offer(ModelBytes("one")), IsOk());
  EXPECT_THAT(Offer(ModelBytes("one")),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("CONFIRM")));
}

TEST_F(OfferTest, ALookAtTheCoordinatorGivesWay) {
  for (const State during : {State::kCheck, State::kMetadata, State::kPlan}) {
    device_.driver->CheckSoon();
    ASSERT_TRUE(device_.RunUntil([&] { return device_.driver->state() == during; }));
    EXPECT_THAT(Offer(ModelBytes("foreign")), StatusIs(absl::StatusCode::kPermissionDenied))
        << NameOf(during);
    site_.PublishModel(ModelBytes(NameOf(during)), std::string(NameOf(during)), 0);
  }
}

TEST_F(OfferTest, TheOperatorsStopIsNotTheOwners) {
  device_.driver->SetStop(true);
  EXPECT_THAT(Offer(ModelBytes("one")), IsOk());
}

TEST_F(OfferTest, AMissingFileIsNotFound) {
  EXPECT_THAT(device_.driver->Offer(device_.dir / "nothing.linnet", ""),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace linnet::update
