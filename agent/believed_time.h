#ifndef LINNET_AGENT_BELIEVED_TIME_H_
#define LINNET_AGENT_BELIEVED_TIME_H_

#include "absl/time/time.h"
#include "runtime/base/clock.h"
#include "runtime/base/mutex.h"
#include "storage/repo/state_database.h"

namespace linnet::agent {

// The time to check certificates and grants against: max(system time, latest time that is proved to be past),
// because a device may boot in 1970 (agent/update/time_floor.h). The stored time is looked up at most once
// a minute. Thread-safe.
class BelievedTime {
 public:
  BelievedTime(repo::StateDatabase& state, const base::Clock& clock) : state_(state), clock_(clock) {}
  absl::Time Now();

 private:
  repo::StateDatabase& state_;
  const base::Clock& clock_;
  base::Mutex mutex_;
  absl::Time stored_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  absl::Time looked_up_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace linnet::agent

#endif  // LINNET_AGENT_BELIEVED_TIME_H_
