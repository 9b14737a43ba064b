// What a plan says beside its waves' devices: filters, windows, thresholds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/trust/plan.h"
#include "tests/support/status_matchers.h"

namespace linnet::trust {
namespace {

using linnet::testing::IsOk;
using linnet::testing::StatusIs;
using ::testing::HasSubstr;
using Answer = WaveFilter::Answer;

// As the first release signed it (and as tests/fuzz/data/plan_fuzz keeps it).
constexpr std::string_view kOldPlan =
    R"({"confirm_inferences":20,"confirm_seconds":300,"created":1893456000,"expires":1893542400,)"
    R"("format":"linnet-plan-1","id":"000102030405060708090a0b0c0d0e0f",)"
    R"("model_sha256":"6d6d6d6d6d6d6d6d6d6d6d6d6d6d6d6d6d6d6d6d6d6d6d6d6d6d6d6d6d6d6d6d",)"
    R"("model_target":"models/starter/linnet-starter-1.gguf","most_failures":2,"release_counter":7,)"
    R"("waves":[{"devices":[],"name":"all","passes_needed":0,"soak_seconds":600,"until_bucket":2500}]})";

Plan Example() {
  Plan plan = *Plan::FromJson(kOldPlan);
  PlanWave& wave = plan.waves[0];
  wave.filter = {.architectures = {"aarch64"},
                 .kernels = {"neon_dotprod", "neon_i8mm"},
                 .least_ram_mib = 2048,
                 .least_cores = 4,
                 .least_agent_version = 3'000};
  wave.windows = {{.days = 0x1f, .from_minute = 1320, .to_minute = 300},
                  {.days = 0x60, .from_minute = 0, .to_minute = 1440, .local = true}};
  wave.least_success_ppm = 950'000;
  wave.most_failure_ppm = 20'000;
  wave.least_reports = 10;
  wave.most_unreached_ppm = 300'000;
  wave.most_in_flight = 50;
  wave.deadline = absl::Hours(48);
  return plan;
}

DeviceFacts Pi() {
  return {.kernels = "neon_dotprod",
          .architecture = "aarch64",
          .ram_mib = 7937,
          .cores = 4,
          .agent_version = 3'001};
}

TEST(PlanRulesTest, SurviveTheirJson) {
  const std::string json = Example().ToJson();
  ASSERT_OK_AND_ASSIGN(const Plan plan, Plan::FromJson(json));
  EXPECT_EQ(plan.ToJson(), json);
  const PlanWave &wave = plan.waves[0], expected = Example().waves[0];
  EXPECT_EQ(wave.filter, expected.filter);
  EXPECT_EQ(wave.windows, expected.windows);
  EXPECT_EQ(wave.least_success_ppm, 950'000u);
  EXPECT_EQ(wave.most_failure_ppm, 20'000u);
  EXPECT_EQ(wave.least_reports, 10u);
  EXPECT_EQ(wave.most_unreached_ppm, 300'000u);
  EXPECT_EQ(wave.most_in_flight, 50u);
  EXPECT_EQ(wave.deadline, absl::Hours(48));
}

TEST(PlanRulesTest, APlanFromBeforeIsReadAndWrittenByteForByte) {
  ASSERT_OK_AND_ASSIGN(const Plan plan, Plan::FromJson(kOldPlan));
  EXPECT_EQ(plan.ToJson(), kOldPlan);
  EXPECT_TRUE(plan.waves[0].filter.empty());
  EXPECT_EQ(plan.waves[0].most_failure_ppm, kAllPpm);
  EXPECT_EQ(plan.waves[0].deadline, absl::ZeroDuration());
}

TEST(PlanRulesTest, WhatADeviceMustKeepToIsInAFormatThatOlderDevicesRefuse) {
  Plan plan = *Plan::FromJson(kOldPlan);
  plan.waves[0].deadline = absl::Hours(1);  // the coordinator's: of no matter to a device
  EXPECT_THAT(plan.ToJson(), HasSubstr("linnet-plan-1"));
  plan.waves[0].filter.least_cores = 2;
  EXPECT_THAT(plan.ToJson(), HasSubstr("linnet-plan-2"));
  std::string json = plan.ToJson();
  json.replace(json.find("linnet-plan-2"), 13, "linnet-plan-1");
  EXPECT_THAT(Plan::FromJson(json), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("linnet-plan-2")));
  plan.waves[0].filter = {};
  plan.waves[0].windows = Example().waves[0].windows;
  EXPECT_THAT(plan.ToJson(), HasSubstr("linnet-plan-2"));
  json = kOldPlan;
  json.replace(json.find("linnet-plan-1"), 13, "linnet-plan-2");
  EXPECT_THAT(Plan::FromJson(json), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("exactly where")));
}

TEST(PlanRulesTest, RefuseEveryMemberThatIsUnknownOrOutOfItsRange) {
  const std::string good = Example().ToJson();
  const auto refused = [&](std::string_view from, std::string_view to, std::string_view why) {
    std::string json = good;
    const size_t at = json.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    json.replace(at, from.size(), to);
    EXPECT_THAT(Plan::FromJson(json), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(std::string(why))))
        << json;
  };
  // A rule of a later release, wherever it stands.
  refused("\"format\"", "\"blackout\":1,\"format\"", "\"blackout\" is not known");
  refused("\"name\"", "\"jitter_seconds\":1,\"name\"", "\"jitter_seconds\" is not known");
  refused("\"least_cores\"", "\"board\":\"pi\",\"least_cores\"", "\"board\" is not known");
  refused("\"clock\"", "\"month\":1,\"clock\"", "\"month\" is not known");
  // The vocabulary is closed.
  refused("[\"aarch64\"]", "[\"riscv64\"]", "architectures");
  refused("[\"aarch64\"]", "[\"AARCH64\"]", "architectures");
  refused("[\"aarch64\"]", "[]", "architectures");
  refused("[\"aarch64\"]", "[7]", "architectures");
  refused("[\"aarch64\"]", "[\"aarch64\",\"aarch64\"]", "twice");
  refused("\"neon_i8mm\"", "\"sve2\"", "kernels");
  refused("\"least_ram_mib\":2048", "\"least_ram_mib\":0", "least_ram_mib");
  refused("\"least_ram_mib\":2048", "\"least_ram_mib\":4294967296", "least_ram_mib");
  refused("\"least_cores\":4", "\"least_cores\":\"4\"", "least_cores");
  refused("\"least_agent_version\":3000", "\"least_agent_version\":-1", "least_agent_version");
  // Windows.
  refused("\"mon\",\"tue\"", "\"tue\",\"mon\"", "in this order");
  refused("\"mon\",\"tue\"", "\"mon\",\"mon\"", "in this order");
  refused("\"mon\",\"tue\"", "\"Mon\",\"tue\"", "in this order");
  refused("\"days\":[\"sat\",\"sun\"]", "\"days\":[]", "days");
  refused("\"from_minute\":1320", "\"from_minute\":1440", "from_minute");
  refused("\"from_minute\":1320", "\"from_minute\":300", "whole day");
  refused("\"to_minute\":300", "\"to_minute\":0", "to_minute");
  refused("\"to_minute\":1440", "\"to_minute\":1441", "to_minute");
  refused("\"clock\":\"utc\"", "\"clock\":\"moon\"", "clock");
  // Thresholds.
  refused("\"least_success_ppm\":950000", "\"least_success_ppm\":0", "least_success_ppm");
  refused("\"least_success_ppm\":950000", "\"least_success_ppm\":1000001", "least_success_ppm");
  refused("\"most_failure_ppm\":20000", "\"most_failure_ppm\":1000000", "most_failure_ppm");
  refused("\"most_failure_ppm\":20000", "\"most_failure_ppm\":-1", "most_failure_ppm");
  refused("\"most_unreached_ppm\":300000", "\"most_unreached_ppm\":1000000", "most_unreached_ppm");
  refused("\"least_reports\":10", "\"least_reports\":0", "least_reports");
  refused("\"most_in_flight\":50", "\"most_in_flight\":0", "most_in_flight");
  refused("\"deadline_seconds\":172800", "\"deadline_seconds\":0", "deadline_seconds");
  refused("\"deadline_seconds\":172800", "\"deadline_seconds\":9223372036854775807", "deadline_seconds");
}

TEST(PlanRulesTest, RefuseRulesThatMeanNothing) {
  Plan plan = Example();
  plan.waves[0].deadline = {};
  EXPECT_THAT(Plan::FromJson(plan.ToJson()),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("most_unreached_ppm")));
  plan = Example();
  plan.waves[0].least_success_ppm = 0;
  plan.waves[0].most_failure_ppm = kAllPpm;
  EXPECT_THAT(Plan::FromJson(plan.ToJson()),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("least_reports")));
  plan = Example();
  plan.waves[0].windows.push_back(plan.waves[0].windows[0]);
  EXPECT_THAT(Plan::FromJson(plan.ToJson()), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("twice")));
  plan = Example();
  for (uint16_t minute = 0; minute < 15; ++minute) {
    plan.waves[0].windows.push_back({.days = 1, .from_minute = minute, .to_minute = 100});
  }
  EXPECT_THAT(Plan::FromJson(plan.ToJson()), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("1 to 16")));
  std::string json(kOldPlan);
  json.replace(json.find("\"name\""), 6, "\"filter\":{},\"name\"");
  EXPECT_THAT(Plan::FromJson(json), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("asks for nothing")));
  json = kOldPlan;
  json.replace(json.find("\"name\""), 6, "\"filter\":[],\"name\"");
  EXPECT_THAT(Plan::FromJson(json), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("no object")));
}

TEST(WaveFilterTest, AllThatItAsksMustHold) {
  const WaveFilter filter = Example().waves[0].filter;
  std::string why;
  EXPECT_EQ(filter.Matches(Pi(), &why), Answer::kYes) << why;
  const auto not_with = [&](auto change, std::string_view expected) {
    DeviceFacts facts = Pi();
    change(facts);
    EXPECT_EQ(filter.Matches(facts, &why), Answer::kNo) << expected;
    EXPECT_THAT(why, HasSubstr(std::string(expected)));
  };
  not_with([](DeviceFacts& f) { f.architecture = "x86_64"; }, "has x86_64 architecture, aarch64 asked for");
  not_with([](DeviceFacts& f) { f.kernels = "neon"; }, "neon_dotprod or neon_i8mm");
  not_with([](DeviceFacts& f) { f.ram_mib = 2047; }, "has 2047 MiB of memory, at least 2048");
  not_with([](DeviceFacts& f) { f.cores = 3; }, "has 3 cores");
  not_with([](DeviceFacts& f) { f.agent_version = 2'999; }, "has agent 0.2.999, at least 0.3.0");
  DeviceFacts least = Pi();
  least.ram_mib = 2048;
  least.agent_version = 3'000;
  EXPECT_EQ(filter.Matches(least, &why), Answer::kYes) << why;
  EXPECT_EQ(WaveFilter().Matches({}, nullptr), Answer::kYes);
}

TEST(WaveFilterTest, WhatIsNotKnownIsNeitherYesNorNo) {
  const WaveFilter filter = Example().waves[0].filter;
  std::string why;
  DeviceFacts facts = Pi();
  facts.architecture.clear();
  EXPECT_EQ(filter.Matches(facts, &why), Answer::kUnknown);
  EXPECT_THAT(why, HasSubstr("architecture"));
  facts.cores = 2;  // one thing that is known not to be is enough
  EXPECT_EQ(filter.Matches(facts, &why), Answer::kNo);
  EXPECT_THAT(why, HasSubstr("2 cores"));
  EXPECT_EQ(filter.Matches({}, nullptr), Answer::kUnknown);
}

TEST(WaveFilterTest, ADeviceBelongsToTheFirstWaveThatCoversAndFitsIt) {
  Plan plan = Example();
  plan.waves[0].until_bucket = 10'000;
  plan.waves.push_back({.name = "rest", .passes_needed = 0});
  const std::string device(16, 'd');
  EXPECT_EQ(*plan.WaveOf(device, Pi(), false), 0u);
  DeviceFacts small = Pi();
  small.ram_mib = 512;
  EXPECT_EQ(*plan.WaveOf(device, small, false), 1u);
  EXPECT_EQ(*plan.WaveOf(device), 0u) << "who knows nothing else of it";
  EXPECT_EQ(*plan.WaveOf(device, {}, /*unknown_fits=*/true), 0u);
  EXPECT_EQ(*plan.WaveOf(device, {}, /*unknown_fits=*/false), 1u);
  plan.waves.pop_back();
  EXPECT_THAT(
      plan.WaveOf(device, small, true),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("is not for this device: it has 512 MiB")));
  plan.waves[0].until_bucket = 0;
  EXPECT_THAT(plan.WaveOf(device, Pi(), true), StatusIs(absl::StatusCode::kNotFound));
}

// 2030-01-01 is a Tuesday.
absl::Time At(int day, int hour, int minute = 0) {
  return absl::FromCivil(absl::CivilSecond(2030, 1, day, hour, minute, 0), absl::UTCTimeZone());
}
absl::Time Next(std::string_view window, absl::Time now, absl::TimeZone local = absl::UTCTimeZone()) {
  return OpensNext({*WaveWindow::FromText(window)}, now, local);
}

TEST(WaveWindowTest, IsOpenFromItsFirstMinuteToBeforeItsLast) {
  EXPECT_EQ(Next("tue 02:00-04:00", At(1, 1, 59)), At(1, 2));
  EXPECT_EQ(Next("tue 02:00-04:00", At(1, 2)), At(1, 2));
  EXPECT_EQ(Next("tue 02:00-04:00", At(1, 3, 59)), At(1, 3, 59));
  EXPECT_EQ(Next("tue 02:00-04:00", At(1, 4)), At(8, 2)) << "in a week";
  EXPECT_EQ(Next("daily 02:00-04:00", At(1, 4)), At(2, 2));
  EXPECT_EQ(Next("daily 00:00-24:00", At(1, 23, 59)), At(1, 23, 59));
  EXPECT_EQ(OpensNext({}, At(1, 4), absl::UTCTimeZone()), At(1, 4)) << "no windows: always";
}

TEST(WaveWindowTest, AnOvernightWindowBelongsToTheDayOnWhichItBegins) {
  EXPECT_EQ(Next("mon-fri 22:00-05:00", At(1, 21)), At(1, 22));
  EXPECT_EQ(Next("mon-fri 22:00-05:00", At(5, 4, 59)), At(5, 4, 59)) << "Friday's, on Saturday";
  EXPECT_EQ(Next("mon-fri 22:00-05:00", At(5, 5)), At(7, 22));
  EXPECT_EQ(Next("mon-fri 22:00-05:00", At(7, 3)), At(7, 22)) << "Sunday has none that could go on";
  EXPECT_EQ(Next("sun 22:00-05:00", At(7, 3)), At(7, 3)) << "over the week's end";
}

TEST(WaveWindowTest, TheFirstOfSeveralCounts) {
  const std::vector<WaveWindow> windows = {*WaveWindow::FromText("sat 01:00-02:00"),
                                           *WaveWindow::FromText("thu 01:00-02:00")};
  EXPECT_EQ(OpensNext(windows, At(1, 0), absl::UTCTimeZone()), At(3, 1));
  EXPECT_EQ(OpensNext(windows, At(4, 0), absl::UTCTimeZone()), At(5, 1));
}

TEST(WaveWindowTest, LocalIsByTheDevicesOwnZone) {
  const absl::TimeZone india = absl::FixedTimeZone(5 * 3600 + 1800);
  EXPECT_EQ(Next("tue 02:00-04:00 local", At(1, 0), india), At(7, 20, 30)) << "Tuesday there began on Monday";
  EXPECT_EQ(Next("tue 02:00-04:00 utc", At(1, 0), india), At(1, 2));
  EXPECT_EQ(Next("wed 02:00-04:00 local", At(1, 21), india), At(1, 21));
}

TEST(WaveWindowTest, IsSaidAndShownInOneForm) {
  for (const std::string text : {"mon-fri 22:00-05:00 utc", "sat,sun 00:00-24:00 local",
                                 "daily 02:00-04:30 utc", "mon,wed-fri,sun 07:05-07:06 utc"}) {
    ASSERT_OK_AND_ASSIGN(const WaveWindow window, WaveWindow::FromText(text));
    EXPECT_EQ(window.ToText(), text);
  }
  EXPECT_EQ(WaveWindow::FromText("fri-mon 1:00-2:00")->ToText(), "mon,fri-sun 01:00-02:00 utc");
  for (const std::string bad :
       {"", "daily", "daily 02:00", "day 02:00-04:00", "daily 02:00-02:00", "mon- 02:00-04:00",
        "daily 24:00-02:00", "daily 02:00-24:01", "daily 02:60-04:00", "daily 2-4", "daily 02:00-00:00",
        "daily 02:00-04:00 cet", "daily 02:00-04:00 utc now", "mon-tue-wed 02:00-04:00",
        "daily -1:00-04:00"}) {
    EXPECT_THAT(WaveWindow::FromText(bad),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("DAYS HH:MM")))
        << bad;
  }
}

}  // namespace
}  // namespace linnet::trust
