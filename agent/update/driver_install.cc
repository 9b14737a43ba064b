// VERIFY to ACTIVATE, COMMIT, ROLLBACK and REPORT: each state is saved, each action may run twice.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/update/deadlines.h"
#include "agent/update/plan_check.h"
#include "agent/update/probe_verdict.h"
#include "agent/update/receipts.h"
#include "agent/update/timed_link.h"
#include "agent/update/update_driver.h"
#include "runtime/base/hash.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"

namespace linnet::update {
namespace {

// Of a probe that cannot be run, for reasons of its own.
constexpr uint32_t kMostWrongTries = 4;
// A probe that dies may be an accident once (memory was short); twice is the model. One that took the device
// down with it, or went down with the device (a plug was pulled), counts half: three, as a trial's starts.
constexpr uint32_t kMostProbes = 4;
constexpr uint32_t kMostRefusedReports = 5;

bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) || absl::IsUnknown(status) ||
         absl::IsAborted(status) || absl::IsCancelled(status) || absl::IsResourceExhausted(status);
}

}  // namespace

Reason UpdateDriver::NotLoaded(const absl::Status& status) {
  return absl::IsUnavailable(status) ? Reason::kDownloadFailed : Reason::kWillNotLoad;
}

absl::Duration UpdateDriver::BreakOrRetry(Reason reason, const absl::Status& status) {
  if (!IsTransient(status)) return Break(reason, base::Message(status));
  if (attempt_->tries + 1 < kMostSilentTries) return Retry(status);
  return Break(absl::IsResourceExhausted(status) ? Reason::kNoSpace : Reason::kDownloadFailed,
               base::Message(status));
}

absl::Duration UpdateDriver::DoVerify() {
  if (Stopped()) return StopHere();
  const absl::StatusOr<std::string> path = parts_.store.PathOf(attempt_->model_sha256);
  if (!path.ok()) return BreakOrRetry(Reason::kHashMismatch, path.status());
  const absl::Status sound = parts_.store.Recheck(attempt_->model_sha256, [&] {
    CountTime();
    return Stopped() || quit_ || IsOverdue();
  });
  if (quit_) return absl::InfiniteDuration();
  if (Stopped()) return StopHere();
  if (absl::IsCancelled(sound)) return absl::ZeroDuration();  // overdue: the next step says so
  if (!sound.ok()) {
    return BreakOrRetry(
        Reason::kHashMismatch,
        absl::Status(sound.code(), absl::StrCat(attempt_->model_target, ": ", base::Message(sound))));
  }
  // Here, where every way in comes by: of anything else not a byte more is read, not even by the probe.
  if (const absl::Status packed = CheckIsPacked(parts_.fs, *path, attempt_->model_target); !packed.ok()) {
    return BreakOrRetry(Reason::kNotPacked, packed);
  }
  const absl::Duration next = Then(Advance(Event::kVerified));
  if (!dead_ && state_ == State::kStage) TellProgress();
  return next;
}

absl::StatusOr<std::string> UpdateDriver::WriteSuite() {
  if (attempt_->suite_json.empty()) return "";
  std::string suite = options_.trust_dir + ".suite.json";
  LINNET_RETURN_IF_ERROR(parts_.fs.WriteFileAtomic(suite, attempt_->suite_json));
  return suite;
}

absl::Duration UpdateDriver::DoStage() {
  if (Stopped()) return StopHere();
  if (attempt_->probes >= kMostProbes) {
    return Break(Reason::kCrashed,
                 absl::StrCat(attempt_->model_target, ": the self-check died again and again"));
  }
  const absl::StatusOr<std::string> path = parts_.store.PathOf(attempt_->model_sha256);
  if (!path.ok()) return BreakOrRetry(Reason::kHashMismatch, path.status());
  const absl::StatusOr<std::string> suite = WriteSuite();
  if (!suite.ok()) return Retry(suite.status());
  // Counted first: a model whose load takes the whole machine down is tried a few times, not for ever.
  if (const absl::Status saved = SaveAttempt([](repo::UpdateAttempt& a) { ++a.probes; }); !saved.ok()) {
    return Then(saved);
  }
  const ProbeResult result = parts_.probe.Run(*path, *suite, [&] { return Stopped() || quit_; });
  switch (result.kind) {
    case ProbeResult::Kind::kPassed:
      return Then(Advance(Event::kLoaded, [&](repo::UpdateAttempt& a) { a.probe_json = result.json; }));
    case ProbeResult::Kind::kFailed:
      return Break(Reason::kWillNotLoad, result.message);
    case ProbeResult::Kind::kTimedOut:
      return Break(Reason::kTimedOut, result.message);
    case ProbeResult::Kind::kCrashed: {
      SetError(result.message);
      const absl::Status saved = SaveAttempt([](repo::UpdateAttempt& a) { ++a.probes; });
      return saved.ok() ? backoff_.Before(1) : Then(saved);
    }
    case ProbeResult::Kind::kCannotRun:
    case ProbeResult::Kind::kCancelled:
      break;
  }
  // Not the model's doing: this start does not count.
  if (const absl::Status saved = SaveAttempt([](repo::UpdateAttempt& a) { --a.probes; }); !saved.ok()) {
    return Then(saved);
  }
  if (quit_) return absl::InfiniteDuration();
  if (Stopped()) return StopHere();
  if (attempt_->tries + 1 >= kMostWrongTries) return Break(Reason::kWillNotLoad, result.message);
  return Retry(absl::UnavailableError(result.message));
}

absl::Duration UpdateDriver::DoEval() {
  if (Stopped()) return StopHere();
  if (const absl::Status judged = JudgeProbe(attempt_->probe_json, *attempt_); !judged.ok()) {
    return Break(Reason::kSelfCheckFailed, base::Message(judged));
  }
  // A download may take hours, and a window be days away. The last moment at which nothing has changed yet.
  if (!attempt_->plan_sha256.empty() && NewerPlanWaits()) return Supersede();
  if (Stopped()) return StopHere();
  if (const std::optional<absl::Duration> wait = WaitsForWindow(); wait.has_value()) return *wait;
  LookAgainForRevocations();
  if (const absl::Status member = CheckNotRevoked(); absl::IsPermissionDenied(member)) {
    return EndUnjudged(Reason::kNotForThisDevice, base::Message(member));
  }
  if (!attempt_->plan_sha256.empty()) {  // else no coordinator's business
    LookAgainAtLog();
    if (const absl::Status may = parts_.witness.MayInstall(); absl::IsPermissionDenied(may)) {
      return EndUnjudged(Reason::kSplitView, base::Message(may));
    }
  }
  return Then(Advance(Event::kPassed));
}

repo::InstalledModel UpdateDriver::ModelOfAttempt() const {
  return {attempt_->model_sha256, attempt_->model_target,    attempt_->model_license,
          attempt_->model_bytes,  attempt_->release_counter, RawNow()};
}

absl::Duration UpdateDriver::DoActivate() {
  const absl::StatusOr<repo::ModelSlots> slots = Slots();
  if (!slots.ok()) return Then(slots.status());
  if (Stopped() && slots->active != attempt_->model_sha256) return StopHere();
  // The power may have gone in the window's last minute.
  if (slots->active != attempt_->model_sha256) {
    if (!attempt_->plan_sha256.empty() && NewerPlanWaits()) return Supersede();
    if (const std::optional<absl::Duration> wait = WaitsForWindow(); wait.has_value()) return *wait;
  }
  // One commit: old or new, never neither.
  const absl::Status activated = parts_.state.Write(
      [&] { return repo::Models(parts_.state.db()).Activate(ModelOfAttempt(), options_.trial_boots); });
  if (!activated.ok()) return Then(activated);
  const absl::Status switched = SwitchTo(attempt_->model_sha256);
  if (IsTransient(switched) && attempt_->tries + 1 < kMostWrongTries) return Retry(switched);
  if (!switched.ok()) return Break(NotLoaded(switched), base::Message(switched));
  inferences_before_ = own_checks_ = 0;
  failed_self_checks_ = suite_crashes_ = suite_not_run_ = 0;
  rechecked_ = RawNow();
  const absl::Duration next = Then(Advance(Event::kActivated));
  if (!dead_ && state_ == State::kConfirm) TellProgress();
  return next;
}

absl::Duration UpdateDriver::DoCommit() {
  const absl::Status saved = Advance(
      Event::kCommitted,
      [](repo::UpdateAttempt& a) {
        a.outcome = static_cast<int>(Outcome::kPassed);
        a.reason = static_cast<int>(Reason::kNone);
        a.error.clear();
      },
      [&] { return repo::Models(parts_.state.db()).Commit(); });
  if (!saved.ok()) return Then(saved);
  failure_.clear();  // what was damaged is whole, or is not wanted any more
  if (!dead_) Collect();
  return absl::ZeroDuration();
}

absl::Duration UpdateDriver::DoRollback() {
  const absl::Status back = parts_.state.Write([&] { return repo::Models(parts_.state.db()).RollBack(); });
  if (!back.ok()) return Then(back);
  if (const absl::Status loaded = LoadActive(); !loaded.ok()) {
    base::Log(base::Severity::kError, "previous_model_does_not_load",
              {{"error", base::LogValue::Error(loaded)}});
    resumed_ = false;  // the next step tries again
  }
  const absl::Status saved = Advance(
      Event::kRolledBack, [](repo::UpdateAttempt& a) { a.outcome = static_cast<int>(Outcome::kRolledBack); });
  if (!saved.ok()) return Then(saved);
  if (!dead_) Collect();
  return absl::ZeroDuration();
}

void UpdateDriver::Collect() {
  std::vector<std::string> keep;
  const absl::Status read = parts_.state.Read([&]() -> absl::Status {
    repo::Models models(parts_.state.db());
    LINNET_ASSIGN_OR_RETURN(const auto installed, models.List());
    for (const repo::InstalledModel& model : installed) keep.push_back(model.sha256);
    return absl::OkStatus();
  });
  if (attempt_.has_value() && state_ < State::kReport) keep.push_back(attempt_->model_sha256);
  if (!read.ok()) return;  // not knowing what to keep, keep all
  if (const absl::Status status = parts_.store.Collect(keep); !status.ok()) {
    base::Log(base::Severity::kWarning, "old_models_not_removed", {{"error", base::LogValue::Error(status)}});
  }
}

void UpdateDriver::TellProgress() {
  if (!attempt_.has_value() || attempt_->plan_sha256.empty()) return;
  if (!SaveAttempt([](repo::UpdateAttempt& a) { ++a.sequence; }).ok()) return;
  OutcomeReport report{attempt_->attempt, attempt_->sequence, state_, Reason::kNone, std::nullopt};
  parts_.link.Report(report).IgnoreError();  // the end is what must arrive
}

absl::Duration UpdateDriver::DoReport() {
  const bool offered = attempt_->plan_sha256.empty();
  if (attempt_->outcome != static_cast<int>(Outcome::kPassed)) SetError(attempt_->error);
  absl::Status told;
  if (!offered) {
    const absl::StatusOr<Credentials> credentials = parts_.link.credentials();
    if (!credentials.ok()) {
      told = credentials.status();
    } else {
      if (const absl::Status saved = SaveAttempt([](repo::UpdateAttempt& a) { ++a.sequence; }); !saved.ok()) {
        return Then(saved);
      }
      OutcomeReport report{attempt_->attempt, attempt_->sequence, State::kReport,
                           static_cast<Reason>(attempt_->reason), std::nullopt};
      if (attempt_->outcome != static_cast<int>(Outcome::kNone)) {
        absl::StatusOr<Receipt> receipt =
            MakeReceipt(*credentials, attempt_->plan_sha256, attempt_->model_sha256,
                        static_cast<Outcome>(attempt_->outcome), attempt_->attempt);
        told = receipt.status();
        if (receipt.ok()) report.receipt = *std::move(receipt);
      }
      if (told.ok()) told = parts_.link.Report(report);
    }
  }
  // A coordinator that does not want it (revoked, unknown) will not want it tomorrow.
  const bool give_up = !told.ok() && !IsTransient(told) && ++refused_reports_ >= kMostRefusedReports;
  if (!told.ok() && !give_up) {
    const absl::Status saved = SaveAttempt([](repo::UpdateAttempt& a) { ++a.tries; });
    if (!saved.ok()) return Then(saved);
    return std::min(backoff_.Before(attempt_->tries), options_.poll);
  }
  refused_reports_ = 0;
  CheckSoon();  // so that the fleet sees what runs here now
  return Then(Advance(Event::kReported));
}

}  // namespace linnet::update
