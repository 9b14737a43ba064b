#ifndef LINNET_AGENT_ANSWER_CATALOG_H_
#define LINNET_AGENT_ANSWER_CATALOG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "agent/sensors/anomaly.h"

namespace linnet::answer {

enum class Language : uint8_t { kEnglish = 0, kGerman = 1 };

std::string_view Code(Language language);  // "en", "de"
std::optional<Language> LanguageFromCode(std::string_view code);
// By stop words and umlauts; `fallback` when nothing decides.
Language DetectLanguage(std::string_view text, Language fallback);

// A word of `text` that only the other language has; empty when there is none. For texts of the model: names
// are slots there.
std::string ForeignWord(std::string_view text, Language expected);

// "Vibration", "Temperatur": the label in prompts and texts.
std::string_view SensorLabel(sensors::SensorKind kind, Language language);
// "die", "der" or "das": the article of the German label in the nominative.
std::string_view SensorArticle(sensors::SensorKind kind);

// The shortest decimal that reads back as the same double, with a German comma; never an exponent below 1e15.
std::string FormatNumber(double value, Language language);
// "7.4 m/s²", "8,1 (Kurtosis)": number, unit, and the feature where it is not the usual one.
std::string FormatQuantity(double value, std::string_view unit, std::string_view feature, Language language);
// "45 s", "12 minutes", "2 Stunden 5 Minuten"; rounded down to two units.
std::string FormatDuration(absl::Duration duration, Language language);
// "14:05" in `zone`.
std::string FormatTimeOfDay(absl::Time time, absl::TimeZone zone);

}  // namespace linnet::answer

#endif  // LINNET_AGENT_ANSWER_CATALOG_H_
