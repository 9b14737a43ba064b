// What an operator sees of a rollout.
#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "coordinator/names.h"
#include "coordinator/rollout_driver.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"

namespace linnet::coordinator {

namespace {

void FillRules(const trust::PlanWave& rules, admin::v1::Wave& wave) {
  wave.set_name(rules.name);
  wave.set_passes_needed(rules.passes_needed);
  wave.set_most_in_flight(rules.most_in_flight);
  wave.set_least_success_ppm(rules.least_success_ppm);
  wave.set_most_failure_ppm(rules.most_failure_ppm);
  wave.set_most_unreached_ppm(rules.most_unreached_ppm);
}

}  // namespace

void RolloutDriver::FillWave(RolloutRecord& rollout, size_t index, absl::Time now, admin::v1::Wave& wave) {
  const size_t opened = rollout.row.waves_opened.size();
  FillRules(rollout.plan.waves[index], wave);
  wave.set_open(index < opened);
  wave.set_passes(static_cast<uint32_t>(rollout.PassesBefore(index).size()));
  if (index < opened) wave.set_opened_unix_micros(absl::ToUnixMicros(rollout.row.waves_opened[index]));
  if (wave.most_in_flight() > 0) wave.set_in_flight(rollout.InFlight(index, now));
  const absl::Time opens = index == opened ? rollout.NextWaveOpens() : absl::InfiniteFuture();
  if (opens > absl::InfinitePast() && opens < absl::InfiniteFuture())
    wave.set_opens_unix_micros(absl::ToUnixMicros(opens));
  const absl::Time deadline = rollout.DeadlineOf(index);
  if (deadline < absl::InfiniteFuture()) wave.set_deadline_unix_micros(absl::ToUnixMicros(deadline));
}

admin::v1::Rollout RolloutDriver::ViewOf(RolloutRecord& rollout) const {
  const absl::Time now = clock_.Now();
  admin::v1::Rollout view;
  view.set_id(rollout.row.id);
  view.set_plan(rollout.row.plan);
  view.set_model_target(rollout.plan.model_target);
  view.set_model_sha256(rollout.plan.model_sha256);
  view.set_state(static_cast<admin::v1::RolloutState>(rollout.row.state));
  view.set_started_unix_micros(absl::ToUnixMicros(rollout.row.started));
  view.set_changed_unix_micros(absl::ToUnixMicros(rollout.row.changed));
  view.set_why(rollout.row.why);
  view.set_failures_to_halt(rollout.most_failures());
  view.set_lifts(rollout.row.lifts);
  view.set_rolls_back(rollout.plan.rolls_back);
  for (size_t i = 0; i < rollout.plan.waves.size(); ++i) FillWave(rollout, i, now, *view.add_waves());
  for (const auto& [id, device] : cohort_.all()) {
    const int index = rollout.WaveOf(id, device.report);
    const auto receipt = rollout.receipts().find(id);
    if (index < 0 || (device.revoked && receipt == rollout.receipts().end())) continue;
    admin::v1::Wave& wave = *view.mutable_waves(index);
    wave.set_devices(wave.devices() + 1);
    admin::v1::DeviceProgress& progress = *view.add_devices();
    progress.set_id(id);
    progress.set_name(device.name);
    progress.set_wave(static_cast<uint32_t>(index));
    progress.set_state(NameOf(static_cast<fleet::v1::UpdateState>(device.report.update_state)));
    progress.set_started(rollout.HasStarted(id));
    if (progress.started()) wave.set_started(wave.started() + 1);
    if (!progress.started() && now >= rollout.DeadlineOf(static_cast<size_t>(index))) {
      progress.set_unreached(true);
      wave.set_unreached(wave.unreached() + 1);
    }
    if (receipt == rollout.receipts().end()) continue;
    const bool passed = Passed(receipt->second);
    passed ? wave.set_passed(wave.passed() + 1) : wave.set_failed(wave.failed() + 1);
    progress.set_reported_unix_micros(absl::ToUnixMicros(receipt->second.received));
    progress.set_outcome(NameOf(static_cast<fleet::v1::Outcome>(receipt->second.outcome)));
    progress.set_reason(NameOf(static_cast<fleet::v1::Reason>(receipt->second.reason)));
    if (passed && rollout.plan.waves[static_cast<size_t>(index)].keys.contains(base::Hex(id)) &&
        !rollout.UnderPinnedKey(receipt->second)) {
      progress.set_reason("not under the key that the plan pins: does not count for later waves");
    }
  }
  return view;
}

std::vector<admin::v1::Rollout> RolloutDriver::List() {
  const base::MutexLock lock(fleet_.mutex);
  std::vector<admin::v1::Rollout> views;
  views.reserve(rollouts_.size());
  for (RolloutRecord& rollout : rollouts_) views.push_back(ViewOf(rollout));
  return views;
}

absl::StatusOr<admin::v1::Rollout> RolloutDriver::View(std::string_view id) {
  const base::MutexLock lock(fleet_.mutex);
  RolloutRecord* rollout = Find(id);
  if (rollout == nullptr) {
    return absl::NotFoundError(id.empty() ? std::string("there is no rollout yet")
                                          : absl::StrCat("rollout ", std::string(id), ": not known"));
  }
  return ViewOf(*rollout);
}

absl::StatusOr<admin::v1::GetPlanResponse> RolloutDriver::SignedPlan(std::string_view id) {
  const base::MutexLock lock(fleet_.mutex);
  RolloutRecord* rollout = Find(id);
  if (rollout == nullptr) {
    return absl::NotFoundError(absl::StrCat("rollout ", std::string(id), ": not known"));
  }
  admin::v1::GetPlanResponse response;
  response.set_plan(rollout->row.plan);
  response.set_plan_json(rollout->row.plan_json);
  return response;
}

}  // namespace linnet::coordinator
