#include "runtime/base/uptime.h"

#include <ctime>

#include "runtime/base/status_macros.h"

namespace linnet::base {

absl::Duration Uptime() {
  timespec time{};
  LINNET_CHECK(clock_gettime(CLOCK_BOOTTIME, &time) == 0);
  return absl::DurationFromTimespec(time);
}

}  // namespace linnet::base
