#include "agent/update/backoff.h"

#include <algorithm>

namespace linnet::update {

absl::Duration Backoff::Before(uint32_t tries) {
  const uint32_t doublings = std::min(tries > 0 ? tries - 1 : 0, 30u);
  const absl::Duration full = std::min(first_ * (int64_t{1} << doublings), most_);
  return full * std::uniform_real_distribution<double>(0.5, 1.0)(random_);
}

absl::Duration Backoff::Around(absl::Duration interval) {
  return interval * std::uniform_real_distribution<double>(0.9, 1.1)(random_);
}

}  // namespace linnet::update
