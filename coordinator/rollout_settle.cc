// What follows from the receipts, the members and the time: waves open and close, a rollout halts, pauses or
// completes. Each change is saved in the transaction that found it.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "coordinator/rollout_driver.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"

namespace linnet::coordinator {
namespace {

// In one transaction, so that a check-in waits for the lock some milliseconds at most.
constexpr size_t kMostTurns = 500;
// Turns wait for so long on their way to the disk while a rollout runs; a crash loses these, and such a
// device counts as started when its receipt comes.
constexpr absl::Duration kTurnsEvery = absl::Seconds(5);
constexpr absl::Duration kSoon = absl::Milliseconds(20);
constexpr size_t kMostNames = 10;

}  // namespace

absl::Status RolloutDriver::SaveTurns(RolloutRecord& rollout) {
  for (const repo::TurnRow& turn : rollout.TakeUnsaved(kMostTurns)) {
    LINNET_RETURN_IF_ERROR(fleet_.rollouts.PutTurn(rollout.row.id, turn));
  }
  return absl::OkStatus();
}

absl::Status RolloutDriver::OpenWaves(RolloutRecord& rollout, absl::Time now) {
  std::vector<absl::Time>& opened = rollout.row.waves_opened;
  while (opened.size() < rollout.plan.waves.size()) {
    const size_t wave = opened.size();
    if (rollout.NextWaveOpens() > now) break;
    LINNET_RETURN_IF_ERROR(fleet_.rollouts.OpenWave(rollout.row.id, wave, now));
    LINNET_RETURN_IF_ERROR(fleet_.audit.Append(
        now, "coordinator", "open wave", absl::StrCat(rollout.row.id, " ", rollout.plan.waves[wave].name)));
    opened.push_back(now);
    rollout.row.waves_closed.push_back(absl::UnixEpoch());
    rollout.row.changed = now;
    ++revision_;
  }
  return absl::OkStatus();
}

std::string RolloutDriver::WhyMissed(RolloutRecord& rollout, size_t wave, bool late) {
  const trust::PlanWave& rules = rollout.plan.waves[wave];
  std::string why = Missed(rules, rollout.Judged(wave), late);
  const size_t next = wave + 1;
  if (why.empty() && late && next == rollout.row.waves_opened.size() && next < rollout.plan.waves.size()) {
    const size_t passes = rollout.PassesBefore(next).size();
    if (const size_t needed = rollout.plan.waves[next].passes_needed; passes < needed) {
      why = absl::StrCat("wave ", rules.name, ": ", passes, " of ", needed, " passes that wave ",
                         rollout.plan.waves[next].name, " needs came before its deadline");
    }
  }
  if (why.empty() || !late) return why;
  const std::string names = rollout.Unreached(wave, kMostNames);
  return names.empty() ? why : absl::StrCat(why, "; not reached: ", names);
}

absl::Status RolloutDriver::CloseWaves(RolloutRecord& rollout, absl::Time now) {
  for (size_t wave = 0; wave < rollout.row.waves_opened.size(); ++wave) {
    const bool late = now >= rollout.DeadlineOf(wave);
    const bool has_share = rollout.plan.waves[wave].least_success_ppm > 0;
    if (!late && !(has_share && rollout.AllReported(wave))) continue;
    if (const std::string why = WhyMissed(rollout, wave, late); !why.empty()) {
      return Apply(rollout, RolloutEvent::kWaveMissed, "coordinator", why);
    }
    absl::Time& closed = rollout.row.waves_closed[wave];
    if (!late || closed > absl::UnixEpoch()) continue;
    const WaveCounts counts = rollout.Counts()[wave];
    const std::string names = rollout.Unreached(wave, kMostNames);
    LINNET_RETURN_IF_ERROR(fleet_.rollouts.CloseWave(rollout.row.id, wave, now));
    LINNET_RETURN_IF_ERROR(fleet_.audit.Append(
        now, "coordinator", "wave's deadline is over",
        absl::StrCat(rollout.row.id, " ", rollout.plan.waves[wave].name, ": ", counts.covered, " covered, ",
                     counts.started, " started, ", counts.passed, " passed, ", counts.failed, " failed, ",
                     counts.unreached(), " not reached",
                     names.empty() ? "" : absl::StrCat(" (", names, ")"))));
    closed = now;
    rollout.row.changed = now;
  }
  return absl::OkStatus();
}

absl::Status RolloutDriver::Settle(RolloutRecord& rollout, absl::Time now) {
  const RolloutState state = rollout.state();
  if (Offers(state) || state == RolloutState::kPaused) {
    std::string why;
    if (rollout.failures() >= rollout.most_failures()) {
      why =
          absl::StrCat(rollout.failures(), " devices failed, the rollout halts at ", rollout.most_failures());
    }
    for (size_t wave = 0; why.empty() && wave < rollout.row.waves_opened.size(); ++wave) {
      const trust::PlanWave& rules = rollout.plan.waves[wave];
      if (rules.most_failure_ppm < trust::kAllPpm) why = TooManyFailures(rules, rollout.Judged(wave));
    }
    if (!why.empty()) return Apply(rollout, RolloutEvent::kTooManyFailures, "coordinator", why);
  }
  if (state != RolloutState::kRunning) return absl::OkStatus();
  if (rollout.plan.expires <= now) {
    return Apply(rollout, RolloutEvent::kPlanExpired, "coordinator", "the plan expired; sign a new one");
  }
  LINNET_RETURN_IF_ERROR(OpenWaves(rollout, now));
  LINNET_RETURN_IF_ERROR(CloseWaves(rollout, now));
  if (rollout.state() != RolloutState::kRunning) return absl::OkStatus();
  return Complete(rollout, now);
}

absl::Status RolloutDriver::Complete(RolloutRecord& rollout, absl::Time now) {
  const size_t waves = rollout.plan.waves.size();
  if (rollout.row.waves_opened.size() < waves) return absl::OkStatus();
  if (rollout.WaitsForSomebody(now)) return absl::OkStatus();
  uint32_t covered = 0, reported = 0, unreached = 0;
  bool all_late = true;
  std::string names;
  for (size_t wave = 0; wave < waves; ++wave) {
    const WaveCounts counts = rollout.Counts()[wave];
    covered += counts.covered;
    reported += counts.finished();
    unreached += counts.unreached();
    all_late = all_late && now >= rollout.DeadlineOf(wave);
    if (names.empty() && counts.unreached() > 0) names = rollout.Unreached(wave, kMostNames);
  }
  if (covered == 0 && !all_late) return absl::OkStatus();
  std::string why = "every device has reported";
  if (reported < covered || covered == 0) {
    why = absl::StrCat("its waves' deadlines are over: ", reported, " of ", covered, " devices reported, ",
                       unreached, " were not reached", names.empty() ? "" : absl::StrCat(" (", names, ")"));
  }
  LINNET_RETURN_IF_ERROR(Apply(rollout, RolloutEvent::kAllReported, "coordinator", why));
  return EndRollBack(rollout);
}

absl::Status RolloutDriver::EndRollBack(const RolloutRecord& rollout) {
  RolloutRecord* back = rollout.plan.rolls_back.empty() ? nullptr : Find(rollout.plan.rolls_back);
  if (back == nullptr || back->state() != RolloutState::kRollingBack) return absl::OkStatus();
  return Apply(*back, RolloutEvent::kRollBackEnded, "coordinator",
               absl::StrCat("by rollout ", rollout.row.id));
}

absl::Time RolloutDriver::Tick() {
  const absl::Time now = clock_.Now();
  absl::Time next = now + absl::Minutes(1);
  bool changed = false;
  if (HasReports()) CountInSlices("");
  {
    const base::MutexLock lock(fleet_.mutex);
    if (!Fresh().ok() || rollouts_.empty()) return next;
    if (!rollouts_.back().has_unsaved() && rollouts_.back().state() != RolloutState::kRunning) return next;
    const uint64_t before = revision_;
    const absl::Status status = Transact([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex) -> absl::Status {
      LINNET_RETURN_IF_ERROR(SaveTurns(rollouts_.back()));
      return Settle(rollouts_.back(), now);
    });
    if (!status.ok())
      base::Log(base::Severity::kError, "rollout", {{"error", base::LogValue::Error(status)}});
    changed = revision_ != before;
    if (!rollouts_.empty()) next = std::min(next, NextTick(rollouts_.back(), now));
  }
  if (changed) notifiers_.NotifyAll();
  return std::max(next, now + kSoon);
}

absl::Time RolloutDriver::NextTick(RolloutRecord& rollout, absl::Time now) {
  if (rollout.has_unsaved()) return now + kSoon;
  if (rollout.state() != RolloutState::kRunning) return absl::InfiniteFuture();
  absl::Time next = std::min({now + kTurnsEvery, rollout.plan.expires, rollout.NextWaveOpens()});
  for (size_t wave = 0; wave < rollout.row.waves_opened.size(); ++wave) {
    if (const absl::Time deadline = rollout.DeadlineOf(wave); deadline > now) next = std::min(next, deadline);
  }
  return next;
}

}  // namespace linnet::coordinator
