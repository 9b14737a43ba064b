#include "agent/update/update_driver.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "storage/repo/device.h"

namespace linnet::update {
namespace {

// When state.db itself refuses a save (full disk): nothing is done meanwhile.
constexpr absl::Duration kSavePause = absl::Seconds(10);

// Such a model is not tried again here until another plan says so. A full disk or a dead line is no reason.
bool IsModelsFault(Reason reason) {
  return reason == Reason::kWillNotLoad || reason == Reason::kSelfCheckFailed || reason == Reason::kCrashed ||
         reason == Reason::kTimedOut || reason == Reason::kNotPacked;
}

// An attempt from a bundle does not say its plan's hash (driver_bundle.cc).
std::string PlanHashOf(const repo::UpdateAttempt& attempt) {
  if (!attempt.plan_sha256.empty() || attempt.plan_json.empty()) return attempt.plan_sha256;
  return std::string(base::AsView(base::Sha256(attempt.plan_json)));
}

}  // namespace

UpdateDriver::UpdateDriver(DriverOptions options, DriverParts parts)
    : options_(std::move(options)),
      parts_(parts),
      trust_(parts.fs, options_.trust_dir),
      backoff_(options_.retry_first, options_.retry_most, options_.seed) {}

absl::Time UpdateDriver::Now() const {
  absl::Time believed = absl::UnixEpoch();
  parts_.state
      .Read([&]() -> absl::Status {
        LINNET_ASSIGN_OR_RETURN(believed, repo::Device(parts_.state.db()).BelievedTime());
        return absl::OkStatus();
      })
      .IgnoreError();
  return std::max(parts_.clock.Now(), believed);
}

std::string UpdateDriver::last_error() const {
  // Whatever else is the matter, these explain it.
  const absl::Status may = parts_.witness.MayInstall();
  base::MutexLock lock(mutex_);
  if (!revoked_.empty()) return revoked_;
  return absl::IsPermissionDenied(may) ? base::Message(may) : last_error_;
}

std::string UpdateDriver::active_target() const {
  base::MutexLock lock(mutex_);
  return active_target_;
}

void UpdateDriver::SetError(std::string message) {
  base::MutexLock lock(mutex_);
  last_error_ = std::move(message);
}

absl::Status UpdateDriver::Advance(Event event, const Edit& edit, const std::function<absl::Status()>& also) {
  const State from = state_;
  LINNET_ASSIGN_OR_RETURN(const State to, Next(from, event));
  std::optional<repo::UpdateAttempt> next = attempt_;
  const bool begins = !attempt_.has_value() && IsSaved(to);
  if (begins) {
    next.emplace();
    next->started = RawNow();
  }
  if (next.has_value()) {
    if (edit) edit(*next);
    next->state = static_cast<int>(to);
    next->changed = RawNow();
    if (to != from) {
      next->tries = 0;
      next->state_time = absl::ZeroDuration();
      next->inferences = 0;
    }
    const absl::Status saved = parts_.state.Write([&]() -> absl::Status {
      if (also) LINNET_RETURN_IF_ERROR(also());
      repo::UpdateJournal journal(parts_.state.db());
      if (begins) {
        LINNET_ASSIGN_OR_RETURN(next->attempt, journal.Begin(*next));
        return absl::OkStatus();
      }
      return to == State::kIdle ? journal.Close(*next) : journal.Save(*next);
    });
    if (!saved.ok()) return saved;
  }
  attempt_ = to == State::kIdle ? std::nullopt : std::move(next);
  SetState(to);
  NoteRepair();
  if (from != to) {
    CountFrom(absl::ZeroDuration());
    // Polling is no news.
    const bool news = IsSaved(from) || IsSaved(to);
    base::Log(news ? base::Severity::kInfo : base::Severity::kDebug, "update_state",
              {{"from", base::LogValue::Id(NameOf(from))},
               {"to", base::LogValue::Id(NameOf(to))},
               {"on", base::LogValue::Id(NameOf(event))}});
  }
  if (options_.dies_after && options_.dies_after(to)) dead_ = true;
  return absl::OkStatus();
}

absl::Status UpdateDriver::SaveAttempt(const Edit& edit) {
  repo::UpdateAttempt next = *attempt_;
  next.state_time = state_time_;
  edit(next);
  next.changed = RawNow();
  const absl::Status saved =
      parts_.state.Write([&] { return repo::UpdateJournal(parts_.state.db()).Save(next); });
  if (saved.ok()) attempt_ = std::move(next);
  return saved;
}

absl::Duration UpdateDriver::Then(const absl::Status& saved) {
  if (saved.ok()) return absl::ZeroDuration();
  SetError(base::Message(saved));
  base::Log(base::Severity::kError, "update_not_saved", {{"error", base::LogValue::Error(saved)}});
  return kSavePause;
}

absl::Duration UpdateDriver::Break(Reason reason, std::string message) {
  base::Log(base::Severity::kWarning, "update_broken",
            {{"state", base::LogValue::Id(NameOf(state_))}, {"reason", static_cast<int>(reason)}});
  if (repairing_) message = absl::StrCat(damage_, ": ", message);
  SetError(message);
  failure_ = message;
  const auto edit = [&](repo::UpdateAttempt& a) {
    a.outcome = static_cast<int>(Outcome::kFailed);
    a.reason = static_cast<int>(reason);
    a.error = message;
  };
  const auto keep_away = [&]() -> absl::Status {
    if (!IsModelsFault(reason)) return absl::OkStatus();
    repo::Models models(parts_.state.db());
    LINNET_RETURN_IF_ERROR(models.Quarantine(attempt_->model_sha256, PlanHashOf(*attempt_), RawNow()));
    LINNET_ASSIGN_OR_RETURN(const repo::ModelSlots slots, models.Slots());
    // Whole again, and it does not work here any more.
    return slots.damaged == attempt_->model_sha256 ? models.ForgetDamaged() : absl::OkStatus();
  };
  const absl::Status saved = Advance(Event::kBroken, edit, keep_away);
  if (saved.ok() && !dead_ && state_ == State::kReport) Collect();
  return Then(saved);
}

absl::Duration UpdateDriver::EndUnjudged(Reason reason, const std::string& message) {
  SetError(message);
  return Then(Advance(Event::kStopped, [&](repo::UpdateAttempt& a) {
    a.outcome = static_cast<int>(Outcome::kNone);
    a.reason = static_cast<int>(reason);
    a.error = message;
  }));
}

absl::Duration UpdateDriver::StopHere() { return EndUnjudged(Reason::kStopped, "stopped by the operator"); }

absl::Duration UpdateDriver::Retry(const absl::Status& status) {
  SetError(repairing_ ? absl::StrCat(damage_, ": ", base::Message(status)) : base::Message(status));
  const absl::Status saved = SaveAttempt([](repo::UpdateAttempt& a) { ++a.tries; });
  if (!saved.ok()) return Then(saved);
  return backoff_.Before(attempt_->tries);
}

absl::Duration UpdateDriver::Later(const absl::Status& status) {
  SetError(base::Message(status));
  base::Log(base::Severity::kWarning, "update_check",
            {{"state", base::LogValue::Id(NameOf(state_))}, {"error", base::LogValue::Error(status)}});
  next_check_ = RawNow() + backoff_.Before(++check_tries_);
  return Then(Advance(Event::kFailed));
}

absl::StatusOr<repo::ModelSlots> UpdateDriver::Slots() {
  repo::ModelSlots slots;
  LINNET_RETURN_IF_ERROR(parts_.state.Read([&]() -> absl::Status {
    LINNET_ASSIGN_OR_RETURN(slots, repo::Models(parts_.state.db()).Slots());
    return absl::OkStatus();
  }));
  return slots;
}

absl::Status UpdateDriver::SwitchTo(const std::string& sha256) {
  std::string target;
  LINNET_RETURN_IF_ERROR(parts_.state.Read([&]() -> absl::Status {
    LINNET_ASSIGN_OR_RETURN(const auto model, repo::Models(parts_.state.db()).Find(sha256));
    if (model.has_value()) target = model->target;
    return absl::OkStatus();
  }));
  // Last: what the host runs is what we say it runs.
  if (sha256.empty()) {
    LINNET_RETURN_IF_ERROR(parts_.host.Switch(""));
  } else if (sha256 != loaded_) {
    LINNET_ASSIGN_OR_RETURN(const std::string path, parts_.store.PathOf(sha256));
    LINNET_RETURN_IF_ERROR(parts_.host.Switch(path));
  }
  loaded_ = sha256;
  base::MutexLock lock(mutex_);
  active_target_ = std::move(target);
  return absl::OkStatus();
}

void UpdateDriver::NoteRepair() {
  repairing_ = state_ == State::kDownload && attempt_.has_value() && attempt_->plan_path.empty();
}

absl::Status UpdateDriver::Resume() {
  resumed_ = false;
  LINNET_RETURN_IF_ERROR(parts_.state.Read([&]() -> absl::Status {
    LINNET_ASSIGN_OR_RETURN(attempt_, repo::UpdateJournal(parts_.state.db()).Open());
    return absl::OkStatus();
  }));
  if (attempt_.has_value()) {
    LINNET_ASSIGN_OR_RETURN(const State saved, StateOf(attempt_->state));
    SetState(saved);
    NoteRepair();
  }
  CountFrom(attempt_.has_value() ? attempt_->state_time : absl::ZeroDuration());
  inferences_before_ = attempt_.has_value() ? attempt_->inferences : 0;
  LINNET_ASSIGN_OR_RETURN(repo::ModelSlots slots, Slots());
  const bool ours = attempt_.has_value() && attempt_->model_sha256 == slots.active &&
                    (state_ == State::kActivate || state_ == State::kConfirm || state_ == State::kCommit ||
                     state_ == State::kRollback);
  if (slots.trial && !ours) {
    // Nobody drives this trial any more: the way back is the safe one.
    LINNET_RETURN_IF_ERROR(parts_.state.Write([&] { return repo::Models(parts_.state.db()).RollBack(); }));
  } else if (slots.trial && state_ < State::kCommit && !boot_counted_) {
    if (slots.boots_left > 0 || slots.clean_stop) {
      // Saved before the model is touched: if loading it kills us, the next start has one less. The mark of a
      // clean stop is gone with it.
      const absl::Status counted =
          parts_.state.Write([&] { return repo::Models(parts_.state.db()).CountBoot().status(); });
      if (!counted.ok()) {
        SwitchTo(slots.previous).IgnoreError();
        return counted;
      }
    } else {
      Break(Reason::kCrashed, "the new model did not survive its trial starts");
      if (state_ != State::kRollback) {  // not saved
        SwitchTo(slots.previous).IgnoreError();
        return absl::UnavailableError(last_error());
      }
    }
  }
  boot_counted_ = true;
  if (state_ == State::kRollback) DoRollback();
  CheckNotRevoked().IgnoreError();  // says so
  LINNET_ASSIGN_OR_RETURN(slots, Slots());
  if (!slots.damaged.empty()) {
    damage_ = failure_ = "a model's file was found damaged, and is fetched again";
    SetError(failure_);
  }
  resumed_ = slots.active.empty() || loaded_ == slots.active;
  if (resumed_) return absl::OkStatus();
  resumed_ = true;  // unless a roll-back says otherwise
  if (const absl::Status loaded = LoadAtStart(); !loaded.ok()) {
    resumed_ = false;
    return loaded;
  }
  CountFrom(state_time_);  // until now nothing answered
  return absl::OkStatus();
}

absl::Duration UpdateDriver::Step() {
  if (dead_) return absl::InfiniteDuration();
  if (!resumed_) {
    if (const absl::Status resumed = Resume(); !resumed.ok()) {
      SetError(base::Message(resumed));
      return kSavePause;
    }
  }
  CountTime();
  if (IsOverdue()) return Overdue();
  if (RecheckIsDue()) {
    const absl::Duration next = Recheck();
    return quit_ ? absl::InfiniteDuration() : next;
  }
  switch (state_) {
    case State::kIdle:
      return DoIdle();
    case State::kCheck:
      return DoCheck();
    case State::kMetadata:
      return DoMetadata();
    case State::kPlan:
      return DoPlan();
    case State::kDownload:
      return DoDownload();
    case State::kVerify:
      return DoVerify();
    case State::kStage:
      return DoStage();
    case State::kEval:
      return DoEval();
    case State::kActivate:
      return DoActivate();
    case State::kConfirm:
      return DoConfirm();
    case State::kCommit:
      return DoCommit();
    case State::kRollback:
      return DoRollback();
    case State::kReport:
      return DoReport();
  }
  return absl::InfiniteDuration();
}

}  // namespace linnet::update
