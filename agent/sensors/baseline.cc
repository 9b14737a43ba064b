#include "agent/sensors/baseline.h"

#include <algorithm>
#include <cmath>

namespace linnet::sensors {
namespace {

double MedianOf(std::vector<double>& values) {
  if (values.empty()) return 0;
  const size_t half = values.size() / 2;
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(half), values.end());
  const double upper = values[half];
  if (values.size() % 2 == 1) return upper;
  return (upper + *std::max_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(half))) / 2;
}

}  // namespace

void Baseline::Reset() { *this = Baseline(); }

void Baseline::Collect(double value) {
  if (seen_++ % stride_ != 0) return;
  if (sample_.size() == kSample) {
    // Every second one stays, and from now on half as many come.
    for (size_t i = 0; i < kSample / 2; ++i) sample_[i] = sample_[2 * i];
    sample_.resize(kSample / 2);
    stride_ *= 2;
  }
  sample_.push_back(value);
}

void Baseline::Learn(const std::function<double(double)>& map) {
  if (map) {
    for (double& value : sample_) value = map(value);
  }
  median_ = MedianOf(sample_);
  for (double& value : sample_) value = std::fabs(value - median_);
  mad_ = MedianOf(sample_);
  if (!sample_.empty()) {
    const auto at = sample_.begin() + static_cast<std::ptrdiff_t>((sample_.size() - 1) * 95 / 100);
    std::nth_element(sample_.begin(), at, sample_.end());
    wide_ = *at;
  }
  std::vector<double>().swap(sample_);
}

void Baseline::Track(double value, double share) {
  const double step = share * sigma();
  const double distance = std::fabs(value - median_);
  if (value > median_) median_ += std::min(step, distance);
  if (value < median_) median_ -= std::min(step, distance);
  mad_ *= distance > mad_ ? 1 + share : 1 - share;
  wide_ *= distance > wide_ ? 1 + share * 1.9 : 1 - share * 0.1;
}

double Baseline::sigma() const { return std::max(1.4826 * mad_, wide_ / 1.96); }

}  // namespace linnet::sensors
