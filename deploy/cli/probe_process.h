#ifndef LINNET_DEPLOY_CLI_PROBE_PROCESS_H_
#define LINNET_DEPLOY_CLI_PROBE_PROCESS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace linnet::cli {

// `linnet-probe`, which lies beside this program and holds no gRPC: its figures of memory and start are the
// engine's alone.

// Becomes `linnet-probe model WORDS...`; returns only when that fails.
absl::Status BecomeProbe(std::vector<std::string> words);

// Runs `linnet-probe model selfcheck FILE`: is every byte of a pack sound, does it load, round-trip its
// tokens, generate? InvalidArgument with the probe's own words when it does not; DeadlineExceeded after two
// minutes.
absl::Status SelfCheck(const std::string& file);

// Runs `linnet-probe model pack FILE OUT --force`: OUT is whole or not there. Draws its progress on a
// terminal. InvalidArgument with the probe's own words; ResourceExhausted: no room for OUT; DeadlineExceeded
// after an hour.
absl::Status PackModel(const std::string& file, const std::string& out);

}  // namespace linnet::cli

#endif  // LINNET_DEPLOY_CLI_PROBE_PROCESS_H_
