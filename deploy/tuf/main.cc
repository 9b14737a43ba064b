// linnet-tuf: see README.md. Linked dynamically on purpose: test suites set its clock with LD_PRELOAD.

#include <string>
#include <vector>

#include "deploy/tuf/tuf_command.h"
#include "runtime/base/clock.h"
#include "runtime/base/file_system.h"

int main(int argc, char** argv) {
  return linnet::tuf::RunTuf(std::vector<std::string>(argv + 1, argv + argc),
                             linnet::base::FileSystem::Real(), linnet::base::Clock::Real());
}
