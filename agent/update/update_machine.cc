#include "agent/update/update_machine.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace linnet::update {
namespace {

constexpr Transition kTransitions[] = {
    {State::kIdle, Event::kDue, State::kCheck},
    {State::kIdle, Event::kOffered, State::kVerify},
    {State::kIdle, Event::kDamaged, State::kDownload},

    // Nothing of these is saved: a restart asks again.
    {State::kCheck, Event::kAnswered, State::kMetadata},
    {State::kCheck, Event::kNothing, State::kIdle},
    {State::kCheck, Event::kFailed, State::kIdle},
    {State::kMetadata, Event::kTrusted, State::kPlan},
    {State::kMetadata, Event::kFailed, State::kIdle},
    {State::kPlan, Event::kNothing, State::kIdle},
    {State::kPlan, Event::kFailed, State::kIdle},
    {State::kPlan, Event::kAccepted, State::kDownload},
    {State::kPlan, Event::kPresent, State::kCommit},
    {State::kPlan, Event::kRefused, State::kReport},

    // Up to ACTIVATE the old model answers, and a stop ends the attempt.
    {State::kDownload, Event::kComplete, State::kVerify},
    {State::kDownload, Event::kBroken, State::kReport},
    {State::kDownload, Event::kStopped, State::kReport},
    {State::kVerify, Event::kVerified, State::kStage},
    {State::kVerify, Event::kBroken, State::kReport},
    {State::kVerify, Event::kStopped, State::kReport},
    {State::kStage, Event::kLoaded, State::kEval},
    {State::kStage, Event::kBroken, State::kReport},
    {State::kStage, Event::kStopped, State::kReport},
    {State::kEval, Event::kPassed, State::kActivate},
    {State::kEval, Event::kBroken, State::kReport},
    {State::kEval, Event::kStopped, State::kReport},
    {State::kActivate, Event::kActivated, State::kConfirm},
    {State::kActivate, Event::kBroken, State::kRollback},
    {State::kActivate, Event::kStopped, State::kReport},

    // From here on no network is needed. A stop (unsigned!) may hold a trial, never end it either way: a
    // stolen coordinator must not be able to roll back.
    {State::kConfirm, Event::kStopped, State::kConfirm},
    {State::kConfirm, Event::kConfirmed, State::kCommit},
    {State::kConfirm, Event::kBroken, State::kRollback},
    {State::kCommit, Event::kCommitted, State::kReport},
    {State::kRollback, Event::kRolledBack, State::kReport},
    {State::kReport, Event::kReported, State::kIdle},
};

}  // namespace

std::span<const Transition> Transitions() { return kTransitions; }

absl::StatusOr<State> Next(State state, Event event) {
  for (const Transition& t : kTransitions) {
    if (t.from == state && t.event == event) return t.to;
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "update machine: no way from ", std::string(NameOf(state)), " by ", std::string(NameOf(event))));
}

std::string_view NameOf(State state) {
  switch (state) {
    case State::kIdle:
      return "IDLE";
    case State::kCheck:
      return "CHECK";
    case State::kMetadata:
      return "METADATA";
    case State::kPlan:
      return "PLAN";
    case State::kDownload:
      return "DOWNLOAD";
    case State::kVerify:
      return "VERIFY";
    case State::kStage:
      return "STAGE";
    case State::kEval:
      return "EVAL";
    case State::kActivate:
      return "ACTIVATE";
    case State::kConfirm:
      return "CONFIRM";
    case State::kCommit:
      return "COMMIT";
    case State::kRollback:
      return "ROLLBACK";
    case State::kReport:
      return "REPORT";
  }
  return "?";
}

std::string_view NameOf(Event event) {
  static constexpr std::string_view kNames[] = {
      "due",       "offered",   "damaged",   "answered", "trusted",  "nothing",     "failed",
      "accepted",  "present",   "refused",   "complete", "verified", "loaded",      "passed",
      "activated", "confirmed", "committed", "broken",   "stopped",  "rolled back", "reported"};
  const auto index = static_cast<size_t>(event);
  return index < std::size(kNames) ? kNames[index] : "?";
}

absl::StatusOr<State> StateOf(int number) {
  if (number < static_cast<int>(State::kIdle) || number > static_cast<int>(State::kReport)) {
    return absl::DataLossError(absl::StrCat("update machine: there is no state ", number));
  }
  return static_cast<State>(number);
}

bool IsSaved(State state) { return state >= State::kDownload; }

}  // namespace linnet::update
