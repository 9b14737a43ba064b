#include "runtime/model/rope.h"

#include <algorithm>
#include <cmath>

#include "runtime/base/exact_math.h"

namespace linnet::model {
namespace {

constexpr double kTwoPi = 6.283185307179586476925;

// Which share of YaRN's frequencies stays unscaled: 1 for the fast dimensions, 0 for the slow, a ramp
// between.
class YarnRamp {
 public:
  YarnRamp(const RopeConfig& config, uint32_t dims, uint32_t original_context) {
    // The dimension that turns `turns` times within the original context.
    const auto dimension = [&](float turns) {
      const double wavelength = static_cast<double>(original_context) / (static_cast<double>(turns) * kTwoPi);
      return dims * base::ExactLog(wavelength) / (2.0 * base::ExactLog(static_cast<double>(config.base)));
    };
    low_ = std::max(0.0, std::floor(dimension(config.beta_fast)));
    high_ = std::min(dims - 1.0, std::ceil(dimension(config.beta_slow)));
  }
  double Unscaled(uint32_t i) const {
    return 1.0 - std::clamp((i - low_) / std::max(0.001, high_ - low_), 0.0, 1.0);
  }

 private:
  double low_, high_;
};

}  // namespace

Rope::Rope(const RopeConfig& config, uint32_t dims, uint32_t original_context,
           const std::vector<float>& factors)
    : magnitude_(static_cast<double>(config.magnitude)) {
  const double base = static_cast<double>(config.base);
  const double scale = static_cast<double>(config.position_scale);
  for (uint32_t i = 0; i < dims / 2; ++i) {
    const double exponent = -2.0 * static_cast<double>(i) / static_cast<double>(dims);
    double frequency = base::ExactPow(base, exponent);
    if (!factors.empty()) frequency /= static_cast<double>(factors[i]);
    double unscaled = 0.0;
    if (config.yarn != 0.0f) {
      unscaled = YarnRamp(config, dims, original_context).Unscaled(i) * static_cast<double>(config.yarn);
    }
    frequencies_.push_back(frequency * (scale * (1.0 - unscaled) + unscaled));
  }
}

void Rope::Angles(uint32_t position, float* cos_sin) const {
  const size_t n = pairs();
  for (size_t i = 0; i < n; ++i) {
    double sine = 0.0, cosine = 0.0;
    base::ExactSinCos(static_cast<double>(position) * frequencies_[i], &sine, &cosine);
    cos_sin[i] = static_cast<float>(cosine * magnitude_);
    cos_sin[n + i] = static_cast<float>(sine * magnitude_);
  }
}

}  // namespace linnet::model
