// IDLE, CHECK, METADATA, PLAN: nothing is saved, a restart asks again.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/update/deadlines.h"
#include "agent/update/plan_check.h"
#include "agent/update/time_floor.h"
#include "agent/update/timed_link.h"
#include "agent/update/update_driver.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"

namespace linnet::update {
namespace {

// Whatever a coordinator says, a device is asked at most this often and this seldom.
constexpr absl::Duration kLeastPoll = absl::Seconds(1);
constexpr absl::Duration kMostPoll = absl::Hours(24);

}  // namespace

bool UpdateDriver::CheckIsDue() {
  const absl::Time now = RawNow();
  // A clock that was set back, by years perhaps, holds nothing up.
  if (last_check_ > now) last_check_ = absl::InfinitePast();
  if (next_check_ - now > 2 * kMostPoll) next_check_ = now;
  if (check_soon_.exchange(false)) next_check_ = std::min(next_check_, last_check_ + kLeastPoll);
  return now >= next_check_;
}

absl::Duration UpdateDriver::DoIdle() {
  // What is to be repaired waits for a check that is due: perhaps a newer release is to run here.
  const bool due = CheckIsDue(), enrolled = parts_.link.credentials().ok();  // else Enroll wakes us
  if (due && loaded_.empty()) LoadAgain();
  if (due && enrolled) return Then(Advance(Event::kDue));
  const absl::Duration repair = UntilRepair();
  if (repair <= absl::ZeroDuration()) return BeginRepair();
  const absl::Duration check = due ? kMostPoll : std::max(next_check_ - RawNow(), absl::Milliseconds(1));
  return std::min(check, repair);
}

absl::StatusOr<CheckInAnswer> UpdateDriver::CheckIn() {
  last_check_ = RawNow();
  CheckInFacts facts;
  facts.state = state_ == State::kCheck ? State::kIdle : state_.load();
  LINNET_RETURN_IF_ERROR(parts_.state.Read([&]() -> absl::Status {
    repo::Models models(parts_.state.db());
    LINNET_ASSIGN_OR_RETURN(const repo::ModelSlots slots, models.Slots());
    // What answers, where another than the active one does.
    LINNET_ASSIGN_OR_RETURN(const auto runs, models.Find(loaded_.empty() ? slots.active : loaded_));
    if (runs.has_value()) {
      facts.model_sha256 = runs->sha256;
      facts.release_counter = runs->release_counter;
    }
    return absl::OkStatus();
  }));
  facts.free_flash_bytes = parts_.fs.FreeBytes(options_.trust_dir).value_or(0);
  absl::StatusOr<CheckInAnswer> answer = parts_.link.CheckIn(facts);
  if (!answer.ok()) return answer;
  stop_ = answer->stop;
  const absl::Duration said = answer->next_check > absl::ZeroDuration() ? answer->next_check : options_.poll;
  next_check_ = RawNow() + backoff_.Around(std::clamp(said, kLeastPoll, kMostPoll));
  return answer;
}

absl::Duration UpdateDriver::DoCheck() {
  absl::StatusOr<CheckInAnswer> answer = CheckIn();
  if (!answer.ok()) return Later(answer.status());
  answer_ = *std::move(answer);
  const bool to_place = answer_.log_size > 0 && parts_.witness.HasUnproved();
  // A smaller number is news too: a new timestamp key may begin anew behind one that ran ahead.
  if (answer_.plan.empty() && answer_.timestamp_version == timestamp_version_ && !to_place) {
    check_tries_ = 0;
    SetError(failure_);
    return Then(Advance(Event::kNothing));
  }
  return Then(Advance(Event::kAnswered));
}

absl::Duration UpdateDriver::DoMetadata() {
  absl::StatusOr<std::unique_ptr<trust::Updater>> updater = trust::Updater::Open(trust_, Now());
  if (!updater.ok()) return Later(updater.status());
  updater_ = *std::move(updater);
  // A refresh that ends half-way leaves newer roles than that: then the next check looks again, whatever
  // version it is told of.
  timestamp_version_ = 0;
  TimedLink link(parts_.link, parts_.clock, kLookTime);
  const absl::Status refreshed = updater_->Refresh(link.metadata());
  if (!refreshed.ok()) return Later(refreshed);
  if (const absl::Status learned = LearnTime(parts_.state, trust_, RawNow()); !learned.ok()) {
    return Later(learned);
  }
  if (const absl::Status learned = LearnRevocations(*updater_, link); !learned.ok()) return Later(learned);
  if (const absl::Status shown = parts_.witness.Check(link, answer_.log_size); !shown.ok()) {
    return Later(shown);
  }
  timestamp_version_ = updater_->version("timestamp");
  return Then(Advance(Event::kTrusted));
}

absl::StatusOr<PlanVerdict> UpdateDriver::Judge(const CheckInAnswer& answer, trust::Updater& updater,
                                                Link& link, const Credentials& credentials) const {
  const PlanContext context{.updater = updater,
                            .link = link,
                            .state = parts_.state,
                            .device_id = credentials.device_id,
                            .fleet_root = &credentials.fleet_root,
                            .now = Now(),
                            .uptime = RawNow(),
                            .revocations = &parts_.revocations,
                            .timestamp_expires = TimestampExpires(trust_),
                            .facts = options_.facts};
  return CheckPlan(context, answer);
}

absl::Duration UpdateDriver::DoPlan() {
  const absl::StatusOr<Credentials> credentials = parts_.link.credentials();
  if (!credentials.ok()) return Later(credentials.status());
  if (answer_.plan.empty() || stop_) {
    check_tries_ = 0;
    SetError(answer_.plan.empty() ? failure_ : "stopped by the operator");
    return Then(Advance(Event::kNothing));
  }
  if (absl::IsPermissionDenied(CheckNotRevoked())) {
    check_tries_ = 0;
    return Then(Advance(Event::kNothing));  // last_error says it
  }
  if (const absl::Status may = parts_.witness.MayInstall(); !may.ok()) {
    if (!absl::IsPermissionDenied(may)) return Later(may);
    check_tries_ = 0;
    return Then(Advance(Event::kNothing));  // last_error says it
  }
  TimedLink link(parts_.link, parts_.clock, kLookTime);
  absl::StatusOr<PlanVerdict> verdict = Judge(answer_, *updater_, link, *credentials);
  if (!verdict.ok()) return Later(verdict.status());
  check_tries_ = 0;
  // A plan that has ended here has nothing new to say: what it ended with is still the matter.
  const bool nothing_new = verdict->event == Event::kNothing && verdict->message.empty();
  SetError(nothing_new ? failure_ : verdict->message);
  if (verdict->event == Event::kNothing) {
    next_check_ = std::min(next_check_, verdict->again);
    return Then(Advance(Event::kNothing));
  }
  failure_.clear();
  const absl::Status saved = Advance(verdict->event, [&](repo::UpdateAttempt& a) {
    const absl::Time started = a.started;
    a = verdict->attempt;
    a.started = started;
  });
  if (!saved.ok()) {
    // Not saved: not decided.
    SetState(State::kPlan);
    return Later(saved);
  }
  if (!dead_ && state_ == State::kDownload) TellProgress();
  return absl::ZeroDuration();
}

}  // namespace linnet::update
