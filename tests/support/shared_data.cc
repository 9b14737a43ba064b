#include "tests/support/shared_data.h"

#include <cstdlib>

namespace linnet::testing {

std::string SharedData(const std::string& name) {
  const char* folder = std::getenv("LINNET_SHARED_DATA");
  return (folder != nullptr ? std::string(folder) : std::string(LINNET_SOURCE_DIR "/../shared/data")) + "/" +
         name;
}

}  // namespace linnet::testing
