#include "agent/sensors/bearing_simulator.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "agent/sensors/features.h"
#include "runtime/base/status_macros.h"

namespace linnet::sensors {
namespace {

constexpr double kTau = 2 * std::numbers::pi;

// SplitMix64 (Steele, Lea, Flood 2014): small, and the same everywhere.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }
  double Uniform() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

 private:
  uint64_t state_;
};

// Normal noise drawn from a table of true normal values: a waveform needs a hundred million of them.
class Noise {
 public:
  explicit Noise(Random& random) : random_(random), table_(1 << 16) {
    for (double& value : table_) {
      const double u = 1 - random.Uniform();
      value = std::sqrt(-2 * std::log(u)) * std::cos(kTau * random.Uniform());
    }
  }
  double operator()() {
    if (left_ == 0) {
      bits_ = random_.Next();
      left_ = 4;
    }
    const double value = table_[bits_ & 0xFFFF];
    bits_ >>= 16;
    --left_;
    return value;
  }

 private:
  Random& random_;
  std::vector<double> table_;
  uint64_t bits_ = 0;
  int left_ = 0;
};

// sin(phase + k step) for k = 0, 1, ... by rotation.
class Oscillator {
 public:
  Oscillator(double phase, double step)
      : sine_(std::sin(phase)),
        cosine_(std::cos(phase)),
        step_sine_(std::sin(step)),
        step_cosine_(std::cos(step)) {}
  double Next() {
    const double now = sine_;
    sine_ = now * step_cosine_ + cosine_ * step_sine_;
    cosine_ = cosine_ * step_cosine_ - now * step_sine_;
    return now;
  }

 private:
  double sine_, cosine_, step_sine_, step_cosine_;
};

struct Axis {
  const char* name;
  double harmonics[3];  // m/s² at once, twice and three times the shaft's frequency
  double noise;         // m/s², standard deviation
  double impulse;       // share of the defect's impulse that is felt in this direction
};
// Radial horizontal, radial vertical (stiffer, in the load zone), axial.
constexpr Axis kAxes[] = {
    {"x", {1.10, 0.45, 0.20}, 0.55, 0.80},
    {"y", {0.80, 0.55, 0.25}, 0.50, 1.00},
    {"z", {0.30, 0.35, 0.10}, 0.40, 0.35},
};
// Acceleration of the first impulse of a fully grown spall, m/s².
constexpr double kImpulse = 60;

class Machine {
 public:
  Machine(const BearingOptions& options)
      : options_(options), random_(options.seed), noise_(random_), celsius_(options.ambient_celsius + 15) {}

  absl::Status Run(const std::function<bool(const Reading&)>& emit) {
    const double period = absl::ToDoubleSeconds(options_.period);
    const auto readings = static_cast<uint64_t>(std::llround(options_.hours * 3600 / period));
    for (uint64_t i = 1; i <= readings; ++i) {
      const double seconds = static_cast<double>(i) * period;
      const double severity = SeverityAt(seconds);
      if (seconds >= next_load_change_) {
        load_ = 0.7 + 0.3 * random_.Uniform();
        next_load_change_ = seconds + 1200;
      }
      const absl::Time time = options_.start + options_.period * static_cast<int64_t>(i);
      for (const Axis& axis : kAxes) {
        const WindowFeatures features = Window(axis, severity);
        const std::string channel = absl::StrCat("vibration_", axis.name);
        if (!emit({channel + "_rms", time, RoundForDisplay(features.rms), "m/s²"}) ||
            !emit({channel + "_peak", time, RoundForDisplay(features.peak), "m/s²"}) ||
            !emit({channel + "_kurtosis", time, RoundForDisplay(features.kurtosis), ""})) {
          return absl::OkStatus();
        }
      }
      if (!emit({"temperature_bearing", time, std::round(Heat(period, severity) * 10) / 10, "°C"})) {
        return absl::OkStatus();
      }
    }
    return absl::OkStatus();
  }

 private:
  double SeverityAt(double seconds) const {
    if (options_.fault_start_hours < 0) return 0;
    const double grown = (seconds / 3600 - options_.fault_start_hours) / options_.fault_growth_hours;
    return std::clamp(grown, 0.0, 1.0);
  }

  // Heat of friction through one thermal time constant, seen by a sensor with 0.1 °C of noise.
  double Heat(double period, double severity) {
    constexpr double kLagSeconds = 900;
    const double target = options_.ambient_celsius + 24 * load_ * (1 + 1.6 * severity);
    celsius_ += (target - celsius_) * (1 - std::exp(-period / kLagSeconds));
    return celsius_ + 0.1 * noise_();
  }

  // A window of the waveform of one axis. Each begins at a random angle of the shaft.
  WindowFeatures Window(const Axis& axis, double severity) {
    const double rate = options_.sample_hz;
    const double shaft = options_.shaft_hz * (1 - 0.01 * (load_ - 0.85));  // slip grows with load
    std::vector<Oscillator> shaft_lines;
    for (int h = 1; h <= 3; ++h) {
      shaft_lines.emplace_back(kTau * random_.Uniform(), kTau * shaft * h / rate);
    }
    // One resonance as a two-pole filter, rung by the defect's impulses.
    const double decay = std::exp(-kTau * options_.resonance_hz * options_.resonance_damping / rate);
    const double a1 = 2 * decay * std::cos(kTau * options_.resonance_hz / rate);
    const double a2 = -decay * decay;
    const double gap = rate / (options_.bpfo_orders * shaft);  // samples between impulses
    // A pit grows slowly at first; balls hit it with slightly different force.
    const double strength = kImpulse * axis.impulse * load_ * severity * std::sqrt(severity);
    double next_impulse = gap * random_.Uniform();
    double ring1 = 0, ring2 = 0;

    WindowAccumulator window;
    const auto samples = static_cast<int64_t>(options_.window_seconds * rate);
    const auto settle = static_cast<int64_t>(0.05 * rate);  // so that the resonance is in full swing
    for (int64_t n = 0; n < samples + settle; ++n) {
      double hit = 0;
      if (strength > 0 && static_cast<double>(n) >= next_impulse) {
        hit = strength * (1 + 0.2 * noise_());
        next_impulse += gap * (1 + 0.01 * noise_());  // balls slip by about one percent
      }
      const double ring = a1 * ring1 + a2 * ring2 + hit;
      ring2 = ring1;
      ring1 = ring;
      double sum = ring + axis.noise * noise_();
      for (int h = 0; h < 3; ++h) sum += axis.harmonics[h] * (0.6 + 0.4 * load_) * shaft_lines[h].Next();
      if (n >= settle) window.Add(sum);
    }
    return window.Finish();
  }

  const BearingOptions& options_;
  Random random_;
  Noise noise_;
  double load_ = 0.85, next_load_change_ = 1200;
  double celsius_;
};

absl::Status Check(const BearingOptions& options) {
  const auto bad = [](const char* name, double value, const char* expected) {
    return absl::InvalidArgumentError(
        absl::StrCat("simulator: ", name, " is ", value, ", expected ", expected));
  };
  // Written so that NaN fails.
  if (!(options.hours > 0 && options.hours <= 1000))
    return bad("hours", options.hours, "more than 0, at most 1000");
  if (!std::isfinite(options.fault_start_hours))
    return bad("fault start", options.fault_start_hours, "hours");
  if (!(options.fault_growth_hours > 0))
    return bad("fault growth", options.fault_growth_hours, "more than 0 hours");
  if (options.period < absl::Seconds(1) || options.period > absl::Hours(1)) {
    return bad("period", absl::ToDoubleSeconds(options.period), "1 to 3600 seconds");
  }
  if (!(options.sample_hz >= 1000 && options.sample_hz <= 100'000)) {
    return bad("sample rate", options.sample_hz, "1000 to 100000 Hz");
  }
  if (!(options.resonance_hz > 0 && options.resonance_hz < options.sample_hz / 2)) {
    return bad("resonance", options.resonance_hz, "below half the sample rate");
  }
  if (!(options.shaft_hz > 0 && options.shaft_hz * options.bpfo_orders < options.sample_hz / 8)) {
    return bad("shaft frequency", options.shaft_hz, "far below the sample rate");
  }
  if (!(options.window_seconds >= 0.05 && options.window_seconds <= 10)) {
    return bad("window", options.window_seconds, "0.05 to 10 seconds");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SimulateBearing(const BearingOptions& options, const std::function<bool(const Reading&)>& emit) {
  LINNET_RETURN_IF_ERROR(Check(options));
  return Machine(options).Run(emit);
}

}  // namespace linnet::sensors
