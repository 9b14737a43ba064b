#include "agent/believed_time.h"

#include <algorithm>

#include "runtime/base/status_macros.h"
#include "storage/repo/device.h"

namespace linnet::agent {

absl::Time BelievedTime::Now() {
  const absl::Time now = clock_.Now();
  base::MutexLock lock(mutex_);
  if (now - looked_up_ > absl::Minutes(1) || now < looked_up_) {
    looked_up_ = now;
    absl::Time stored = stored_;
    const absl::Status read = state_.Read([&]() -> absl::Status {
      LINNET_ASSIGN_OR_RETURN(stored, repo::Device(state_.db()).BelievedTime());
      return absl::OkStatus();
    });
    if (read.ok()) stored_ = std::max(stored_, stored);
  }
  return std::max(now, stored_);
}

}  // namespace linnet::agent
