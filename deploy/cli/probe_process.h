#ifndef LINNET_DEPLOY_CLI_PROBE_PROCESS_H_
#define LINNET_DEPLOY_CLI_PROBE_PROCESS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace linnet::cli {

// `linnet-probe`, which lies beside this program and holds no gRPC: its figures of memory and start are the
// engine's alone.

// Becomes `linnet-probe model WORDS...`; returns only when that fails.
absl::Status BecomeProbe(std::vector<std::string> words);

// How many answers are what a suite expects; `failed`: names of the first that are not.
struct SuiteScore {
  uint64_t cases = 0, passed = 0;
  std::vector<std::string> failed;
};
// Runs `linnet-probe model selfcheck FILE`: is every byte of a pack sound, does it load, round-trip its
// tokens, generate? And with a file of questions (runtime/tools/eval_suite.h): how many are answered?
// InvalidArgument with the probe's own words when it does not; DeadlineExceeded after two minutes, with a
// suite after half an hour.
absl::StatusOr<SuiteScore> SelfCheck(const std::string& file, const std::string& suite = "");

// Runs `linnet-probe model pack FILE OUT --force`: OUT is whole or not there. Draws its progress on a
// terminal. InvalidArgument with the probe's own words; ResourceExhausted: no room for OUT; DeadlineExceeded
// after an hour.
absl::Status PackModel(const std::string& file, const std::string& out);

}  // namespace linnet::cli

#endif  // LINNET_DEPLOY_CLI_PROBE_PROCESS_H_
