#ifndef LINNET_DEPLOY_PROBE_OUTPUT_H_
#define LINNET_DEPLOY_PROBE_OUTPUT_H_

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/status/status.h"
#include "runtime/engine/engine.h"

namespace linnet::probe {

// Where an error arose decides what it means: a bad value in a file, or one on the command line.
enum class Phase : uint8_t { kFile, kRequest };

int ExitCodeOf(const absl::Status& status, Phase phase);

// "linnet: FILE: what ..." on stderr, one line; with `json` also {"ok":false,...} on stdout. Returns the exit
// code.
int Fail(const std::string& file, const absl::Status& status, Phase phase, bool json);

// "f16": as --kv has it.
const char* KvName(kernels::KvType kv);

// One line on stdout; text that is not UTF-8 is made so.
void Print(const nlohmann::json& value);
nlohmann::json Describe(const engine::ModelInfo& info);

}  // namespace linnet::probe

#endif  // LINNET_DEPLOY_PROBE_OUTPUT_H_
