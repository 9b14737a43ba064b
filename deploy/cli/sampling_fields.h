#ifndef LINNET_DEPLOY_CLI_SAMPLING_FIELDS_H_
#define LINNET_DEPLOY_CLI_SAMPLING_FIELDS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "linnet/agent/v1/agent.pb.h"

namespace linnet::cli {

// "NAME=VALUE" each, NAME a field of linnet.agent.v1.Sampling: "xtc_probability=0.5". Lists: texts separated
// by
// ';' ("samplers=top_k;temperature"), logit_bias as "ID:BIAS" or "ID:never". InvalidArgument names what is
// unknown or does not parse; ranges are the device's to check.
absl::Status SetSampling(const std::vector<std::string>& settings, agent::v1::Sampling* sampling);

}  // namespace linnet::cli

#endif  // LINNET_DEPLOY_CLI_SAMPLING_FIELDS_H_
