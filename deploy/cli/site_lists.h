#ifndef LINNET_DEPLOY_CLI_SITE_LISTS_H_
#define LINNET_DEPLOY_CLI_SITE_LISTS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "deploy/cli/connect.h"

namespace linnet::cli {

// A rollout over more devices is shown by its waves; who wants to see each device asks for it.
inline constexpr uint32_t kDevicesShown = 200;

// What grows with the fleet is asked for in pages, so that no message is larger than gRPC takes: a site may
// have 100,000 devices. A coordinator of the version before knows no pages and gives everything at once.
// ResourceExhausted, DataLoss: pages that do not end.

absl::StatusOr<admin::v1::ListDevicesResponse> AllDevices(const Coordinator& coordinator);  // oldest first
// Oldest first, without lines of devices.
absl::StatusOr<admin::v1::ListRolloutsResponse> AllRollouts(const Coordinator& coordinator);
// Where a rollout stands; empty id: the newest. With a line a device when it covers at most so many.
// NotFound.
absl::StatusOr<admin::v1::Rollout> FindRollout(const Coordinator& coordinator, const std::string& id,
                                               uint32_t most_devices);
// Fills in the lines that were left out; `reported`: only of devices that have reported an outcome.
absl::Status FillLines(const Coordinator& coordinator, admin::v1::Rollout& rollout, bool reported);

}  // namespace linnet::cli

#endif  // LINNET_DEPLOY_CLI_SITE_LISTS_H_
