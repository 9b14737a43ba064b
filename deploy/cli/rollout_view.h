#ifndef LINNET_DEPLOY_CLI_ROLLOUT_VIEW_H_
#define LINNET_DEPLOY_CLI_ROLLOUT_VIEW_H_

#include <string>

#include "linnet/admin/v1/admin.pb.h"

namespace linnet::cli {

std::string StateName(admin::v1::RolloutState state);  // "rolling back"
// It changes by itself no more.
bool Ended(admin::v1::RolloutState state);
// One line a wave with a bar, one a device (where they were left out, how many they are).
std::string Picture(const admin::v1::Rollout& rollout);

}  // namespace linnet::cli

#endif  // LINNET_DEPLOY_CLI_ROLLOUT_VIEW_H_
