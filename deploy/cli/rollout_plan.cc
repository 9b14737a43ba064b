#include "deploy/cli/rollout_plan.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "deploy/cli/print.h"
#include "deploy/cli/site_lists.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"

namespace linnet::cli {
namespace {

// Adds a canary with its key. `said`: the key that the operator has from the device itself; empty: none.
absl::Status Pin(const admin::v1::Device& device, const std::string& said, trust::PlanWave& wave) {
  const std::string id = base::Hex(device.id());
  const std::string key = base::Hex(device.key_sha256());
  if (!said.empty() && !key.empty() && said != key) {
    return absl::FailedPreconditionError(absl::StrCat(
        device.name(), ": its key is ", key, " to the coordinator, not ", said,
        "; see `linnet status` on the device: if the key there is yours, the coordinator lies; if it is the "
        "coordinator's, the device has renewed its certificate"));
  }
  if (said.empty() && key.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(device.name(),
                     ": the coordinator does not say its key; upgrade the coordinator, or give "
                     "the key that `linnet status` on the device shows: --canary-device ",
                     device.name(), "=KEY"));
  }
  wave.devices.push_back(id);
  wave.keys.emplace(id, said.empty() ? key : said);
  return absl::OkStatus();
}

// What `device` is not that the wave asks for; empty: it fits, or it is not known whether.
std::string WhyNot(const trust::PlanWave& wave, const admin::v1::Device& device) {
  std::string why;
  return wave.filter.Matches(FactsOf(device), &why) == trust::WaveFilter::Answer::kNo ? why : "";
}

// The canaries: those named, or the first `count` by the plan's own bucket order, so that it is not always
// the same device.
absl::StatusOr<trust::PlanWave> Canaries(const PlanOptions& o, const trust::Plan& plan,
                                         const admin::v1::ListDevicesResponse& devices) {
  std::vector<std::pair<uint32_t, const admin::v1::Device*>> live;
  trust::PlanWave chosen{.name = "canary"};
  LINNET_RETURN_IF_ERROR(SetRules(o.rules, chosen));
  for (const admin::v1::Device& d : devices.devices()) {
    if (d.revoked() || !WhyNot(chosen, d).empty()) continue;
    live.emplace_back(plan.BucketOf(d.id()), &d);
  }
  for (const std::string& option : o.canary_devices) {
    const size_t end = option.find('=');
    const std::string name = option.substr(0, end);
    const std::string said = end == std::string::npos ? "" : option.substr(end + 1);
    if (end != std::string::npos &&
        (said.size() != 64 || said.find_first_not_of("0123456789abcdef") != std::string::npos)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--canary-device ", option,
                       ": NAME or NAME=KEY expected, KEY as `linnet status` on the device shows it (64 "
                       "lower-case hex digits)"));
    }
    const auto found =
        std::find_if(devices.devices().begin(), devices.devices().end(),
                     [&](const admin::v1::Device& d) { return d.name() == name && !d.revoked(); });
    if (found == devices.devices().end())
      return absl::NotFoundError(absl::StrCat(name, ": no such device at this site"));
    if (const std::string why = WhyNot(chosen, *found); !why.empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat("--canary-device ", name, ": is no device for this plan: it ", why));
    }
    LINNET_RETURN_IF_ERROR(Pin(*found, said, chosen));
  }
  if (!chosen.devices.empty()) return chosen;
  if (live.size() < o.canary) {
    return absl::FailedPreconditionError(absl::StrCat("the site has ", live.size(),
                                                      chosen.filter.empty() ? "" : " such", " devices, ",
                                                      o.canary, " canaries were asked for"));
  }
  std::sort(live.begin(), live.end(), [](const auto& a, const auto& b) {
    return std::make_pair(a.first, a.second->id()) < std::make_pair(b.first, b.second->id());
  });
  for (uint32_t i = 0; i < o.canary; ++i) LINNET_RETURN_IF_ERROR(Pin(*live[i].second, "", chosen));
  return chosen;
}

// Of the known devices that the plan's waves so far cover, half must pass before the next: a wave may be
// empty at a small site, and then it holds nothing up.
uint32_t HalfOf(const trust::Plan& plan, const admin::v1::ListDevicesResponse& devices) {
  const auto covered =
      std::count_if(devices.devices().begin(), devices.devices().end(), [&](const admin::v1::Device& d) {
        return !d.revoked() && plan.WaveOf(d.id(), FactsOf(d), false).ok();
      });
  return static_cast<uint32_t>((covered + 1) / 2);
}

// Those after the canaries. Where a plan names canaries only their passes count, in each later wave.
absl::Status AddWaves(const PlanOptions& o, const admin::v1::ListDevicesResponse& devices,
                      trust::Plan& plan) {
  LINNET_ASSIGN_OR_RETURN(std::vector<uint32_t> buckets, BucketsOf(o.rules));
  const bool canaries = !plan.waves.empty();
  const auto named = canaries ? static_cast<uint32_t>(plan.waves[0].devices.size()) : 0;
  if (o.then == "none") {
    if (!buckets.empty()) return absl::InvalidArgumentError("--waves: nobody follows with --then none");
    if (canaries) return absl::OkStatus();
  }
  const bool all = buckets.empty();
  if (all) buckets = {10'000};
  for (const uint32_t bucket : buckets) {
    trust::PlanWave wave{.name = all ? "all" : absl::StrCat(bucket / 100.0, "%"), .until_bucket = bucket};
    LINNET_RETURN_IF_ERROR(SetRules(o.rules, wave));
    if (!plan.waves.empty()) {
      wave.passes_needed = canaries ? named : HalfOf(plan, devices);
      wave.soak = absl::Seconds(o.soak_seconds);
    }
    plan.waves.push_back(std::move(wave));
  }
  return absl::OkStatus();
}

std::string NameOf(const std::string& id, const admin::v1::ListDevicesResponse& devices) {
  for (const admin::v1::Device& d : devices.devices()) {
    if (base::Hex(d.id()) == id) return d.name();
  }
  return id;
}

}  // namespace

void AddPlanOptions(CLI::App* command, PlanOptions& options) {
  command
      ->add_option("--canary", options.canary,
                   "how many devices go first, their keys as the coordinator says; 0: all at once")
      ->capture_default_str();
  command->add_option(
      "--canary-device", options.canary_devices,
      "these devices go first: NAME, or NAME=KEY with the key that `linnet status` on the device "
      "shows, which the coordinator then cannot make up");
  command
      ->add_option("--then", options.then,
                   "all: the others follow when the canaries passed (--waves: in steps); none")
      ->check(CLI::IsMember({"all", "none"}));
  command->add_option("--soak-seconds", options.soak_seconds,
                      "between the passes of a wave and the next (600)");
  command->add_option("--confirm-seconds", options.confirm_seconds,
                      "a device's up-time on trial, summed over its starts (600)");
  command->add_option(
      "--confirm-inferences", options.confirm_inferences,
      "answers on trial; an idle device answers the model's suite once more, or asks itself (20)");
  command
      ->add_option("--max-failures", options.most_failures,
                   "halt at this many (1; with --max-failure-percent: at no number)")
      ->check(CLI::PositiveNumber);
  command->add_option("--valid-days", options.valid_days, "until the plan expires (180)")
      ->check(CLI::PositiveNumber);
  AddPlanRules(command, options.rules);
}

absl::StatusOr<admin::v1::ListDevicesResponse> KnownDevices(const Coordinator& coordinator) {
  return AllDevices(coordinator);
}

absl::StatusOr<trust::Plan> MakePlan(const PlanOptions& o, const trust::TargetInfo& target,
                                     const admin::v1::ListDevicesResponse& devices, absl::Time now) {
  const nlohmann::json custom =
      nlohmann::json::parse(target.custom_json, nullptr, /*allow_exceptions=*/false);
  trust::Plan plan;
  plan.id = base::Hex(base::RandomBytes(16));
  plan.model_target = target.path;
  plan.model_sha256 = target.sha256;
  plan.release_counter = custom.is_object() ? custom.value("release_counter", uint64_t{0}) : 0;
  plan.confirm_time = absl::Seconds(o.confirm_seconds);
  plan.confirm_inferences = o.confirm_inferences;
  const bool by_share = o.rules.most_failure_percent < 100;
  plan.most_failures = o.most_failures > 0 ? o.most_failures
                       : by_share          ? std::numeric_limits<uint32_t>::max()
                                           : 1;
  plan.created = absl::FromUnixSeconds(absl::ToUnixSeconds(now));
  plan.expires = plan.created + absl::Hours(24) * o.valid_days;
  if (o.canary > 0 || !o.canary_devices.empty()) {
    LINNET_ASSIGN_OR_RETURN(trust::PlanWave canaries, Canaries(o, plan, devices));
    plan.waves.push_back(std::move(canaries));
  }
  LINNET_RETURN_IF_ERROR(AddWaves(o, devices, plan));
  // As devices will read it.
  if (const absl::Status good = trust::Plan::FromJson(plan.ToJson()).status(); !good.ok()) {
    return absl::InvalidArgumentError(base::Message(good));
  }
  return plan;
}

std::string PinnedKeys(const trust::Plan& plan, const admin::v1::ListDevicesResponse& devices) {
  std::string out;
  for (const trust::PlanWave& wave : plan.waves) {
    for (const auto& [id, key] : wave.keys)
      absl::StrAppend(&out, "  key ", key, "  ", NameOf(id, devices), "\n");
  }
  if (out.empty()) return out;
  return out +
         "  a canary's pass counts under its key here only; `linnet status` on the device shows what it has";
}

absl::Status SignAndStart(const Context& context, const Coordinator& coordinator, trust::Site& site,
                          const trust::Plan& plan, const admin::v1::ListDevicesResponse& devices) {
  LINNET_ASSIGN_OR_RETURN(const MetadataMap current, PublishedMetadata(coordinator));
  LINNET_ASSIGN_OR_RETURN(const trust::Publication publication, site.SignPlan(plan, current));
  if (publication.targets.empty()) return absl::InternalError("no plan was signed");
  const std::string plan_target = publication.targets.front().path;
  LINNET_RETURN_IF_ERROR(Publish(coordinator, publication.metadata, UploadsOf(publication)).status());
  admin::v1::StartRolloutRequest request;
  request.set_plan(plan_target);
  admin::v1::StartRolloutResponse response;
  LINNET_RETURN_IF_ERROR(
      CallStatus(coordinator.stub->StartRollout(CallContext(20).get(), request, &response), "coordinator"));
  if (context.json) {
    nlohmann::ordered_json out{{"rollout", response.rollout_id()},
                               {"plan", plan_target},
                               {"canary_keys", nlohmann::ordered_json::array()}};
    for (const trust::PlanWave& wave : plan.waves) {
      for (const auto& [id, key] : wave.keys) {
        out["canary_keys"].push_back({{"id", id}, {"name", NameOf(id, devices)}, {"key_sha256", key}});
      }
    }
    Print(out.dump(2));
    return absl::OkStatus();
  }
  Print(absl::StrCat("signed plan ", plan.id.substr(0, 8), "…: ", plan.model_target));
  for (const trust::PlanWave& wave : plan.waves) {
    std::string who =
        wave.devices.empty() ? absl::StrCat(wave.until_bucket / 100.0, " % of all devices") : "";
    for (const std::string& id : wave.devices) {
      absl::StrAppend(&who, who.empty() ? "" : ", ", NameOf(id, devices));
    }
    const std::string rules = RulesText(wave);
    Print(absl::StrCat("  wave ", wave.name, ": ", who,
                       wave.passes_needed > 0
                           ? absl::StrCat("; after ", wave.passes_needed, " signed pass and ",
                                          absl::FormatDuration(wave.soak), " of soak")
                           : "",
                       rules.empty() ? "" : "; ", rules));
  }
  if (const std::string keys = PinnedKeys(plan, devices); !keys.empty()) Print(keys);
  return absl::OkStatus();
}

}  // namespace linnet::cli
