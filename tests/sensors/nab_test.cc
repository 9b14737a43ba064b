// The detector on labelled series of the Numenta Anomaly Benchmark.
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "agent/sensors/detector.h"
#include "agent/sensors/ingest.h"
#include "gtest/gtest.h"

namespace linnet::sensors {
namespace {

std::string NabDir() {
  const char* shared = std::getenv("LINNET_SHARED_DATA");
  return (shared != nullptr ? std::string(shared) : std::string(LINNET_SOURCE_DIR) + "/../shared/data") +
         "/nab";
}

struct Window {
  absl::Time first, last;
  bool found = false;
};

struct Result {
  bool present = false;
  std::vector<Window> windows;
  int false_alarms = 0;  // anomalies that touch no window
  size_t readings = 0;
  std::vector<std::string> log;
};

absl::Time Parse(const std::string& text) {
  const auto reading = ParseCsvLine(text + ",t,,0");
  return reading.ok() && reading->has_value() ? (*reading)->time : absl::InfinitePast();
}

Result Detect(const std::string& series, const std::string& channel) {
  Result result;
  std::ifstream data(NabDir() + "/data/" + series), labels(NabDir() + "/windows.json");
  if (!data || !labels) return result;
  result.present = true;
  const nlohmann::json windows = nlohmann::json::parse(labels, nullptr, false);
  for (const auto& window : windows[series]) {
    result.windows.push_back({Parse(window[0].get<std::string>()), Parse(window[1].get<std::string>())});
  }
  Detector detector(channel, "", DetectorOptions());
  const auto judge = [&](const Anomaly& anomaly) {
    bool hit = false;
    for (Window& window : result.windows) {
      if (anomaly.start <= window.last && anomaly.start + anomaly.duration >= window.first) {
        window.found = true;
        hit = true;
      }
    }
    result.false_alarms += hit ? 0 : 1;
    result.log.push_back(absl::FormatTime("%Y-%m-%d %H:%M", anomaly.start, absl::UTCTimeZone()) + " " +
                         std::string(Name(anomaly.direction)) + " " + std::string(Name(anomaly.severity)) +
                         " z=" + std::to_string(anomaly.z) + " value=" + std::to_string(anomaly.value) +
                         " base=" + std::to_string(anomaly.baseline) + " for " +
                         absl::FormatDuration(anomaly.duration) + (hit ? " HIT" : " false"));
  };
  std::string line;
  std::getline(data, line);
  while (std::getline(data, line)) {
    const size_t comma = line.find(',');
    const auto reading = ParseCsvLine(line.substr(0, comma) + "," + channel + ",," + line.substr(comma + 1));
    if (!reading.ok() || !reading->has_value()) continue;
    const auto events = detector.Add(**reading);
    if (!events.ok()) continue;  // a few series repeat a time stamp
    ++result.readings;
    for (const Event& event : *events) {
      if (event.kind == EventKind::kEnded) judge(event.anomaly);
    }
  }
  if (detector.ongoing().has_value()) judge(*detector.ongoing());
  return result;
}

int Found(const Result& result) {
  int found = 0;
  for (const Window& window : result.windows) found += window.found ? 1 : 0;
  return found;
}

#define SKIP_WITHOUT(result) \
  if (!(result).present) GTEST_SKIP() << "skipped: no labelled series in " << NabDir()

void Print(const Result& result) {
  if (std::getenv("LINNET_VERBOSE") == nullptr) return;
  for (const std::string& line : result.log) std::printf("  %s\n", line.c_str());
}

TEST(NabTest, FindsTheFailuresOfAMachineByItsTemperature) {
  const Result result = Detect("realKnownCause/machine_temperature_system_failure.csv", "temperature");
  SKIP_WITHOUT(result);
  Print(result);
  EXPECT_GE(Found(result), 3) << "of " << result.windows.size();
  EXPECT_LE(result.false_alarms, 5) << "in " << result.readings << " readings";
}

TEST(NabTest, FindsTheFailureOfAnAirConditioner) {
  const Result result = Detect("realKnownCause/ambient_temperature_system_failure.csv", "temperature");
  SKIP_WITHOUT(result);
  Print(result);
  EXPECT_GE(Found(result), 1);
  EXPECT_EQ(result.false_alarms, 0);
}

TEST(NabTest, StaysQuietOnRegularSeries) {
  for (const char* series : {"artificialNoAnomaly/art_daily_no_noise.csv",
                             "artificialNoAnomaly/art_daily_perfect_square_wave.csv"}) {
    const Result result = Detect(series, "level");
    SKIP_WITHOUT(result);
    Print(result);
    EXPECT_EQ(result.false_alarms, 0) << series;
  }
}

TEST(NabTest, FindsLabelledWindowsAcrossTheCorpusWithFewFalseAlarms) {
  const char* const kSeries[] = {"artificialWithAnomaly/art_daily_jumpsup.csv",
                                 "realAWSCloudwatch/ec2_cpu_utilization_24ae8d.csv",
                                 "realAWSCloudwatch/ec2_cpu_utilization_5f5533.csv",
                                 "realAWSCloudwatch/ec2_cpu_utilization_825cc2.csv",
                                 "realAWSCloudwatch/ec2_cpu_utilization_c6585a.csv",
                                 "realAWSCloudwatch/rds_cpu_utilization_e47b3b.csv",
                                 "realKnownCause/cpu_utilization_asg_misconfiguration.csv",
                                 "realKnownCause/ec2_request_latency_system_failure.csv",
                                 "realKnownCause/rogue_agent_key_hold.csv",
                                 "realTraffic/speed_6005.csv",
                                 "realTraffic/occupancy_6005.csv"};
  int found = 0, windows = 0, false_alarms = 0;
  for (const char* series : kSeries) {
    const Result result = Detect(series, "level");
    SKIP_WITHOUT(result);
    std::printf("%s: %d of %zu, %d false\n", series, Found(result), result.windows.size(),
                result.false_alarms);
    Print(result);
    found += Found(result);
    windows += static_cast<int>(result.windows.size());
    false_alarms += result.false_alarms;
  }
  std::printf("all: %d of %d windows, %d false alarms\n", found, windows, false_alarms);
  EXPECT_GE(found * 4, windows);
  EXPECT_LE(false_alarms, 6);
}

}  // namespace
}  // namespace linnet::sensors
