#include "deploy/cli/rollout_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace linnet::cli
