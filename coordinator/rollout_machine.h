#ifndef LINNET_COORDINATOR_ROLLOUT_MACHINE_H_
#define LINNET_COORDINATOR_ROLLOUT_MACHINE_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/trust/plan.h"

namespace linnet::coordinator {

//       pause, plan expired, wave missed            too many failures
//   PAUSED  <------------------------  RUNNING  ------------------------>  HALTED
//      |  ------- signed lift ---------> ^ | <-------- signed lift ----------  |
//      |                                   | all reported, or waves' deadlines |
//      |                                   | over and their thresholds kept    |
//      |                               COMPLETED (pause, too many failures:    |
//      |                                   |      as from RUNNING)             |
//      +---------------+-------------------+----------------------+------------+
//                      | stop              | newer plan           | plan that rolls this one back
//                      v                   v                      v
//                   STOPPED -------->  SUPERSEDED <--------- ROLLING_BACK --> ROLLED_BACK
//                      |   newer plan          newer plan         ^   that plan has completed
//                      +------- plan that rolls this one back ----+
//
// What holds in each state: RUNNING: devices of open waves are told of the plan. PAUSED: nobody new is told;
// who is under way goes on. STOPPED, HALTED: devices that have not activated are told to stop. COMPLETED:
// every member that the plan covers has reported, or its wave's deadline is over and the wave's thresholds
// hold; devices that come later are told of the plan still. ROLLING_BACK:
// another plan, signed to take this one back, runs in its place; ROLLED_BACK: that plan has completed.
// SUPERSEDED: a newer plan has taken its place. The last two are the end.
// Invariants: 1. Nothing but a signed lift leads back to RUNNING. 2. The machine never makes a device do more
// than a signed plan says, which the device checks. 3. A restart reads the state from its row and goes on.
// Numbers are stored and equal admin.proto's RolloutState.
enum class RolloutState : int {
  kRunning = 1,
  kPaused = 2,
  kStopped = 3,
  kHalted = 4,
  kCompleted = 5,
  kSuperseded = 6,
  kRollingBack = 7,
  kRolledBack = 8,
};

enum class RolloutEvent : int {
  kStop,
  kTooManyFailures,
  kPlanExpired,
  kAllReported,
  kNewerPlan,
  kPause,
  kLift,           // signed offline
  kRollBack,       // a plan that was signed to take this one back has started
  kRollBackEnded,  // that plan has completed
  kWaveMissed,     // a wave falls short of a threshold, and nothing more is expected of it
};

std::string_view Name(RolloutState state);
std::string_view Name(RolloutEvent event);

// FailedPrecondition when `event` means nothing in `state`.
absl::StatusOr<RolloutState> Next(RolloutState state, RolloutEvent event);

// Does the rollout tell devices of open waves about its plan? Does it tell devices to stop? Will it change by
// itself no more?
bool Offers(RolloutState state);
bool Stops(RolloutState state);
bool Ended(RolloutState state);

// When may `wave` open? InfiniteFuture: not with these passes. `passes`: when the passes of earlier waves
// arrived, ascending; `previous_opened`: when the wave before it opened. The first wave (`previous_opened` is
// InfinitePast) needs neither.
absl::Time OpensAt(const trust::PlanWave& wave, std::span<const absl::Time> passes,
                   absl::Time previous_opened);

}  // namespace linnet::coordinator

#endif  // LINNET_COORDINATOR_ROLLOUT_MACHINE_H_
