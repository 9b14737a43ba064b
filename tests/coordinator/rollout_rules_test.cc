// What a plan lets the coordinator count by: shares of those that started, deadlines, so many at a time, and
// whom a wave is for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/wave_progress.h"
#include "runtime/base/hash.h"
#include "runtime/net/message_check.h"
#include "tests/coordinator/fleet_fixture.h"

namespace linnet::coordinator {
namespace {

using grpc::StatusCode;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(WaveProgressTest, SharesAreOfThoseThatStartedAndExact) {
  const trust::PlanWave wave{.name = "all", .least_success_ppm = 950'000, .most_failure_ppm = 50'000};
  EXPECT_EQ(TooManyFailures(wave, {.covered = 100, .started = 20, .passed = 5, .failed = 1}), "");
  EXPECT_EQ(TooManyFailures(wave, {.covered = 100, .started = 19, .passed = 5, .failed = 1}),
            "wave all: 1 of 19 that started failed, more than 5 %");
  EXPECT_EQ(PassesForSuccess(wave, {.covered = 100, .started = 20}), 19u);
  EXPECT_EQ(PassesForSuccess(wave, {.covered = 100, .started = 21}), 20u);
  EXPECT_EQ(PassesForSuccess(wave, {.covered = 100, .started = 0}), 0u);
  // 4,294,967,295 of them overflow nothing.
  const trust::PlanWave third{.name = "all", .most_failure_ppm = 333'333};
  EXPECT_EQ(TooManyFailures(third, {.covered = ~0u, .started = ~0u, .passed = 0, .failed = 1'431'654'333}),
            "");
  EXPECT_NE(TooManyFailures(third, {.covered = ~0u, .started = ~0u, .passed = 0, .failed = 1'431'655'000}),
            "");
}

TEST(WaveProgressTest, FewReportsAreNoShare) {
  const trust::PlanWave wave{.name = "all", .most_failure_ppm = 50'000, .least_reports = 3};
  EXPECT_EQ(TooManyFailures(wave, {.covered = 9, .started = 2, .passed = 1, .failed = 1}), "");
  EXPECT_NE(TooManyFailures(wave, {.covered = 9, .started = 3, .passed = 2, .failed = 1}), "");
}

TEST(WaveProgressTest, ASilentDeviceIsNeitherASuccessNorAFailure) {
  const trust::PlanWave wave{.name = "all", .least_success_ppm = 1'000'000, .most_failure_ppm = 0};
  const WaveCounts silent{.covered = 10, .started = 2, .passed = 2, .failed = 0};
  EXPECT_EQ(TooManyFailures(wave, silent), "");
  EXPECT_EQ(Missed(wave, silent, /*late=*/true), "");
  const trust::PlanWave limited{.name = "all", .most_unreached_ppm = 700'000};
  EXPECT_EQ(Missed(limited, silent, /*late=*/false), "");
  EXPECT_THAT(Missed(limited, silent, /*late=*/true), HasSubstr("8 of 10 devices were not reached"));
  EXPECT_THAT(Missed(wave, {.covered = 10}, /*late=*/true), HasSubstr("none of its 10 devices started"));
  EXPECT_EQ(Missed(wave, {.covered = 10}, /*late=*/false), "");
}

class RolloutRulesTest : public FleetFixture {
 protected:
  void SetUp() override {
    fridge_ = NewDevice("fridge-kitchen");
    press_ = NewDevice("press-line-3");
    hall_ = NewDevice("voice-hall");
    model_ = SignModel("1");
    ASSERT_TRUE(Publish(model_).ok());
  }
  // One wave for all, no number of failures halts it.
  SignedPlan Begin(trust::PlanWave wave) {
    wave.name = "all";
    const SignedPlan plan = PublishWaves(model_, {std::move(wave)}, 1000);
    const grpc::Status started = Start(plan);
    EXPECT_TRUE(started.ok()) << started.error_message();
    return plan;
  }
  std::string PlanFor(const TestDevice& device, uint32_t ram_mib = 0,
                      fleet::v1::InstructionSet set = fleet::v1::INSTRUCTION_SET_UNSPECIFIED) {
    fleet::v1::CheckInRequest request;
    request.set_ram_mib(ram_mib);
    request.set_instruction_set(set);
    fleet::v1::CheckInResponse response;
    const grpc::Status status = CheckIn(device, &response, request);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.plan();
  }
  void Says(const TestDevice& device, const SignedPlan& plan,
            fleet::v1::Outcome outcome = fleet::v1::PASSED) {
    const grpc::Status status = Report(device, device.Report(plan.sha256, model_.sha256, outcome));
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
  // Told, and it says that it began.
  void Begins(const TestDevice& device, const SignedPlan& plan) {
    EXPECT_EQ(PlanFor(device), plan.target);
    fleet::v1::ReportRequest request;
    request.set_protocol(1);
    request.set_attempt(1);
    request.set_sequence(1);
    request.set_state(fleet::v1::DOWNLOAD);
    const grpc::Status status = Report(device, request);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
  void Pass(absl::Duration time) {
    clock_.Advance(time);
    coordinator_->Tick();
  }
  // A lift, signed, published and used.
  grpc::Status Resume(const SignedPlan& plan, uint64_t number, uint32_t most_failures = 0) {
    const trust::Lift lift{.rollout = plan.plan.id,
                           .plan_sha256 = plan.sha256,
                           .number = number,
                           .most_failures = most_failures,
                           .created = clock_.Now(),
                           .expires = clock_.Now() + absl::Hours(1)};
    auto publication = site_->SignLift(lift, CurrentMetadata());
    EXPECT_TRUE(publication.ok()) << publication.status();
    const grpc::Status published = PublishParts(publication->metadata, publication->small_targets);
    EXPECT_TRUE(published.ok()) << published.error_message();
    Context context;
    admin::v1::ResumeRolloutRequest request;
    request.set_lift(lift.Target());
    admin::v1::ResumeRolloutResponse response;
    return admin().ResumeRollout(&context, request, &response);
  }

  std::unique_ptr<TestDevice> fridge_, press_, hall_;
  Model model_;
};

TEST_F(RolloutRulesTest, WhoIsSilentAtTheDeadlineIsNamedAndTheRolloutCompletes) {
  const SignedPlan plan = Begin({.deadline = absl::Hours(1)});
  Says(*fridge_, plan);
  Says(*press_, plan);
  Pass(absl::Minutes(59));
  EXPECT_EQ(NewestRollout().state(), admin::v1::RUNNING);
  EXPECT_EQ(NewestRollout().waves(0).unreached(), 0u);
  Pass(absl::Minutes(1));
  const admin::v1::Rollout rollout = NewestRollout();
  EXPECT_EQ(rollout.state(), admin::v1::COMPLETED);
  EXPECT_THAT(rollout.why(), HasSubstr("2 of 3 devices reported, 1 were not reached (voice-hall)"));
  EXPECT_EQ(rollout.waves(0).devices(), 3u);
  EXPECT_EQ(rollout.waves(0).started(), 2u);
  EXPECT_EQ(rollout.waves(0).unreached(), 1u);
  for (const admin::v1::DeviceProgress& d : rollout.devices()) {
    EXPECT_EQ(d.unreached(), d.name() == "voice-hall") << d.name();
  }
  // It goes when it comes back.
  EXPECT_EQ(PlanFor(*hall_), plan.target);
  Says(*hall_, plan);
  EXPECT_EQ(NewestRollout().state(), admin::v1::COMPLETED);
  EXPECT_EQ(NewestRollout().waves(0).unreached(), 0u);
  EXPECT_EQ(NewestRollout().waves(0).passed(), 3u);
}

TEST_F(RolloutRulesTest, WithoutADeadlineItWaitsForEverybody) {
  const SignedPlan plan = Begin({});
  Says(*fridge_, plan);
  Says(*press_, plan);
  Pass(absl::Hours(23));
  EXPECT_EQ(NewestRollout().state(), admin::v1::RUNNING);
}

TEST_F(RolloutRulesTest, ASilentCanaryPausesItAndALiftGivesItAsMuchTimeAgain) {
  trust::PlanWave canary{.name = "canary", .deadline = absl::Hours(1)};
  canary.devices = {base::Hex(fridge_->id)};
  canary.keys = {{canary.devices[0], PinOf(*fridge_)}};
  const SignedPlan plan = PublishWaves(model_, {canary, {.name = "all", .passes_needed = 1}}, 1);
  ASSERT_TRUE(Start(plan).ok());
  Pass(absl::Hours(1));
  EXPECT_EQ(NewestRollout().state(), admin::v1::PAUSED);
  EXPECT_THAT(NewestRollout().why(), HasSubstr("wave canary: 0 of 1 passes that wave all needs"));
  EXPECT_THAT(NewestRollout().why(), HasSubstr("not reached: fridge-kitchen"));
  RestartCoordinator();
  const grpc::Status resumed = Resume(plan, 1);
  ASSERT_TRUE(resumed.ok()) << resumed.error_message();
  Pass(absl::Minutes(59));
  EXPECT_EQ(NewestRollout().state(), admin::v1::RUNNING);
  EXPECT_EQ(PlanFor(*fridge_), plan.target);
  Says(*fridge_, plan);
  EXPECT_EQ(PlanFor(*press_), plan.target);
}

TEST_F(RolloutRulesTest, WhoStartedAndFellSilentIsNoSuccess) {
  const SignedPlan plan = Begin({.least_success_ppm = 900'000, .deadline = absl::Hours(1)});
  Begins(*fridge_, plan);
  Begins(*press_, plan);
  coordinator_->Tick();
  RestartCoordinator();  // who has started is on the disk
  EXPECT_EQ(NewestRollout().waves(0).started(), 2u);
  Says(*fridge_, plan);
  EXPECT_EQ(NewestRollout().state(), admin::v1::RUNNING);
  Pass(absl::Hours(1));
  const admin::v1::Rollout rollout = NewestRollout();
  EXPECT_EQ(rollout.state(), admin::v1::PAUSED);
  EXPECT_THAT(rollout.why(), HasSubstr("wave all: 1 of 2 that started passed, less than 90 %"));
  EXPECT_EQ(rollout.waves(0).failed(), 0u);
  EXPECT_EQ(PlanFor(*hall_), "");
}

TEST_F(RolloutRulesTest, WhoStartedIsKnownByItsCheckInsToo) {
  const SignedPlan plan = Begin({});
  EXPECT_EQ(PlanFor(*fridge_), plan.target);
  EXPECT_EQ(NewestRollout().waves(0).started(), 0u);
  fleet::v1::CheckInRequest request;
  request.set_state(fleet::v1::CONFIRM);
  fleet::v1::CheckInResponse response;
  ASSERT_TRUE(CheckIn(*fridge_, &response, request).ok());
  ASSERT_TRUE(CheckIn(*press_, &response, request).ok());  // in the middle of something else
  EXPECT_EQ(NewestRollout().waves(0).started(), 1u);
}

TEST_F(RolloutRulesTest, AShareOfFailuresHaltsAndALiftForgivesThem) {
  const SignedPlan plan = Begin({.most_failure_ppm = 400'000});
  Begins(*fridge_, plan);
  Begins(*press_, plan);
  Begins(*hall_, plan);
  Says(*fridge_, plan, fleet::v1::ROLLED_BACK);
  EXPECT_EQ(NewestRollout().state(), admin::v1::RUNNING) << "a third";
  Says(*press_, plan, fleet::v1::ROLLED_BACK);
  EXPECT_EQ(NewestRollout().state(), admin::v1::HALTED);
  EXPECT_THAT(NewestRollout().why(), HasSubstr("2 of 3 that started failed, more than 40 %"));
  const grpc::Status again = Resume(plan, 1);
  EXPECT_EQ(again.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(again.error_message(), HasSubstr("--max-failures"));
  EXPECT_EQ(NewestRollout().state(), admin::v1::HALTED);
  const grpc::Status forgiven = Resume(plan, 2, 3);
  ASSERT_TRUE(forgiven.ok()) << forgiven.error_message();
  EXPECT_EQ(NewestRollout().state(), admin::v1::RUNNING);
  Says(*hall_, plan);
  EXPECT_EQ(NewestRollout().state(), admin::v1::COMPLETED);
}

TEST_F(RolloutRulesTest, TheNextWaveWaitsForTheShareOfSuccesses) {
  // By ids, so that it is known who is in which.
  trust::PlanWave first{.name = "first", .least_success_ppm = 1'000'000};
  for (const TestDevice* device : {fridge_.get(), press_.get()}) {
    first.devices.push_back(base::Hex(device->id));
    first.keys.emplace(first.devices.back(), PinOf(*device));
  }
  const SignedPlan plan =
      PublishWaves(model_, {first, {.name = "all", .passes_needed = 1, .soak = absl::Minutes(10)}}, 1000);
  ASSERT_TRUE(Start(plan).ok());
  Begins(*fridge_, plan);
  Begins(*press_, plan);
  Says(*fridge_, plan);
  Pass(absl::Minutes(30));
  EXPECT_EQ(PlanFor(*hall_), "") << "one of two";
  Says(*press_, plan);
  Pass(absl::Minutes(9));
  EXPECT_EQ(PlanFor(*hall_), "") << "soaks since the second";
  Pass(absl::Minutes(1));
  EXPECT_EQ(PlanFor(*hall_), plan.target);
}

TEST_F(RolloutRulesTest, AWaveInWhichAllHaveEndedBadlyIsNotWaitedFor) {
  const SignedPlan plan = Begin({.least_success_ppm = 500'000, .deadline = absl::Hours(10)});
  Says(*fridge_, plan);
  Says(*press_, plan, fleet::v1::FAILED);
  EXPECT_EQ(NewestRollout().state(), admin::v1::RUNNING);
  Says(*hall_, plan, fleet::v1::FAILED);
  EXPECT_EQ(NewestRollout().state(), admin::v1::PAUSED);
  EXPECT_THAT(NewestRollout().why(), HasSubstr("1 of 3 that started passed"));
  EXPECT_EQ(Resume(plan, 1).error_code(), StatusCode::FAILED_PRECONDITION) << "it would pause at once";
  EXPECT_TRUE(Resume(plan, 2, 5).ok());
  EXPECT_EQ(NewestRollout().state(), admin::v1::COMPLETED);
}

TEST_F(RolloutRulesTest, TooManyUnreachedPause) {
  const SignedPlan plan = Begin({.most_unreached_ppm = 500'000, .deadline = absl::Hours(1)});
  Says(*fridge_, plan);
  Pass(absl::Hours(1));
  EXPECT_EQ(NewestRollout().state(), admin::v1::PAUSED);
  EXPECT_THAT(NewestRollout().why(), HasSubstr("2 of 3 devices were not reached"));
  EXPECT_THAT(NewestRollout().why(), HasSubstr("press-line-3"));
}

TEST_F(RolloutRulesTest, NoMoreAreToldThanMayBeInFlight) {
  const SignedPlan plan = Begin({.most_in_flight = 1});
  Begins(*fridge_, plan);
  EXPECT_EQ(PlanFor(*press_), "");
  EXPECT_EQ(NewestRollout().waves(0).in_flight(), 1u);
  coordinator_->Tick();
  RestartCoordinator();
  EXPECT_EQ(PlanFor(*press_), "") << "a restart forgets nobody";
  EXPECT_EQ(PlanFor(*fridge_), plan.target) << "who has a place keeps it";
  Says(*fridge_, plan);
  EXPECT_EQ(PlanFor(*press_), plan.target);
  EXPECT_EQ(PlanFor(*hall_), "");
  Says(*press_, plan, fleet::v1::FAILED);
  EXPECT_EQ(PlanFor(*hall_), plan.target);
}

TEST_F(RolloutRulesTest, WhoDoesNotUseItsPlaceMakesRoom) {
  const SignedPlan plan = Begin({.most_in_flight = 1});
  EXPECT_EQ(PlanFor(*fridge_), plan.target);
  Pass(absl::Minutes(4));
  EXPECT_EQ(PlanFor(*press_), "");
  Pass(absl::Minutes(2));
  EXPECT_EQ(PlanFor(*press_), plan.target) << "told, and never began";
  Begins(*press_, plan);
  Pass(absl::Minutes(50));
  EXPECT_EQ(PlanFor(*hall_), "");
  Pass(absl::Minutes(11));
  EXPECT_EQ(PlanFor(*hall_), plan.target) << "began, and was not heard of for an hour";
}

TEST_F(RolloutRulesTest, WhomAWaveIsNotForIsNotToldAndNotCounted) {
  const SignedPlan plan = Begin({.filter = {.architectures = {"x86_64"}, .least_ram_mib = 1024}});
  EXPECT_EQ(NewestRollout().waves(0).devices(), 3u) << "nothing was heard of them yet";
  EXPECT_EQ(PlanFor(*fridge_, 2048, fleet::v1::AVX2), plan.target);
  EXPECT_EQ(PlanFor(*press_, 512, fleet::v1::AVX2), "");
  EXPECT_EQ(PlanFor(*hall_, 2048, fleet::v1::NEON), "");
  EXPECT_EQ(NewestRollout().waves(0).devices(), 1u);
  EXPECT_EQ(NewestRollout().devices_size(), 1);
  Says(*fridge_, plan);
  EXPECT_EQ(NewestRollout().state(), admin::v1::COMPLETED);
  EXPECT_EQ(PlanFor(*press_, 1024, fleet::v1::AVX2), plan.target) << "it was given more memory";
}

TEST_F(RolloutRulesTest, AFactThatItDoesNotKnowIsTheDevicesToJudge) {
  const SignedPlan plan = Begin({.filter = {.architectures = {"aarch64"}}});
  EXPECT_EQ(PlanFor(*fridge_, 512, fleet::v1::SCALAR), plan.target);
  EXPECT_EQ(NewestRollout().waves(0).devices(), 3u);
}

}  // namespace
}  // namespace linnet::coordinator
