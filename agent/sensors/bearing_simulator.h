#ifndef LINNET_AGENT_SENSORS_BEARING_SIMULATOR_H_
#define LINNET_AGENT_SENSORS_BEARING_SIMULATOR_H_

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/sensors/anomaly.h"

namespace linnet::sensors {

struct BearingOptions {
  double hours = 4;               // length of the recording, (0, 1000]
  double fault_start_hours = 3;   // the outer race begins to spall; negative: never
  double fault_growth_hours = 1;  // from the first pit to severity 1
  uint64_t seed = 1;
  absl::Time start = absl::FromUnixSeconds(1'767'225'600);  // 2026-01-01T00:00:00Z
  absl::Duration period = absl::Seconds(10);                // between feature readings, [1 s, 1 h]

  double shaft_hz = 24.7;        // four-pole motor under load
  double sample_hz = 6400;       // of the accelerometer
  double window_seconds = 0.32;  // of each feature reading: about eight turns
  // Outer-race ball pass frequency as a multiple of the shaft's: n/2 (1 - d/D cos a), 6205 bearing (9 balls).
  double bpfo_orders = 3.585;
  double resonance_hz = 2200;  // of the housing, rung by each impulse
  double resonance_damping = 0.05;
  double ambient_celsius = 22;
};

// A rotating machine: shaft harmonics (unbalance, misalignment, looseness), noise, and from `fault_start` on
// impulses at the ball pass frequency with slip that ring a decaying resonance and grow with severity;
// load-zone gains per axis. Temperature: heat of friction (grows with severity and with load, which changes
// every 20 minutes) through a first-order thermal lag of 15 minutes. Source of the signal model: McFadden and
// Smith, J. Sound Vib. 96 (1984); Randall and Antoni, MSSP 25 (2011), section 3.
// Emits in time order, for each period: vibration_{x,y,z}_rms, _peak [m/s²], _kurtosis, temperature_bearing
// [°C]. The same options give the same readings. `emit` returns false to stop. InvalidArgument names the
// option.
absl::Status SimulateBearing(const BearingOptions& options, const std::function<bool(const Reading&)>& emit);

}  // namespace linnet::sensors

#endif  // LINNET_AGENT_SENSORS_BEARING_SIMULATOR_H_
