#ifndef LINNET_AGENT_UPDATE_COMMAND_H_
#define LINNET_AGENT_UPDATE_COMMAND_H_

#include <string>

#include "agent/config.h"
#include "runtime/base/clock.h"

namespace linnet::agent {

// linnet-agent update --from DIR: asks the agent of the state folder, or is that agent for as long as it
// takes when none runs. Prints what came of it; the exit code of the program.
int RunUpdate(Config config, const UpdateFrom& update, const base::Clock& clock, const std::string& version);

}  // namespace linnet::agent

#endif  // LINNET_AGENT_UPDATE_COMMAND_H_
