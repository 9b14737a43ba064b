#include "storage/trust/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace linnet::trust {
namespace {

using linnet::testing::IsOk;
using linnet::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string DeviceId(int n) { return std::string(15, '\0') + static_cast<char>(n); }

const std::string kKey(64, 'a');

Plan Example() {
  return {.id = "000102030405060708090a0b0c0d0e0f",
          .model_target = "models/starter/linnet-starter-1.gguf",
          .model_sha256 = std::string(32, 'm'),
          .release_counter = 7,
          .waves = {{.name = "canary",
                     .devices = {base::Hex(DeviceId(1))},
                     .keys = {{base::Hex(DeviceId(1)), kKey}}},
                    {.name = "early", .until_bucket = 2500, .passes_needed = 1, .soak = absl::Minutes(10)},
                    {.name = "all", .passes_needed = 1}},
          .confirm_time = absl::Minutes(5),
          .confirm_inferences = 20,
          .most_failures = 2,
          .created = absl::FromUnixSeconds(1893456000),
          .expires = absl::FromUnixSeconds(1893456000 + 86400)};
}

TEST(PlanTest, SurvivesItsJson) {
  const std::string json = Example().ToJson();
  ASSERT_OK_AND_ASSIGN(const Plan plan, Plan::FromJson(json));
  EXPECT_EQ(plan.ToJson(), json);
  EXPECT_EQ(plan.waves[1].soak, absl::Minutes(10));
  EXPECT_EQ(plan.model_sha256, std::string(32, 'm'));
  EXPECT_EQ(plan.expires, Example().expires);
}

TEST(PlanTest, BucketIsTheHashOfPlanAndDeviceModuloTenThousand) {
  // python3: int.from_bytes(hashlib.sha256(bytes(range(16)) + bytes(15) + bytes([n])).digest(), "big") %
  // 10000
  const Plan plan = Example();
  EXPECT_EQ(plan.BucketOf(DeviceId(0)), 4946u);
  EXPECT_EQ(plan.BucketOf(DeviceId(1)), 4983u);
}

TEST(PlanTest, BucketsAreSpreadEvenly) {
  const Plan plan = Example();
  int below = 0;
  for (int i = 0; i < 10'000; ++i) {
    const std::string id =
        std::string(12, 'd') + std::string{static_cast<char>(i >> 8), static_cast<char>(i), 0, 0};
    below += plan.BucketOf(id) < 2500 ? 1 : 0;
  }
  EXPECT_NEAR(below, 2500, 220);  // five standard deviations
}

TEST(PlanTest, ADeviceBelongsToTheFirstWaveThatNamesOrCoversIt) {
  Plan plan = Example();
  EXPECT_EQ(*plan.WaveOf(DeviceId(1)), 0u);
  for (int i = 2; i < 100; ++i)
    EXPECT_EQ(*plan.WaveOf(DeviceId(i)), plan.BucketOf(DeviceId(i)) < 2500 ? 1u : 2u);
  plan.waves.pop_back();
  plan.waves[1].until_bucket = 0;
  EXPECT_THAT(plan.WaveOf(DeviceId(5)), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(plan.NamedBefore(0), IsEmpty());
  EXPECT_THAT(plan.NamedBefore(2), ElementsAre(base::Hex(DeviceId(1))));
}

TEST(PlanTest, RefusesEveryFieldThatIsMissingOrWrong) {
  const std::string good = Example().ToJson();
  const auto refused = [&](std::string_view from, std::string_view to, std::string_view why) {
    std::string json = good;
    const size_t at = json.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    json.replace(at, from.size(), to);
    EXPECT_THAT(Plan::FromJson(json), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(std::string(why))))
        << json;
  };
  for (const std::string field :
       {"format", "id", "model_target", "model_sha256", "release_counter", "waves", "confirm_seconds",
        "confirm_inferences", "most_failures", "created", "expires", "name", "devices", "until_bucket",
        "passes_needed", "soak_seconds"}) {
    refused("\"" + field + "\"", "\"x" + field + "\"", field);
  }
  refused("linnet-plan-1", "linnet-plan-2", "format");
  refused("\"000102", "\"0001", "id");
  refused("\"000102", "\"00010Z", "id");
  refused("\"release_counter\":7", "\"release_counter\":-7", "release_counter");
  refused("\"release_counter\":7", "\"release_counter\":7.5", "not an integer");
  refused("\"release_counter\":7", "\"release_counter\":\"7\"", "release_counter");
  refused("\"until_bucket\":2500", "\"until_bucket\":10001", "until_bucket");
  refused("\"most_failures\":2", "\"most_failures\":0", "most_failures");
  refused("\"soak_seconds\":600", "\"soak_seconds\":9223372036854775807", "soak_seconds");
  refused("\"expires\":1893542400", "\"expires\":1", "expires");
  refused("\"passes_needed\":0,", "\"passes_needed\":1,", "passes");
}

TEST(PlanTest, RefusesADeviceThatIsNamedTwiceAndPassesThatNobodyCanGive) {
  Plan plan = Example();
  plan.waves[1].devices = plan.waves[0].devices;
  EXPECT_THAT(Plan::FromJson(plan.ToJson()), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("named twice")));
  plan = Example();
  plan.waves[1].passes_needed = 2;
  EXPECT_THAT(Plan::FromJson(plan.ToJson()),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("needs 2 passes")));
  plan = Example();
  plan.waves.clear();
  EXPECT_THAT(Plan::FromJson(plan.ToJson()), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("waves")));
}

TEST(PlanTest, PinsOneKeyForADeviceThatItNames) {
  ASSERT_OK_AND_ASSIGN(const Plan plan, Plan::FromJson(Example().ToJson()));
  EXPECT_TRUE(plan.Pins(DeviceId(1), std::string(32, '\xaa')));
  EXPECT_FALSE(plan.Pins(DeviceId(1), std::string(32, '\xab')));
  EXPECT_FALSE(plan.Pins(DeviceId(1), ""));
  EXPECT_FALSE(plan.Pins(DeviceId(2), std::string(32, '\xaa')));
  EXPECT_THAT(plan.CheckPinned(), IsOk());
}

TEST(PlanTest, RefusesPinsThatAreMalformedOrForNobody) {
  const std::string good = Example().ToJson();
  const std::string device = base::Hex(DeviceId(1));
  const std::string pin = "\"" + device + "\":\"" + kKey + "\"";
  const std::string keys = "\"keys\":{" + pin + "}";
  ASSERT_THAT(good, HasSubstr(keys));
  const auto refused = [&](const std::string& other, std::string_view why) {
    std::string json = good;
    json.replace(json.find(keys), keys.size(), other);
    EXPECT_THAT(Plan::FromJson(json), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(std::string(why))))
        << json;
  };
  refused("\"keys\":[\"" + kKey + "\"]", "no object");
  refused("\"keys\":\"" + kKey + "\"", "no object");
  refused("\"keys\":null", "no object");
  for (const std::string& bad : {kKey.substr(1), kKey + "a", std::string(64, 'A'), std::string(64, 'g'),
                                 std::string(32, 'a'), std::string()}) {
    refused("\"keys\":{\"" + device + "\":\"" + bad + "\"}", "not 64 lower-case hex digits");
  }
  refused("\"keys\":{\"" + device + "\":7}", "not 64 lower-case hex digits");
  refused("\"keys\":{\"" + device + "\":[\"" + kKey + "\"]}", "not 64 lower-case hex digits");
  refused("\"keys\":{" + pin + "," + pin + "}", "twice");  // the parser's own word
  refused("\"keys\":{" + pin + ",\"" + base::Hex(DeviceId(2)) + "\":\"" + std::string(64, 'b') + "\"}",
          "names a device that \"devices\" does not");
  Plan plan = Example();  // a wave by bucket names nobody
  plan.waves[1].keys = {{base::Hex(DeviceId(2)), std::string(64, 'b')}};
  EXPECT_THAT(Plan::FromJson(plan.ToJson()),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("names a device")));
}

TEST(PlanTest, RefusesOneKeyForTwoDevices) {
  Plan plan = Example();
  plan.waves[0].devices.push_back(base::Hex(DeviceId(2)));
  plan.waves[0].keys[base::Hex(DeviceId(2))] = kKey;
  EXPECT_THAT(Plan::FromJson(plan.ToJson()),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("the key of another device")));
  plan = Example();  // in another wave
  plan.waves[1].devices = {base::Hex(DeviceId(2))};
  plan.waves[1].keys = {{base::Hex(DeviceId(2)), kKey}};
  EXPECT_THAT(Plan::FromJson(plan.ToJson()),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("the key of another device")));
}

TEST(PlanTest, WithoutPinsItCanBeReadButNotSignedOrStarted) {
  Plan plan = Example();
  plan.waves[0].keys.clear();
  EXPECT_THAT(plan.ToJson(), Not(HasSubstr("keys")));
  ASSERT_OK_AND_ASSIGN(const Plan read, Plan::FromJson(plan.ToJson()));
  EXPECT_FALSE(read.Pins(DeviceId(1), ""));
  EXPECT_FALSE(read.Pins(DeviceId(1), std::string(32, '\xaa')));
  EXPECT_THAT(read.CheckPinned(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("without its key")));
  plan.waves.resize(1);  // nobody relies on its pass
  EXPECT_THAT(plan.CheckPinned(), IsOk());
}

TEST(ReceiptMessageTest, HasTheLayoutThatFleetProtoStates) {
  const std::string message =
      ReceiptMessage(std::string(16, 'd'), std::string(32, 'p'), std::string(32, 'm'), 1, 0x0102030405060708);
  EXPECT_EQ(message, "linnet-receipt-1" + std::string(16, 'd') + std::string(32, 'p') + std::string(32, 'm') +
                         "\x01\x01\x02\x03\x04\x05\x06\x07\x08");
}

}  // namespace
}  // namespace linnet::trust
