// Pausing, signed lifts, taking a rollout back; what an operator's certificate alone can do, and what a
// restart keeps.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/base/hash.h"
#include "runtime/base/string_view.h"
#include "tests/coordinator/fleet_fixture.h"

namespace linnet::coordinator {
namespace {

using grpc::StatusCode;
using ::testing::HasSubstr;

class RolloutControlTest : public FleetFixture {
 protected:
  void SetUp() override {
    canary_ = NewDevice("fridge-kitchen");
    press_ = NewDevice("press-line-3");
    hall_ = NewDevice("voice-hall");
    old_ = SignModel("1");
    ASSERT_TRUE(Publish(old_).ok());
    model_ = SignModel("2");
    ASSERT_TRUE(Publish(model_).ok());
  }
  std::string PlanFor(const TestDevice& device, bool* stop = nullptr) {
    fleet::v1::CheckInResponse response;
    const grpc::Status status = CheckIn(device, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    if (stop != nullptr) *stop = response.stop();
    return response.plan();
  }
  grpc::Status Says(const TestDevice& device, const SignedPlan& plan, fleet::v1::Outcome outcome,
                    uint64_t attempt = 1) {
    return Report(device, device.Report(plan.sha256, plan.plan.model_sha256, outcome, attempt));
  }
  grpc::Status Pause(const std::string& id = "") {
    Context context;
    admin::v1::PauseRolloutRequest request;
    request.set_rollout_id(id);
    admin::v1::PauseRolloutResponse response;
    return admin().PauseRollout(&context, request, &response);
  }
  grpc::Status Stop() {
    Context context;
    admin::v1::StopRolloutResponse response;
    return admin().StopRollout(&context, {}, &response);
  }
  grpc::Status Resume(const std::string& lift_target) {
    Context context;
    admin::v1::ResumeRolloutRequest request;
    request.set_lift(lift_target);
    admin::v1::ResumeRolloutResponse response;
    return admin().ResumeRollout(&context, request, &response);
  }
  trust::Lift LiftOf(const SignedPlan& plan, uint64_t number, uint32_t most_failures = 0) {
    return {.rollout = plan.plan.id,
            .plan_sha256 = plan.sha256,
            .number = number,
            .most_failures = most_failures,
            .created = clock_.Now(),
            .expires = clock_.Now() + absl::Hours(1)};
  }
  // Signed with the plans key and published.
  std::string Published(const trust::Lift& lift) {
    auto publication = site_->SignLift(lift, CurrentMetadata());
    EXPECT_TRUE(publication.ok()) << publication.status();
    const grpc::Status status = PublishParts(publication->metadata, publication->small_targets);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return lift.Target();
  }
  admin::v1::Rollout Of(const SignedPlan& plan) {
    Context context;
    admin::v1::ListRolloutsResponse response;
    EXPECT_TRUE(admin().ListRollouts(&context, {}, &response).ok());
    for (const auto& rollout : response.rollouts()) {
      if (rollout.id() == plan.plan.id) return rollout;
    }
    ADD_FAILURE() << "no rollout " << plan.plan.id;
    return {};
  }
  // A plan for the old model's newest release that takes `bad` back.
  SignedPlan TakesBack(const SignedPlan& bad) {
    auto again = site_->ReleaseAgain(old_.target, CurrentMetadata());
    EXPECT_TRUE(again.ok()) << again.status();
    grpc::Status status = PublishParts(again->metadata, {});
    EXPECT_TRUE(status.ok()) << status.error_message();
    SignedPlan out;
    out.plan = bad.plan;
    out.plan.id = base::Hex(base::RandomBytes(16));
    out.plan.model_target = again->targets[0].path;
    out.plan.model_sha256 = again->targets[0].sha256;
    out.plan.waves = {{.name = "all"}};
    out.plan.rolls_back = bad.plan.id;
    auto publication = site_->SignPlan(out.plan, CurrentMetadata());
    EXPECT_TRUE(publication.ok()) << publication.status();
    const auto& [target, json] = *publication->small_targets.begin();
    out.target = target;
    out.json = json;
    out.sha256 = std::string(base::AsView(base::Sha256(json)));
    status = PublishParts(publication->metadata, publication->small_targets);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return out;
  }

  std::unique_ptr<TestDevice> canary_, press_, hall_;
  Model old_, model_;
};

TEST_F(RolloutControlTest, APauseHoldsNewDevicesAndALiftLetsThemGo) {
  const SignedPlan plan = PublishPlan(model_, {canary_.get()});
  ASSERT_TRUE(Start(plan).ok());
  ASSERT_TRUE(Says(*canary_, plan, fleet::v1::PASSED).ok());
  ASSERT_TRUE(Pause().ok());
  ASSERT_TRUE(Pause().ok());  // again: nothing changes
  EXPECT_EQ(Of(plan).state(), admin::v1::PAUSED);
  EXPECT_THAT(Of(plan).why(), HasSubstr("paused by operator"));
  bool stop = true;
  EXPECT_EQ(PlanFor(*press_, &stop), "");
  EXPECT_FALSE(stop);  // who is under way goes on
  RestartCoordinator();
  EXPECT_EQ(Of(plan).state(), admin::v1::PAUSED);
  EXPECT_EQ(PlanFor(*press_), "");
  const grpc::Status resumed = Resume(Published(LiftOf(plan, 1)));
  ASSERT_TRUE(resumed.ok()) << resumed.error_message();
  EXPECT_EQ(Of(plan).state(), admin::v1::RUNNING);
  EXPECT_EQ(Of(plan).lifts(), 1u);
  EXPECT_EQ(PlanFor(*press_), plan.target);
}

TEST_F(RolloutControlTest, AReportThatArrivesWhileItIsPausedCounts) {
  const SignedPlan plan = PublishPlan(model_, {canary_.get()});
  ASSERT_TRUE(Start(plan).ok());
  ASSERT_TRUE(Pause().ok());
  ASSERT_TRUE(Says(*canary_, plan, fleet::v1::PASSED).ok());
  EXPECT_FALSE(Of(plan).waves(1).open());
  ASSERT_TRUE(Resume(Published(LiftOf(plan, 1))).ok());
  EXPECT_TRUE(Of(plan).waves(1).open());
}

TEST_F(RolloutControlTest, AnOperatorWithoutThePlansKeyCannotResume) {
  const SignedPlan plan = PublishPlan(model_, {canary_.get()});
  ASSERT_TRUE(Start(plan).ok());
  ASSERT_TRUE(Pause().ok());
  const trust::Lift lift = LiftOf(plan, 1);
  EXPECT_EQ(Resume(lift.Target()).error_code(), StatusCode::NOT_FOUND);  // made, not signed
  // Sent as a target that nobody vouches for.
  EXPECT_EQ(PublishParts({}, {{lift.Target(), lift.ToJson()}}).error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Resume(lift.Target()).error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(Resume(model_.target).error_code(), StatusCode::PERMISSION_DENIED);  // signed by another role
  EXPECT_EQ(Resume(plan.target).error_code(), StatusCode::FAILED_PRECONDITION);  // a plan is no lift
  EXPECT_EQ(Start(plan).error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(Of(plan).state(), admin::v1::PAUSED);
}

TEST_F(RolloutControlTest, ALiftWorksOnceAndNotLateNorForAnotherPlan) {
  const SignedPlan other = PublishPlan(model_, {press_.get()});
  const SignedPlan plan = PublishPlan(model_, {canary_.get()});
  ASSERT_TRUE(Start(plan).ok());
  EXPECT_EQ(Resume(Published(LiftOf(plan, 1))).error_code(), StatusCode::FAILED_PRECONDITION);  // it runs
  ASSERT_TRUE(Pause().ok());
  const std::string first = LiftOf(plan, 1).Target();
  ASSERT_TRUE(Resume(first).ok());
  ASSERT_TRUE(Pause().ok());
  const grpc::Status again = Resume(first);
  EXPECT_EQ(again.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(again.error_message(), HasSubstr("was used"));
  RestartCoordinator();
  EXPECT_THAT(Resume(first).error_message(), HasSubstr("was used"));
  EXPECT_EQ(Resume(Published(LiftOf(other, 9))).error_code(), StatusCode::NOT_FOUND);  // never started here
  const std::string third = Published(LiftOf(plan, 3));
  const std::string late = Published(LiftOf(plan, 4));
  ASSERT_TRUE(Resume(third).ok());  // numbers may be left out
  ASSERT_TRUE(Pause().ok());
  clock_.Advance(absl::Hours(1));
  const grpc::Status expired = Resume(late);
  EXPECT_EQ(expired.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(expired.error_message(), HasSubstr("has expired"));
  EXPECT_EQ(Of(plan).state(), admin::v1::PAUSED);
}

TEST_F(RolloutControlTest, AHaltedRolloutGoesOnOnlyWithALiftThatForgivesItsFailures) {
  const SignedPlan plan = PublishPlan(model_, {canary_.get()});
  ASSERT_TRUE(Start(plan).ok());
  ASSERT_TRUE(Says(*canary_, plan, fleet::v1::PASSED).ok());
  ASSERT_TRUE(Says(*press_, plan, fleet::v1::FAILED).ok());
  EXPECT_EQ(Of(plan).state(), admin::v1::HALTED);
  const grpc::Status grudging = Resume(Published(LiftOf(plan, 1)));
  EXPECT_EQ(grudging.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(grudging.error_message(), HasSubstr("--max-failures"));
  EXPECT_EQ(Of(plan).lifts(), 0u);
  const grpc::Status forgiving = Resume(Published(LiftOf(plan, 2, 2)));
  ASSERT_TRUE(forgiving.ok()) << forgiving.error_message();
  EXPECT_EQ(Of(plan).state(), admin::v1::RUNNING);
  EXPECT_EQ(Of(plan).failures_to_halt(), 2u);
  RestartCoordinator();  // does not halt again, and does not forget where it would
  coordinator_->Tick();
  EXPECT_EQ(Of(plan).state(), admin::v1::RUNNING);
  EXPECT_EQ(Of(plan).failures_to_halt(), 2u);
  EXPECT_EQ(PlanFor(*hall_), plan.target);
  ASSERT_TRUE(Says(*hall_, plan, fleet::v1::ROLLED_BACK).ok());
  EXPECT_EQ(Of(plan).state(), admin::v1::HALTED);
}

TEST_F(RolloutControlTest, NoLiftBringsBackWhatWasStoppedOrHasExpired) {
  const SignedPlan plan = PublishPlan(model_, {canary_.get()});
  ASSERT_TRUE(Start(plan).ok());
  ASSERT_TRUE(Pause().ok());
  ASSERT_TRUE(Stop().ok());
  EXPECT_EQ(Resume(Published(LiftOf(plan, 1))).error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(Pause().error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(Of(plan).state(), admin::v1::STOPPED);
  const SignedPlan next = PublishPlan(model_, {canary_.get()});
  ASSERT_TRUE(Start(next).ok());
  clock_.Advance(absl::Hours(25));
  coordinator_->Tick();
  EXPECT_EQ(Of(next).state(), admin::v1::PAUSED);
  const grpc::Status expired = Resume(Published(LiftOf(next, 1)));
  EXPECT_EQ(expired.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(expired.error_message(), HasSubstr("plan itself has expired"));
}

TEST_F(RolloutControlTest, APlanIsNoLiftAndALiftIsNoPlan) {
  const SignedPlan plan = PublishPlan(model_, {canary_.get()});
  ASSERT_TRUE(Start(plan).ok());
  ASSERT_TRUE(Pause().ok());
  const grpc::Status by_a_plan = Resume(plan.target);
  EXPECT_EQ(by_a_plan.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(by_a_plan.error_message(), HasSubstr("is no lift"));
  SignedPlan lift = plan;
  lift.target = Published(LiftOf(plan, 1));
  const grpc::Status by_a_lift = Start(lift);
  EXPECT_EQ(by_a_lift.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(by_a_lift.error_message(), HasSubstr("is no plan"));
  EXPECT_EQ(Of(plan).state(), admin::v1::PAUSED);
}

TEST_F(RolloutControlTest, APlanThatTakesAnotherBackBringsTheOldModelAsTheNewestRelease) {
  const SignedPlan bad = PublishPlan(model_, {});
  ASSERT_TRUE(Start(bad).ok());
  for (const TestDevice* device : {canary_.get(), press_.get(), hall_.get()}) {
    ASSERT_TRUE(Says(*device, bad, fleet::v1::PASSED).ok());
  }
  EXPECT_EQ(Of(bad).state(), admin::v1::COMPLETED);
  const SignedPlan back = TakesBack(bad);
  EXPECT_EQ(back.plan.model_sha256, old_.sha256);
  EXPECT_NE(back.plan.model_target, old_.target);
  ASSERT_TRUE(Start(back).ok());
  EXPECT_EQ(Of(bad).state(), admin::v1::ROLLING_BACK);
  EXPECT_EQ(Of(back).rolls_back(), bad.plan.id);
  EXPECT_EQ(PlanFor(*press_), back.target);
  RestartCoordinator();
  EXPECT_EQ(Of(bad).state(), admin::v1::ROLLING_BACK);
  for (const TestDevice* device : {canary_.get(), press_.get(), hall_.get()}) {
    ASSERT_TRUE(Says(*device, back, fleet::v1::PASSED).ok());
  }
  EXPECT_EQ(Of(back).state(), admin::v1::COMPLETED);
  EXPECT_EQ(Of(bad).state(), admin::v1::ROLLED_BACK);
  EXPECT_EQ(Start(bad).error_code(), StatusCode::FAILED_PRECONDITION);
  const SignedPlan next = PublishPlan(model_, {});
  ASSERT_TRUE(Start(next).ok());
  EXPECT_EQ(Of(bad).state(), admin::v1::ROLLED_BACK);  // the end
  EXPECT_EQ(Of(back).state(), admin::v1::SUPERSEDED);
}

TEST_F(RolloutControlTest, ATakingBackThatIsItselfReplacedLeavesItSuperseded) {
  const SignedPlan bad = PublishPlan(model_, {});
  ASSERT_TRUE(Start(bad).ok());
  const SignedPlan back = TakesBack(bad);
  ASSERT_TRUE(Start(back).ok());
  const SignedPlan next = PublishPlan(model_, {});
  ASSERT_TRUE(Start(next).ok());
  EXPECT_EQ(Of(bad).state(), admin::v1::SUPERSEDED);
  EXPECT_EQ(Of(back).state(), admin::v1::SUPERSEDED);
  EXPECT_EQ(PlanFor(*press_), next.target);
  const SignedPlan too_late = TakesBack(bad);
  EXPECT_EQ(Start(too_late).error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(Of(next).state(), admin::v1::RUNNING);  // nothing changed
}

TEST_F(RolloutControlTest, AnOlderModelUnderItsOldReleaseIsNotSignedTwice) {
  auto first = site_->ReleaseAgain(old_.target, CurrentMetadata());
  ASSERT_TRUE(first.ok()) << first.status();
  auto second = site_->ReleaseAgain(old_.target, CurrentMetadata());  // not published yet, but signed here
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(first->targets[0].path, second->targets[0].path);
  EXPECT_EQ(first->targets[0].sha256, old_.sha256);
  for (const char* none :
       {"", "plans/x.json", "models/starter/none.linnet", "models/other/tiny-1.linnet", "/"}) {
    EXPECT_EQ(site_->ReleaseAgain(none, CurrentMetadata()).status().code(), absl::StatusCode::kNotFound)
        << none;
  }
}

TEST_F(RolloutControlTest, TheAuditTellsWhoDidWhatToARollout) {
  const SignedPlan plan = PublishPlan(model_, {canary_.get()});
  ASSERT_TRUE(Start(plan).ok());
  ASSERT_TRUE(Pause().ok());
  ASSERT_TRUE(Resume(Published(LiftOf(plan, 1))).ok());
  ASSERT_TRUE(Stop().ok());
  Context context;
  admin::v1::ListAuditRequest request;
  request.set_oldest_first(true);
  request.set_about(plan.plan.id);
  admin::v1::ListAuditResponse response;
  ASSERT_TRUE(admin().ListAudit(&context, request, &response).ok());
  std::vector<std::string> said;
  for (const auto& entry : response.entries()) said.push_back(entry.actor() + ": " + entry.action());
  EXPECT_THAT(said, ::testing::ElementsAre("operator: rollout running", "coordinator: open wave",
                                           "operator: rollout paused", "operator: rollout running",
                                           "operator: signed lift used", "operator: rollout stopped"));
}

TEST_F(RolloutControlTest, ThePlanIsShownAsItWasSigned) {
  const SignedPlan plan = PublishPlan(model_, {canary_.get()}, absl::Minutes(10));
  ASSERT_TRUE(Start(plan).ok());
  Context context;
  admin::v1::GetPlanResponse response;
  ASSERT_TRUE(admin().GetPlan(&context, {}, &response).ok());
  EXPECT_EQ(response.plan(), plan.target);
  EXPECT_EQ(response.plan_json(), plan.json);
  admin::v1::GetPlanRequest unknown;
  unknown.set_rollout_id("none");
  Context none;
  EXPECT_EQ(admin().GetPlan(&none, unknown, &response).error_code(), StatusCode::NOT_FOUND);
  // When the next wave opens is known once its passes are in.
  EXPECT_EQ(Of(plan).waves(1).passes(), 0u);
  EXPECT_EQ(Of(plan).waves(1).opens_unix_micros(), 0);
  ASSERT_TRUE(Says(*canary_, plan, fleet::v1::PASSED).ok());
  EXPECT_EQ(Of(plan).waves(1).passes(), 1u);
  EXPECT_EQ(Of(plan).waves(1).opens_unix_micros(), absl::ToUnixMicros(clock_.Now() + absl::Minutes(10)));
}

}  // namespace
}  // namespace linnet::coordinator
