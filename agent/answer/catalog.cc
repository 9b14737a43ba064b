#include "agent/answer/catalog.h"

#include <array>
#include <charconv>
#include <cmath>

#include "agent/answer/text.h"

namespace linnet::answer {
namespace {

using sensors::SensorKind;

struct Label {
  SensorKind kind;
  std::string_view english, german, article;
};
constexpr Label kLabels[] = {
    {SensorKind::kOther, "level", "Pegel", "der"},
    {SensorKind::kVibration, "vibration", "Vibration", "die"},
    {SensorKind::kTemperature, "temperature", "Temperatur", "die"},
    {SensorKind::kPressure, "pressure", "Druck", "der"},
    {SensorKind::kCurrent, "current", "Strom", "der"},
    {SensorKind::kHumidity, "humidity", "Luftfeuchte", "die"},
    {SensorKind::kSpeed, "speed", "Drehzahl", "die"},
    {SensorKind::kLevel, "level", "Füllstand", "der"},
    {SensorKind::kFlow, "flow", "Durchfluss", "der"},
    {SensorKind::kPower, "power", "Leistung", "die"},
    {SensorKind::kVoltage, "voltage", "Spannung", "die"},
};

// Words that are common in one language and none in the other.
constexpr std::string_view kGermanWords =
    " der die das den dem des ein eine einen einem einer und ist sind im ins zum zur mit auf aus bei von "
    "fuer nicht "
    "kein keine wie warum welche welcher wieviel viel licht lampe lichter heizung rollo rollos rolllaeden "
    "jalousien "
    "mach mache schalte schalt stell stelle dreh kannst koenntest wuerdest bitte ich du wir ihr mir uns "
    "heute morgen "
    "kochen essen grad prozent minuten stunde stunden kueche bad wohnzimmer schlafzimmer flur alles los gibt "
    "ob zu "
    "hell dunkel warm kalt laeuft brennt fahr oeffne schliess timer dimme rezept bericht vorrat haben habe "
    "hat noch "
    "kann hier wer wo wann soll mich sich es jetzt oder aber auch dann danach heute abend wieso dich dir sag "
    "zeig danke gut guten hallo ";
constexpr std::string_view kEnglishWords =
    " the a an and is are of to with on off at from for not no how why which what whats much many light "
    "lights lamp "
    "who where when should or but also then now here tonight heating blinds blind turn switch set can could "
    "would please i you we me us today tomorrow cook eat "
    "degrees "
    "percent minutes hour hours kitchen bathroom living bedroom hall everything there if it this that does "
    "do did "
    "open close start dim make tell show report recipe stock have has still thanks good hello your my any ";

void AddUnit(std::string& out, int64_t count, const char* one, const char* many) {
  if (!out.empty()) out += ' ';
  out += std::to_string(count);
  out += ' ';
  out += count == 1 ? one : many;
}

}  // namespace

std::string_view Code(Language language) { return language == Language::kGerman ? "de" : "en"; }

std::optional<Language> LanguageFromCode(std::string_view code) {
  const std::string lower = LowerCase(code);
  if (lower == "en" || lower.starts_with("en-") || lower.starts_with("en_")) return Language::kEnglish;
  if (lower == "de" || lower.starts_with("de-") || lower.starts_with("de_")) return Language::kGerman;
  return std::nullopt;
}

Language DetectLanguage(std::string_view text, Language fallback) {
  int german = 0, english = 0;
  for (const std::string& word : Words(text)) {
    const std::string folded = Fold(word);
    const std::string padded = " " + folded + " ";
    if (kGermanWords.find(padded) != std::string_view::npos) german += 2;
    if (kEnglishWords.find(padded) != std::string_view::npos) english += 2;
    if (word != folded && folded.find_first_of("aous") != std::string::npos) ++german;  // an umlaut or ß
  }
  if (german == english) return fallback;
  return german > english ? Language::kGerman : Language::kEnglish;
}

std::string ForeignWord(std::string_view text, Language expected) {
  // Without those that are words in both, such as "die", "den", "in", "warm".
  constexpr std::string_view kOnlyGerman =
      " und der das dem mit von bei seit auf aus ueber unter zu dazu bis oder nicht eine einen einer lassen "
      "geben "
      "servieren minuten ist liegt dann zum beim ";
  constexpr std::string_view kOnlyEnglish =
      " the and with of for into until has been is are it from some then add serve put stir cook minutes ";
  const std::string_view foreign = expected == Language::kGerman ? kOnlyEnglish : kOnlyGerman;
  for (const std::string& word : Words(text)) {
    if (foreign.find(" " + Fold(word) + " ") != std::string_view::npos) return word;
  }
  return "";
}

std::string_view SensorLabel(SensorKind kind, Language language) {
  for (const Label& label : kLabels) {
    if (label.kind == kind) return language == Language::kGerman ? label.german : label.english;
  }
  return kLabels[0].english;
}

std::string_view SensorArticle(SensorKind kind) {
  for (const Label& label : kLabels) {
    if (label.kind == kind) return label.article;
  }
  return kLabels[0].article;
}

std::string FormatNumber(double value, Language language) {
  std::array<char, 400> buffer;  // the longest fixed double has 309 digits before the point
  const bool plain = value == 0 || (std::fabs(value) < 1e15 && std::fabs(value) >= 1e-9);
  const auto format = plain ? std::chars_format::fixed : std::chars_format::general;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format).ptr;
  std::string text(buffer.data(), end);
  if (text == "-0") text = "0";
  if (language == Language::kGerman) {
    for (char& c : text) c = c == '.' ? ',' : c;
  }
  return text;
}

std::string FormatQuantity(double value, std::string_view unit, std::string_view feature, Language language) {
  std::string text = FormatNumber(value, language);
  if (!unit.empty()) text += " " + std::string(unit);
  if (feature == "kurtosis") text += language == Language::kGerman ? " (Kurtosis)" : " (kurtosis)";
  if (feature == "crest") text += language == Language::kGerman ? " (Scheitelfaktor)" : " (crest factor)";
  if (feature == "peak") text += language == Language::kGerman ? " (Spitze)" : " (peak)";
  return text;
}

// German in the dative, as after "seit".
std::string FormatDuration(absl::Duration duration, Language language) {
  const bool german = language == Language::kGerman;
  const int64_t seconds = duration <= absl::ZeroDuration() ? 0 : absl::ToInt64Seconds(duration);
  const int64_t days = seconds / 86400, hours = seconds / 3600 % 24, minutes = seconds / 60 % 60;
  std::string out;
  if (days > 0) {
    AddUnit(out, days, german ? "Tag" : "day", german ? "Tagen" : "days");
    if (hours > 0) AddUnit(out, hours, german ? "Stunde" : "hour", german ? "Stunden" : "hours");
  } else if (hours > 0) {
    AddUnit(out, hours, german ? "Stunde" : "hour", german ? "Stunden" : "hours");
    if (minutes > 0) AddUnit(out, minutes, german ? "Minute" : "minute", german ? "Minuten" : "minutes");
  } else if (minutes > 0) {
    AddUnit(out, minutes, german ? "Minute" : "minute", german ? "Minuten" : "minutes");
    if (minutes < 5 && seconds % 60 > 0) {
      AddUnit(out, seconds % 60, german ? "Sekunde" : "second", german ? "Sekunden" : "seconds");
    }
  } else {
    AddUnit(out, seconds, german ? "Sekunde" : "second", german ? "Sekunden" : "seconds");
  }
  return out;
}

std::string FormatTimeOfDay(absl::Time time, absl::TimeZone zone) {
  return absl::FormatTime("%H:%M", time, zone);
}

}  // namespace linnet::answer
