#ifndef LINNET_AGENT_SENSORS_ANOMALY_H_
#define LINNET_AGENT_SENSORS_ANOMALY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace linnet::sensors {

// Stored as numbers: never renumber.
enum class SensorKind : uint8_t {
  kOther = 0,
  kVibration = 1,
  kTemperature = 2,
  kPressure = 3,
  kCurrent = 4,
  kHumidity = 5,
  kSpeed = 6,
  kLevel = 7,
  kFlow = 8,
  kPower = 9,
  kVoltage = 10,
};
enum class Direction : uint8_t { kHigh = 0, kLow = 1, kUnsteady = 2, kStuck = 3 };
enum class Severity : uint8_t { kInfo = 0, kWarning = 1, kCritical = 2 };

// "vibration", "high", "warning": the words of the model's prompts, of JSON and of the command line.
std::string_view Name(SensorKind kind);
std::string_view Name(Direction direction);
std::string_view Name(Severity severity);
std::optional<SensorKind> SensorKindFromName(std::string_view name);

// One value of one channel. `channel` is a name of at most 64 of [A-Za-z0-9_.:/-]; see ChannelInfo for what
// is read out of it.
struct Reading {
  std::string channel;
  absl::Time time;
  double value = 0;
  std::string unit;  // UTF-8, at most 16 bytes; may be empty
};

// What a channel's name says: "vibration_x_rms" is vibration, axis "x", feature "rms". Words are split at
// every character that is not a letter or digit; English and German ("temperatur_lager").
struct ChannelInfo {
  SensorKind kind = SensorKind::kOther;
  std::string axis;     // "x", "y", "z" or empty
  std::string feature;  // "rms", "peak", "crest", "kurtosis" or empty
};
ChannelInfo ParseChannel(std::string_view channel);

// What was found. While it lasts, `ongoing` is true and each later event of the same `sequence` replaces the
// earlier one (same row). `value`: the furthest reading (high, low), the largest spread (unsteady), the
// constant (stuck). `baseline`: the usual value (high, low) or the usual spread (unsteady, stuck). Both are
// rounded to at most 4 decimals (5 significant digits below 1), so that a report can print them exactly.
struct Anomaly {
  uint64_t sequence = 0;  // of the channel, from 1
  std::string channel;
  SensorKind kind = SensorKind::kOther;
  std::string unit;
  std::string axis, feature;
  Direction direction = Direction::kHigh;
  Severity severity = Severity::kInfo;
  double value = 0, baseline = 0;
  double z = 0;  // robust standard deviations from the baseline; the largest so far
  absl::Time start;
  absl::Duration duration = absl::ZeroDuration();  // from start to the last abnormal reading
  bool ongoing = true;
};

}  // namespace linnet::sensors

#endif  // LINNET_AGENT_SENSORS_ANOMALY_H_
