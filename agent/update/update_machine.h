#ifndef LINNET_AGENT_UPDATE_UPDATE_MACHINE_H_
#define LINNET_AGENT_UPDATE_UPDATE_MACHINE_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "absl/status/statusor.h"

namespace linnet::update {

// How a device gets from one model to the next (README.md draws it and says what a power cut does in each
// state). Numbers are stored and sent (fleet.proto, UpdateState): never renumber.
enum class State : uint8_t {
  kIdle = 1,
  kCheck = 2,
  kMetadata = 3,
  kPlan = 4,
  kDownload = 5,
  kVerify = 6,
  kStage = 7,
  kEval = 8,
  kActivate = 9,
  kConfirm = 10,
  kCommit = 11,
  kRollback = 12,
  kReport = 13,
};

enum class Event : uint8_t {
  kDue,        // time to ask, or somebody wants to
  kOffered,    // the owner's file is signed, and in the store
  kDamaged,    // what ran here has rotted: it is fetched again
  kAnswered,   // the coordinator names something new
  kTrusted,    // metadata is fresh and verified
  kNothing,    // nothing (yet) to do for this device
  kFailed,     // could not find out: try later
  kAccepted,   // a signed plan wants this device to run a model that it may run
  kPresent,    // ... and it runs it already
  kRefused,    // ... and it must not
  kComplete,   // all chunks are here
  kVerified,   // the file is the signed one
  kLoaded,     // a child process loaded it and lived
  kPassed,     // what the child computed is right
  kActivated,  // it answers, on trial
  kConfirmed,  // long enough, often enough
  kCommitted,
  kBroken,   // this model does not work here
  kStopped,  // the operator said stop
  kRolledBack,
  kReported,  // the coordinator knows, or never will
};

struct Transition {
  State from;
  Event event;
  State to;
};

// The one table. A pair that is absent cannot happen.
std::span<const Transition> Transitions();
// FailedPrecondition names the pair when the table lacks it.
absl::StatusOr<State> Next(State state, Event event);

// "IDLE"; "?" for a number that is none of ours.
std::string_view NameOf(State state);
std::string_view NameOf(Event event);
// From a stored number; DataLoss when it is none of ours.
absl::StatusOr<State> StateOf(int number);

// States that a restart finds saved; a restart in any other begins at IDLE.
bool IsSaved(State state);

}  // namespace linnet::update

#endif  // LINNET_AGENT_UPDATE_UPDATE_MACHINE_H_
