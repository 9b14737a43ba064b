#ifndef LINNET_RUNTIME_TEMPLATE_LIMITS_H_
#define LINNET_RUNTIME_TEMPLATE_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace linnet::jinja {

// What one rendering may use. The largest of the shared conversations needs a hundredth of the steps; all of
// them together take under a second on a small device.
struct Limits {
  size_t steps = 4'000'000;  // see Runtime::Work
  size_t output_bytes = 16u << 20;
  size_t memory_bytes = 192u << 20;                 // of values
  uint32_t depth = 400;                             // of evaluation: expressions in statements in macros
  static constexpr uint32_t kNesting = 200;         // of values in values, and of syntax
  static constexpr size_t kSourceBytes = 1u << 20;  // of a template
};

// What strftime_now shows: a wall clock without a zone, as datetime.now() gives.
struct WallClock {
  absl::CivilSecond second;
  int microsecond = 0;
  static WallClock Of(absl::Time time, absl::TimeZone zone) {
    const absl::TimeZone::CivilInfo info = zone.At(time);
    return {info.cs, static_cast<int>(absl::ToInt64Microseconds(info.subsecond))};
  }
};

}  // namespace linnet::jinja

#endif  // LINNET_RUNTIME_TEMPLATE_LIMITS_H_
