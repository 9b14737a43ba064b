#ifndef LINNET_DEPLOY_CLI_ROLLOUT_PLAN_H_
#define LINNET_DEPLOY_CLI_ROLLOUT_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "deploy/cli/command.h"
#include "deploy/cli/connect.h"
#include "deploy/cli/plan_rules.h"
#include "deploy/cli/site_access.h"
#include "storage/trust/plan.h"
#include "storage/trust/site.h"

namespace linnet::cli {

// What a plan is made of, as options of a command.
struct PlanOptions {
  std::string model, then = "all";
  uint32_t canary = 1;
  std::vector<std::string> canary_devices;  // NAME or NAME=KEY
  uint32_t soak_seconds = 600, confirm_seconds = 600, confirm_inferences = 20, valid_days = 180;
  uint32_t most_failures = 0;  // 0: not said
  PlanRules rules;
};
void AddPlanOptions(CLI::App* command, PlanOptions& options);  // all but the model

absl::StatusOr<admin::v1::ListDevicesResponse> KnownDevices(const Coordinator& coordinator);
// A plan, not signed yet, with the canaries' keys: as the operator said them, else as the coordinator does.
// NotFound, FailedPrecondition: the canaries that were asked for are not there, are no devices for this plan,
// or their keys are not those. InvalidArgument: an option that means nothing.
absl::StatusOr<trust::Plan> MakePlan(const PlanOptions& options, const trust::TargetInfo& target,
                                     const admin::v1::ListDevicesResponse& devices, absl::Time now);
// The keys that a plan pins, a line for each canary, and where to compare them; empty: it pins none.
std::string PinnedKeys(const trust::Plan& plan, const admin::v1::ListDevicesResponse& devices);
// Signs it, publishes it, starts it, and says who goes when.
absl::Status SignAndStart(const Context& context, const Coordinator& coordinator, trust::Site& site,
                          const trust::Plan& plan, const admin::v1::ListDevicesResponse& devices);

}  // namespace linnet::cli

#endif  // LINNET_DEPLOY_CLI_ROLLOUT_PLAN_H_
