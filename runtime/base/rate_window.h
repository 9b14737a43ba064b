#ifndef LINNET_RUNTIME_BASE_RATE_WINDOW_H_
#define LINNET_RUNTIME_BASE_RATE_WINDOW_H_

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "runtime/base/uptime.h"

namespace linnet::base {

// A transfer must bring `bytes` in every `window`: a source that trickles is a source that is away.
struct LeastRate {
  absl::Duration window;
  uint64_t bytes = 0;
};

// Holds one transfer to it. Only differences of up-time are used. Not thread-safe.
class RateWindow {
 public:
  explicit RateWindow(LeastRate least) : least_(least), end_(Uptime() + least.window) {}

  // Until the window ends; not above zero: it is time to Check.
  absl::Duration left() const { return end_ - Uptime(); }
  void Count(uint64_t bytes) { bytes_ += bytes; }
  // For time that passed here, not at the source.
  void Extend(absl::Duration by) { end_ += by; }
  // When the window is over, begins the next. Unavailable: it brought too little; `who` begins the message.
  absl::Status Check(std::string_view who) {
    if (left() > absl::ZeroDuration()) return absl::OkStatus();
    if (bytes_ < least_.bytes) {
      return absl::UnavailableError(absl::StrCat(std::string(who), ": too slow, ", bytes_, " bytes in ",
                                                 absl::FormatDuration(least_.window), ", at least ",
                                                 least_.bytes, " expected"));
    }
    bytes_ = 0;
    end_ = Uptime() + least_.window;
    return absl::OkStatus();
  }

 private:
  const LeastRate least_;
  absl::Duration end_;
  uint64_t bytes_ = 0;
};

}  // namespace linnet::base

#endif  // LINNET_RUNTIME_BASE_RATE_WINDOW_H_
