#include "agent/update/deadlines.h"

namespace linnet::update {
namespace {

// 2 GiB at 16 kbit/s take 12 days. What trickles longer is no line to update over; a stick is.
constexpr absl::Duration kDownloadTime = absl::Hours(14 * 24);
// Each of them: hashing 64 GiB at 10 MB/s takes 2 hours; a probe ends itself within 35 minutes, and runs a
// few times at most.
constexpr absl::Duration kInstallTime = absl::Hours(6);
// A trial that has not shown itself after twice its time and a day will not: its self-checks fail now and
// then, or its suite never gets to run. A stop that holds a trial stops its time.
constexpr absl::Duration kTrialGrace = absl::Hours(24);
// A coordinator that is away that long has forgotten the rollout; the next one must not wait behind it.
constexpr absl::Duration kReportTime = absl::Hours(30 * 24);

}  // namespace

absl::Duration DeadlineOf(State state, absl::Duration confirm_time) {
  switch (state) {
    case State::kDownload:
      return kDownloadTime;
    case State::kVerify:
    case State::kStage:
    case State::kEval:
    case State::kActivate:
      return kInstallTime;
    case State::kConfirm:
      return 2 * confirm_time + kTrialGrace;
    case State::kReport:
      return kReportTime;
    case State::kIdle:
    case State::kCheck:
    case State::kMetadata:
    case State::kPlan:
    case State::kCommit:
    case State::kRollback:
      break;
  }
  return absl::InfiniteDuration();
}

absl::Duration MostCounted(State state) {
  // On trial somebody looks every 30 s; elsewhere pauses are an hour at most.
  return state == State::kConfirm ? absl::Minutes(1) : absl::Hours(2);
}

}  // namespace linnet::update
