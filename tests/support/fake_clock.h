#ifndef LINNET_TESTS_SUPPORT_FAKE_CLOCK_H_
#define LINNET_TESTS_SUPPORT_FAKE_CLOCK_H_

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"
#include "runtime/base/clock.h"

namespace linnet::testing {

// Stands still until it is moved. Starts at 2030-01-01T00:00:00Z. Thread-safe.
class FakeClock final : public base::Clock {
 public:
  explicit FakeClock(absl::Time now = absl::FromUnixSeconds(1893456000)) : nanos_(absl::ToUnixNanos(now)) {}
  absl::Time Now() const override { return absl::FromUnixNanos(nanos_.load()); }
  void Set(absl::Time now) { nanos_ = absl::ToUnixNanos(now); }
  // Back, with a negative duration.
  void Advance(absl::Duration by) { nanos_ += absl::ToInt64Nanoseconds(by); }

 private:
  std::atomic<int64_t> nanos_;
};

}  // namespace linnet::testing

#endif  // LINNET_TESTS_SUPPORT_FAKE_CLOCK_H_
