#ifndef LINNET_RUNTIME_BASE_CLOCK_H_
#define LINNET_RUNTIME_BASE_CLOCK_H_

#include "absl/time/time.h"

namespace linnet::base {

// The only source of wall time; tests pass a fake. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;
  static const Clock& Real();
};

}  // namespace linnet::base

#endif  // LINNET_RUNTIME_BASE_CLOCK_H_
