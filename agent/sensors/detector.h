#ifndef LINNET_AGENT_SENSORS_DETECTOR_H_
#define LINNET_AGENT_SENSORS_DETECTOR_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/sensors/anomaly.h"
#include "agent/sensors/baseline.h"

namespace linnet::sensors {

// Thresholds are robust standard deviations (1.4826 median absolute deviations).
struct DetectorOptions {
  // The warm-up, in which nothing is reported, lasts at least so many readings and so long, but never more
  // than `warm_up_at_most` readings. A day of five-minute readings; an hour of faster ones.
  uint32_t warm_up_readings = 288;
  absl::Duration warm_up_time = absl::Hours(1);
  uint32_t warm_up_at_most = 3600;
  double info_z = 4.0, warning_z = 5.5, critical_z = 8.0;
  double end_z = 2.5;           // hysteresis: an anomaly ends below this
  uint32_t start_readings = 5;  // abnormal readings in a row that start one
  uint32_t end_readings = 12;   // normal readings in a row that end one
  // The baseline moves at most one standard deviation in this time: it follows seasons, not failures.
  absl::Duration adapt_time = absl::Hours(240);
  // Abnormal for so many readings and so long: the new normal, learned from there.
  uint32_t accept_readings = 1024;
  absl::Duration accept_time = absl::Hours(24);
  // A gap of this many usual intervals ends an anomaly and restarts the short windows.
  double gap_intervals = 20;
};

enum class EventKind : uint8_t { kStarted = 0, kEscalated = 1, kEnded = 2 };
struct Event {
  EventKind kind = EventKind::kStarted;
  Anomaly anomaly;
};

// Finds anomalies in one channel as its readings arrive. Constant memory and time per reading,
// deterministic: the same readings give the same events. Not thread-safe.
//
// high, low: the reading is far from the baseline. unsteady: the steps between the last 16 readings are much
// larger than usual. stuck: the same value far longer than ever before. Baselines: see Baseline; they are
// frozen while something is abnormal.
class Detector {
 public:
  Detector(std::string channel, std::string unit, const DetectorOptions& options);

  // At most two events (an end and a start). InvalidArgument: value is NaN or infinite; time not after the
  // last reading's; a unit that is not the channel's and cannot be converted to it (the message says what
  // was and what came). A refused reading changes nothing.
  absl::StatusOr<std::vector<Event>> Add(const Reading& reading);

  bool warmed_up() const { return warmed_up_; }
  uint64_t readings() const { return readings_; }
  double baseline() const { return level_.median(); }
  double spread() const { return Sigma(); }  // one robust standard deviation
  // Distance of the last reading from the baseline in robust standard deviations, 0 while warming up.
  double last_z() const { return last_z_; }
  // The anomaly that lasts, with its present duration and extremes.
  const std::optional<Anomaly>& ongoing() const { return anomaly_; }
  const ChannelInfo& info() const { return info_; }
  const std::string& unit() const { return unit_; }

 private:
  static constexpr uint32_t kWindow = 16;  // readings of the short window

  struct Verdict {
    Direction direction = Direction::kHigh;
    double z = 0;
    double value = 0, baseline = 0;  // as an anomaly shows them
  };

  void StartWarmUp();
  void WarmUp(double value, absl::Time time);
  // Ring of the last readings, runs of equal ones, usual interval. True after a gap.
  bool Advance(double value, absl::Time time);
  double Sigma() const;
  // Trimmed mean of the steps between readings of the window; 0 until it is full.
  double ShortSpread() const;
  double LogSpread(double spread) const;
  Verdict LevelVerdict(double value) const;
  Verdict SpreadVerdict() const;
  Verdict StuckVerdict(double value) const;
  // The strongest of them that is abnormal; the level's when none is.
  Verdict Judge(double value) const;
  Verdict VerdictOf(Direction direction, double value) const;
  Severity SeverityOf(double z) const;
  void Track(double value);
  void Suspect(const Verdict& verdict, absl::Time time, std::vector<Event>& events);
  void Open(std::vector<Event>& events);
  void Extend(const Verdict& verdict, absl::Time time, std::vector<Event>& events);
  void Close(std::vector<Event>& events);

  const std::string channel_;
  const std::string unit_;
  const DetectorOptions options_;
  const ChannelInfo info_;
  uint64_t readings_ = 0;
  absl::Time last_time_, last_change_, warm_up_start_;
  double last_value_ = 0, last_z_ = 0;
  double interval_seconds_ = 0;  // usual time between readings
  bool warmed_up_ = false;
  uint64_t since_warm_up_start_ = 0;
  Baseline level_, log_spread_;
  Baseline spread_;        // only shown; judged by its logarithm
  double resolution_ = 0;  // smallest step of the warm-up: what the sensor can tell apart
  uint64_t changes_ = 0;   // steps in the warm-up
  double window_[kWindow] = {};
  uint32_t window_count_ = 0;
  uint64_t equal_run_ = 1, longest_run_ = 1;
  // An anomaly that is not one yet: `pending_run_` abnormal readings in a row of one direction.
  uint32_t pending_run_ = 0;
  Anomaly pending_;
  double previous_z_ = 0;  // of the abnormal reading before: a severity needs two in a row
  uint32_t normal_run_ = 0;
  uint64_t abnormal_readings_ = 0;
  uint64_t sequence_ = 0;
  std::optional<Anomaly> anomaly_;
};

}  // namespace linnet::sensors

#endif  // LINNET_AGENT_SENSORS_DETECTOR_H_
