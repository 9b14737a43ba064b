#include "deploy/cli/rollout_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "tests/support/status_matchers.h"

namespace linnet::cli {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'900'000'000);

class MakePlanTest : public ::testing::Test {
 protected:
  MakePlanTest() {
    for (int n = 1; n <= 9; ++n) {
      admin::v1::Device& device = *devices_.add_devices();
      device.set_id(std::string(15, 'd') + static_cast<char>(n));
      device.set_name(absl::StrCat("device-", n));
      device.set_key_sha256(std::string(32, static_cast<char>(n)));
    }
    options_.canary = 0;
  }
  absl::StatusOr<trust::Plan> Make() {
    const trust::TargetInfo model{.path = "models/starter/m.gguf", .sha256 = std::string(32, 'm')};
    return MakePlan(options_, model, devices_, kNow);
  }
  std::string Key(int n) { return base::Hex(devices_.devices(n - 1).key_sha256()); }

  PlanOptions options_;
  admin::v1::ListDevicesResponse devices_;
};

TEST_F(MakePlanTest, PinsTheKeysOfCanariesThatItDraws) {
  options_.canary = 3;
  const auto plan = Make();
  ASSERT_THAT(plan, IsOk());
  const trust::PlanWave& canaries = plan->waves[0];
  ASSERT_EQ(canaries.devices.size(), 3u);
  ASSERT_EQ(canaries.keys.size(), 3u);
  for (const admin::v1::Device& device : devices_.devices()) {
    const auto key = canaries.keys.find(base::Hex(device.id()));
    if (key == canaries.keys.end()) continue;
    EXPECT_EQ(key->second, base::Hex(device.key_sha256()));
    EXPECT_THAT(PinnedKeys(*plan, devices_), HasSubstr(absl::StrCat(key->second, "  ", device.name())));
  }
  EXPECT_THAT(plan->CheckPinned(), IsOk());
  EXPECT_THAT(trust::Plan::FromJson(plan->ToJson()), IsOk());
}

TEST_F(MakePlanTest, WithoutCanariesThereIsNothingToCompare) {
  const auto plan = Make();
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(PinnedKeys(*plan, devices_), "");
}

TEST_F(MakePlanTest, TakesTheKeyThatTheDeviceItselfShows) {
  options_.canary_devices = {"device-2=" + Key(2), "device-3"};
  const auto plan = Make();
  ASSERT_THAT(plan, IsOk());
  EXPECT_TRUE(plan->Pins(devices_.devices(1).id(), devices_.devices(1).key_sha256()));
  EXPECT_TRUE(plan->Pins(devices_.devices(2).id(), devices_.devices(2).key_sha256()));
  devices_.mutable_devices(1)->clear_key_sha256();  // an older coordinator
  options_.canary_devices = {absl::StrCat("device-2=", std::string(64, 'e'))};
  const auto said = Make();
  ASSERT_THAT(said, IsOk());
  EXPECT_TRUE(said->Pins(devices_.devices(1).id(), std::string(32, '\xee')));
}

TEST_F(MakePlanTest, ACoordinatorThatSaysAnotherKeyIsNotBelieved) {
  options_.canary_devices = {"device-2=" + Key(3)};
  const absl::Status refused = Make().status();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("linnet status")));
  EXPECT_THAT(refused.ToString(), HasSubstr(Key(2)));
  EXPECT_THAT(refused.ToString(), HasSubstr(Key(3)));
}

TEST_F(MakePlanTest, ACanaryWithoutAKeyIsNoCanary) {
  devices_.mutable_devices(3)->clear_key_sha256();
  options_.canary_devices = {"device-4"};
  EXPECT_THAT(Make(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("--canary-device device-4=KEY")));
}

TEST_F(MakePlanTest, RefusesWhatIsNoKeyOrNoDevice) {
  for (const std::string& bad :
       {std::string(), std::string("abc"), std::string(64, 'G'), std::string(64, 'A'), std::string(65, 'a'),
        absl::StrCat("=", std::string(63, 'a'))}) {
    options_.canary_devices = {"device-2=" + bad};
    EXPECT_THAT(Make(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("NAME=KEY"))) << bad;
  }
  options_.canary_devices = {"ghost=" + Key(1)};
  EXPECT_THAT(Make(), StatusIs(absl::StatusCode::kNotFound, HasSubstr("ghost: no such device")));
}

TEST_F(MakePlanTest, WavesByPercentFollowTheCanaries) {
  options_.canary = 2;
  options_.rules.percents = {"1", "5", "25", "100"};
  options_.soak_seconds = 60;
  const auto plan = Make();
  ASSERT_THAT(plan, IsOk());
  ASSERT_EQ(plan->waves.size(), 5u);
  EXPECT_EQ(plan->waves[0].name, "canary");
  const std::vector<std::pair<std::string, uint32_t>> expected = {
      {"1%", 100}, {"5%", 500}, {"25%", 2500}, {"100%", 10'000}};
  for (size_t i = 0; i < expected.size(); ++i) {
    const trust::PlanWave& wave = plan->waves[i + 1];
    EXPECT_EQ(wave.name, expected[i].first);
    EXPECT_EQ(wave.until_bucket, expected[i].second);
    EXPECT_EQ(wave.passes_needed, 2u) << "only named canaries' passes count";
    EXPECT_EQ(wave.soak, absl::Minutes(1));
    EXPECT_EQ(wave.deadline, absl::Hours(168));
  }
  EXPECT_EQ(plan->most_failures, 1u);
  EXPECT_THAT(plan->ToJson(), HasSubstr("linnet-plan-1")) << "older devices read it";
}

TEST_F(MakePlanTest, WithoutCanariesHalfOfTheKnownDevicesBeforeMustPass) {
  options_.rules.percents = {"0.5", "50", "100"};
  const auto plan = Make();
  ASSERT_THAT(plan, IsOk());
  ASSERT_EQ(plan->waves.size(), 3u);
  EXPECT_EQ(plan->waves[0].name, "0.5%");
  EXPECT_EQ(plan->waves[0].passes_needed, 0u);
  uint32_t before[2] = {0, 0};
  for (const admin::v1::Device& device : devices_.devices()) {
    before[0] += plan->BucketOf(device.id()) < 50 ? 1 : 0;
    before[1] += plan->BucketOf(device.id()) < 5000 ? 1 : 0;
  }
  EXPECT_EQ(plan->waves[1].passes_needed, (before[0] + 1) / 2);
  EXPECT_EQ(plan->waves[2].passes_needed, (before[1] + 1) / 2);
}

TEST_F(MakePlanTest, SaysOfEveryWaveWhatItWasAskedTo) {
  options_.canary = 1;
  options_.rules.windows = {"mon-fri 22:00-05:00", "sat,sun 00:00-24:00 local"};
  options_.rules.least_success_percent = 95;
  options_.rules.most_failure_percent = 2.5;
  options_.rules.least_reports = 10;
  options_.rules.most_unreached_percent = 30;
  options_.rules.most_in_flight = 50;
  options_.rules.deadline = "48h";
  const auto plan = Make();
  ASSERT_THAT(plan, IsOk());
  ASSERT_EQ(plan->waves.size(), 2u);
  for (const trust::PlanWave& wave : plan->waves) {
    EXPECT_EQ(trust::WindowsText(wave.windows), "mon-fri 22:00-05:00 utc, sat,sun 00:00-24:00 local");
    EXPECT_EQ(wave.least_success_ppm, 950'000u);
    EXPECT_EQ(wave.most_failure_ppm, 25'000u);
    EXPECT_EQ(wave.least_reports, 10u);
    EXPECT_EQ(wave.most_unreached_ppm, 300'000u);
    EXPECT_EQ(wave.most_in_flight, 50u);
    EXPECT_EQ(wave.deadline, absl::Hours(48));
    EXPECT_THAT(RulesText(wave), HasSubstr("halts above 2.5 % of failures"));
  }
  EXPECT_EQ(HaltsText(*plan), "halts at no number of failures");
  options_.most_failures = 3;
  EXPECT_EQ(HaltsText(*Make()), "halts at 3 failures");
}

TEST_F(MakePlanTest, CanariesAreDevicesThatThePlanIsFor) {
  for (int i = 0; i < devices_.devices_size(); ++i) {
    devices_.mutable_devices(i)->set_ram_mib(i == 4 ? 4096 : 512);
    devices_.mutable_devices(i)->set_instruction_set("neon_dotprod");
    devices_.mutable_devices(i)->set_agent_version(3'000);
  }
  options_.rules.least_ram_mib = 1024;
  options_.rules.architectures = {"aarch64"};
  options_.rules.least_agent = "0.3.0";
  options_.canary = 1;
  const auto plan = Make();
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->waves[0].devices[0], base::Hex(devices_.devices(4).id()));
  EXPECT_EQ(plan->waves[1].filter.least_agent_version, 3'000u);
  EXPECT_THAT(plan->ToJson(), HasSubstr("linnet-plan-2"));
  options_.canary = 2;
  EXPECT_THAT(Make(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("has 1 such devices")));
  options_.canary_devices = {"device-1"};
  EXPECT_THAT(Make(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("it has 512 MiB of memory")));
}

TEST_F(MakePlanTest, RefusesRulesThatMeanNothing) {
  const auto refused = [&](auto change, const std::string& why) {
    const PlanOptions before = options_;
    change(options_);
    EXPECT_THAT(Make(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)));
    options_ = before;
  };
  refused([](PlanOptions& o) { o.rules.percents = {"5", "1"}; }, "--waves 1: rising");
  refused([](PlanOptions& o) { o.rules.percents = {"101"}; }, "--waves 101");
  refused([](PlanOptions& o) { o.rules.percents = {"0.001"}; }, "--waves 0.001");
  refused([](PlanOptions& o) { o.rules.percents = {"all"}; }, "--waves all");
  refused([](PlanOptions& o) { o.rules.percents = {"nan"}; }, "--waves nan");
  refused(
      [](PlanOptions& o) {
        o.canary_devices = {"device-1"};
        o.then = "none";
        o.rules.percents = {"100"};
      },
      "--then none");
  refused([](PlanOptions& o) { o.rules.windows = {"at night"}; }, "--window \"at night\"");
  refused([](PlanOptions& o) { o.rules.least_agent = "1.2"; }, "--min-agent 1.2");
  refused([](PlanOptions& o) { o.rules.deadline = "soon"; }, "--wave-deadline soon");
  refused([](PlanOptions& o) { o.rules.deadline = "-1h"; }, "--wave-deadline -1h");
  refused([](PlanOptions& o) { o.rules.deadline = "1500ms"; }, "--wave-deadline 1500ms");
  refused([](PlanOptions& o) { o.rules.least_reports = 3; }, "least_reports");
  refused(
      [](PlanOptions& o) {
        o.rules.most_unreached_percent = 10;
        o.rules.deadline = "0";
      },
      "most_unreached_ppm");
  refused([](PlanOptions& o) { o.rules.windows.assign(17, "daily 02:00-04:00"); }, "windows");
}

}  // namespace
}  // namespace linnet::cli
