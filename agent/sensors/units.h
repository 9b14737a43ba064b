#ifndef LINNET_AGENT_SENSORS_UNITS_H_
#define LINNET_AGENT_SENSORS_UNITS_H_

#include <optional>
#include <string_view>

namespace linnet::sensors {

// `value` of `from` in `to`: temperatures (°C, °F, K and how people write them), accelerations (m/s², mm/s²,
// g), velocities, pressures, currents, voltages, powers, frequencies and speeds of rotation. The same unit
// gives the value itself; nullopt when one cannot become the other.
std::optional<double> Convert(double value, std::string_view from, std::string_view to);

}  // namespace linnet::sensors

#endif  // LINNET_AGENT_SENSORS_UNITS_H_
