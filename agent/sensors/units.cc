#include "agent/sensors/units.h"

#include <cstdint>

namespace linnet::sensors {
namespace {

enum class Dimension : uint8_t {
  kTemperature,
  kAcceleration,
  kVelocity,
  kPressure,
  kCurrent,
  kVoltage,
  kPower,
  kFrequency,
};

// In the dimension's base unit a value is value * scale + offset.
struct Unit {
  std::string_view name;
  Dimension dimension;
  double scale, offset;
};

constexpr Unit kUnits[] = {
    {"°C", Dimension::kTemperature, 1, 0},
    {"C", Dimension::kTemperature, 1, 0},
    {"degC", Dimension::kTemperature, 1, 0},
    {"celsius", Dimension::kTemperature, 1, 0},
    {"°F", Dimension::kTemperature, 5.0 / 9, -160.0 / 9},
    {"F", Dimension::kTemperature, 5.0 / 9, -160.0 / 9},
    {"degF", Dimension::kTemperature, 5.0 / 9, -160.0 / 9},
    {"fahrenheit", Dimension::kTemperature, 5.0 / 9, -160.0 / 9},
    {"K", Dimension::kTemperature, 1, -273.15},
    {"m/s²", Dimension::kAcceleration, 1, 0},
    {"m/s2", Dimension::kAcceleration, 1, 0},
    {"m/s^2", Dimension::kAcceleration, 1, 0},
    {"mm/s²", Dimension::kAcceleration, 1e-3, 0},
    {"g", Dimension::kAcceleration, 9.80665, 0},
    {"mg", Dimension::kAcceleration, 9.80665e-3, 0},
    {"m/s", Dimension::kVelocity, 1, 0},
    {"mm/s", Dimension::kVelocity, 1e-3, 0},
    {"Pa", Dimension::kPressure, 1, 0},
    {"hPa", Dimension::kPressure, 100, 0},
    {"mbar", Dimension::kPressure, 100, 0},
    {"kPa", Dimension::kPressure, 1e3, 0},
    {"bar", Dimension::kPressure, 1e5, 0},
    {"MPa", Dimension::kPressure, 1e6, 0},
    {"A", Dimension::kCurrent, 1, 0},
    {"mA", Dimension::kCurrent, 1e-3, 0},
    {"V", Dimension::kVoltage, 1, 0},
    {"mV", Dimension::kVoltage, 1e-3, 0},
    {"kV", Dimension::kVoltage, 1e3, 0},
    {"W", Dimension::kPower, 1, 0},
    {"kW", Dimension::kPower, 1e3, 0},
    {"Hz", Dimension::kFrequency, 1, 0},
    {"rpm", Dimension::kFrequency, 1.0 / 60, 0},
    {"1/min", Dimension::kFrequency, 1.0 / 60, 0},
    {"U/min", Dimension::kFrequency, 1.0 / 60, 0},
};

const Unit* Find(std::string_view name) {
  for (const Unit& unit : kUnits) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

}  // namespace

std::optional<double> Convert(double value, std::string_view from, std::string_view to) {
  if (from == to) return value;
  const Unit* a = Find(from);
  const Unit* b = Find(to);
  if (a == nullptr || b == nullptr || a->dimension != b->dimension) return std::nullopt;
  if (a->scale == b->scale && a->offset == b->offset) return value;
  return (value * a->scale + a->offset - b->offset) / b->scale;
}

}  // namespace linnet::sensors
