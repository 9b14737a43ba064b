#ifndef LINNET_STORAGE_TRUST_WAVE_WINDOW_H_
#define LINNET_STORAGE_TRUST_WAVE_WINDOW_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/trust/canonical_json.h"

namespace linnet::trust {

// A time of the week in which a device may change its model. Outside of it a device downloads and tries, but
// does not activate.
struct WaveWindow {
  uint8_t days = 0;          // on which it begins; bit 0: Monday ... bit 6: Sunday
  uint16_t from_minute = 0;  // of the day, 0 to 1439
  uint16_t to_minute = 0;    // 1 to 1440, not part of it; below from_minute: of the day after
  bool local = false;        // by the device's own time zone, its summer time included; else UTC

  bool operator==(const WaveWindow&) const = default;
  std::string ToText() const;  // "mon-fri 22:00-05:00 utc"
  // The same form, days as "daily", "mon-fri", "sat,sun", clock "utc" unless "local" is said.
  // InvalidArgument says what is expected.
  static absl::StatusOr<WaveWindow> FromText(std::string_view text);

  Json ToJson() const;
  // DataLoss names the field.
  static absl::StatusOr<WaveWindow> FromJson(const Json& json, const std::string& where);
};

// When the first of `windows` is open: `now` if one is. `local`: the device's own zone. No windows: always.
absl::Time OpensNext(const std::vector<WaveWindow>& windows, absl::Time now, absl::TimeZone local);
std::string WindowsText(const std::vector<WaveWindow>& windows);  // joined by ", "; "" for none

}  // namespace linnet::trust

#endif  // LINNET_STORAGE_TRUST_WAVE_WINDOW_H_
