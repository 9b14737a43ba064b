#ifndef LINNET_TESTS_SUPPORT_DISK_FAULTS_H_
#define LINNET_TESTS_SUPPORT_DISK_FAULTS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tests/support/sim_disk.h"

namespace linnet::testing {

struct NamedFault {
  std::string name;  // "fsync: Input/output error, once"
  DiskFault fault;
  bool of_many = false;  // kinds of calls
};

// Each kind of call, with each error that a system gives for it, once and for good; and what befalls many
// kinds: a disk that is full, no descriptors left, a disk that is gone. `after` is for the test to count up.
std::vector<NamedFault> EveryDiskFault();

// Which call to fail after the n-th: the next at first, then every third, so that a run takes seconds; all of
// them with LINNET_TEST_EVERY_CALL set (tests/run.sh --long), few under a sanitizer.
int NextCall(int n);

// Empty, or what is wrong with an error that such a fault led to: the code must say "try later" or "free
// something", and the message be one line that says where (below `root`).
std::string Unclear(const absl::Status& status, const std::string& root);

}  // namespace linnet::testing

#endif  // LINNET_TESTS_SUPPORT_DISK_FAULTS_H_
