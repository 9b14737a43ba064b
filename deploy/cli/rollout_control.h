#ifndef LINNET_DEPLOY_CLI_ROLLOUT_CONTROL_H_
#define LINNET_DEPLOY_CLI_ROLLOUT_CONTROL_H_

#include "deploy/cli/command.h"

namespace linnet::cli {

// pause, resume, stop, rollback, history.
void AddRolloutControl(CLI::App& group, Context& context);

}  // namespace linnet::cli

#endif  // LINNET_DEPLOY_CLI_ROLLOUT_CONTROL_H_
