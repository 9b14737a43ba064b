// DOWNLOAD to ROLLBACK and REPORT: each state is saved, each action may run twice.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/update/plan_check.h"
#include "agent/update/receipts.h"
#include "agent/update/update_driver.h"
#include "runtime/base/hash.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "storage/trust/plan.h"
#include "storage/trust/release_suite.h"

namespace linnet::update {
namespace {

// Tries without one new chunk: about two days at the longest pause.
constexpr uint32_t kMostSilentTries = 60;
// A source that keeps sending wrong bytes, a disk that stays full.
constexpr uint32_t kMostWrongTries = 4;
// Once may be an accident (memory was short); twice is the model.
constexpr uint32_t kMostProbes = 2;
constexpr uint32_t kMostFailedSelfChecks = 2;
constexpr uint32_t kMostRefusedReports = 5;
constexpr absl::Duration kTrialTick = absl::Seconds(1);
constexpr absl::Duration kHeldTick = absl::Seconds(5);

absl::StatusOr<std::string> HashOfFile(base::FileSystem& fs, const std::string& path) {
  constexpr uint64_t kPiece = 1 << 20;
  LINNET_ASSIGN_OR_RETURN(const base::FileInfo info, fs.Stat(path));
  base::Sha256Hasher hasher;
  for (uint64_t at = 0; at < info.size_bytes; at += kPiece) {
    LINNET_ASSIGN_OR_RETURN(const std::string piece,
                            fs.ReadAt(path, at, std::min(kPiece, info.size_bytes - at)));
    hasher.Update(base::AsBytes(piece));
  }
  return std::string(base::AsView(hasher.Finish()));
}

// Of a suite, as the probe says it; nothing where it says nothing.
struct Score {
  uint64_t passed = 0, cases = 0;
};
Score ScoreOf(const nlohmann::json& said) {
  const auto suite = said.find("suite");
  if (suite == said.end() || !suite->is_object()) return {};
  const auto count = [&](const char* name) {
    const auto it = suite->find(name);
    return it != suite->end() && it->is_number_unsigned() ? it->get<uint64_t>() : uint64_t{0};
  };
  return {count("passed"), count("cases")};
}

std::string Percent(uint32_t ppm) { return absl::StrCat(static_cast<double>(ppm) / 10'000, " %"); }

bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) || absl::IsUnknown(status) ||
         absl::IsAborted(status) || absl::IsCancelled(status) || absl::IsResourceExhausted(status);
}

}  // namespace

absl::Duration UpdateDriver::BreakOrRetry(Reason reason, const absl::Status& status) {
  if (!IsTransient(status)) return Break(reason, base::Message(status));
  if (attempt_->tries + 1 < kMostSilentTries) return Retry(status);
  return Break(absl::IsResourceExhausted(status) ? Reason::kNoSpace : Reason::kDownloadFailed,
               base::Message(status));
}

absl::Duration UpdateDriver::DoDownload() {
  if (Stopped()) return StopHere();
  const absl::StatusOr<chunks::ChunkIndex> index = chunks::ChunkIndex::FromJson(attempt_->index_json);
  if (!index.ok()) return Break(Reason::kHashMismatch, base::Message(index.status()));
  uint64_t first = UINT64_MAX, done = 0;
  const auto progress = [&](uint64_t bytes, uint64_t) {
    first = std::min(first, bytes);
    done = bytes;
  };
  const absl::StatusOr<std::string> path = parts_.store.Complete(
      *index, parts_.link.ChunksOf(index->file_sha256), progress, [&] { return Stopped() || quit_; });
  if (path.ok()) {
    SetError("");
    return Then(Advance(Event::kComplete));
  }
  if (quit_) return absl::InfiniteDuration();
  if (Stopped()) return StopHere();
  const absl::Status& status = path.status();
  if (first != UINT64_MAX && done > first && attempt_->tries > 0) {
    const absl::Status saved = SaveAttempt([](repo::UpdateAttempt& a) { a.tries = 0; });
    if (!saved.ok()) return Then(saved);
  }
  if (absl::IsDataLoss(status) && attempt_->tries + 1 >= kMostWrongTries) {
    return Break(Reason::kHashMismatch, base::Message(status));
  }
  if (absl::IsResourceExhausted(status)) {
    Collect();
    if (attempt_->tries + 1 >= kMostWrongTries) return Break(Reason::kNoSpace, base::Message(status));
  }
  if (attempt_->tries + 1 >= kMostSilentTries) return Break(Reason::kDownloadFailed, base::Message(status));
  return Retry(status);
}

absl::Duration UpdateDriver::DoVerify() {
  if (Stopped()) return StopHere();
  const absl::StatusOr<std::string> path = parts_.store.PathOf(attempt_->model_sha256);
  if (!path.ok()) return BreakOrRetry(Reason::kHashMismatch, path.status());
  const absl::StatusOr<std::string> hash = HashOfFile(parts_.fs, *path);
  if (!hash.ok()) return BreakOrRetry(Reason::kHashMismatch, hash.status());
  if (*hash != attempt_->model_sha256) {
    return Break(Reason::kHashMismatch,
                 absl::StrCat(attempt_->model_target, ": is ", base::Hex(*hash).substr(0, 16),
                              "..., signed is ", base::Hex(attempt_->model_sha256).substr(0, 16), "..."));
  }
  // Here, where every way in comes by: of anything else not a byte more is read, not even by the probe.
  if (const absl::Status packed = CheckIsPacked(parts_.fs, *path, attempt_->model_target); !packed.ok()) {
    return BreakOrRetry(Reason::kNotPacked, packed);
  }
  const absl::Duration next = Then(Advance(Event::kVerified));
  if (!dead_ && state_ == State::kStage) TellProgress();
  return next;
}

absl::Duration UpdateDriver::DoStage() {
  if (Stopped()) return StopHere();
  if (attempt_->probes >= kMostProbes) {
    return Break(Reason::kCrashed,
                 absl::StrCat(attempt_->model_target, ": the self-check died ", attempt_->probes, " times"));
  }
  const absl::StatusOr<std::string> path = parts_.store.PathOf(attempt_->model_sha256);
  if (!path.ok()) return BreakOrRetry(Reason::kHashMismatch, path.status());
  std::string suite;
  if (!attempt_->suite_json.empty()) {
    suite = options_.trust_dir + ".suite.json";
    if (const absl::Status written = parts_.fs.WriteFileAtomic(suite, attempt_->suite_json); !written.ok()) {
      return Retry(written);
    }
  }
  // Counted first: a model whose load takes the whole machine down is tried twice, not for ever.
  if (const absl::Status saved = SaveAttempt([](repo::UpdateAttempt& a) { ++a.probes; }); !saved.ok()) {
    return Then(saved);
  }
  const ProbeResult result = parts_.probe.Run(*path, suite, [&] { return Stopped() || quit_; });
  switch (result.kind) {
    case ProbeResult::Kind::kPassed:
      return Then(Advance(Event::kLoaded, [&](repo::UpdateAttempt& a) { a.probe_json = result.json; }));
    case ProbeResult::Kind::kFailed:
      return Break(Reason::kWillNotLoad, result.message);
    case ProbeResult::Kind::kTimedOut:
      return Break(Reason::kTimedOut, result.message);
    case ProbeResult::Kind::kCrashed:
      SetError(result.message);
      return backoff_.Before(1);
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
  const nlohmann::json said = nlohmann::json::parse(attempt_->probe_json, nullptr, false);
  const bool ok =
      said.is_object() && said.contains("ok") && said["ok"].is_boolean() && said["ok"].get<bool>();
  if (!ok) {
    return Break(Reason::kSelfCheckFailed,
                 absl::StrCat(attempt_->model_target, ": the self-check did not say \"ok\""));
  }
  if (!attempt_->suite_json.empty()) {
    const Score score = ScoreOf(said);
    const trust::SuiteRule rule{.sha256 = "", .least_ppm = attempt_->suite_least_ppm};
    if (!rule.Passes(score.passed, score.cases)) {
      return Break(
          Reason::kSelfCheckFailed,
          absl::StrCat(attempt_->model_target, ": ", score.passed, " of ", score.cases,
                       " answers are what its suite expects; ", Percent(rule.least_ppm), " must be"));
    }
  }
  // A download may take hours. The last moment at which nothing has changed yet.
  const auto end = [&](Reason reason, const absl::Status& why) {
    return Then(Advance(Event::kStopped, [&](repo::UpdateAttempt& a) {
      a.outcome = static_cast<int>(Outcome::kNone);  // it says nothing about the model
      a.reason = static_cast<int>(reason);
      a.error = base::Message(why);
    }));
  };
  LookAgainForRevocations();
  if (const absl::Status member = CheckNotRevoked(); absl::IsPermissionDenied(member)) {
    return end(Reason::kNotForThisDevice, member);
  }
  if (!attempt_->plan_sha256.empty()) {  // else no coordinator's business
    LookAgainAtLog();
    if (const absl::Status may = parts_.witness.MayInstall(); absl::IsPermissionDenied(may)) {
      return end(Reason::kSplitView, may);
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
  // One commit: old or new, never neither.
  const absl::Status activated = parts_.state.Write(
      [&] { return repo::Models(parts_.state.db()).Activate(ModelOfAttempt(), options_.trial_boots); });
  if (!activated.ok()) return Then(activated);
  const absl::Status switched = SwitchTo(attempt_->model_sha256);
  if (IsTransient(switched) && attempt_->tries + 1 < kMostWrongTries) return Retry(switched);
  if (!switched.ok()) return Break(Reason::kWillNotLoad, base::Message(switched));
  trial_since_ = RawNow();
  failed_self_checks_ = 0;
  const absl::Duration next = Then(Advance(Event::kActivated));
  if (!dead_ && state_ == State::kConfirm) TellProgress();
  return next;
}

bool UpdateDriver::TrialIsDone(absl::Duration* wait) {
  absl::Duration time = options_.offered_confirm_time;
  uint32_t inferences = options_.offered_confirm_inferences;
  if (!attempt_->plan_json.empty()) {
    if (const absl::StatusOr<trust::Plan> plan = trust::Plan::FromJson(attempt_->plan_json); plan.ok()) {
      time = plan->confirm_time;
      inferences = plan->confirm_inferences;
    }
  }
  const absl::Time now = RawNow();
  if (now < trial_since_) trial_since_ = now;  // the clock was set back: start over
  *wait = std::clamp(trial_since_ + time - now, absl::ZeroDuration(), kTrialTick);
  return now >= trial_since_ + time && parts_.host.inferences() >= inferences && failed_self_checks_ == 0;
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
    return kHeldTick;  // nothing changed, so nothing is saved
  }
  absl::Duration wait;
  if (TrialIsDone(&wait)) {
    SetError("");
    return Then(Advance(Event::kConfirmed));
  }
  // An idle device asks itself.
  const absl::Status checked = parts_.host.SelfCheck();
  failed_self_checks_ = checked.ok() ? 0 : failed_self_checks_ + 1;
  if (failed_self_checks_ >= kMostFailedSelfChecks) {
    return Break(Reason::kSelfCheckFailed, base::Message(checked));
  }
  return TrialIsDone(&wait) ? absl::ZeroDuration() : wait;
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
  if (!dead_) Collect();
  return absl::ZeroDuration();
}

absl::Duration UpdateDriver::DoRollback() {
  const absl::Status back = parts_.state.Write([&] { return repo::Models(parts_.state.db()).RollBack(); });
  if (!back.ok()) return Then(back);
  const absl::StatusOr<repo::ModelSlots> slots = Slots();
  if (!slots.ok()) return Then(slots.status());
  if (const absl::Status loaded = SwitchTo(slots->active); !loaded.ok()) {
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
