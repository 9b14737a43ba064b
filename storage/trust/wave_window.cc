#include "storage/trust/wave_window.h"

#include <algorithm>
#include <array>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/civil_time.h"
#include "runtime/base/status_macros.h"
#include "storage/trust/json_fields.h"

namespace linnet::trust {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
constexpr int kDayMinutes = 24 * 60;
constexpr uint8_t kDaily = 0x7f;

std::optional<int> DayOf(std::string_view name) {
  const auto at = std::find(kDays.begin(), kDays.end(), name);
  if (at == kDays.end()) return std::nullopt;
  return static_cast<int>(at - kDays.begin());
}

bool Has(const WaveWindow& window, int day) { return (window.days >> (day % 7) & 1) != 0; }

std::string NameOf(int day) { return std::string(kDays[static_cast<size_t>(day)]); }

// "mon-fri" for what is together, "sat,sun" else.
std::string DaysText(uint8_t days) {
  if (days == kDaily) return "daily";
  std::vector<std::string> parts;
  for (int from = 0; from < 7; ++from) {
    if ((days >> from & 1) == 0) continue;
    int to = from;
    while (to < 6 && (days >> (to + 1) & 1) != 0) ++to;
    const bool run = to > from + 1;
    parts.push_back(run ? absl::StrCat(NameOf(from), "-", NameOf(to)) : NameOf(from));
    if (run) from = to;
  }
  return absl::StrJoin(parts, ",");
}

std::optional<uint8_t> DaysFromText(std::string_view text) {
  if (text == "daily") return kDaily;
  uint8_t days = 0;
  const std::vector<std::string> parts = absl::StrSplit(std::string(text), ',');
  for (const std::string& part : parts) {
    const std::vector<std::string> ends = absl::StrSplit(part, '-');
    const auto from = DayOf(ends.front());
    const auto to = DayOf(ends.back());
    if (ends.size() > 2 || !from.has_value() || !to.has_value()) return std::nullopt;
    for (int day = *from;; day = (day + 1) % 7) {  // "fri-mon" goes over the week's end
      days = static_cast<uint8_t>(days | 1u << day);
      if (day == *to) break;
    }
  }
  return days;
}

// "22:00"; 24:00 is the day's end.
std::optional<int> MinuteFromText(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  int hours = 0, minutes = 0;
  if (parts.size() != 2 || parts[0].empty() || parts[0].size() > 2 || parts[1].size() != 2 ||
      !absl::SimpleAtoi(parts[0], &hours) || !absl::SimpleAtoi(parts[1], &minutes) || hours < 0 ||
      minutes < 0 || minutes > 59 || hours * 60 + minutes > kDayMinutes) {
    return std::nullopt;
  }
  return hours * 60 + minutes;
}

std::string TimeText(int minute) {
  const auto two = [](int n) { return absl::StrCat(n < 10 ? "0" : "", n); };
  return absl::StrCat(two(minute / 60), ":", two(minute % 60));
}

bool IsOpen(const WaveWindow& window, int day, int minute) {
  const int from = window.from_minute, to = window.to_minute;
  if (from < to) return Has(window, day) && from <= minute && minute < to;
  return (Has(window, day) && minute >= from) || (Has(window, day + 6) && minute < to);
}

}  // namespace

std::string WaveWindow::ToText() const {
  return absl::StrCat(DaysText(days), " ", TimeText(from_minute), "-", TimeText(to_minute),
                      local ? " local" : " utc");
}

absl::StatusOr<WaveWindow> WaveWindow::FromText(std::string_view text) {
  const absl::Status bad = absl::InvalidArgumentError(absl::StrCat(
      "\"", std::string(text.substr(0, 100)),
      "\": DAYS HH:MM-HH:MM [utc|local] expected, DAYS as daily, mon-fri or sat,sun; ended before "
      "it began, it goes on into the next day"));
  const std::vector<std::string> words = absl::StrSplit(std::string(text), ' ', absl::SkipEmpty());
  if (words.size() < 2 || words.size() > 3) return bad;
  const auto days = DaysFromText(words[0]);
  const std::vector<std::string> times = absl::StrSplit(words[1], '-');
  if (!days.has_value() || times.size() != 2) return bad;
  const auto from = MinuteFromText(times[0]);
  const auto to = MinuteFromText(times[1]);
  if (!from.has_value() || !to.has_value() || *from == kDayMinutes || *to == 0 || *from == *to) return bad;
  if (words.size() == 3 && words[2] != "utc" && words[2] != "local") return bad;
  return WaveWindow{.days = *days,
                    .from_minute = static_cast<uint16_t>(*from),
                    .to_minute = static_cast<uint16_t>(*to),
                    .local = words.size() == 3 && words[2] == "local"};
}

Json WaveWindow::ToJson() const {
  Json::Array names;
  for (size_t day = 0; day < kDays.size(); ++day) {
    if ((days >> day & 1) != 0) names.emplace_back(kDays[day]);
  }
  return Json(Json::Object{{"days", std::move(names)},
                           {"from_minute", int64_t{from_minute}},
                           {"to_minute", int64_t{to_minute}},
                           {"clock", local ? "local" : "utc"}});
}

absl::StatusOr<WaveWindow> WaveWindow::FromJson(const Json& json, const std::string& where) {
  LINNET_RETURN_IF_ERROR(OnlyMembers(json, where, {"days", "from_minute", "to_minute", "clock"}));
  const Fields fields(json, where);
  WaveWindow window;
  LINNET_ASSIGN_OR_RETURN(const Json::Array* days, fields.List("days", 1, kDays.size()));
  int last = -1;  // in the week's order, so that one window has one form
  for (const Json& entry : *days) {
    const auto day = entry.text() == nullptr ? std::nullopt : DayOf(*entry.text());
    if (!day.has_value() || *day <= last) {
      return BadField(where, "\"days\" is no list of mon, tue, wed, thu, fri, sat, sun in this order");
    }
    last = *day;
    window.days = static_cast<uint8_t>(window.days | 1u << *day);
  }
  LINNET_ASSIGN_OR_RETURN(const int64_t from, fields.Integer("from_minute", 0, kDayMinutes - 1));
  LINNET_ASSIGN_OR_RETURN(const int64_t to, fields.Integer("to_minute", 1, kDayMinutes));
  if (from == to) return BadField(where, "\"from_minute\" is \"to_minute\": 0 to 1440 is the whole day");
  window.from_minute = static_cast<uint16_t>(from);
  window.to_minute = static_cast<uint16_t>(to);
  LINNET_ASSIGN_OR_RETURN(const std::string clock, fields.Text("clock", 8));
  if (clock != "utc" && clock != "local")
    return BadField(where, "\"clock\" is neither \"utc\" nor \"local\"");
  window.local = clock == "local";
  return window;
}

absl::Time OpensNext(const std::vector<WaveWindow>& windows, absl::Time now, absl::TimeZone local) {
  if (windows.empty()) return now;
  absl::Time next = absl::InfiniteFuture();
  for (const WaveWindow& window : windows) {
    const absl::TimeZone zone = window.local ? local : absl::UTCTimeZone();
    const absl::CivilSecond here = absl::ToCivilSecond(now, zone);
    const absl::CivilDay today(here);
    const int weekday = static_cast<int>(absl::GetWeekday(today));  // Monday is 0
    if (IsOpen(window, weekday, here.hour() * 60 + here.minute())) return now;
    for (int ahead = 0; ahead <= 7; ++ahead) {
      if (!Has(window, weekday + ahead)) continue;
      const absl::CivilDay day = today + ahead;
      const absl::Time opens =
          absl::FromCivil(absl::CivilMinute(day.year(), day.month(), day.day(), 0, window.from_minute), zone);
      if (opens <= now) continue;  // today's is over
      next = std::min(next, opens);
      break;
    }
  }
  return next;
}

std::string WindowsText(const std::vector<WaveWindow>& windows) {
  std::vector<std::string> texts;
  for (const WaveWindow& window : windows) texts.push_back(window.ToText());
  return absl::StrJoin(texts, ", ");
}

}  // namespace linnet::trust
