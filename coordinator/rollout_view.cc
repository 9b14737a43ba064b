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

admin::v1::Rollout RolloutDriver::ViewOf(const Rollout& rollout) const {
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
  const size_t opened = rollout.row.waves_opened.size();
  for (size_t i = 0; i < rollout.plan.waves.size(); ++i) {
    admin::v1::Wave& wave = *view.add_waves();
    wave.set_name(rollout.plan.waves[i].name);
    wave.set_open(i < opened);
    wave.set_passes_needed(rollout.plan.waves[i].passes_needed);
    wave.set_passes(static_cast<uint32_t>(PassesBefore(rollout, i).size()));
    if (i < opened) wave.set_opened_unix_micros(absl::ToUnixMicros(rollout.row.waves_opened[i]));
    const absl::Time opens = i == opened ? NextWaveOpens(rollout) : absl::InfiniteFuture();
    if (opens > absl::InfinitePast() && opens < absl::InfiniteFuture())
      wave.set_opens_unix_micros(absl::ToUnixMicros(opens));
  }
  for (const auto& [id, device] : cohort_.all()) {
    const absl::StatusOr<size_t> index = rollout.plan.WaveOf(id);
    const auto receipt = rollout.receipts.find(id);
    if (!index.ok() || (device.revoked && receipt == rollout.receipts.end())) continue;
    admin::v1::Wave& wave = *view.mutable_waves(static_cast<int>(*index));
    wave.set_devices(wave.devices() + 1);
    admin::v1::DeviceProgress& progress = *view.add_devices();
    progress.set_id(id);
    progress.set_name(device.name);
    progress.set_wave(static_cast<uint32_t>(*index));
    progress.set_state(NameOf(static_cast<fleet::v1::UpdateState>(device.report.update_state)));
    if (receipt == rollout.receipts.end()) continue;
    const bool passed = receipt->second.outcome == fleet::v1::PASSED;
    passed ? wave.set_passed(wave.passed() + 1) : wave.set_failed(wave.failed() + 1);
    progress.set_reported_unix_micros(absl::ToUnixMicros(receipt->second.received));
    progress.set_outcome(NameOf(static_cast<fleet::v1::Outcome>(receipt->second.outcome)));
    progress.set_reason(NameOf(static_cast<fleet::v1::Reason>(receipt->second.reason)));
    if (passed && rollout.plan.waves[*index].keys.contains(base::Hex(id)) &&
        !UnderPinnedKey(rollout.plan, receipt->second)) {
      progress.set_reason("not under the key that the plan pins: does not count for later waves");
    }
  }
  return view;
}

std::vector<admin::v1::Rollout> RolloutDriver::List() {
  const base::MutexLock lock(fleet_.mutex);
  Fresh().IgnoreError();
  std::vector<admin::v1::Rollout> views;
  views.reserve(rollouts_.size());
  for (const Rollout& rollout : rollouts_) views.push_back(ViewOf(rollout));
  return views;
}

absl::StatusOr<admin::v1::Rollout> RolloutDriver::View(std::string_view id) {
  const base::MutexLock lock(fleet_.mutex);
  LINNET_RETURN_IF_ERROR(Fresh());
  const Rollout* rollout = Find(id);
  if (rollout == nullptr) {
    return absl::NotFoundError(id.empty() ? std::string("there is no rollout yet")
                                          : absl::StrCat("rollout ", std::string(id), ": not known"));
  }
  return ViewOf(*rollout);
}

absl::StatusOr<admin::v1::GetPlanResponse> RolloutDriver::SignedPlan(std::string_view id) {
  const base::MutexLock lock(fleet_.mutex);
  LINNET_RETURN_IF_ERROR(Fresh());
  const Rollout* rollout = Find(id);
  if (rollout == nullptr) {
    return absl::NotFoundError(absl::StrCat("rollout ", std::string(id), ": not known"));
  }
  admin::v1::GetPlanResponse response;
  response.set_plan(rollout->row.plan);
  response.set_plan_json(rollout->row.plan_json);
  return response;
}

}  // namespace linnet::coordinator
