#ifndef LINNET_AGENT_UPDATE_DEADLINES_H_
#define LINNET_AGENT_UPDATE_DEADLINES_H_

#include "absl/time/time.h"
#include "agent/update/update_machine.h"

namespace linnet::update {

// How long an attempt may be in a saved state, in up-time of this device summed over its starts: a device
// that was switched off for a month has lost nothing, and no clock that was set ends anything.
// `confirm_time`: the plan's. What happens then: README.md. Infinite: the state waits for nothing but
// state.db.
absl::Duration DeadlineOf(State state, absl::Duration confirm_time);

// METADATA, PLAN, and the last looks in EVAL, each: some dozen small answers. Nothing is saved in them, so
// this is of one go. CHECK is one call, which has its own end (15 s, agent/fleet/fleet_client.cc).
inline constexpr absl::Duration kLookTime = absl::Minutes(10);

// What one look at the clock adds to an up-time, at most. A clock that is set forward by years, as that of a
// device which boots in 1970 is, ends no state and confirms no trial.
absl::Duration MostCounted(State state);

}  // namespace linnet::update

#endif  // LINNET_AGENT_UPDATE_DEADLINES_H_
