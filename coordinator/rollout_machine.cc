#include "coordinator/rollout_machine.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"

namespace linnet::coordinator {
namespace {

using State = RolloutState;
using Event = RolloutEvent;

struct Transition {
  State from;
  Event event;
  State to;
};

// A pair that is absent is FailedPrecondition.
constexpr Transition kTable[] = {
    {State::kRunning, Event::kStop, State::kStopped},
    {State::kRunning, Event::kTooManyFailures, State::kHalted},
    {State::kRunning, Event::kPlanExpired, State::kPaused},
    {State::kRunning, Event::kAllReported, State::kCompleted},
    {State::kRunning, Event::kWaveMissed, State::kPaused},
    {State::kRunning, Event::kPause, State::kPaused},
    {State::kRunning, Event::kNewerPlan, State::kSuperseded},
    {State::kRunning, Event::kRollBack, State::kRollingBack},

    {State::kPaused, Event::kStop, State::kStopped},
    {State::kPaused, Event::kTooManyFailures, State::kHalted},
    {State::kPaused, Event::kLift, State::kRunning},
    {State::kPaused, Event::kNewerPlan, State::kSuperseded},
    {State::kPaused, Event::kRollBack, State::kRollingBack},

    {State::kHalted, Event::kStop, State::kStopped},
    {State::kHalted, Event::kLift, State::kRunning},
    {State::kHalted, Event::kNewerPlan, State::kSuperseded},
    {State::kHalted, Event::kRollBack, State::kRollingBack},

    {State::kStopped, Event::kNewerPlan, State::kSuperseded},
    {State::kStopped, Event::kRollBack, State::kRollingBack},

    {State::kCompleted, Event::kStop, State::kStopped},
    {State::kCompleted, Event::kTooManyFailures, State::kHalted},
    {State::kCompleted, Event::kPause, State::kPaused},
    {State::kCompleted, Event::kNewerPlan, State::kSuperseded},
    {State::kCompleted, Event::kRollBack, State::kRollingBack},

    {State::kRollingBack, Event::kRollBackEnded, State::kRolledBack},
    {State::kRollingBack, Event::kNewerPlan, State::kSuperseded},
};

}  // namespace

std::string_view Name(RolloutState state) {
  switch (state) {
    case State::kRunning:
      return "running";
    case State::kPaused:
      return "paused";
    case State::kStopped:
      return "stopped";
    case State::kHalted:
      return "halted";
    case State::kCompleted:
      return "completed";
    case State::kSuperseded:
      return "superseded";
    case State::kRollingBack:
      return "rolling back";
    case State::kRolledBack:
      return "rolled back";
  }
  return "unknown";
}

std::string_view Name(RolloutEvent event) {
  switch (event) {
    case Event::kStop:
      return "stop";
    case Event::kTooManyFailures:
      return "too many failures";
    case Event::kPlanExpired:
      return "plan expired";
    case Event::kAllReported:
      return "all reported";
    case Event::kNewerPlan:
      return "newer plan";
    case Event::kPause:
      return "pause";
    case Event::kLift:
      return "signed lift";
    case Event::kRollBack:
      return "plan that rolls it back";
    case Event::kRollBackEnded:
      return "rolled back";
    case Event::kWaveMissed:
      return "wave missed";
  }
  return "unknown";
}

absl::StatusOr<RolloutState> Next(RolloutState state, RolloutEvent event) {
  for (const Transition& transition : kTable) {
    if (transition.from == state && transition.event == event) return transition.to;
  }
  return absl::FailedPreconditionError(absl::StrCat("rollout is ", std::string(Name(state)), ", \"",
                                                    std::string(Name(event)), "\" has no meaning then"));
}

bool Offers(RolloutState state) { return state == State::kRunning || state == State::kCompleted; }
bool Stops(RolloutState state) { return state == State::kStopped || state == State::kHalted; }
bool Ended(RolloutState state) {
  return state != State::kRunning && state != State::kPaused && state != State::kRollingBack;
}

absl::Time OpensAt(const trust::PlanWave& wave, std::span<const absl::Time> passes,
                   absl::Time previous_opened) {
  if (previous_opened == absl::InfinitePast()) return absl::InfinitePast();
  if (passes.size() < wave.passes_needed) return absl::InfiniteFuture();
  // The soak runs from the pass that made it enough: later ones do not start it again.
  const absl::Time enough =
      wave.passes_needed == 0 ? previous_opened : std::max(previous_opened, passes[wave.passes_needed - 1]);
  return enough + wave.soak;
}

}  // namespace linnet::coordinator
