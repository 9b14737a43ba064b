#ifndef LINNET_COORDINATOR_CONFIG_H_
#define LINNET_COORDINATOR_CONFIG_H_

#include <optional>
#include <string>

#include "coordinator/coordinator.h"

namespace linnet::coordinator {

struct CommandLine {
  CoordinatorConfig config;
  std::string ready_file;        // "fleet=ADDRESS" and "admin=ADDRESS", once both serve
  std::optional<int> exit_code;  // --help, --version or a mistake: what had to be said is said
};

// Flags, else LINNET_COORDINATOR_* from the environment, else the TOML file of --config.
CommandLine ParseCommandLine(int argc, char** argv);

}  // namespace linnet::coordinator

#endif  // LINNET_COORDINATOR_CONFIG_H_
