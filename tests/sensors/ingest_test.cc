#include "agent/sensors/ingest.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "agent/sensors/features.h"
#include "agent/sensors/units.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace linnet::sensors {
namespace {

using ::testing::HasSubstr;

Reading At(int64_t second, const std::string& channel, double value, const std::string& unit = "bar") {
  return {channel, absl::FromUnixSeconds(second), value, unit};
}

TEST(ChannelTest, ReadsKindAxisAndFeatureFromTheName) {
  const ChannelInfo vibration = ParseChannel("vibration_x_rms");
  EXPECT_EQ(vibration.kind, SensorKind::kVibration);
  EXPECT_EQ(vibration.axis, "x");
  EXPECT_EQ(vibration.feature, "rms");
  EXPECT_EQ(ParseChannel("Temperatur/Lager-2").kind, SensorKind::kTemperature);
  EXPECT_EQ(ParseChannel("oil.pressure").kind, SensorKind::kPressure);
  EXPECT_EQ(ParseChannel("motorstrom").kind, SensorKind::kOther);
  EXPECT_EQ(ParseChannel("motor_strom").kind, SensorKind::kCurrent);
  EXPECT_EQ(ParseChannel("accel.z").axis, "z");
  EXPECT_EQ(ParseChannel("q7").kind, SensorKind::kOther);
}

TEST(FeaturesTest, MatchKnownWaveforms) {
  WindowAccumulator sine;
  for (int i = 0; i < 10'000; ++i) sine.Add(9.81 + 3 * std::sin(2 * M_PI * i / 100));
  const WindowFeatures s = sine.Finish();
  EXPECT_NEAR(s.rms, 3 / std::sqrt(2), 1e-9);
  EXPECT_NEAR(s.peak, 3, 1e-9);
  EXPECT_NEAR(s.kurtosis, 1.5, 1e-9);
  WindowAccumulator constant;
  for (int i = 0; i < 100; ++i) constant.Add(5);
  EXPECT_EQ(constant.Finish().rms, 0);
  EXPECT_EQ(constant.Finish().kurtosis, 0);
  EXPECT_EQ(WindowAccumulator().Finish().samples, 0u);
  WindowAccumulator impulse;
  for (int i = 0; i < 1000; ++i) impulse.Add(i == 500 ? 100 : 0);
  EXPECT_GT(impulse.Finish().kurtosis, 900);
}

TEST(FeaturesTest, RoundingGivesTheShortDecimal) {
  EXPECT_EQ(RoundForDisplay(73.96732207), 73.9673);
  EXPECT_EQ(RoundForDisplay(0.1 + 0.2), 0.3);
  EXPECT_EQ(RoundForDisplay(0.000123456789), 0.00012346);
  EXPECT_EQ(RoundForDisplay(101325), 101325);
  EXPECT_FALSE(std::signbit(RoundForDisplay(-0.0)));
}

TEST(UnitsTest, ConvertWhatCanBeConverted) {
  EXPECT_NEAR(*Convert(212, "°F", "°C"), 100, 1e-9);
  EXPECT_NEAR(*Convert(0, "C", "K"), 273.15, 1e-9);
  EXPECT_NEAR(*Convert(1, "g", "m/s²"), 9.80665, 1e-9);
  EXPECT_NEAR(*Convert(1.5, "bar", "hPa"), 1500, 1e-9);
  EXPECT_EQ(*Convert(7, "widgets", "widgets"), 7);
  EXPECT_FALSE(Convert(1, "bar", "°C").has_value());
  EXPECT_FALSE(Convert(1, "bar", "").has_value());
}

TEST(IngestTest, KeepsChannelsApart) {
  IngestOptions options;
  options.detector.warm_up_readings = 64;
  options.detector.warm_up_time = absl::ZeroDuration();
  Ingest ingest(options);
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(ingest.Add(At(i, "pressure_a", 5 + 0.01 * (i % 7))).ok());
    const auto b = ingest.Add(At(i, "pressure_b", (i < 150 ? 5 : 9) + 0.01 * (i % 7)));
    ASSERT_TRUE(b.ok());
  }
  const std::vector<Anomaly> ongoing = ingest.Ongoing();
  ASSERT_EQ(ongoing.size(), 1u);
  EXPECT_EQ(ongoing[0].channel, "pressure_b");
  const std::vector<ChannelStatus> channels = ingest.Channels();
  ASSERT_EQ(channels.size(), 2u);
  EXPECT_EQ(channels[0].readings, 200u);
  EXPECT_FALSE(channels[0].abnormal);
  EXPECT_TRUE(channels[1].abnormal);
}

TEST(IngestTest, RefusesBadNamesUnitsAndTooManyChannels) {
  IngestOptions options;
  options.max_channels = 2;
  Ingest ingest(options);
  EXPECT_EQ(ingest.Add(At(1, "", 1)).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ingest.Add(At(1, std::string(65, 'a'), 1)).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ingest.Add(At(1, "a b", 1)).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ingest.Add(At(1, "a{value}", 1)).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ingest.Add(At(1, "a", 1, "{value}")).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ingest.Add(At(1, "a", 1, std::string(17, 'u'))).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ingest.Add(At(1, "a", std::nan(""))).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(ingest.Channels().empty());
  EXPECT_TRUE(ingest.Add(At(1, "a", 1)).ok());
  EXPECT_TRUE(ingest.Add(At(1, "b", 1)).ok());
  EXPECT_EQ(ingest.Add(At(1, "c", 1)).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(ingest.Add(At(2, "a", 1)).ok());
}

TEST(IngestTest, AWaveformBecomesThreeReadings) {
  Ingest ingest((IngestOptions()));
  std::vector<double> samples;
  for (int i = 0; i < 640; ++i) samples.push_back(2 * std::sin(2 * M_PI * i / 64));
  ASSERT_TRUE(ingest.AddWaveform("vibration_x", "m/s²", absl::FromUnixSeconds(5), samples).ok());
  const auto channels = ingest.Channels();
  ASSERT_EQ(channels.size(), 3u);
  EXPECT_EQ(channels[2].channel, "vibration_x_rms");
  EXPECT_EQ(channels[2].last.value, 1.4142);
  EXPECT_EQ(channels[0].unit, "");
  EXPECT_FALSE(ingest.AddWaveform("v", "g", absl::FromUnixSeconds(6), {1, 2, 3}).ok());
  samples[3] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(ingest.AddWaveform("v", "g", absl::FromUnixSeconds(6), samples).ok());
}

TEST(CsvTest, ReadsLinesAndSaysWhatIsWrong) {
  const auto reading = ParseCsvLine("2026-01-01T00:00:10Z,vibration_x_rms,m/s²,1.25\r\n");
  ASSERT_TRUE(reading.ok()) << reading.status();
  ASSERT_TRUE(reading->has_value());
  EXPECT_EQ((*reading)->channel, "vibration_x_rms");
  EXPECT_EQ((*reading)->value, 1.25);
  EXPECT_EQ((*reading)->time, absl::FromUnixSeconds(1767225610));
  EXPECT_EQ((*ParseCsvLine("2013-12-02 21:15:00,t,,1"))->time, absl::FromUnixSeconds(1386018900));
  EXPECT_EQ((*ParseCsvLine("1386018900,t,,1"))->time, absl::FromUnixSeconds(1386018900));
  EXPECT_FALSE(ParseCsvLine("")->has_value());
  EXPECT_FALSE(ParseCsvLine("time,channel,unit,value")->has_value());
  EXPECT_THAT(std::string(ParseCsvLine("1,2,3").status().message()), HasSubstr("3 fields"));
  EXPECT_THAT(std::string(ParseCsvLine("soon,t,,1").status().message()), HasSubstr("time \"soon\""));
  EXPECT_THAT(std::string(ParseCsvLine("1,t,,warm").status().message()), HasSubstr("value \"warm\""));
  EXPECT_FALSE(ParseCsvLine("nan,t,,1").ok());
}

}  // namespace
}  // namespace linnet::sensors
