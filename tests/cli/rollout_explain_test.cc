#include "deploy/cli/rollout_explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"

namespace linnet::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

const absl::Time kNow = absl::FromUnixSeconds(1'900'000'000);

std::string Id(int n) { return std::string(15, 'd') + static_cast<char>(n); }

class ExplainTest : public ::testing::Test {
 protected:
  ExplainTest() {
    plan_.id = "000102030405060708090a0b0c0d0e0f";
    plan_.model_sha256 = std::string(32, 'm');
    plan_.release_counter = 7;
    plan_.waves = {{.name = "canary", .devices = {base::Hex(Id(1))}},
                   {.name = "early", .until_bucket = 3000, .passes_needed = 1, .soak = absl::Minutes(10)},
                   {.name = "all", .until_bucket = 9000, .passes_needed = 2}};
    for (int n = 1; n <= 60; ++n) {
      admin::v1::Device& device = *devices_.add_devices();
      device.set_id(Id(n));
      device.set_name(absl::StrCat("device-", n));
      device.set_release_counter(6);
      device.set_last_seen_unix_micros(absl::ToUnixMicros(kNow - absl::Minutes(5)));
    }
  }
  std::map<std::string, Turn> Turns(const admin::v1::Rollout* rollout = nullptr) {
    std::map<std::string, Turn> turns;
    for (Turn& turn : Explain(plan_, devices_, rollout, kNow)) turns[turn.name] = std::move(turn);
    EXPECT_EQ(turns.size(), static_cast<size_t>(devices_.devices_size()));
    return turns;
  }
  // As the coordinator tells it: the canary's wave is open, the next soaks.
  admin::v1::Rollout Running() {
    admin::v1::Rollout rollout;
    rollout.set_state(admin::v1::RUNNING);
    for (const trust::PlanWave& wave : plan_.waves) rollout.add_waves()->set_name(wave.name);
    rollout.mutable_waves(0)->set_open(true);
    rollout.mutable_waves(0)->set_opened_unix_micros(absl::ToUnixMicros(kNow - absl::Hours(1)));
    rollout.mutable_waves(1)->set_passes(1);
    rollout.mutable_waves(1)->set_opens_unix_micros(absl::ToUnixMicros(kNow + absl::Minutes(4)));
    rollout.mutable_waves(2)->set_passes(1);
    return rollout;
  }

  trust::Plan plan_;
  admin::v1::ListDevicesResponse devices_;
};

TEST_F(ExplainTest, EveryDeviceIsInTheWaveThatThePlanPutsItIn) {
  const auto turns = Turns();
  size_t out = 0;
  for (const admin::v1::Device& device : devices_.devices()) {
    const Turn& turn = turns.at(device.name());
    EXPECT_EQ(turn.bucket, plan_.BucketOf(device.id()));
    const auto wave = plan_.WaveOf(device.id());
    EXPECT_EQ(turn.wave, wave.ok() ? static_cast<int>(*wave) : -1) << device.name();
    if (!wave.ok()) {
      ++out;
      EXPECT_THAT(turn.note, HasSubstr(absl::StrCat("its bucket ", turn.bucket, " is not below 9000")));
      EXPECT_EQ(turn.when, "");
    }
  }
  EXPECT_GT(out, 0u);
  EXPECT_EQ(turns.at("device-1").when, "at once");
}

TEST_F(ExplainTest, BeforeTheStartItSaysWhatALaterWaveWaitsFor) {
  const auto turns = Turns();
  for (const auto& [name, turn] : turns) {
    if (turn.wave == 1) {
      EXPECT_EQ(turn.when, "after 1 pass of earlier waves and 10m of soak");
    }
    if (turn.wave == 2) {
      EXPECT_EQ(turn.when, "after 2 passes of earlier waves");
    }
  }
}

TEST_F(ExplainTest, WhileItRunsItSaysSinceWhenOrFromWhenOrWhatIsMissing) {
  const admin::v1::Rollout rollout = Running();
  const auto turns = Turns(&rollout);
  for (const auto& [name, turn] : turns) {
    if (turn.wave == 0) {
      EXPECT_THAT(turn.when, StartsWith("since "));
    }
    if (turn.wave == 1) {
      EXPECT_THAT(turn.when, StartsWith("from "));
    }
    if (turn.wave == 2) {
      EXPECT_EQ(turn.when, "after 2 passes of earlier waves (1 of 2 so far)");
    }
  }
}

TEST_F(ExplainTest, WhatIsHeldGoesNowhere) {
  admin::v1::Rollout rollout = Running();
  for (const auto state : {admin::v1::PAUSED, admin::v1::STOPPED, admin::v1::HALTED, admin::v1::SUPERSEDED}) {
    rollout.set_state(state);
    EXPECT_EQ(Turns(&rollout).at("device-1").when, "not while the rollout stands still");
  }
}

TEST_F(ExplainTest, SaysWhyADeviceIsLeftOutOrHowItEnded) {
  devices_.mutable_devices(0)->set_revoked(true);  // device-1
  devices_.mutable_devices(1)->set_model_sha256(plan_.model_sha256);
  devices_.mutable_devices(2)->set_release_counter(9);
  devices_.mutable_devices(3)->set_last_seen_unix_micros(absl::ToUnixMicros(kNow - absl::Hours(24 * 30)));
  plan_.waves.back().until_bucket = 10'000;
  admin::v1::Rollout rollout = Running();
  admin::v1::DeviceProgress& said = *rollout.add_devices();
  said.set_id(Id(5));
  said.set_outcome("rolled back");
  said.set_reason("crashed");
  said.set_reported_unix_micros(absl::ToUnixMicros(kNow));
  const auto turns = Turns(&rollout);
  EXPECT_EQ(turns.at("device-1").wave, -1);
  EXPECT_THAT(turns.at("device-1").note, HasSubstr("revoked"));
  EXPECT_THAT(turns.at("device-2").note, HasSubstr("already"));
  EXPECT_THAT(turns.at("device-3").note, HasSubstr("runs release 9, the plan brings 7"));
  EXPECT_THAT(turns.at("device-4").note, HasSubstr("silent for 720h"));
  EXPECT_THAT(turns.at("device-5").when, StartsWith("rolled back on "));
  EXPECT_THAT(turns.at("device-5").note, HasSubstr("crashed: is not asked again"));
  EXPECT_EQ(turns.at("device-6").note, "");
}

TEST_F(ExplainTest, SaysThatACanaryWithAnotherKeyWillNotCount) {
  plan_.waves[0].keys = {{base::Hex(Id(1)), std::string(64, 'a')}};
  admin::v1::Device& canary = *devices_.mutable_devices(0);
  EXPECT_EQ(Turns().at("device-1").note, "");  // an older coordinator does not say keys
  canary.set_key_sha256(std::string(32, '\xaa'));
  EXPECT_EQ(Turns().at("device-1").note, "");
  EXPECT_EQ(Turns().at("device-1").key_sha256, std::string(64, 'a'));
  EXPECT_EQ(Turns().at("device-2").key_sha256, "");
  canary.set_key_sha256(std::string(32, '\xab'));
  EXPECT_THAT(Turns().at("device-1").note, HasSubstr("another key than the plan pins"));
}

TEST_F(ExplainTest, APlanOfNamedCanariesAloneLeavesTheOthersOut) {
  plan_.waves.resize(1);
  const auto turns = Turns();
  EXPECT_EQ(turns.at("device-1").wave, 0);
  EXPECT_EQ(turns.at("device-2").note, "no wave names it");
  EXPECT_EQ(Explain(plan_, devices_, nullptr, kNow).front().name, "device-1");  // those that go come first
}

TEST_F(ExplainTest, SaysWhatADeviceIsNotThatAWaveAsks) {
  plan_.waves = {{.name = "pis", .filter = {.architectures = {"aarch64"}}},
                 {.name = "large", .filter = {.least_ram_mib = 4096}}};
  for (admin::v1::Device& device : *devices_.mutable_devices()) {
    device.set_instruction_set("avx2");
    device.set_ram_mib(512);
  }
  devices_.mutable_devices(0)->set_instruction_set("neon");
  devices_.mutable_devices(1)->set_ram_mib(8192);
  devices_.mutable_devices(2)->set_instruction_set("scalar");
  const auto turns = Turns();
  EXPECT_EQ(turns.at("device-1").wave, 0);
  EXPECT_EQ(turns.at("device-2").wave, 1);
  EXPECT_EQ(turns.at("device-3").wave, 0);
  EXPECT_THAT(turns.at("device-3").note, HasSubstr("it decides itself"));
  EXPECT_EQ(turns.at("device-4").wave, -1);
  EXPECT_THAT(turns.at("device-4").note,
              StartsWith("wave pis is not for this device: it has x86_64 architecture"));
}

TEST_F(ExplainTest, SaysTheTimesAndHowManyAtATime) {
  plan_.waves = {{.name = "all"}};
  plan_.waves[0].windows = {*trust::WaveWindow::FromText("mon-fri 22:00-05:00")};
  plan_.waves[0].most_in_flight = 10;
  EXPECT_EQ(Turns().at("device-1").when, "at once, in mon-fri 22:00-05:00 utc, 10 at a time");
}

TEST_F(ExplainTest, SaysWhoWasNotReached) {
  admin::v1::Rollout rollout = Running();
  admin::v1::DeviceProgress& silent = *rollout.add_devices();
  silent.set_id(Id(1));
  silent.set_unreached(true);
  EXPECT_THAT(Turns(&rollout).at("device-1").note, HasSubstr("not reached before its wave's deadline"));
}

}  // namespace
}  // namespace linnet::cli
