#ifndef LINNET_AGENT_UPDATE_BACKOFF_H_
#define LINNET_AGENT_UPDATE_BACKOFF_H_

#include <cstdint>
#include <random>

#include "absl/time/time.h"

namespace linnet::update {

// Tries that brought nothing new, of a download or on a disk that is at fault: about two days at the longest
// pause.
inline constexpr uint32_t kMostSilentTries = 60;

// How long to wait before a try: doubles from `first` to `most`, with jitter, so that a fleet that lost its
// coordinator does not come back as one. Not thread-safe.
class Backoff {
 public:
  Backoff(absl::Duration first, absl::Duration most, uint64_t seed)
      : first_(first), most_(most), random_(seed) {}

  // Before try `tries` (1, 2, ...): between half and all of the doubled time.
  absl::Duration Before(uint32_t tries);
  // Around `interval`: 0.9 to 1.1 of it.
  absl::Duration Around(absl::Duration interval);

 private:
  absl::Duration first_, most_;
  std::mt19937_64 random_;
};

}  // namespace linnet::update

#endif  // LINNET_AGENT_UPDATE_BACKOFF_H_
