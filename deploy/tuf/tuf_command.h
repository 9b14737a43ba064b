#ifndef LINNET_DEPLOY_TUF_TUF_COMMAND_H_
#define LINNET_DEPLOY_TUF_TUF_COMMAND_H_

#include <string>
#include <vector>

#include "runtime/base/clock.h"
#include "runtime/base/file_system.h"

namespace linnet::tuf {

// The `linnet-tuf` program, without its name: options, then init, refresh or download. Messages go to stderr.
// Returns the exit code: 0, or 1 for every failure.
int RunTuf(const std::vector<std::string>& arguments, base::FileSystem& fs, const base::Clock& clock);

}  // namespace linnet::tuf

#endif  // LINNET_DEPLOY_TUF_TUF_COMMAND_H_
