#include "agent/sensors/detector.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "agent/sensors/features.h"
#include "agent/sensors/units.h"

namespace linnet::sensors {
namespace {

// Below this share of the level a sensor's own resolution and drift count as noise.
constexpr double kLevelFloor = 0.002;
// A factor of e^0.2 = 1.22 in the short spread happens in every signal.
constexpr double kLogSpreadFloor = 0.2;
constexpr double kMaxZ = 999;
// The same value this often is nothing yet, however restless the channel usually is.
constexpr uint64_t kStuckReadings = 60;
constexpr uint64_t kStuckTimes = 8;  // as long as the longest run seen

}  // namespace

Detector::Detector(std::string channel, std::string unit, const DetectorOptions& options)
    : channel_(std::move(channel)),
      unit_(std::move(unit)),
      options_(options),
      info_(ParseChannel(channel_)) {}

void Detector::StartWarmUp() {
  warmed_up_ = false;
  since_warm_up_start_ = 0;
  level_.Reset();
  log_spread_.Reset();
  spread_.Reset();
  resolution_ = 0;
  changes_ = 0;
  longest_run_ = 1;
}

double Detector::Sigma() const {
  return std::max({level_.sigma(), kLevelFloor * std::fabs(level_.median()), resolution_, 1e-9});
}

double Detector::ShortSpread() const {
  if (window_count_ < kWindow) return 0;
  double steps[kWindow - 1];
  for (uint32_t i = 0; i + 1 < kWindow; ++i) {
    // The oldest is at window_count_ % kWindow.
    steps[i] = std::fabs(window_[(window_count_ + i + 1) % kWindow] - window_[(window_count_ + i) % kWindow]);
  }
  // Without the two largest, so that one jump of the level, up and down again, does not count.
  std::sort(std::begin(steps), std::end(steps));
  double sum = 0;
  for (uint32_t i = 0; i + 3 < kWindow; ++i) sum += steps[i];
  return sum / (kWindow - 3);
}

// The floor keeps a rounded signal, whose steps are often all zero, from looking restless at its first step.
double Detector::LogSpread(double spread) const { return std::log(spread + 0.1 * Sigma()); }

Severity Detector::SeverityOf(double z) const {
  if (z >= options_.critical_z) return Severity::kCritical;
  return z >= options_.warning_z ? Severity::kWarning : Severity::kInfo;
}

Detector::Verdict Detector::LevelVerdict(double value) const {
  const double z = (value - level_.median()) / Sigma();
  Verdict verdict;
  verdict.direction = z < 0 ? Direction::kLow : Direction::kHigh;
  verdict.z = std::min(std::fabs(z), kMaxZ);
  verdict.value = value;
  verdict.baseline = level_.median();
  return verdict;
}

Detector::Verdict Detector::SpreadVerdict() const {
  Verdict verdict;
  verdict.direction = Direction::kUnsteady;
  if (window_count_ < kWindow) return verdict;
  verdict.value = ShortSpread();
  verdict.baseline = spread_.median();
  const double sigma = std::max(log_spread_.sigma(), kLogSpreadFloor);
  verdict.z = std::clamp((LogSpread(verdict.value) - log_spread_.median()) / sigma, 0.0, kMaxZ);
  return verdict;
}

Detector::Verdict Detector::StuckVerdict(double value) const {
  Verdict verdict;
  verdict.direction = Direction::kStuck;
  verdict.value = value;
  verdict.baseline = spread_.median();
  const uint64_t stuck_after = std::max(kStuckReadings, kStuckTimes * longest_run_);
  // A channel that never moved cannot be told from one that is stuck.
  if (equal_run_ < stuck_after || level_.sigma() <= 0) return verdict;
  const double times = static_cast<double>(equal_run_) / static_cast<double>(stuck_after);
  verdict.z = std::min(options_.info_z * times, kMaxZ);
  return verdict;
}

Detector::Verdict Detector::Judge(double value) const {
  const Verdict level = LevelVerdict(value);
  if (level.z >= options_.info_z) return level;
  const Verdict stuck = StuckVerdict(value);
  if (stuck.z >= options_.info_z) return stuck;
  const Verdict spread = SpreadVerdict();
  return spread.z >= options_.info_z ? spread : level;
}

Detector::Verdict Detector::VerdictOf(Direction direction, double value) const {
  if (direction == Direction::kUnsteady) return SpreadVerdict();
  if (direction == Direction::kStuck) return StuckVerdict(value);
  Verdict level = LevelVerdict(value);
  if (level.direction != direction) level.z = 0;
  return level;
}

void Detector::WarmUp(double value, absl::Time time) {
  if (since_warm_up_start_ == 1) warm_up_start_ = time;
  level_.Collect(value);
  if (window_count_ >= kWindow) {
    const double spread = ShortSpread();
    log_spread_.Collect(spread);
    spread_.Collect(spread);
  }
  const bool enough =
      since_warm_up_start_ >= options_.warm_up_readings && time - warm_up_start_ >= options_.warm_up_time;
  if (!enough && since_warm_up_start_ < options_.warm_up_at_most) return;
  // A channel that hardly ever changes says nothing about the sensor's resolution.
  if (changes_ * 20 < since_warm_up_start_) resolution_ = 0;
  level_.Learn();
  spread_.Learn();
  log_spread_.Learn([this](double spread) { return LogSpread(spread); });
  warmed_up_ = true;
}

void Detector::Track(double value) {
  // Early on every reading says much about what is usual, later little.
  const double slow = interval_seconds_ / absl::ToDoubleSeconds(options_.adapt_time);
  const double share = std::min(std::max(slow, 1.0 / static_cast<double>(since_warm_up_start_)), 0.02);
  level_.Track(value, share);
  if (window_count_ < kWindow) return;
  const double spread = ShortSpread();
  log_spread_.Track(LogSpread(spread), share);
  spread_.Track(spread, share);
}

void Detector::Open(std::vector<Event>& events) {
  anomaly_ = pending_;
  anomaly_->sequence = ++sequence_;
  abnormal_readings_ = pending_run_;
  pending_run_ = 0;
  normal_run_ = 0;
  events.push_back({EventKind::kStarted, *anomaly_});
}

void Detector::Extend(const Verdict& verdict, absl::Time time, std::vector<Event>& events) {
  Anomaly& anomaly = *anomaly_;
  ++abnormal_readings_;
  normal_run_ = 0;
  anomaly.duration = time - anomaly.start;
  if (verdict.z > anomaly.z) {
    anomaly.z = verdict.z;
    anomaly.value = RoundForDisplay(verdict.value);
  }
  const Severity severity = SeverityOf(std::min(verdict.z, previous_z_));
  previous_z_ = verdict.z;
  if (severity > anomaly.severity) {
    anomaly.severity = severity;
    events.push_back({EventKind::kEscalated, anomaly});
  }
}

void Detector::Close(std::vector<Event>& events) {
  anomaly_->ongoing = false;
  events.push_back({EventKind::kEnded, *anomaly_});
  anomaly_.reset();
  normal_run_ = 0;
}

// An abnormal reading that the ongoing anomaly, if any, does not explain.
void Detector::Suspect(const Verdict& verdict, absl::Time time, std::vector<Event>& events) {
  if (pending_run_ == 0 || pending_.direction != verdict.direction) {
    pending_ = Anomaly();
    pending_.channel = channel_;
    pending_.kind = info_.kind;
    pending_.unit = unit_;
    pending_.axis = info_.axis;
    pending_.feature = info_.feature;
    pending_.direction = verdict.direction;
    pending_.baseline = RoundForDisplay(verdict.baseline);
    // A stuck sensor stuck when its value last changed, not when we noticed.
    pending_.start = verdict.direction == Direction::kStuck ? last_change_ : time;
    pending_run_ = 0;
    previous_z_ = kMaxZ;
  }
  ++pending_run_;
  if (verdict.z > pending_.z) {
    pending_.z = verdict.z;
    pending_.value = RoundForDisplay(verdict.value);
  }
  // As severe as the mildest of the readings that open it.
  previous_z_ = std::min(previous_z_, verdict.z);
  pending_.severity = SeverityOf(previous_z_);
  pending_.duration = time - pending_.start;
  // A stuck value already rests on many readings.
  if (pending_run_ < options_.start_readings && verdict.direction != Direction::kStuck) return;
  if (anomaly_.has_value()) Close(events);
  Open(events);
}

bool Detector::Advance(double value, absl::Time time) {
  bool gap = false;
  if (readings_ > 0) {
    const double seconds = absl::ToDoubleSeconds(time - last_time_);
    gap = interval_seconds_ > 0 && seconds > options_.gap_intervals * interval_seconds_;
    if (gap) {
      window_count_ = 0;
      equal_run_ = 0;
      last_change_ = time;
      pending_run_ = 0;
    } else if (interval_seconds_ == 0) {
      interval_seconds_ = seconds;
    } else {
      interval_seconds_ += 0.05 * (seconds - interval_seconds_);
    }
  }
  if (value != last_value_ || readings_ == 0) {
    if (!anomaly_.has_value()) longest_run_ = std::max(longest_run_, equal_run_);
    equal_run_ = 0;
    last_change_ = time;
    if (!warmed_up_ && readings_ > 0) {
      const double step = std::fabs(value - last_value_);
      resolution_ = changes_++ == 0 ? step : std::min(resolution_, step);
    }
  }
  ++equal_run_;
  window_[window_count_ % kWindow] = value;
  ++window_count_;
  if (window_count_ == 2 * kWindow) window_count_ = kWindow;  // full; only its place in the ring matters
  last_value_ = value;
  last_time_ = time;
  ++readings_;
  ++since_warm_up_start_;
  return gap;
}

absl::StatusOr<std::vector<Event>> Detector::Add(const Reading& reading) {
  const auto when = [](absl::Time time) {
    return absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone());
  };
  if (!std::isfinite(reading.value)) {
    return absl::InvalidArgumentError(absl::StrCat(channel_, ": value at ", when(reading.time), " is ",
                                                   std::isnan(reading.value) ? "not a number" : "infinite",
                                                   ", expected a finite number"));
  }
  const std::optional<double> converted = Convert(reading.value, reading.unit, unit_);
  if (!converted.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat(channel_, ": unit changed from \"", unit_, "\" to \"", reading.unit,
                     "\", which cannot be converted; use another channel name"));
  }
  if (readings_ > 0 && reading.time <= last_time_) {
    return absl::InvalidArgumentError(absl::StrCat(channel_, ": reading of ", when(reading.time),
                                                   " is not after the last one of ", when(last_time_)));
  }
  const double value = *converted;
  std::vector<Event> events;
  const bool gap = Advance(value, reading.time);
  if (gap && anomaly_.has_value()) Close(events);
  if (!warmed_up_) {
    WarmUp(value, reading.time);
    return events;
  }
  last_z_ = (value - level_.median()) / Sigma();
  const Verdict verdict = Judge(value);
  const bool abnormal = verdict.z >= options_.info_z;
  if (anomaly_.has_value()) {
    const Verdict own = VerdictOf(anomaly_->direction, value);
    if (own.z >= options_.end_z) {
      pending_run_ = 0;
      Extend(own, reading.time, events);
    } else if (abnormal) {
      Suspect(verdict, reading.time, events);
    } else {
      pending_run_ = 0;
      if (++normal_run_ >= options_.end_readings) Close(events);
    }
  } else if (abnormal) {
    Suspect(verdict, reading.time, events);
  } else {
    pending_run_ = 0;
    Track(value);
  }
  if (anomaly_.has_value() && abnormal_readings_ >= options_.accept_readings &&
      anomaly_->duration >= options_.accept_time) {
    Close(events);
    StartWarmUp();
  }
  return events;
}

}  // namespace linnet::sensors
