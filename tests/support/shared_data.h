#ifndef LINNET_TESTS_SUPPORT_SHARED_DATA_H_
#define LINNET_TESTS_SUPPORT_SHARED_DATA_H_

#include <filesystem>
#include <string>

namespace linnet::testing {

// Where a file of the shared test data would be: under $LINNET_SHARED_DATA, else beside the checkout. It may
// be absent: see LINNET_SHARED_OR_SKIP.
std::string SharedData(const std::string& name);

// Ends the test as skipped, naming the file, when `path` is not there.
#define LINNET_SHARED_OR_SKIP(path)                                                         \
  if (!std::filesystem::exists(path)) {                                                     \
    GTEST_SKIP() << (path) << " is absent; set LINNET_SHARED_DATA to the shared test data"; \
  }                                                                                         \
  static_assert(true)

}  // namespace linnet::testing

#endif  // LINNET_TESTS_SUPPORT_SHARED_DATA_H_
