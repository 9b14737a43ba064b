#include "agent/device/local_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "agent/sensors/bearing_simulator.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace linnet::device {
namespace {

using linnet::testing::FakeClock;
using linnet::testing::IsOk;
using linnet::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

class LocalDeviceTest : public ::testing::Test {
 protected:
  LocalDeviceTest() { Open(); }

  void Open() {
    device_ = nullptr;
    database_ = nullptr;
    auto database = repo::UserDatabase::Open(base::FileSystem::Real(), dir_ / "user");
    ASSERT_THAT(database, IsOk());
    database_ = *std::move(database);
    LocalDeviceOptions options;
    options.name = [] { return std::string("press-line-3"); };
    options.zone = absl::UTCTimeZone();
    options.ingest.detector.warm_up_time = absl::ZeroDuration();
    auto device = LocalDevice::Create(*database_, slot_, clock_, options);
    ASSERT_THAT(device, IsOk());
    device_ = *std::move(device);
  }

  // `count` readings of a steady sensor, then `high` readings far above.
  std::vector<repo::TimedValue> Series(int from, int count, double level) {
    std::vector<repo::TimedValue> values;
    for (int i = from; i < from + count; ++i) {
      values.push_back({absl::FromUnixSeconds(1'800'000'000 + i), level + 0.1 * std::sin(i * 1.7)});
    }
    return values;
  }
  IngestOutcome Send(const std::vector<repo::TimedValue>& values) {
    IngestOutcome outcome;
    EXPECT_THAT(device_->Ingest("temperature", "°C", values, outcome), IsOk());
    return outcome;
  }
  absl::StatusOr<AskOutcome> Ask(const std::string& text, answer::AskKind kind = answer::AskKind::kAuto,
                                 uint64_t anomaly = 0) {
    answer::AskRequest request;
    request.text = text;
    request.kind = kind;
    return device_->Ask(request, anomaly);
  }

  testing::TempDir dir_;
  FakeClock clock_;
  ModelSlot slot_{base::FileSystem::Real(), {}};
  std::unique_ptr<repo::UserDatabase> database_;
  std::unique_ptr<LocalDevice> device_;
};

TEST_F(LocalDeviceTest, AReadingBecomesAnAnomalyAndThatAReport) {
  EXPECT_EQ(Send(Series(0, 600, 40)).anomalies.size(), 0U);
  const IngestOutcome found = Send(Series(600, 20, 60));
  EXPECT_EQ(found.readings, 20U);
  ASSERT_EQ(found.anomalies.size(), 1U);
  const repo::AnomalyRow& anomaly = found.anomalies.begin()->second;
  EXPECT_EQ(anomaly.channel, "temperature");
  EXPECT_TRUE(anomaly.ongoing);
  EXPECT_NEAR(anomaly.value, 60.1, 0.2);
  EXPECT_NEAR(anomaly.baseline, 40, 0.3);
  const auto report = Ask("What is wrong?", answer::AskKind::kReport);
  ASSERT_THAT(report, IsOk());
  EXPECT_TRUE(report->answer.from_template);
  EXPECT_EQ(report->answer.why, answer::Fallback::kNoModel);
  EXPECT_THAT(report->answer.text, HasSubstr("press-line-3"));
  EXPECT_THAT(report->answer.text, HasSubstr("60."));
  EXPECT_THAT(Ask("What?", answer::AskKind::kReport, 77), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Ask("What is wrong?", answer::AskKind::kReport, static_cast<uint64_t>(anomaly.id)), IsOk());
  const LocalCounts counts = *device_->Counts();
  EXPECT_EQ(counts.readings, 620U);
  EXPECT_EQ(counts.anomalies, 1U);
  EXPECT_EQ(counts.answers, 2U);
  EXPECT_EQ(counts.template_answers, 2U);
}

TEST_F(LocalDeviceTest, ARestartGoesOnWhereItStopped) {
  Send(Series(0, 600, 40));
  Send(Series(600, 20, 60));
  Open();
  // The detectors are warm again: what is still high is still the same anomaly.
  const IngestOutcome again = Send(Series(620, 5, 60));
  EXPECT_EQ(again.readings, 5U);
  EXPECT_EQ(device_->Counts()->anomalies, 1U);
  ASSERT_EQ(device_->Anomalies(10)->size(), 1U);
  EXPECT_TRUE(device_->Anomalies(10)->front().ongoing);
  // Readings that came before are not taken twice.
  const IngestOutcome old = Send(Series(0, 10, 40));
  EXPECT_EQ(old.readings, 0U);
  EXPECT_EQ(old.rejected, 10U);
  EXPECT_THAT(old.first_rejection, Not(::testing::IsEmpty()));
}

TEST_F(LocalDeviceTest, AnAnomalyOfTheLastRunThatIsOverIsShownAsEnded) {
  Send(Series(0, 600, 40));
  Send(Series(600, 20, 60));
  Send(Series(620, 40, 40));
  ASSERT_EQ(device_->Anomalies(10)->size(), 1U);
  EXPECT_FALSE(device_->Anomalies(1)->front().ongoing);
  // As if the process had ended before it judged the readings that were normal again.
  ASSERT_THAT(database_->db().Execute("UPDATE anomalies SET ongoing = 1"), IsOk());
  Open();
  Send(Series(660, 5, 40));
  EXPECT_EQ(device_->Anomalies(10)->size(), 1U);
  EXPECT_FALSE(device_->Anomalies(1)->front().ongoing);
}

TEST_F(LocalDeviceTest, WhenTheDiskRefusesNothingIsTakenAndTheSameReadingsMayComeAgain) {
  Send(Series(0, 600, 40));
  ASSERT_THAT(database_->db().Execute(
                  "CREATE TRIGGER refuse BEFORE UPDATE ON channels BEGIN SELECT RAISE(FAIL, 'full'); END"),
              IsOk());
  IngestOutcome outcome;
  EXPECT_FALSE(device_->Ingest("temperature", "°C", Series(600, 20, 60), outcome).ok());
  EXPECT_EQ(outcome.readings, 0U);
  ASSERT_THAT(database_->db().Execute("DROP TRIGGER refuse"), IsOk());
  const IngestOutcome again = Send(Series(600, 20, 60));
  EXPECT_EQ(again.readings, 20U);
  EXPECT_EQ(again.anomalies.size(), 1U);
}

TEST_F(LocalDeviceTest, BadReadingsAreCountedNotFatal) {
  IngestOutcome outcome;
  std::vector<repo::TimedValue> values = Series(0, 3, 1);
  values.push_back({absl::FromUnixSeconds(1'900'000'000), std::nan("")});
  values.push_back({absl::FromUnixSeconds(1), 1.0});
  EXPECT_THAT(device_->Ingest("temperature", "°C", values, outcome), IsOk());
  EXPECT_EQ(outcome.readings, 3U);
  EXPECT_EQ(outcome.rejected, 2U);
  EXPECT_THAT(device_->Ingest("bad channel!", "", values, outcome), IsOk());
  EXPECT_EQ(outcome.rejected, 7U);
  EXPECT_THAT(device_->Ingest("temperature", "bar", Series(10, 1, 1), outcome), IsOk());
  EXPECT_EQ(outcome.rejected, 8U);
}

TEST_F(LocalDeviceTest, FindsTheBearingFault) {
  sensors::BearingOptions options;
  options.hours = 3;
  options.fault_start_hours = 2;
  options.period = absl::Seconds(10);
  std::map<std::string, std::pair<std::string, std::vector<repo::TimedValue>>> channels;
  ASSERT_THAT(sensors::SimulateBearing(options,
                                       [&](const sensors::Reading& reading) {
                                         auto& [unit, values] = channels[reading.channel];
                                         unit = reading.unit;
                                         values.push_back({reading.time, reading.value});
                                         return true;
                                       }),
              IsOk());
  IngestOutcome outcome;
  for (const auto& [channel, series] : channels) {
    ASSERT_THAT(device_->Ingest(channel, series.first, series.second, outcome), IsOk());
  }
  EXPECT_EQ(outcome.rejected, 0U);
  EXPECT_GE(outcome.anomalies.size(), 1U);
}

TEST_F(LocalDeviceTest, ARecipeUsesOnlyWhatIsThere) {
  EXPECT_THAT(Ask("What can I cook?", answer::AskKind::kRecipe),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  ASSERT_THAT(device_->SetInventory(
                  {{"Lachs", 200, "g", clock_.Now() + absl::Hours(24)}, {"Spinat", 1, "", std::nullopt}}),
              IsOk());
  const auto recipe = Ask("What can I cook?", answer::AskKind::kRecipe);
  ASSERT_THAT(recipe, IsOk());
  EXPECT_THAT(recipe->answer.json, HasSubstr("Lachs"));
  EXPECT_THAT(recipe->answer.json, HasSubstr("\"title\""));
}

TEST_F(LocalDeviceTest, AQuestionAboutStateIsNoAction) {
  ASSERT_THAT(device_->SetEntities({{0, "Küche", "", {"kitchen"}, {{"light", "on"}}}}, "Küche"), IsOk());
  const auto question = Ask("Is the light on in the kitchen?", answer::AskKind::kIntent);
  ASSERT_THAT(question, IsOk());
  EXPECT_THAT(question->answer.json, Not(HasSubstr("light.set")));
  const auto action = Ask("Turn on the light in the kitchen", answer::AskKind::kIntent);
  ASSERT_THAT(action, IsOk());
  EXPECT_THAT(action->answer.json, HasSubstr("light.set"));
}

TEST_F(LocalDeviceTest, NamesWhatIsWrongWithStockAndRooms) {
  EXPECT_THAT(device_->SetInventory({{"ok", 1, "", std::nullopt}, {"", 1, "", std::nullopt}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("items[1].name")));
  EXPECT_THAT(device_->SetInventory({{"ok", 0, "", std::nullopt}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("items[0].quantity")));
  EXPECT_THAT(device_->SetInventory({{"ok", std::nan(""), "", std::nullopt}}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(device_->SetInventory({{"\xff", 1, "", std::nullopt}}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(device_->SetInventory(std::vector<repo::InventoryRow>(1'001, {"x", 1, "", std::nullopt})),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1001")));
  EXPECT_THAT(device_->SetEntities({{0, "a\nb", "", {}, {}}}, ""),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("entities[0].name")));
  EXPECT_THAT(device_->SetEntities({{0, "a", "", {""}, {}}}, ""),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("entities[0].aliases")));
  EXPECT_THAT(device_->SetEntities({{0, "a", "", {}, {}}}, "b"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("own_room")));
}

TEST_F(LocalDeviceTest, RoomsHaveNamesOfTheirOwnAndDevicesStandInThem) {
  EXPECT_THAT(device_->SetEntities({{0, "Küche", "", {}, {}}, {0, "KUECHE", "", {}, {}}}, ""),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("entities[1].name: \"KUECHE\"")));
  EXPECT_THAT(device_->SetEntities({{0, "hall", "", {"Flur"}, {}}, {0, "corridor", "", {"flur"}, {}}}, ""),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("entities[1].aliases")));
  EXPECT_THAT(device_->SetEntities({{0, "hall", "", {"Flur"}, {}}, {0, "Flur", "", {}, {}}}, ""),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("entities[1].name")));
  EXPECT_THAT(device_->SetEntities({{1, "toaster", "dungeon", {}, {}}, {0, "hall", "", {}, {}}}, ""),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("entities[0].room: \"dungeon\"")));
  EXPECT_THAT(
      device_->SetEntities(
          {{1, "toaster", "flur", {}, {}}, {1, "fan", "", {}, {}}, {0, "hall", "", {"Flur", "Hall"}, {}}},
          "hall"),
      IsOk());
}

TEST_F(LocalDeviceTest, QuestionsAndAnswersAreKept) {
  ASSERT_THAT(Ask("Is the light on?", answer::AskKind::kIntent), IsOk());
  repo::Conversations conversations(*database_);
  const auto kept = *conversations.Latest(10);
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].question, "Is the light on?");
}

}  // namespace
}  // namespace linnet::device
