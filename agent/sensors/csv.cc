#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "agent/sensors/ingest.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"

namespace linnet::sensors {
namespace {

std::string_view Trim(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

// The whole of `text` as a number; nullopt otherwise.
std::optional<double> ParseNumber(std::string_view text) {
  const std::string copy(text);
  char* end = nullptr;
  const double value = std::strtod(copy.c_str(), &end);
  if (copy.empty() || end != copy.c_str() + copy.size()) return std::nullopt;
  return value;
}

absl::StatusOr<absl::Time> ParseTime(std::string_view text) {
  const std::optional<double> seconds = ParseNumber(text);
  // Years 1 to 9999; NaN fails both comparisons.
  if (seconds.has_value() && *seconds > -62135596800.0 && *seconds < 253402300800.0) {
    return absl::UnixEpoch() + absl::Seconds(*seconds);
  }
  absl::Time time;
  std::string error;
  if (absl::ParseTime(absl::RFC3339_full, std::string(text), &time, &error)) return time;
  if (absl::ParseTime("%Y-%m-%d%ET%H:%M:%E*S", std::string(text), absl::UTCTimeZone(), &time, &error))
    return time;
  if (absl::ParseTime("%Y-%m-%d %H:%M:%E*S", std::string(text), absl::UTCTimeZone(), &time, &error))
    return time;
  return absl::InvalidArgumentError(
      absl::StrCat("time \"", std::string(text.substr(0, 40)),
                   "\" is neither RFC 3339, \"YYYY-MM-DD HH:MM:SS\" nor seconds since 1970"));
}

}  // namespace

absl::StatusOr<std::optional<Reading>> ParseCsvLine(std::string_view line) {
  line = Trim(line);
  if (line.empty() || line.front() == '#') return std::optional<Reading>();
  std::vector<std::string_view> fields;
  for (size_t begin = 0; begin <= line.size();) {
    const size_t comma = std::min(line.find(',', begin), line.size());
    fields.push_back(Trim(line.substr(begin, comma - begin)));
    begin = comma + 1;
  }
  if (fields.size() != 4) {
    return absl::InvalidArgumentError(
        absl::StrCat("a line of ", fields.size(), " fields, expected time,channel,unit,value"));
  }
  if (fields[0] == "time" && fields[3] == "value") return std::optional<Reading>();
  Reading reading;
  LINNET_ASSIGN_OR_RETURN(reading.time, ParseTime(fields[0]));
  reading.channel = std::string(fields[1]);
  reading.unit = std::string(fields[2]);
  const std::optional<double> value = ParseNumber(fields[3]);
  if (!value.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("value \"", std::string(fields[3].substr(0, 40)), "\" is not a number"));
  }
  reading.value = *value;
  return std::optional<Reading>(std::move(reading));
}

}  // namespace linnet::sensors
