// What an operator sees of a rollout.
#include <algorithm>
#include <iterator>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "coordinator/names.h"
#include "coordinator/rollout_driver.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"

namespace linnet::coordinator {
namespace {

// Of some 150 bytes each; the lock that check-ins need is held meanwhile.
constexpr uint32_t kMostLinesInPage = 2'000;
constexpr size_t kMostCountedAtOnce = 2'000;  // about as long

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
  const WaveCounts counts = rollout.Counts()[index];
  wave.set_devices(counts.covered);
  wave.set_started(counts.started);
  wave.set_passed(counts.passed);
  wave.set_failed(counts.failed);
  if (now >= deadline) wave.set_unreached(counts.unreached());
}

bool RolloutDriver::HasReports() {
  const base::MutexLock lock(fleet_.mutex);
  return !rollouts_.empty() && !rollouts_.back().receipts().empty();
}

void RolloutDriver::CountInSlices(std::string_view id) {
  size_t looked_at = 0, members = 0;
  // Where members change all the time it ends, too, and the rest is counted at once.
  do {
    {
      const base::MutexLock lock(fleet_.mutex);
      RolloutRecord* rollout = Find(id);
      if (rollout == nullptr || rollout->CountOn(kMostCountedAtOnce)) return;
      members = cohort_.all().size();
    }
    looked_at += kMostCountedAtOnce;
    // Else this thread would have the lock again before those who wait.
    absl::SleepFor(absl::Microseconds(100));
  } while (looked_at < 2 * members);
}

admin::v1::Rollout RolloutDriver::ViewOf(RolloutRecord& rollout, uint32_t most_devices) const {
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
  uint64_t covered = 0;
  for (const WaveCounts& counts : rollout.Counts()) covered += counts.covered;
  view.set_devices_left_out(covered > most_devices);
  if (view.devices_left_out()) return view;
  for (const auto& [id, device] : cohort_.all()) {
    admin::v1::DeviceProgress line;
    if (LineOf(rollout, device, now, line)) *view.add_devices() = std::move(line);
  }
  return view;
}

bool RolloutDriver::LineOf(RolloutRecord& rollout, const repo::DeviceRow& device, absl::Time now,
                           admin::v1::DeviceProgress& line) {
  const int index = rollout.WaveOf(device.id, device.report);
  const auto receipt = rollout.receipts().find(device.id);
  if (index < 0 || (device.revoked && receipt == rollout.receipts().end())) return false;
  line.set_id(device.id);
  line.set_name(device.name);
  line.set_wave(static_cast<uint32_t>(index));
  line.set_state(NameOf(static_cast<fleet::v1::UpdateState>(device.report.update_state)));
  line.set_started(rollout.HasStarted(device.id));
  line.set_unreached(!line.started() && now >= rollout.DeadlineOf(static_cast<size_t>(index)));
  if (receipt == rollout.receipts().end()) return true;
  line.set_reported_unix_micros(absl::ToUnixMicros(receipt->second.received));
  line.set_outcome(NameOf(static_cast<fleet::v1::Outcome>(receipt->second.outcome)));
  line.set_reason(NameOf(static_cast<fleet::v1::Reason>(receipt->second.reason)));
  if (Passed(receipt->second) &&
      rollout.plan.waves[static_cast<size_t>(index)].keys.contains(base::Hex(device.id)) &&
      !rollout.UnderPinnedKey(receipt->second)) {
    line.set_reason("not under the key that the plan pins: does not count for later waves");
  }
  return true;
}

std::vector<admin::v1::Rollout> RolloutDriver::List(std::string_view after, size_t most,
                                                    uint32_t most_devices) {
  std::vector<admin::v1::Rollout> views;
  std::string last(after);
  // One at a time: the first look at a rollout counts the whole fleet, and devices want to check in between.
  while (views.size() < most) {
    {
      const base::MutexLock lock(fleet_.mutex);
      if (!Fresh().ok()) break;
      auto next = rollouts_.cbegin();
      if (!last.empty()) {
        next = std::find_if(rollouts_.cbegin(), rollouts_.cend(),
                            [&](const RolloutRecord& r) { return r.row.id == last; });
        if (next != rollouts_.cend()) ++next;
      }
      if (next == rollouts_.cend()) break;
      last = next->row.id;
    }
    absl::StatusOr<admin::v1::Rollout> view = View(last, most_devices);
    if (!view.ok()) break;
    most_devices -= static_cast<uint32_t>(view->devices_size());
    views.push_back(*std::move(view));
  }
  return views;
}

absl::StatusOr<admin::v1::ListProgressResponse> RolloutDriver::Progress(
    const admin::v1::ListProgressRequest& request) {
  const absl::Time now = clock_.Now();
  const base::MutexLock lock(fleet_.mutex);
  LINNET_RETURN_IF_ERROR(Fresh());
  RolloutRecord* rollout = Find(request.rollout_id());
  if (rollout == nullptr) {
    return absl::NotFoundError(absl::StrCat("rollout ", request.rollout_id(), ": not known"));
  }
  const uint32_t most =
      request.page_size() == 0 ? kMostLinesInPage : std::min(request.page_size(), kMostLinesInPage);
  admin::v1::ListProgressResponse page;
  // By the members that are looked at, not by the lines that come of it: so long the lock is held.
  uint32_t looked_at = 0;
  auto member = cohort_.all().upper_bound(request.page_token());
  for (; member != cohort_.all().end() && looked_at < most; ++member, ++looked_at) {
    admin::v1::DeviceProgress line;
    if (request.reported() && !rollout->receipts().contains(member->first)) continue;
    if (LineOf(*rollout, member->second, now, line)) *page.add_devices() = std::move(line);
  }
  if (member != cohort_.all().end()) page.set_next_page_token(std::prev(member)->first);
  return page;
}

absl::StatusOr<admin::v1::Rollout> RolloutDriver::View(std::string_view id, uint32_t most_devices) {
  CountInSlices(id);
  const base::MutexLock lock(fleet_.mutex);
  LINNET_RETURN_IF_ERROR(Fresh());
  RolloutRecord* rollout = Find(id);
  if (rollout == nullptr) {
    return absl::NotFoundError(id.empty() ? std::string("there is no rollout yet")
                                          : absl::StrCat("rollout ", std::string(id), ": not known"));
  }
  return ViewOf(*rollout, most_devices);
}

absl::StatusOr<admin::v1::GetPlanResponse> RolloutDriver::SignedPlan(std::string_view id) {
  const base::MutexLock lock(fleet_.mutex);
  LINNET_RETURN_IF_ERROR(Fresh());
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
