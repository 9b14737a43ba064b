// linnet rollout ...: sign a plan, explain it, watch it. rollout_control.cc holds what changes a running one.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "deploy/cli/command.h"
#include "deploy/cli/connect.h"
#include "deploy/cli/print.h"
#include "deploy/cli/rollout_control.h"
#include "deploy/cli/rollout_explain.h"
#include "deploy/cli/rollout_plan.h"
#include "deploy/cli/rollout_view.h"
#include "deploy/cli/site_access.h"
#include "deploy/cli/site_lists.h"
#include "deploy/cli/table.h"
#include "runtime/base/clock.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "storage/trust/plan.h"
#include "storage/trust/site.h"

namespace linnet::cli {
namespace {

struct Options {
  SiteOptions site;
  PlanOptions plan;
  std::string rollout;
  bool explain = false, devices = false;
};

absl::Status Start(const Context& context, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const Coordinator coordinator,
                          ConnectCoordinator(o.site.site, o.site.admin_address));
  LINNET_ASSIGN_OR_RETURN(const MetadataMap current, PublishedMetadata(coordinator));
  LINNET_ASSIGN_OR_RETURN(const auto site, OpenSite(context, o.site.site));
  LINNET_ASSIGN_OR_RETURN(const trust::TargetInfo target, site->FindTarget(o.plan.model, current));
  LINNET_ASSIGN_OR_RETURN(const admin::v1::ListDevicesResponse devices, KnownDevices(coordinator));
  LINNET_ASSIGN_OR_RETURN(const trust::Plan plan, MakePlan(o.plan, target, devices, absl::Now()));
  return SignAndStart(context, coordinator, *site, plan, devices);
}

// The one word that matters: how it ended, or else where it stands.
std::string Shown(const admin::v1::DeviceProgress& d) {
  if (d.outcome().empty()) return d.state();
  return absl::StrCat(d.outcome(), d.reason().empty() ? "" : absl::StrCat(" (", d.reason(), ")"));
}

// What changed from one picture to the next, for logs: a line a change.
std::string Changes(const admin::v1::Rollout& before, const admin::v1::Rollout& now) {
  std::string out;
  for (int i = 0; i < now.waves_size(); ++i) {
    const bool was_open = i < before.waves_size() && before.waves(i).open();
    if (now.waves(i).open() && !was_open) absl::StrAppend(&out, "  wave ", now.waves(i).name(), " is open\n");
  }
  for (const admin::v1::DeviceProgress& d : now.devices()) {
    const auto same = std::find_if(before.devices().begin(), before.devices().end(),
                                   [&](const admin::v1::DeviceProgress& b) { return b.id() == d.id(); });
    const std::string was = same == before.devices().end() ? "idle" : Shown(*same);
    if (Shown(d) == was) continue;
    absl::StrAppend(&out, "  ", d.name(), std::string(d.name().size() < 18 ? 18 - d.name().size() : 1, ' '),
                    Shown(d), "\n");
  }
  return out;
}

// Draws the rollout anew on a terminal; elsewhere prints it once, then its changes, then once more.
class Watcher {
 public:
  explicit Watcher(bool json) : json_(json), terminal_(isatty(STDOUT_FILENO) != 0) {}
  void Show(const admin::v1::Rollout& rollout) {
    std::string picture = Picture(rollout);
    if (json_) {
      Print(ToJson(rollout));
    } else if (terminal_ || !shown_) {
      if (lines_ > 0) std::printf("\033[%zuA\033[J", lines_);
      Print(picture);
      lines_ = terminal_ ? static_cast<size_t>(std::count(picture.begin(), picture.end(), '\n')) : 0;
    } else if (const std::string changes = Changes(last_, rollout); !changes.empty()) {
      Print(changes);
    }
    shown_ = true;
    last_ = rollout;
  }
  void End() {
    if (shown_ && !json_ && !terminal_) Print(Picture(last_));
  }
  const admin::v1::Rollout& last() const { return last_; }

 private:
  const bool json_, terminal_;
  bool shown_ = false;
  size_t lines_ = 0;
  admin::v1::Rollout last_;
};

absl::Status Watch(const Context& context, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const Coordinator coordinator,
                          ConnectCoordinator(o.site.site, o.site.admin_address));
  const auto call = CallContext(7 * 86400);
  admin::v1::WatchRolloutRequest request;
  request.set_rollout_id(o.rollout);
  request.set_most_devices(kDevicesShown);
  const auto reader = coordinator.stub->WatchRollout(call.get(), request);
  Watcher watcher(context.json);
  admin::v1::Rollout rollout;
  while (!Ended(watcher.last().state()) && reader->Read(&rollout)) watcher.Show(rollout);
  watcher.End();
  const bool ended = Ended(watcher.last().state());
  if (ended) call->TryCancel();
  const grpc::Status status = reader->Finish();
  if (!ended) return CallStatus(status, "coordinator");
  if (watcher.last().state() == admin::v1::COMPLETED) return absl::OkStatus();
  const std::string& why = watcher.last().why();
  return absl::AbortedError(absl::StrCat("the rollout ended as ", StateName(watcher.last().state()),
                                         why.empty() ? "" : absl::StrCat(": ", why)));
}

// The plan as it was signed, checked here: its bytes have the hash that this site's own plans key signed.
absl::StatusOr<trust::Plan> SignedPlan(const Options& o, const Coordinator& coordinator,
                                       const std::string& rollout) {
  admin::v1::GetPlanRequest request;
  request.set_rollout_id(rollout);
  admin::v1::GetPlanResponse response;
  LINNET_RETURN_IF_ERROR(
      CallStatus(coordinator.stub->GetPlan(CallContext(20).get(), request, &response), "coordinator"));
  LINNET_ASSIGN_OR_RETURN(const MetadataMap current, PublishedMetadata(coordinator));
  LINNET_ASSIGN_OR_RETURN(const auto site,
                          trust::Site::Open(base::FileSystem::Real(), o.site.site, "", base::Clock::Real()));
  LINNET_ASSIGN_OR_RETURN(const trust::TargetInfo target, site->FindTarget(response.plan(), current));
  if (target.role != "plans" || base::AsView(base::Sha256(response.plan_json())) != target.sha256) {
    return absl::PermissionDeniedError(
        absl::StrCat(response.plan(), ": the coordinator shows a plan that this site's key did not sign"));
  }
  return trust::Plan::FromJson(response.plan_json());
}

absl::Status PlanCommand(const Context& context, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const Coordinator coordinator,
                          ConnectCoordinator(o.site.site, o.site.admin_address));
  LINNET_ASSIGN_OR_RETURN(const admin::v1::ListDevicesResponse devices, KnownDevices(coordinator));
  trust::Plan plan;
  std::optional<admin::v1::Rollout> rollout;
  if (o.plan.model.empty()) {
    LINNET_ASSIGN_OR_RETURN(rollout, FindRollout(coordinator, o.rollout, kDevicesShown));
    LINNET_RETURN_IF_ERROR(FillLines(coordinator, *rollout, /*reported=*/true));
    LINNET_ASSIGN_OR_RETURN(plan, SignedPlan(o, coordinator, rollout->id()));
  } else {
    LINNET_ASSIGN_OR_RETURN(const MetadataMap current, PublishedMetadata(coordinator));
    LINNET_ASSIGN_OR_RETURN(
        const auto site, trust::Site::Open(base::FileSystem::Real(), o.site.site, "", base::Clock::Real()));
    LINNET_ASSIGN_OR_RETURN(const trust::TargetInfo target, site->FindTarget(o.plan.model, current));
    LINNET_ASSIGN_OR_RETURN(plan, MakePlan(o.plan, target, devices, absl::Now()));
  }
  const std::vector<Turn> turns =
      Explain(plan, devices, rollout.has_value() ? &*rollout : nullptr, absl::Now());
  const auto wave_name = [&](const Turn& turn) {
    return turn.wave < 0 ? std::string("-") : plan.waves[static_cast<size_t>(turn.wave)].name;
  };
  if (context.json) {
    nlohmann::ordered_json out{
        {"signed", rollout.has_value()},
        {"plan", plan.id},
        {"model", plan.model_target},
        {"release", plan.release_counter},
        {"expires", absl::FormatTime(absl::RFC3339_sec, plan.expires, absl::UTCTimeZone())},
        {"devices", nlohmann::ordered_json::array()}};
    for (const Turn& turn : turns) {
      out["devices"].push_back({{"id", turn.device},
                                {"name", turn.name},
                                {"wave", wave_name(turn)},
                                {"bucket", turn.bucket},
                                {"when", turn.when},
                                {"note", turn.note},
                                {"key_sha256", turn.key_sha256}});
    }
    Print(out.dump(2));
    return absl::OkStatus();
  }
  Print(absl::StrCat("plan ", plan.id.substr(0, 8), rollout.has_value() ? ", signed" : ", not signed", ": ",
                     plan.model_target, ", release ", plan.release_counter, "; ", HaltsText(plan),
                     "; expires ", HumanTime(absl::ToUnixMicros(plan.expires))));
  if (o.explain) {
    Table table({"DEVICE", "WAVE", "BUCKET", "WHEN", "NOTE"});
    for (const Turn& turn : turns) {
      table.Add({turn.name, wave_name(turn), absl::StrCat(turn.bucket),
                 turn.when.empty() ? "never" : turn.when, turn.note});
    }
    Print(table.ToString());
    if (const std::string keys = PinnedKeys(plan, devices); !keys.empty()) Print(keys);
  } else {
    Table table({"WAVE", "DEVICES", "WHEN", "RULES"});
    for (size_t i = 0; i < plan.waves.size(); ++i) {
      const auto in_wave = [&](const Turn& turn) { return turn.wave == static_cast<int>(i); };
      table.Add({plan.waves[i].name, absl::StrCat(std::count_if(turns.begin(), turns.end(), in_wave)),
                 WhenWave(plan.waves[i], i, rollout.has_value() ? &*rollout : nullptr),
                 RulesText(plan.waves[i])});
    }
    Print(table.ToString());
    const auto out = std::count_if(turns.begin(), turns.end(), [](const Turn& t) { return t.wave < 0; });
    if (out > 0) Print(absl::StrCat(out, " devices are left out; --explain says why"));
  }
  if (!rollout.has_value() && o.plan.canary > 0 && o.plan.canary_devices.empty()) {
    Print(
        "canaries are drawn by the plan's random id: `rollout start` draws again, unless --canary-device "
        "names them");
  }
  return absl::OkStatus();
}

absl::Status Status(const Context& context, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const Coordinator coordinator,
                          ConnectCoordinator(o.site.site, o.site.admin_address));
  LINNET_ASSIGN_OR_RETURN(admin::v1::Rollout rollout, FindRollout(coordinator, o.rollout, kDevicesShown));
  if (o.devices) LINNET_RETURN_IF_ERROR(FillLines(coordinator, rollout, /*reported=*/false));
  Print(context.json ? ToJson(rollout) : Picture(rollout));
  return absl::OkStatus();
}

absl::Status List(const Context& context, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const Coordinator coordinator,
                          ConnectCoordinator(o.site.site, o.site.admin_address));
  LINNET_ASSIGN_OR_RETURN(const admin::v1::ListRolloutsResponse response, AllRollouts(coordinator));
  if (context.json) {
    Print(ToJson(response));
    return absl::OkStatus();
  }
  Table table({"ROLLOUT", "MODEL", "STATE", "STARTED", "WHY"});
  for (const admin::v1::Rollout& r : response.rollouts()) {
    table.Add({r.id(), r.model_target(), StateName(r.state()), HumanTime(r.started_unix_micros()), r.why()});
  }
  Print(table.ToString());
  return absl::OkStatus();
}

}  // namespace

void AddRolloutCommands(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* group =
      app.add_subcommand("rollout", "bring a published model to devices, in waves")->require_subcommand(1);

  CLI::App* start = group->add_subcommand("start", "sign a plan and start it");
  start->add_option("--model", options->plan.model, "target, as linnet model publish printed it")->required();
  AddPlanOptions(start, options->plan);
  AddSiteOptions(start, options->site);
  Runs(start, context, [&context, options] { return Start(context, *options); });

  CLI::App* watch = group->add_subcommand(
      "watch",
      "live, until it ends; exit 0 only when it completed. A line a device where they are 200 or fewer");
  watch->add_option("rollout", options->rollout, "id (default: the newest)");
  AddSiteOptions(watch, options->site);
  Runs(watch, context, [&context, options] { return Watch(context, *options); });

  CLI::App* status = group->add_subcommand("status", "where it stands, once");
  status->add_option("rollout", options->rollout, "id (default: the newest)");
  status->add_flag("--devices", options->devices, "a line a device, also where they are more than 200");
  AddSiteOptions(status, options->site);
  Runs(status, context, [&context, options] { return Status(context, *options); });

  CLI::App* plan = group->add_subcommand(
      "plan",
      "which device goes in which wave and when: of a rollout's signed plan, or of one not signed yet");
  plan->add_option("rollout", options->rollout, "id (default: the newest)");
  plan->add_option("--model", options->plan.model,
                   "explain what `rollout start` with these options would sign");
  plan->add_flag("--explain", options->explain,
                 "device by device, why one is left out, and the canaries' keys");
  AddPlanOptions(plan, options->plan);
  AddSiteOptions(plan, options->site);
  Runs(plan, context, [&context, options] { return PlanCommand(context, *options); });

  AddRolloutControl(*group, context);

  CLI::App* list = group->add_subcommand("list", "rollouts of this site");
  AddSiteOptions(list, options->site);
  Runs(list, context, [&context, options] { return List(context, *options); });
}

}  // namespace linnet::cli
