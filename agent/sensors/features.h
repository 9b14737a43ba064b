#ifndef LINNET_AGENT_SENSORS_FEATURES_H_
#define LINNET_AGENT_SENSORS_FEATURES_H_

#include <cstdint>

namespace linnet::sensors {

// What a window of a vibration waveform says. Healthy bearings: kurtosis near 3, crest 3 to 4.5; impulses of
// a damaged race raise kurtosis first, then peak, then RMS.
struct WindowFeatures {
  uint64_t samples = 0;
  double rms = 0;       // about the mean, so that gravity and sensor offset do not count
  double peak = 0;      // largest distance from the mean, both signs; see WindowAccumulator
  double crest = 0;     // peak / rms, 0 for a constant window
  double kurtosis = 0;  // fourth moment / variance squared (3 for noise), 0 for a constant window
};

// One pass, constant memory. Moments by Pebay's update (SAND2008-6212), stable for a large offset.
class WindowAccumulator {
 public:
  void Add(double sample);
  WindowFeatures Finish() const;
  void Reset() { *this = WindowAccumulator(); }

 private:
  uint64_t n_ = 0;
  double mean_ = 0, m2_ = 0, m3_ = 0, m4_ = 0, min_ = 0, max_ = 0;
};

// At most 4 decimals; below 1, 5 significant digits.
double RoundForDisplay(double value);

}  // namespace linnet::sensors

#endif  // LINNET_AGENT_SENSORS_FEATURES_H_
