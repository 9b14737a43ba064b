// CONFIRM: on trial, over as many starts as it takes. And how long a state has lasted, in up-time.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/update/deadlines.h"
#include "agent/update/probe_verdict.h"
#include "agent/update/update_driver.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "storage/trust/plan.h"

namespace linnet::update {
namespace {

constexpr uint32_t kMostFailedSelfChecks = 2;
// Of the suite asked again on trial. One may be an accident (memory was short); twice is the model.
constexpr uint32_t kMostCrashes = 2;
// The probe cannot be run at all: then self-checks count, as for a release without a suite.
constexpr uint32_t kMostNotRun = 4;
constexpr absl::Duration kHeldTick = absl::Seconds(5);
// A device asks itself 20 times in its trial, and not so often that people notice.
constexpr int kChecks = 20;
constexpr absl::Duration kLeastTick = absl::Seconds(1), kMostTick = absl::Seconds(30);
// What a crash takes from the sum of up-time, at most, and how often flash is written for it: 4 times in a
// short trial, once a minute in a long one.
constexpr absl::Duration kMostUnsaved = absl::Minutes(1);

}  // namespace

UpdateDriver::Trial UpdateDriver::TrialOf() const {
  Trial trial{options_.offered_confirm_time, options_.offered_confirm_inferences};
  if (!attempt_.has_value() || attempt_->plan_json.empty()) return trial;
  if (const absl::StatusOr<trust::Plan> plan = trust::Plan::FromJson(attempt_->plan_json); plan.ok()) {
    trial = {plan->confirm_time, plan->confirm_inferences};
  }
  return trial;
}

void UpdateDriver::CountTime() {
  const absl::Time now = RawNow();
  if (!stands_still_) state_time_ += std::clamp(now - counted_, absl::ZeroDuration(), MostCounted(state_));
  stands_still_ = false;
  counted_ = now;
}

void UpdateDriver::CountFrom(absl::Duration state_time) {
  state_time_ = state_time;
  stands_still_ = false;
  counted_ = RawNow();
}

bool UpdateDriver::IsOverdue() const {
  return attempt_.has_value() && state_time_ >= DeadlineOf(state_, TrialOf().time);
}

absl::Duration UpdateDriver::Overdue() {
  const std::string message =
      absl::StrCat(attempt_->model_target, ": ", std::string(NameOf(state_)), " was not over after ",
                   absl::FormatDuration(DeadlineOf(state_, TrialOf().time)), " of up-time");
  if (state_ == State::kReport) {
    base::Log(base::Severity::kWarning, "update_report_given_up");
    return Then(Advance(Event::kReported));
  }
  // What is tried again is tried again because of this device (its disk, no process for the child).
  if (attempt_->tries > 0) {
    return Break(Reason::kDownloadFailed, absl::StrCat(message, ", at last: ", last_error()));
  }
  return Break(state_ >= State::kStage ? Reason::kTimedOut : Reason::kDownloadFailed, message);
}

uint64_t UpdateDriver::InferencesOnTrial() const {
  // With a suite, what the device asked itself is no use that somebody made of it.
  const uint64_t own = attempt_->suite_json.empty() || suite_not_run_ >= kMostNotRun ? 0 : own_checks_;
  const uint64_t now = parts_.host.inferences();
  return inferences_before_ + now - std::min(own, now);
}

absl::Status UpdateDriver::SaveTrial(const Trial& trial) {
  const absl::Duration every = std::clamp(trial.time / 4, kLeastTick, kMostUnsaved);
  if (state_time_ - attempt_->state_time < every) return absl::OkStatus();
  return SaveAttempt([&](repo::UpdateAttempt& a) { a.inferences = InferencesOnTrial(); });
}

absl::Duration UpdateDriver::DoConfirm() {
  if (loaded_ != attempt_->model_sha256) {
    return Break(Reason::kWillNotLoad, absl::StrCat(attempt_->model_target, ": is not loaded"));
  }
  // Still listening: a stop holds the trial. Failing to ask is nothing: no network is needed from here on.
  if (CheckIsDue()) {
    next_check_ = RawNow() + options_.poll;
    CheckIn().status().IgnoreError();
  }
  if (Stopped()) {
    LINNET_CHECK(Next(State::kConfirm, Event::kStopped).value_or(State::kIdle) == State::kConfirm);
    SetError("held on trial by the operator's stop");
    StandStill();
    return kHeldTick;  // nothing changed, so nothing is saved
  }
  const Trial trial = TrialOf();
  if (const absl::Status saved = SaveTrial(trial); !saved.ok()) return Then(saved);
  const bool time_is_over = state_time_ >= trial.time && failed_self_checks_ == 0;
  if (time_is_over && InferencesOnTrial() >= trial.inferences) {
    SetError("");
    return Then(Advance(Event::kConfirmed));
  }
  const bool has_suite = !attempt_->suite_json.empty() && suite_not_run_ < kMostNotRun;
  if (time_is_over && has_suite) return AskSuiteAgain();
  // An idle device asks itself.
  const absl::Status checked = parts_.host.SelfCheck();
  if (checked.ok()) {
    failed_self_checks_ = 0;
    ++own_checks_;
  } else if (++failed_self_checks_ >= kMostFailedSelfChecks) {
    return Break(Reason::kSelfCheckFailed, base::Message(checked));
  } else {
    return kLeastTick;
  }
  const absl::Duration left = trial.time - state_time_;
  if (left <= absl::ZeroDuration()) return absl::ZeroDuration();  // only the count is missing
  return std::min(left, std::clamp(trial.time / kChecks, kLeastTick, kMostTick));
}

absl::Duration UpdateDriver::AskSuiteAgain() {
  const absl::StatusOr<std::string> path = parts_.store.PathOf(attempt_->model_sha256);
  if (!path.ok()) return BreakOrRetry(Reason::kHashMismatch, path.status());
  const absl::StatusOr<std::string> suite = WriteSuite();
  if (!suite.ok()) {
    SetError(base::Message(suite.status()));
    return backoff_.Before(1);
  }
  const ProbeResult result = parts_.probe.Run(*path, *suite, [&] { return Stopped() || quit_; });
  switch (result.kind) {
    case ProbeResult::Kind::kPassed: {
      const absl::Status judged = JudgeProbe(result.json, *attempt_);
      if (!judged.ok()) return Break(Reason::kSelfCheckFailed, base::Message(judged));
      SetError("");
      return Then(Advance(Event::kConfirmed));
    }
    case ProbeResult::Kind::kFailed:
      return Break(Reason::kSelfCheckFailed, result.message);
    case ProbeResult::Kind::kTimedOut:
      return Break(Reason::kTimedOut, result.message);
    case ProbeResult::Kind::kCrashed:
      if (++suite_crashes_ >= kMostCrashes) return Break(Reason::kCrashed, result.message);
      break;
    case ProbeResult::Kind::kCannotRun:
      ++suite_not_run_;
      break;
    case ProbeResult::Kind::kCancelled:
      return quit_ ? absl::InfiniteDuration() : absl::ZeroDuration();
  }
  SetError(result.message);
  return backoff_.Before(1);
}

void UpdateDriver::Finish() {
  if (dead_ || !attempt_.has_value()) return;
  if (resumed_) CountTime();
  repo::UpdateAttempt next = *attempt_;
  next.state_time = state_time_;
  // Else what answered is not what is on trial.
  if (resumed_ && state_ == State::kConfirm) next.inferences = InferencesOnTrial();
  const absl::Status saved = parts_.state.Write([&]() -> absl::Status {
    LINNET_RETURN_IF_ERROR(repo::Models(parts_.state.db()).MarkCleanStop());
    return repo::UpdateJournal(parts_.state.db()).Save(next);
  });
  dead_ = true;  // the mark holds while nothing more is done
  if (!saved.ok()) {
    base::Log(base::Severity::kWarning, "clean_stop_not_saved", {{"error", base::LogValue::Error(saved)}});
  }
}

}  // namespace linnet::update
