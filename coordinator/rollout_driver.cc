#include "coordinator/rollout_driver.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"

namespace linnet::coordinator {
namespace {

absl::Status Unknown(std::string_view id) {
  return absl::NotFoundError(
      id.empty() ? std::string("there is no rollout")
                 : absl::StrCat("rollout ", std::string(id), ": not known; see `linnet rollout list`"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<RolloutDriver>> RolloutDriver::Load(
    FleetDatabase& fleet, Cohort& cohort, Notifiers& notifiers, base::Certificate fleet_root,
    const base::Clock& clock) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  std::unique_ptr<RolloutDriver> driver(
      new RolloutDriver(fleet, cohort, notifiers, std::move(fleet_root), clock));
  const base::MutexLock lock(fleet.mutex);
  LINNET_RETURN_IF_ERROR(driver->Reload());
  return driver;
}

absl::Status RolloutDriver::Reload() {
  LINNET_ASSIGN_OR_RETURN(std::vector<repo::RolloutRow> rows, fleet_.rollouts.All());
  std::vector<RolloutRecord> rollouts;
  for (repo::RolloutRow& row : rows) {
    absl::StatusOr<trust::Plan> plan = trust::Plan::FromJson(row.plan_json);
    if (!plan.ok())
      return absl::DataLossError(absl::StrCat("rollout ", row.id, ": ", base::Message(plan.status())));
    LINNET_ASSIGN_OR_RETURN(std::vector<repo::ReceiptRow> receipts, fleet_.rollouts.ReceiptsOf(row.id));
    LINNET_ASSIGN_OR_RETURN(std::vector<repo::TurnRow> turns, fleet_.rollouts.TurnsOf(row.id));
    rollouts.emplace_back(cohort_, std::move(row), *std::move(plan), std::move(receipts), std::move(turns));
  }
  rollouts_ = std::move(rollouts);
  return absl::OkStatus();
}

absl::Status RolloutDriver::Transact(const std::function<absl::Status()>& change) {
  const absl::Status status = fleet_.db->Transact(change);
  if (!status.ok()) stale_ = !Reload().ok();
  return status;
}

absl::Status RolloutDriver::Fresh() {
  if (!stale_) return absl::OkStatus();
  LINNET_RETURN_IF_ERROR(Reload());
  stale_ = false;
  return absl::OkStatus();
}

RolloutRecord* RolloutDriver::Find(std::string_view id) {
  if (id.empty()) return rollouts_.empty() ? nullptr : &rollouts_.back();
  const auto it = std::find_if(rollouts_.begin(), rollouts_.end(),
                               [&](const RolloutRecord& r) { return r.row.id == id; });
  return it == rollouts_.end() ? nullptr : &*it;
}

absl::Status RolloutDriver::Apply(RolloutRecord& rollout, RolloutEvent event, std::string_view actor,
                                  std::string_view why) {
  LINNET_ASSIGN_OR_RETURN(const RolloutState next, Next(rollout.state(), event));
  const absl::Time now = clock_.Now();
  LINNET_RETURN_IF_ERROR(fleet_.rollouts.SetState(rollout.row.id, static_cast<int>(next), now, why));
  LINNET_RETURN_IF_ERROR(
      fleet_.audit.Append(now, actor, absl::StrCat("rollout ", std::string(Name(next))), rollout.row.id));
  rollout.row.state = static_cast<int>(next);
  rollout.row.changed = now;
  rollout.row.why = why;
  ++revision_;
  base::Log(base::Severity::kInfo, "rollout",
            {{"id", base::LogValue::Id(rollout.row.id)}, {"state", base::LogValue::Id(Name(next))}});
  return absl::OkStatus();
}

absl::StatusOr<std::string> RolloutDriver::Start(std::string_view actor, std::string_view target,
                                                 std::string_view plan_sha256, std::string_view plan_json) {
  LINNET_ASSIGN_OR_RETURN(trust::Plan plan, trust::Plan::FromJson(plan_json));
  const absl::Time now = clock_.Now();
  if (plan.expires <= now) {
    return absl::FailedPreconditionError(
        absl::StrCat("plan ", plan.id, " expired on ",
                     absl::FormatTime("%Y-%m-%d", plan.expires, absl::UTCTimeZone()), "; sign a new one"));
  }
  const std::string id = plan.id;
  {
    const base::MutexLock lock(fleet_.mutex);
    LINNET_RETURN_IF_ERROR(Fresh());
    if (const RolloutRecord* known = Find(id); known != nullptr) {
      if (known->row.plan_sha256 == plan_sha256 && Offers(known->state())) return id;
      return absl::FailedPreconditionError(absl::StrCat("rollout ", id, " is ",
                                                        std::string(Name(known->state())),
                                                        " and cannot start again; sign a new plan"));
    }
    LINNET_RETURN_IF_ERROR(plan.CheckPinned());
    const RolloutRecord* back = plan.rolls_back.empty() ? nullptr : Find(plan.rolls_back);
    if (!plan.rolls_back.empty() && (back == nullptr || !Next(back->state(), RolloutEvent::kRollBack).ok())) {
      return absl::FailedPreconditionError(
          absl::StrCat("plan ", id, " takes back rollout ", plan.rolls_back, ", which is ",
                       back == nullptr ? "not known here" : std::string(Name(back->state()))));
    }
    const absl::Status saved = Transact([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex) -> absl::Status {
      for (RolloutRecord& older : rollouts_) {
        const RolloutEvent event =
            older.row.id == plan.rolls_back ? RolloutEvent::kRollBack : RolloutEvent::kNewerPlan;
        if (!Next(older.state(), event).ok()) continue;  // it has ended
        LINNET_RETURN_IF_ERROR(Apply(older, event, actor, absl::StrCat("by rollout ", id)));
      }
      const repo::RolloutRow row{.id = id,
                                 .plan = std::string(target),
                                 .plan_sha256 = std::string(plan_sha256),
                                 .plan_json = std::string(plan_json),
                                 .state = static_cast<int>(RolloutState::kRunning),
                                 .started = now,
                                 .changed = now,
                                 .why = "",
                                 .lifted = {},
                                 .waves_opened = {},
                                 .waves_closed = {}};
      LINNET_RETURN_IF_ERROR(fleet_.rollouts.Add(row));
      LINNET_RETURN_IF_ERROR(fleet_.audit.Append(now, actor, "rollout running", id));
      rollouts_.emplace_back(cohort_, row, std::move(plan), std::vector<repo::ReceiptRow>(),
                             std::vector<repo::TurnRow>());
      ++revision_;
      return Settle(rollouts_.back(), now);
    });
    if (!saved.ok()) return saved;
  }
  notifiers_.NotifyAll();
  return id;
}

absl::Status RolloutDriver::Hold(std::string_view actor, std::string_view id, RolloutEvent event) {
  const bool pause = event == RolloutEvent::kPause;
  {
    const base::MutexLock lock(fleet_.mutex);
    LINNET_RETURN_IF_ERROR(Fresh());
    RolloutRecord* rollout = Find(id);
    if (rollout == nullptr) return Unknown(id);
    if (rollout->state() == (pause ? RolloutState::kPaused : RolloutState::kStopped)) return absl::OkStatus();
    const absl::Status saved = Transact([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex) {
      return Apply(*rollout, event, actor,
                   absl::StrCat(pause ? "paused by " : "stopped by ", std::string(actor)));
    });
    if (!saved.ok()) return saved;
  }
  notifiers_.NotifyAll();
  return absl::OkStatus();
}

absl::Status RolloutDriver::Stop(std::string_view actor, std::string_view id) {
  return Hold(actor, id, RolloutEvent::kStop);
}
absl::Status RolloutDriver::Pause(std::string_view actor, std::string_view id) {
  return Hold(actor, id, RolloutEvent::kPause);
}

absl::Status RolloutDriver::CheckGoesOn(RolloutRecord& rollout, const trust::Lift& lift,
                                        const std::string& what) {
  const uint32_t most = lift.most_failures != 0 ? lift.most_failures : rollout.most_failures();
  if (rollout.failures() >= most) {
    return absl::FailedPreconditionError(absl::StrCat(what, ": ", rollout.failures(),
                                                      " devices failed, it would halt again at ", most,
                                                      "; sign one with a higher --max-failures"));
  }
  const bool forgiven = lift.most_failures != 0 || rollout.forgiven();
  for (size_t wave = 0; wave < rollout.row.waves_opened.size(); ++wave) {
    const WaveCounts heard = rollout.Counts()[wave];
    const WaveCounts counts = forgiven ? heard.WithoutFailures() : heard;
    const trust::PlanWave& rules = rollout.plan.waves[wave];
    std::string why = forgiven ? "" : TooManyFailures(rules, counts);
    if (why.empty() && rollout.AllReported(wave)) why = Missed(rules, counts, /*late=*/false);
    if (why.empty()) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(what, ": it would stand still again (", why, "); ",
                     forgiven ? "sign a new plan" : "sign one with --max-failures, which forgives these"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> RolloutDriver::Lift(std::string_view actor, const trust::Lift& lift) {
  const absl::Time now = clock_.Now();
  {
    const base::MutexLock lock(fleet_.mutex);
    LINNET_RETURN_IF_ERROR(Fresh());
    RolloutRecord* rollout = lift.rollout.empty() ? nullptr : Find(lift.rollout);
    if (rollout == nullptr) return Unknown(lift.rollout);
    const std::string what = absl::StrCat("lift ", lift.number, " of rollout ", lift.rollout);
    if (lift.plan_sha256 != rollout->row.plan_sha256) {
      return absl::FailedPreconditionError(absl::StrCat(what, ": was signed for another plan"));
    }
    if (lift.number <= rollout->row.lifts) {
      return absl::FailedPreconditionError(
          absl::StrCat(what, ": was used, or a later one was; sign a new one with `linnet rollout resume`"));
    }
    if (lift.expires <= now || rollout->plan.expires <= now) {
      return absl::FailedPreconditionError(absl::StrCat(
          what, lift.expires <= now ? ": has expired; sign a new one with `linnet rollout resume`"
                                    : ": the plan itself has expired; sign a new plan"));
    }
    LINNET_RETURN_IF_ERROR(CheckGoesOn(*rollout, lift, what));
    const absl::Status saved = Transact([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex) -> absl::Status {
      LINNET_RETURN_IF_ERROR(Apply(*rollout, RolloutEvent::kLift, actor, ""));
      if (lift.most_failures != 0) rollout->row.most_failures = lift.most_failures;
      rollout->row.lifts = lift.number;
      rollout->row.lifted = now;
      LINNET_RETURN_IF_ERROR(
          fleet_.rollouts.SetLift(lift.rollout, lift.number, rollout->row.most_failures, now));
      LINNET_RETURN_IF_ERROR(fleet_.audit.Append(
          now, actor, "signed lift used",
          absl::StrCat(lift.rollout, " number ", lift.number, ", halts at ", rollout->most_failures())));
      return Settle(*rollout, now);
    });
    if (!saved.ok()) return saved;
  }
  notifiers_.NotifyAll();
  return lift.rollout;
}

bool RolloutDriver::stopping() {
  const base::MutexLock lock(fleet_.mutex);
  return !rollouts_.empty() && Stops(rollouts_.back().state());
}

uint64_t RolloutDriver::revision() {
  const base::MutexLock lock(fleet_.mutex);
  return revision_;
}

}  // namespace linnet::coordinator
