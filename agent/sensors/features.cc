#include "agent/sensors/features.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace linnet::sensors {

void WindowAccumulator::Add(double sample) {
  min_ = n_ == 0 ? sample : std::min(min_, sample);
  max_ = n_ == 0 ? sample : std::max(max_, sample);
  const double before = static_cast<double>(n_);
  ++n_;
  const double n = static_cast<double>(n_);
  const double delta = sample - mean_;
  const double step = delta / n;
  const double step2 = step * step;
  const double term = delta * step * before;
  mean_ += step;
  m4_ += term * step2 * (n * n - 3 * n + 3) + 6 * step2 * m2_ - 4 * step * m3_;
  m3_ += term * step * (n - 2) - 3 * step * m2_;
  m2_ += term;
}

WindowFeatures WindowAccumulator::Finish() const {
  WindowFeatures features;
  features.samples = n_;
  if (n_ == 0) return features;
  const double n = static_cast<double>(n_);
  features.rms = std::sqrt(m2_ / n);
  features.peak = std::max(max_ - mean_, mean_ - min_);
  if (m2_ > 0) {
    features.crest = features.peak / features.rms;
    features.kurtosis = n * m4_ / (m2_ * m2_);
  }
  return features;
}

// Through decimal text, so that the result is the double nearest to a short decimal and prints as that.
double RoundForDisplay(double value) {
  char text[64];
  const char* format = std::fabs(value) < 1 ? "%.5g" : "%.4f";
  // Wider than the buffer only beyond 1e55, where decimals have no meaning.
  if (!std::isfinite(value) || std::fabs(value) > 1e50) return value;
  std::snprintf(text, sizeof text, format, value);
  const double rounded = std::strtod(text, nullptr);
  return rounded == 0 ? 0 : rounded;  // no negative zero
}

}  // namespace linnet::sensors
