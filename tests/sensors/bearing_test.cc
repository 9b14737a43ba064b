#include "agent/sensors/bearing_simulator.h"

#include <map>
#include <string>
#include <vector>

#include "agent/sensors/ingest.h"
#include "gtest/gtest.h"

namespace linnet::sensors {
namespace {

std::vector<Reading> Record(const BearingOptions& options) {
  std::vector<Reading> readings;
  const absl::Status status = SimulateBearing(options, [&](const Reading& reading) {
    readings.push_back(reading);
    return true;
  });
  EXPECT_TRUE(status.ok()) << status;
  return readings;
}

TEST(BearingSimulatorTest, TheSameSeedGivesTheSameRecording) {
  BearingOptions options;
  options.hours = 0.1;
  const auto a = Record(options), b = Record(options);
  ASSERT_EQ(a.size(), 36u * 10);
  for (size_t i = 0; i < a.size(); ++i) ASSERT_EQ(a[i].value, b[i].value);
  options.seed = 2;
  EXPECT_NE(Record(options)[0].value, a[0].value);
}

TEST(BearingSimulatorTest, AHealthyMachineGivesNoAnomaly) {
  BearingOptions options;
  options.hours = 4;
  options.fault_start_hours = -1;
  Ingest ingest((IngestOptions()));
  for (const Reading& reading : Record(options)) {
    const auto events = ingest.Add(reading);
    ASSERT_TRUE(events.ok()) << events.status();
    for (const Event& event : *events) {
      ADD_FAILURE() << event.anomaly.channel << " " << Name(event.anomaly.direction) << " "
                    << event.anomaly.value << " usual " << event.anomaly.baseline << " z " << event.anomaly.z;
    }
  }
}

TEST(BearingSimulatorTest, TheDetectorFindsTheFaultEarlyAndOnlyAfterItBegan) {
  for (const uint64_t seed : {1, 2, 3}) {
    BearingOptions options;
    options.seed = seed;
    const absl::Time fault = options.start + absl::Hours(options.fault_start_hours);
    Ingest ingest((IngestOptions()));
    std::map<std::string, Anomaly> first;
    for (const Reading& reading : Record(options)) {
      const auto events = ingest.Add(reading);
      ASSERT_TRUE(events.ok()) << events.status();
      for (const Event& event : *events) first.emplace(event.anomaly.channel, event.anomaly);
    }
    for (const auto& [channel, anomaly] : first) {
      std::printf("seed %d %s %s %s after %.1f min, value %g, usual %g\n", static_cast<int>(seed),
                  channel.c_str(), std::string(Name(anomaly.direction)).c_str(),
                  std::string(Name(anomaly.severity)).c_str(), absl::ToDoubleMinutes(anomaly.start - fault),
                  anomaly.value, anomaly.baseline);
      EXPECT_GE(anomaly.start, fault) << channel << " seed " << seed;
    }
    ASSERT_TRUE(first.contains("vibration_y_kurtosis")) << "seed " << seed;
    EXPECT_LE(first["vibration_y_kurtosis"].start, fault + absl::Minutes(30));
    EXPECT_TRUE(first.contains("vibration_y_rms")) << "seed " << seed;
    EXPECT_TRUE(first.contains("temperature_bearing")) << "seed " << seed;
    EXPECT_FALSE(ingest.Ongoing().empty());
    EXPECT_EQ(ingest.Ongoing()[0].severity, Severity::kCritical);
  }
}

TEST(BearingSimulatorTest, RefusesImpossibleOptionsByName) {
  const auto refused = [](BearingOptions options) {
    const absl::Status status = SimulateBearing(options, [](const Reading&) { return true; });
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  BearingOptions options;
  options.hours = 0;
  EXPECT_NE(refused(options).find("hours"), std::string::npos);
  options = BearingOptions();
  options.period = absl::Milliseconds(1);
  EXPECT_NE(refused(options).find("period"), std::string::npos);
  options = BearingOptions();
  options.resonance_hz = 5000;
  EXPECT_NE(refused(options).find("resonance"), std::string::npos);
}

}  // namespace
}  // namespace linnet::sensors
