#include "agent/sensors/anomaly.h"

#include <cctype>
#include <utility>
#include <vector>

namespace linnet::sensors {
namespace {

struct KindName {
  SensorKind kind;
  std::string_view name;
};
constexpr KindName kKinds[] = {
    {SensorKind::kOther, "other"},
    {SensorKind::kVibration, "vibration"},
    {SensorKind::kTemperature, "temperature"},
    {SensorKind::kPressure, "pressure"},
    {SensorKind::kCurrent, "current"},
    {SensorKind::kHumidity, "humidity"},
    {SensorKind::kSpeed, "speed"},
    {SensorKind::kLevel, "level"},
    {SensorKind::kFlow, "flow"},
    {SensorKind::kPower, "power"},
    {SensorKind::kVoltage, "voltage"},
};

// A word of a channel's name begins with one of these. Longer beginnings first where one holds another.
constexpr KindName kBeginnings[] = {
    {SensorKind::kVibration, "vib"},
    {SensorKind::kVibration, "accel"},
    {SensorKind::kVibration, "beschleunig"},
    {SensorKind::kVibration, "schwing"},
    {SensorKind::kTemperature, "temp"},
    {SensorKind::kPressure, "press"},
    {SensorKind::kPressure, "druck"},
    {SensorKind::kHumidity, "humid"},
    {SensorKind::kHumidity, "feucht"},
    {SensorKind::kHumidity, "luftfeucht"},
    {SensorKind::kCurrent, "current"},
    {SensorKind::kCurrent, "strom"},
    {SensorKind::kSpeed, "speed"},
    {SensorKind::kSpeed, "rpm"},
    {SensorKind::kSpeed, "drehzahl"},
    {SensorKind::kLevel, "level"},
    {SensorKind::kLevel, "fuell"},
    {SensorKind::kLevel, "pegel"},
    {SensorKind::kFlow, "flow"},
    {SensorKind::kFlow, "durchfluss"},
    {SensorKind::kPower, "power"},
    {SensorKind::kPower, "leistung"},
    {SensorKind::kVoltage, "volt"},
    {SensorKind::kVoltage, "spannung"},
};

// Words in lower case, split at everything that is not a letter or digit.
std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c))) {
      words.back().push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

}  // namespace

std::string_view Name(SensorKind kind) {
  for (const KindName& entry : kKinds) {
    if (entry.kind == kind) return entry.name;
  }
  return "other";
}

std::optional<SensorKind> SensorKindFromName(std::string_view name) {
  for (const KindName& entry : kKinds) {
    if (entry.name == name) return entry.kind;
  }
  return std::nullopt;
}

std::string_view Name(Direction direction) {
  switch (direction) {
    case Direction::kHigh:
      return "high";
    case Direction::kLow:
      return "low";
    case Direction::kUnsteady:
      return "unsteady";
    case Direction::kStuck:
      return "stuck";
  }
  return "high";
}

std::string_view Name(Severity severity) {
  switch (severity) {
    case Severity::kInfo:
      return "info";
    case Severity::kWarning:
      return "warning";
    case Severity::kCritical:
      return "critical";
  }
  return "info";
}

ChannelInfo ParseChannel(std::string_view channel) {
  ChannelInfo info;
  for (const std::string& word : Words(channel)) {
    if (word == "x" || word == "y" || word == "z") info.axis = word;
    if (word == "rms" || word == "peak" || word == "crest" || word == "kurtosis") info.feature = word;
    if (info.kind != SensorKind::kOther) continue;
    for (const KindName& entry : kBeginnings) {
      if (word.starts_with(entry.name)) {
        info.kind = entry.kind;
        break;
      }
    }
  }
  return info;
}

}  // namespace linnet::sensors
