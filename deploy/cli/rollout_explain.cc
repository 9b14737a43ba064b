#include "deploy/cli/rollout_explain.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "deploy/cli/plan_rules.h"
#include "deploy/cli/table.h"
#include "runtime/base/hash.h"
#include "runtime/base/string_view.h"

namespace linnet::cli {
namespace {

// A device that has been silent for longer is pointed out: it goes when it comes back.
constexpr absl::Duration kSilent = absl::Hours(24);

std::string Condition(const trust::PlanWave& wave, size_t index) {
  if (index == 0) return "at once";
  std::string out = wave.passes_needed > 0
                        ? absl::StrCat("after ", wave.passes_needed,
                                       wave.passes_needed == 1 ? " pass" : " passes", " of earlier waves")
                        : "after the wave before";
  if (wave.soak > absl::ZeroDuration()) {
    absl::StrAppend(&out, " and ", absl::FormatDuration(wave.soak), " of soak");
  }
  return out;
}

// Activates when, and how many at a time.
std::string HowWave(const trust::PlanWave& wave) {
  return absl::StrCat(wave.windows.empty() ? "" : absl::StrCat(", in ", trust::WindowsText(wave.windows)),
                      wave.most_in_flight == 0 ? "" : absl::StrCat(", ", wave.most_in_flight, " at a time"));
}

std::string WhyNoWave(const trust::Plan& plan, uint32_t bucket, const absl::Status& why) {
  if (absl::IsFailedPrecondition(why)) {  // "plan 0f..: wave all is not for this device: it has ..."
    const std::string message = base::Message(why);
    const size_t begin = message.find(": ");
    return message.substr(begin == std::string::npos ? 0 : begin + 2);
  }
  uint32_t covered = 0;
  for (const trust::PlanWave& wave : plan.waves) {
    if (wave.devices.empty()) covered = std::max(covered, wave.until_bucket);
  }
  return covered == 0
             ? "no wave names it"
             : absl::StrCat("its bucket ", bucket, " is not below ", covered, ", and no wave names it");
}

std::string Note(const trust::Plan& plan, size_t wave, const admin::v1::Device& device,
                 const std::string& pinned, absl::Time now) {
  std::string unknown;
  if (plan.waves[wave].filter.Matches(FactsOf(device), &unknown) == trust::WaveFilter::Answer::kUnknown) {
    return absl::StrCat(unknown, " here: it decides itself whether the wave is for it");
  }
  if (!pinned.empty() && !device.key_sha256().empty() && base::Hex(device.key_sha256()) != pinned) {
    return "has another key than the plan pins: its pass will not count; sign a new plan";
  }
  if (device.model_sha256() == plan.model_sha256) return "runs this model already: passes at once";
  if (device.release_counter() > plan.release_counter) {
    return absl::StrCat("runs release ", device.release_counter(), ", the plan brings ", plan.release_counter,
                        ": refuses if it is of the same family");
  }
  const absl::Time seen = absl::FromUnixMicros(device.last_seen_unix_micros());
  if (now - seen > kSilent) {
    return absl::StrCat("silent for ", absl::FormatDuration(absl::Trunc(now - seen, absl::Hours(1))),
                        ": goes when it comes back");
  }
  return "";
}

}  // namespace

std::string WhenWave(const trust::PlanWave& plan, size_t index, const admin::v1::Rollout* rollout) {
  if (rollout == nullptr || static_cast<int>(index) >= rollout->waves_size()) return Condition(plan, index);
  const admin::v1::Wave& wave = rollout->waves(static_cast<int>(index));
  if (wave.open()) return absl::StrCat("since ", HumanTime(wave.opened_unix_micros()));
  if (wave.opens_unix_micros() != 0) return absl::StrCat("from ", HumanTime(wave.opens_unix_micros()));
  return absl::StrCat(Condition(plan, index), " (", wave.passes(), " of ", plan.passes_needed, " so far)");
}

std::vector<Turn> Explain(const trust::Plan& plan, const admin::v1::ListDevicesResponse& devices,
                          const admin::v1::Rollout* rollout, absl::Time now) {
  std::map<std::string, const admin::v1::DeviceProgress*> progress;
  if (rollout != nullptr) {
    for (const admin::v1::DeviceProgress& d : rollout->devices()) progress[d.id()] = &d;
  }
  const bool offers = rollout == nullptr || rollout->state() == admin::v1::RUNNING ||
                      rollout->state() == admin::v1::COMPLETED;
  std::vector<Turn> turns;
  for (const admin::v1::Device& device : devices.devices()) {
    Turn turn{.device = base::Hex(device.id()), .name = device.name(), .bucket = plan.BucketOf(device.id())};
    const absl::StatusOr<size_t> wave = plan.WaveOf(device.id(), FactsOf(device), /*unknown_fits=*/true);
    if (wave.ok()) {
      const auto& keys = plan.waves[*wave].keys;
      if (const auto key = keys.find(turn.device); key != keys.end()) turn.key_sha256 = key->second;
    }
    const auto said = progress.find(device.id());
    if (device.revoked()) {
      turn.note = "revoked: it is told of no plan";
    } else if (!wave.ok()) {
      turn.note = WhyNoWave(plan, turn.bucket, wave.status());
    } else if (said != progress.end() && !said->second->outcome().empty()) {
      turn.wave = static_cast<int>(*wave);
      turn.when =
          absl::StrCat(said->second->outcome(), " on ", HumanTime(said->second->reported_unix_micros()));
      turn.note = said->second->outcome() == "passed"
                      ? said->second->reason()
                      : absl::StrCat(said->second->reason(), ": is not asked again under this plan");
    } else {
      turn.wave = static_cast<int>(*wave);
      turn.when = offers
                      ? absl::StrCat(WhenWave(plan.waves[*wave], *wave, rollout), HowWave(plan.waves[*wave]))
                      : "not while the rollout stands still";
      turn.note = said != progress.end() && said->second->unreached()
                      ? "was not reached before its wave's deadline: goes when it comes back"
                      : Note(plan, *wave, device, turn.key_sha256, now);
    }
    turns.push_back(std::move(turn));
  }
  std::sort(turns.begin(), turns.end(), [](const Turn& a, const Turn& b) {
    return std::make_tuple(a.wave < 0, a.wave, a.name) < std::make_tuple(b.wave < 0, b.wave, b.name);
  });
  return turns;
}

}  // namespace linnet::cli
