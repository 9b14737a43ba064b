#ifndef LINNET_RUNTIME_BASE_UPTIME_H_
#define LINNET_RUNTIME_BASE_UPTIME_H_

#include "absl/time/time.h"

namespace linnet::base {

// How long this machine has run, sleep included. Nobody can set it: differences are true whatever the clock
// says. Thread-safe.
absl::Duration Uptime();

}  // namespace linnet::base

#endif  // LINNET_RUNTIME_BASE_UPTIME_H_
