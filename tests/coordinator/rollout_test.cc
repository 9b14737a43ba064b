// Rollouts as operators and devices see them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "storage/trust/metadata.h"
#include "storage/trust/signing.h"
#include "tests/coordinator/fleet_fixture.h"

namespace linnet::coordinator {
namespace {

using grpc::StatusCode;
using ::testing::HasSubstr;

class RolloutTest : public FleetFixture {
 protected:
  void SetUp() override {
    canary_ = NewDevice("fridge-kitchen");
    press_ = NewDevice("press-line-3");
    hall_ = NewDevice("voice-hall");
    model_ = SignModel("1");
    ASSERT_TRUE(Publish(model_).ok());
  }
  std::string PlanFor(const TestDevice& device, fleet::v1::CheckInResponse* response = nullptr) {
    fleet::v1::CheckInResponse own;
    if (response == nullptr) response = &own;
    const grpc::Status status = CheckIn(device, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response->plan();
  }
  grpc::Status Passed(const TestDevice& device, const SignedPlan& plan) {
    return Report(device, device.Report(plan.sha256, model_.sha256, fleet::v1::PASSED));
  }
  grpc::Status Failed(const TestDevice& device, const SignedPlan& plan) {
    return Report(device, device.Report(plan.sha256, model_.sha256, fleet::v1::ROLLED_BACK));
  }
  grpc::Status Stop(const std::string& id) {
    Context context;
    admin::v1::StopRolloutRequest request;
    request.set_rollout_id(id);
    admin::v1::StopRolloutResponse response;
    return admin().StopRollout(&context, request, &response);
  }

  std::unique_ptr<TestDevice> canary_, press_, hall_;
  Model model_;
};

TEST_F(RolloutTest, TheCanaryGoesFirstThenTheRestWithItsReceipt) {
  const SignedPlan plan = PublishPlan(model_, {canary_.get()});
  EXPECT_EQ(PlanFor(*canary_), "");  // published, not started
  ASSERT_TRUE(Start(plan).ok());
  EXPECT_EQ(PlanFor(*canary_), plan.target);
  EXPECT_EQ(PlanFor(*press_), "");

  const grpc::Status reported = Passed(*canary_, plan);
  ASSERT_TRUE(reported.ok()) << reported.error_message();
  fleet::v1::CheckInResponse response;
  EXPECT_EQ(PlanFor(*press_, &response), plan.target);
  ASSERT_EQ(response.receipts_size(), 1);
  const fleet::v1::Receipt& receipt = response.receipts(0);
  EXPECT_EQ(receipt.device_id(), canary_->id);
  EXPECT_EQ(receipt.plan_sha256(), plan.sha256);
  EXPECT_TRUE(
      canary_->key.public_key()
          .VerifyRaw(trust::ReceiptMessage(receipt.device_id(), receipt.plan_sha256(), receipt.model_sha256(),
                                           static_cast<uint8_t>(receipt.outcome()), receipt.counter()),
                     receipt.signature())
          .ok());
  EXPECT_EQ(receipt.certificate_chain_size(), 2);

  EXPECT_EQ(NewestRollout().state(), admin::v1::RUNNING);
  ASSERT_TRUE(Passed(*press_, plan).ok());
  ASSERT_TRUE(Passed(*hall_, plan).ok());
  const admin::v1::Rollout rollout = NewestRollout();
  EXPECT_EQ(rollout.state(), admin::v1::COMPLETED);
  ASSERT_EQ(rollout.waves_size(), 2);
  EXPECT_EQ(rollout.waves(0).passed(), 1u);
  EXPECT_EQ(rollout.waves(1).devices(), 2u);
  EXPECT_EQ(rollout.waves(1).passed(), 2u);
  EXPECT_EQ(rollout.devices_size(), 3);

  const auto late = NewDevice("late");  // joins the last wave
  EXPECT_EQ(PlanFor(*late), plan.target);
}

TEST_F(RolloutTest, ADeviceThatIsDoneIsNotAskedAgainUnlessItLostTheModel) {
  const SignedPlan plan = PublishPlan(model_, {canary_.get()});
  ASSERT_TRUE(Start(plan).ok());
  ASSERT_TRUE(Passed(*canary_, plan).ok());
  fleet::v1::CheckInRequest request;
  request.set_model_sha256(model_.sha256);
  fleet::v1::CheckInResponse response;
  ASSERT_TRUE(CheckIn(*canary_, &response, request).ok());
  EXPECT_EQ(response.plan(), "");
  request.clear_model_sha256();
  ASSERT_TRUE(CheckIn(*canary_, &response, request).ok());
  EXPECT_EQ(response.plan(), plan.target);
}

TEST_F(RolloutTest, TheNextWaveWaitsForTheSoak) {
  const SignedPlan plan = PublishPlan(model_, {canary_.get()}, absl::Minutes(10));
  ASSERT_TRUE(Start(plan).ok());
  ASSERT_TRUE(Passed(*canary_, plan).ok());
  clock_.Advance(absl::Minutes(9));
  coordinator_->Tick();
  EXPECT_EQ(PlanFor(*press_), "");
  clock_.Advance(absl::Minutes(1));
  coordinator_->Tick();
  EXPECT_EQ(PlanFor(*press_), plan.target);
}

TEST_F(RolloutTest, TheSoaksEndIsADeadlineOfItsOwn) {
  const SignedPlan plan = PublishPlan(model_, {canary_.get()}, absl::Seconds(1));
  ASSERT_TRUE(Start(plan).ok());
  ASSERT_TRUE(Passed(*canary_, plan).ok());
  clock_.Advance(absl::Seconds(1));
  // Nobody calls Tick: the worker does, well before the next round of its other duties (10 s).
  const absl::Time begin = absl::Now();
  while (PlanFor(*press_).empty() && absl::Now() < begin + absl::Seconds(9))
    absl::SleepFor(absl::Milliseconds(50));
  EXPECT_LT(absl::Now() - begin, absl::Seconds(8));
}

TEST_F(RolloutTest, FailuresHaltItAndDevicesAreToldToStop) {
  const SignedPlan plan = PublishPlan(model_, {canary_.get()}, absl::ZeroDuration(), 2);
  ASSERT_TRUE(Start(plan).ok());
  ASSERT_TRUE(Passed(*canary_, plan).ok());
  ASSERT_TRUE(Failed(*press_, plan).ok());
  EXPECT_EQ(NewestRollout().state(), admin::v1::RUNNING);
  ASSERT_TRUE(Failed(*hall_, plan).ok());
  const admin::v1::Rollout rollout = NewestRollout();
  EXPECT_EQ(rollout.state(), admin::v1::HALTED);
  EXPECT_THAT(rollout.why(), HasSubstr("2 devices failed"));
  EXPECT_EQ(rollout.waves(1).failed(), 2u);
  fleet::v1::CheckInResponse response;
  EXPECT_EQ(PlanFor(*press_, &response), "");
  EXPECT_TRUE(response.stop());
}

TEST_F(RolloutTest, ACanaryWithAnotherKeyThanThePlansOpensNothingAndTheOperatorSeesWhy) {
  const SignedPlan plan = PublishPlan(model_, {canary_.get()});
  ASSERT_TRUE(Start(plan).ok());
  ASSERT_TRUE(Renew(*canary_, base::PrivateKey::Generate(base::KeyType::kP256)).ok());
  ASSERT_TRUE(Passed(*canary_, plan).ok());  // a member's word, kept
  EXPECT_EQ(PlanFor(*press_), "");
  const admin::v1::Rollout rollout = NewestRollout();
  EXPECT_FALSE(rollout.waves(1).open());
  EXPECT_EQ(rollout.waves(1).passes(), 0u);
  const auto said = std::find_if(rollout.devices().begin(), rollout.devices().end(),
                                 [&](const auto& d) { return d.id() == canary_->id; });
  ASSERT_NE(said, rollout.devices().end());
  EXPECT_EQ(said->outcome(), "passed");
  EXPECT_THAT(said->reason(), HasSubstr("not under the key that the plan pins"));

  // The operator signs a new plan, for the key of today.
  const SignedPlan next = PublishPlan(model_, {canary_.get()});
  ASSERT_TRUE(Start(next).ok());
  ASSERT_TRUE(Passed(*canary_, next).ok());
  EXPECT_EQ(PlanFor(*press_), next.target);
  EXPECT_EQ(NewestRollout().devices(0).reason(), "");
}

TEST_F(RolloutTest, APlanWhoseCanariesHaveNoKeysDoesNotStart) {
  // As a program signed it that knew of no pins: this one's site does not.
  trust::Plan plan = PublishPlan(model_, {canary_.get()}).plan;
  plan.id = base::Hex(base::RandomBytes(16));
  plan.waves[0].keys.clear();
  const std::string json = plan.ToJson();
  const std::string target = "plans/" + plan.id + ".json";
  const auto sealed = base::FileSystem::Real().ReadFile(dir_ / "site/offline/plans.key", 1 << 16);
  ASSERT_TRUE(sealed.ok()) << sealed.status();
  const auto key = base::OpenKey(*sealed, "");
  ASSERT_TRUE(key.ok()) << key.status();
  const auto before = trust::Envelope::Parse(CurrentMetadata().at("plans"));
  ASSERT_TRUE(before.ok()) << before.status();
  trust::Json role = before->signed_part;
  trust::SetVersion(role, static_cast<uint64_t>(*role.Find("version")->integer()) + 1,
                    clock_.Now() + absl::Hours(24));
  trust::AddTarget(role, target, json.size(), base::AsView(base::Sha256(json)), trust::Json());
  const grpc::Status published =
      PublishParts({{"plans", trust::SignMetadata(role, {&*key, 1})}}, {{target, json}});
  ASSERT_TRUE(published.ok()) << published.error_message();
  const grpc::Status started = Start({.plan = plan, .target = target, .json = json, .sha256 = ""});
  EXPECT_EQ(started.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(started.error_message(), HasSubstr("is named without its key; sign a new plan"));
}

TEST_F(RolloutTest, TheListOfDevicesSaysTheKeyThatEachWasCertifiedForLast) {
  const auto listed = [&] {
    Context context;
    admin::v1::ListDevicesResponse devices;
    EXPECT_TRUE(admin().ListDevices(&context, {}, &devices).ok());
    for (const admin::v1::Device& device : devices.devices()) {
      if (device.id() == canary_->id) return base::Hex(device.key_sha256());
    }
    return std::string("not listed");
  };
  const auto key = [&] {
    return base::Hex(base::AsView(base::Certificate::FromDer(canary_->chain[0])->SpkiSha256()));
  };
  const std::string first = key();
  EXPECT_EQ(listed(), first);
  ASSERT_TRUE(Renew(*canary_, base::PrivateKey::Generate(base::KeyType::kP256)).ok());
  EXPECT_NE(key(), first);
  EXPECT_EQ(listed(), key());  // before it has come back with it
  EXPECT_EQ(PlanFor(*canary_), "");
  EXPECT_EQ(listed(), key());
}

TEST_F(RolloutTest, AFailingCanaryNeverOpensTheNextWave) {
  const SignedPlan plan = PublishPlan(model_, {canary_.get()}, absl::ZeroDuration(), 5);
  ASSERT_TRUE(Start(plan).ok());
  ASSERT_TRUE(Failed(*canary_, plan).ok());
  clock_.Advance(absl::Hours(1));
  coordinator_->Tick();
  EXPECT_EQ(PlanFor(*press_), "");
}

TEST_F(RolloutTest, StopReachesPollersAndWatchersAtOnce) {
  const SignedPlan plan = PublishPlan(model_, {canary_.get()});
  ASSERT_TRUE(Start(plan).ok());
  const auto stub = As(*press_);
  Context context;
  fleet::v1::WatchRequest request;
  request.set_protocol(1);
  const auto watch = stub->Watch(&context, request);
  fleet::v1::WatchResponse response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_FALSE(response.stop());
  ASSERT_TRUE(Stop("").ok());
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_TRUE(response.stop());
  context.TryCancel();
  fleet::v1::CheckInResponse check_in;
  EXPECT_EQ(PlanFor(*canary_, &check_in), "");
  EXPECT_TRUE(check_in.stop());
  EXPECT_TRUE(Stop("").ok());  // again: nothing changes
  const grpc::Status again = Start(plan);
  EXPECT_EQ(again.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(again.error_message(), HasSubstr("sign a new plan"));
  // A newer plan lifts the stop.
  const SignedPlan next = PublishPlan(model_, {canary_.get()});
  ASSERT_TRUE(Start(next).ok());
  EXPECT_EQ(PlanFor(*canary_, &check_in), next.target);
  EXPECT_FALSE(check_in.stop());
}

TEST_F(RolloutTest, ANewerPlanSupersedes) {
  const SignedPlan first = PublishPlan(model_, {canary_.get()});
  ASSERT_TRUE(Start(first).ok());
  const SignedPlan second = PublishPlan(model_, {press_.get()});
  ASSERT_TRUE(Start(second).ok());
  Context context;
  admin::v1::ListRolloutsResponse response;
  ASSERT_TRUE(admin().ListRollouts(&context, {}, &response).ok());
  ASSERT_EQ(response.rollouts_size(), 2);
  EXPECT_EQ(response.rollouts(0).state(), admin::v1::SUPERSEDED);
  EXPECT_EQ(response.rollouts(1).state(), admin::v1::RUNNING);
  EXPECT_EQ(PlanFor(*canary_), "");
  EXPECT_EQ(PlanFor(*press_), second.target);
  ASSERT_TRUE(Start(second).ok());  // it runs already
  EXPECT_EQ(Start(first).error_code(), StatusCode::FAILED_PRECONDITION);
}

TEST_F(RolloutTest, ARestartKeepsEverything) {
  const SignedPlan plan = PublishPlan(model_, {canary_.get()});
  ASSERT_TRUE(Start(plan).ok());
  ASSERT_TRUE(Passed(*canary_, plan).ok());
  fleet::v1::CheckInRequest seen;
  seen.set_state(fleet::v1::DOWNLOAD);
  seen.set_ram_mib(777);
  fleet::v1::CheckInResponse response;
  ASSERT_TRUE(CheckIn(*press_, &response, seen).ok());
  const std::string before = NewestRollout().SerializeAsString();
  RestartCoordinator();
  EXPECT_EQ(NewestRollout().SerializeAsString(), before);
  fleet::v1::CheckInResponse after;
  EXPECT_EQ(PlanFor(*hall_, &after), plan.target);
  EXPECT_EQ(after.receipts_size(), 1);
  Context context;
  admin::v1::ListDevicesResponse devices;
  ASSERT_TRUE(admin().ListDevices(&context, {}, &devices).ok());
  ASSERT_EQ(devices.devices_size(), 3);
  for (const auto& device : devices.devices()) {
    if (device.name() == "press-line-3") {
      EXPECT_EQ(device.ram_mib(), 777u);
      EXPECT_EQ(device.update_state(), "download");
    }
  }
  ASSERT_TRUE(Stop("").ok());
  RestartCoordinator();
  EXPECT_EQ(PlanFor(*hall_, &after), "");
  EXPECT_TRUE(after.stop());
}

TEST_F(RolloutTest, ReportsAreIdempotentAndOlderOnesChangeNothing) {
  const SignedPlan plan = PublishPlan(model_, {canary_.get()}, absl::ZeroDuration(), 2);
  ASSERT_TRUE(Start(plan).ok());
  const auto second = canary_->Report(plan.sha256, model_.sha256, fleet::v1::PASSED, 2);
  ASSERT_TRUE(Report(*canary_, second).ok());
  ASSERT_TRUE(Report(*canary_, second).ok());
  ASSERT_TRUE(Report(*canary_, canary_->Report(plan.sha256, model_.sha256, fleet::v1::FAILED, 1)).ok());
  EXPECT_EQ(NewestRollout().waves(0).passed(), 1u);
  EXPECT_EQ(NewestRollout().waves(0).failed(), 0u);
}

TEST_F(RolloutTest, ForgedReceiptsAreRefused) {
  const SignedPlan plan = PublishPlan(model_, {canary_.get()});
  ASSERT_TRUE(Start(plan).ok());
  // Of another device.
  EXPECT_EQ(Report(*press_, canary_->Report(plan.sha256, model_.sha256, fleet::v1::PASSED)).error_code(),
            StatusCode::PERMISSION_DENIED);
  // Signed with a key of one's own, under one's own certificate, in the canary's name.
  auto forged = press_->Report(plan.sha256, model_.sha256, fleet::v1::PASSED);
  forged.mutable_receipt()->set_device_id(canary_->id);
  EXPECT_EQ(Report(*canary_, forged).error_code(), StatusCode::PERMISSION_DENIED);
  // Another outcome than what was signed.
  auto changed = canary_->Report(plan.sha256, model_.sha256, fleet::v1::FAILED);
  changed.mutable_receipt()->set_outcome(fleet::v1::PASSED);
  EXPECT_EQ(Report(*canary_, changed).error_code(), StatusCode::PERMISSION_DENIED);
  // Of a plan that nobody started, and of another model.
  EXPECT_EQ(
      Report(*canary_, canary_->Report(std::string(32, 'x'), model_.sha256, fleet::v1::PASSED)).error_code(),
      StatusCode::NOT_FOUND);
  EXPECT_EQ(
      Report(*canary_, canary_->Report(plan.sha256, std::string(32, 'x'), fleet::v1::PASSED)).error_code(),
      StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(NewestRollout().waves(0).passed(), 0u);
  EXPECT_EQ(PlanFor(*press_), "");
}

TEST_F(RolloutTest, WatchRolloutShowsEachStepUntilTheEnd) {
  const SignedPlan plan = PublishPlan(model_, {canary_.get()});
  ASSERT_TRUE(Start(plan).ok());
  Context context;
  const auto watch = admin().WatchRollout(&context, {});
  admin::v1::Rollout rollout;
  ASSERT_TRUE(watch->Read(&rollout));
  EXPECT_EQ(rollout.state(), admin::v1::RUNNING);
  EXPECT_TRUE(rollout.waves(0).open());
  EXPECT_FALSE(rollout.waves(1).open());
  ASSERT_TRUE(Passed(*canary_, plan).ok());
  while (!rollout.waves(1).open()) ASSERT_TRUE(watch->Read(&rollout));
  ASSERT_TRUE(Passed(*press_, plan).ok());
  ASSERT_TRUE(Passed(*hall_, plan).ok());
  while (watch->Read(&rollout)) {
  }
  EXPECT_EQ(rollout.state(), admin::v1::COMPLETED);
  EXPECT_TRUE(watch->Finish().ok());
  Context none;
  admin::v1::WatchRolloutRequest unknown;
  unknown.set_rollout_id("nothing");
  const auto missing = admin().WatchRollout(&none, unknown);
  EXPECT_FALSE(missing->Read(&rollout));
  EXPECT_EQ(missing->Finish().error_code(), StatusCode::NOT_FOUND);
}

TEST_F(RolloutTest, PlansThatAreNotWhatTheyShouldBeDoNotStart) {
  SignedPlan plan;
  plan.target = "plans/00112233445566778899aabbccddeeff.json";
  EXPECT_EQ(Start(plan).error_code(), StatusCode::NOT_FOUND);
  plan.target = model_.target;
  EXPECT_EQ(Start(plan).error_code(), StatusCode::PERMISSION_DENIED);
  const SignedPlan good = PublishPlan(model_, {canary_.get()});
  clock_.Advance(absl::Hours(25));
  coordinator_->Tick();
  const grpc::Status expired = Start(good);
  EXPECT_EQ(expired.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(expired.error_message(), HasSubstr("expired"));
}

TEST_F(RolloutTest, AnExpiredPlanPauses) {
  const SignedPlan plan = PublishPlan(model_, {canary_.get()});
  ASSERT_TRUE(Start(plan).ok());
  clock_.Advance(absl::Hours(25));
  coordinator_->Tick();
  EXPECT_EQ(NewestRollout().state(), admin::v1::PAUSED);
  EXPECT_EQ(PlanFor(*canary_), "");
}

TEST_F(RolloutTest, PassesOfRevokedDevicesOpenNoWave) {
  const SignedPlan plan = PublishPlan(model_, {canary_.get()}, absl::Minutes(10));
  ASSERT_TRUE(Start(plan).ok());
  ASSERT_TRUE(Passed(*canary_, plan).ok());
  Context context;
  admin::v1::RevokeDeviceRequest revoke;
  revoke.set_id(canary_->id);
  admin::v1::RevokeDeviceResponse response;
  ASSERT_TRUE(admin().RevokeDevice(&context, revoke, &response).ok());
  clock_.Advance(absl::Minutes(11));
  coordinator_->Tick();
  EXPECT_EQ(PlanFor(*press_), "");
  RestartCoordinator();
  coordinator_->Tick();
  EXPECT_EQ(PlanFor(*press_), "");
}

TEST_F(RolloutTest, RevokedDevicesAreNotWaitedFor) {
  const SignedPlan plan = PublishPlan(model_, {canary_.get()});
  ASSERT_TRUE(Start(plan).ok());
  ASSERT_TRUE(Passed(*canary_, plan).ok());
  ASSERT_TRUE(Passed(*press_, plan).ok());
  Context context;
  admin::v1::RevokeDeviceRequest revoke;
  revoke.set_id(hall_->id);
  admin::v1::RevokeDeviceResponse response;
  ASSERT_TRUE(admin().RevokeDevice(&context, revoke, &response).ok());
  coordinator_->Tick();
  EXPECT_EQ(NewestRollout().state(), admin::v1::COMPLETED);
}

}  // namespace
}  // namespace linnet::coordinator
