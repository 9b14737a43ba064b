#ifndef LINNET_DEPLOY_CLI_ROLLOUT_CONTROL_H_
#define LINNET_DEPLOY_CLI_ROLLOUT_CONTROL_H_

#include <string>

#include "absl/status/statusor.h"
#include "deploy/cli/command.h"
#include "deploy/cli/connect.h"

namespace linnet::cli {

// pause, resume, stop, rollback, history.
void AddRolloutControl(CLI::App& group, Context& context);

// Where a rollout stands; empty id: the newest. NotFound.
absl::StatusOr<admin::v1::Rollout> FindRollout(const Coordinator& coordinator, const std::string& id);

}  // namespace linnet::cli

#endif  // LINNET_DEPLOY_CLI_ROLLOUT_CONTROL_H_
