// What changes a running rollout. Less is said online, with the operator's certificate; more is signed here,
// with the offline keys.
#include "deploy/cli/rollout_control.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "deploy/cli/print.h"
#include "deploy/cli/rollout_plan.h"
#include "deploy/cli/rollout_view.h"
#include "deploy/cli/site_access.h"
#include "deploy/cli/site_lists.h"
#include "deploy/cli/table.h"
#include "runtime/base/status_macros.h"
#include "storage/trust/plan.h"
#include "storage/trust/site.h"

namespace linnet::cli {
namespace {

// A lift is signed to be used now; what lies about unused is soon worth nothing.
constexpr absl::Duration kLiftLifetime = absl::Hours(24);
constexpr uint32_t kHistory = 10'000;

struct Options {
  SiteOptions site;
  PlanOptions plan{.canary = 0};
  std::string rollout, to;
  uint32_t most_failures = 0;
};

absl::Status Pause(const Context&, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const Coordinator coordinator,
                          ConnectCoordinator(o.site.site, o.site.admin_address));
  admin::v1::PauseRolloutRequest request;
  request.set_rollout_id(o.rollout);
  admin::v1::PauseRolloutResponse response;
  LINNET_RETURN_IF_ERROR(
      CallStatus(coordinator.stub->PauseRollout(CallContext(10).get(), request, &response), "coordinator"));
  Print(
      "paused; nobody new is told of the plan, devices under way go on. `linnet rollout resume` signs that "
      "it goes on");
  return absl::OkStatus();
}

absl::Status Stop(const Context&, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const Coordinator coordinator,
                          ConnectCoordinator(o.site.site, o.site.admin_address));
  admin::v1::StopRolloutRequest request;
  request.set_rollout_id(o.rollout);
  admin::v1::StopRolloutResponse response;
  LINNET_RETURN_IF_ERROR(
      CallStatus(coordinator.stub->StopRollout(CallContext(10).get(), request, &response), "coordinator"));
  Print("stopped; devices that have not activated yet stay on their model");
  return absl::OkStatus();
}

uint32_t Failures(const admin::v1::Rollout& rollout) {
  uint32_t failures = 0;
  for (const admin::v1::Wave& wave : rollout.waves()) failures += wave.failed();
  return failures;
}

absl::Status Resume(const Context& context, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const Coordinator coordinator,
                          ConnectCoordinator(o.site.site, o.site.admin_address));
  LINNET_ASSIGN_OR_RETURN(const admin::v1::Rollout rollout, FindRollout(coordinator, o.rollout, 0));
  const uint32_t failures = Failures(rollout);
  if (rollout.state() != admin::v1::PAUSED && rollout.state() != admin::v1::HALTED) {
    return absl::FailedPreconditionError(absl::StrCat("rollout ", rollout.id(), " is ",
                                                      StateName(rollout.state()),
                                                      "; only what is paused or has halted can go on"));
  }
  if (failures >= std::max(rollout.failures_to_halt(), o.most_failures)) {
    return absl::FailedPreconditionError(
        absl::StrCat(failures, " devices failed; look at why, then say with --max-failures (above ", failures,
                     ") at how many it halts from now on"));
  }
  LINNET_ASSIGN_OR_RETURN(const MetadataMap current, PublishedMetadata(coordinator));
  LINNET_ASSIGN_OR_RETURN(const auto site, OpenSite(context, o.site.site));
  LINNET_ASSIGN_OR_RETURN(const trust::TargetInfo plan, site->FindTarget(rollout.plan(), current));
  const absl::Time now = absl::FromUnixSeconds(absl::ToUnixSeconds(absl::Now()));
  const trust::Lift lift{.rollout = rollout.id(),
                         .plan_sha256 = plan.sha256,
                         .number = rollout.lifts() + 1,
                         .most_failures = o.most_failures,
                         .created = now,
                         .expires = now + kLiftLifetime};
  LINNET_ASSIGN_OR_RETURN(const trust::Publication publication, site->SignLift(lift, current));
  LINNET_RETURN_IF_ERROR(Publish(coordinator, publication.metadata, UploadsOf(publication)).status());
  admin::v1::ResumeRolloutRequest request;
  request.set_lift(lift.Target());
  admin::v1::ResumeRolloutResponse response;
  LINNET_RETURN_IF_ERROR(
      CallStatus(coordinator.stub->ResumeRollout(CallContext(20).get(), request, &response), "coordinator"));
  if (context.json) {
    Print(nlohmann::ordered_json{{"rollout", response.rollout_id()}, {"lift", lift.Target()}}.dump(2));
  } else {
    Print(absl::StrCat("signed lift ", lift.number, "; rollout ", rollout.id().substr(0, 8), " goes on"));
  }
  return absl::OkStatus();
}

std::string FamilyOf(const std::string& target) { return target.substr(0, target.rfind('/')); }

// The model that devices were brought to before: of the newest earlier rollout of the family that at least
// one device passed.
absl::StatusOr<std::string> ModelBefore(const Coordinator& coordinator, const admin::v1::Rollout& bad) {
  LINNET_ASSIGN_OR_RETURN(const admin::v1::ListRolloutsResponse all, AllRollouts(coordinator));
  std::string before;
  for (const admin::v1::Rollout& rollout : all.rollouts()) {  // oldest first
    if (rollout.id() == bad.id()) break;
    uint32_t passed = 0;
    for (const admin::v1::Wave& wave : rollout.waves()) passed += wave.passed();
    if (passed > 0 && rollout.model_sha256() != bad.model_sha256() &&
        FamilyOf(rollout.model_target()) == FamilyOf(bad.model_target())) {
      before = rollout.model_target();
    }
  }
  if (!before.empty()) return before;
  return absl::NotFoundError(absl::StrCat("no earlier rollout brought another model of \"",
                                          FamilyOf(bad.model_target()),
                                          "\" to a device; name the model with --to"));
}

absl::Status RollBack(const Context& context, Options o) {
  LINNET_ASSIGN_OR_RETURN(const Coordinator coordinator,
                          ConnectCoordinator(o.site.site, o.site.admin_address));
  LINNET_ASSIGN_OR_RETURN(const admin::v1::Rollout bad, FindRollout(coordinator, o.rollout, 0));
  if (o.to.empty()) {
    LINNET_ASSIGN_OR_RETURN(o.to, ModelBefore(coordinator, bad));
  }
  if (FamilyOf(o.to) != FamilyOf(bad.model_target())) {
    return absl::InvalidArgumentError(absl::StrCat("--to ", o.to, ": is not of the family of ",
                                                   bad.model_target(), ", which rollout ", bad.id(),
                                                   " brought"));
  }
  LINNET_ASSIGN_OR_RETURN(MetadataMap current, PublishedMetadata(coordinator));
  LINNET_ASSIGN_OR_RETURN(const auto site, OpenSite(context, o.site.site));
  // Devices never go back to a lower release: the old bytes become the newest release.
  LINNET_ASSIGN_OR_RETURN(const trust::Publication release, site->ReleaseAgain(o.to, current));
  LINNET_RETURN_IF_ERROR(Publish(coordinator, release.metadata, {}).status());
  LINNET_ASSIGN_OR_RETURN(const admin::v1::ListDevicesResponse devices, KnownDevices(coordinator));
  LINNET_ASSIGN_OR_RETURN(trust::Plan plan, MakePlan(o.plan, release.targets[0], devices, absl::Now()));
  if (plan.model_sha256 == bad.model_sha256()) {
    return absl::InvalidArgumentError(absl::StrCat("--to ", o.to, ": is the model that rollout ", bad.id(),
                                                   " brought; name the one before"));
  }
  plan.rolls_back = bad.id();
  return SignAndStart(context, coordinator, *site, plan, devices);
}

absl::Status History(const Context& context, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const Coordinator coordinator,
                          ConnectCoordinator(o.site.site, o.site.admin_address));
  LINNET_ASSIGN_OR_RETURN(admin::v1::Rollout rollout, FindRollout(coordinator, o.rollout, kDevicesShown));
  LINNET_RETURN_IF_ERROR(FillLines(coordinator, rollout, /*reported=*/true));
  admin::v1::ListAuditRequest request;
  request.set_oldest_first(true);
  request.set_about(rollout.id());
  request.set_limit(kHistory);
  admin::v1::ListAuditResponse audit;
  LINNET_RETURN_IF_ERROR(
      CallStatus(coordinator.stub->ListAudit(CallContext(20).get(), request, &audit), "coordinator"));
  struct Line {
    int64_t when;
    std::string who, what;
  };
  std::vector<Line> lines;
  for (const admin::v1::AuditEntry& e : audit.entries()) {
    const std::string more = e.subject().substr(std::min(e.subject().size(), rollout.id().size()));
    lines.push_back({e.time_unix_micros(), e.actor(), absl::StrCat(e.action(), more)});
  }
  for (const admin::v1::DeviceProgress& d : rollout.devices()) {
    if (d.outcome().empty()) continue;
    lines.push_back(
        {d.reported_unix_micros(), d.name(),
         absl::StrCat(d.outcome(), d.reason().empty() ? "" : absl::StrCat(" (", d.reason(), ")"))});
  }
  std::stable_sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) { return a.when < b.when; });
  if (context.json) {
    nlohmann::ordered_json out{{"rollout", rollout.id()},
                               {"model", rollout.model_target()},
                               {"state", StateName(rollout.state())},
                               {"history", nlohmann::ordered_json::array()}};
    for (const Line& line : lines) {
      out["history"].push_back({{"unix_micros", line.when}, {"who", line.who}, {"what", line.what}});
    }
    Print(out.dump(2));
    return absl::OkStatus();
  }
  Table table({"WHEN", "WHO", "WHAT"});
  for (const Line& line : lines) table.Add({HumanTime(line.when), line.who, line.what});
  Print(table.ToString());
  return absl::OkStatus();
}

}  // namespace

void AddRolloutControl(CLI::App& group, Context& context) {
  auto options = std::make_shared<Options>();
  const auto add = [&](const char* name, const char* help, const char* which) {
    CLI::App* command = group.add_subcommand(name, help);
    command->add_option("rollout", options->rollout, which);
    AddSiteOptions(command, options->site);
    return command;
  };
  Runs(add("stop", "at once, for good", "id (default: the newest)"), context,
       [&context, options] { return Stop(context, *options); });
  Runs(add("pause", "nobody new is told of the plan", "id (default: the newest)"), context,
       [&context, options] { return Pause(context, *options); });
  CLI::App* resume =
      add("resume", "sign that a paused or halted rollout goes on", "id (default: the newest)");
  resume
      ->add_option("--max-failures", options->most_failures, "it halts at this many from now on (as before)")
      ->check(CLI::PositiveNumber);
  Runs(resume, context, [&context, options] { return Resume(context, *options); });
  CLI::App* back =
      add("rollback", "sign the model before as the newest release, and a plan that brings it to all",
          "id of what is taken back (default: the newest)");
  back->add_option("--to", options->to, "target to return to (default: of the rollout before)");
  AddPlanOptions(back, options->plan);
  Runs(back, context, [&context, options] { return RollBack(context, *options); });
  Runs(add("history", "who did what, and how devices ended", "id (default: the newest)"), context,
       [&context, options] { return History(context, *options); });
}

}  // namespace linnet::cli
