#include "runtime/engine/pass_pace.h"

#include <algorithm>

namespace linnet::engine {

PassPace::PassPace(size_t most, absl::Duration longest)
    : most_(most), longest_(longest), tokens_(std::min(most, kFirst)) {}

void PassPace::Took(size_t tokens, absl::Duration time) {
  if (2 * tokens < tokens_ || time <= absl::ZeroDuration()) return;
  // A pass that takes less than all of the time leaves room for what disturbs it.
  constexpr double kShare = 0.8;
  const double fit = static_cast<double>(tokens) * kShare * absl::FDivDuration(longest_, time);
  // One that was disturbed must not make all that follow small, nor one that was lucky too large.
  const auto now = static_cast<double>(tokens_);
  const double next = std::clamp(fit, now / 2, 4 * now);
  const auto fits = static_cast<size_t>(next);
  const size_t step = fits >= 2 * kGroup ? kGroup : kFewest;
  tokens_ = std::clamp(fits / step * step, std::min(kFewest, most_), most_);
}

}  // namespace linnet::engine
