#include "agent/answer/intent_text.h"

namespace linnet::answer {
namespace {

struct Range {
  double low, high;
  const char* english;
  const char* german;
};

double Seconds(const Call& call) {
  const double scale = call.what == "hours" ? 3600 : call.what == "minutes" ? 60 : 1;
  return *call.number * scale;
}

std::string UnitWord(const Call& call, bool german) {
  const bool one = *call.number == 1;
  if (call.what == "hours") return german ? (one ? "Stunde" : "Stunden") : (one ? "hour" : "hours");
  if (call.what == "minutes") return german ? (one ? "Minute" : "Minuten") : (one ? "minute" : "minutes");
  return german ? (one ? "Sekunde" : "Sekunden") : (one ? "second" : "seconds");
}

std::string Sentence(const Call& call, Language language) {
  const bool german = language == Language::kGerman;
  const auto number = [&] { return FormatNumber(call.number.value_or(0), language); };
  const std::string on = call.on.value_or(false) ? (german ? "an" : "on") : (german ? "aus" : "off");
  if (call.tool == "light.set") {
    if (call.on.has_value()) return call.room + (german ? ": Licht " : ": light ") + on + ".";
    return call.room + (german ? ": Licht auf " : ": light at ") + number() + " %.";
  }
  if (call.tool == "blind.set") {
    if (*call.number == 0) return call.room + (german ? ": Rollos auf." : ": blinds open.");
    if (*call.number == 100) return call.room + (german ? ": Rollos zu." : ": blinds closed.");
    return call.room + (german ? ": Rollos zu " : ": blinds ") + number() +
           (german ? " % geschlossen." : " % closed.");
  }
  if (call.tool == "heat.set")
    return call.room + (german ? ": Heizung auf " : ": heating at ") + number() + " °C.";
  if (call.tool == "plug.set") return call.device + ": " + on + ".";
  if (call.tool == "timer.start") {
    return (german ? "Timer läuft: " : "Timer started: ") + number() + " " + UnitWord(call, german) + ".";
  }
  if (call.tool == "none")
    return german ? "Dazu kann ich hier nichts tun." : "There is nothing I can do about that here.";
  return "";
}

}  // namespace

std::string RangeRefusal(const Call& call, Language language) {
  if (!call.number.has_value()) return "";
  const bool german = language == Language::kGerman;
  const double value = *call.number;
  if (call.tool == "timer.start") {
    // Written so that NaN is refused.
    if (Seconds(call) > 0 && Seconds(call) <= 86400) return "";
    return german ? "Ein Timer von " + FormatNumber(value, language) + " " + UnitWord(call, true) +
                        " geht nicht: möglich ist mehr als 0 Sekunden bis 24 Stunden."
                  : "A timer of " + FormatNumber(value, language) + " " + UnitWord(call, false) +
                        " is not possible: more than 0 seconds, at most 24 hours.";
  }
  const bool heat = call.tool == "heat.set";
  const Range range = heat                       ? Range{5, 35, "A temperature", "Eine Temperatur"}
                      : call.tool == "blind.set" ? Range{0, 100, "A blind position", "Eine Rollostellung"}
                                                 : Range{0, 100, "A brightness", "Eine Helligkeit"};
  if (value >= range.low && value <= range.high) return "";
  const std::string unit = heat ? " °C" : " %";
  const std::string limits =
      FormatNumber(range.low, language) + (german ? " bis " : " to ") + FormatNumber(range.high, language);
  return german ? std::string(range.german) + " von " + FormatNumber(value, language) + unit +
                      " geht nicht: möglich sind " + limits + unit + "."
                : std::string(range.english) + " of " + FormatNumber(value, language) + unit +
                      " is not possible: " + limits + unit + ".";
}

std::string IntentText(const std::vector<Call>& calls, Language language) {
  std::string text;
  for (const Call& call : calls) {
    const std::string sentence = Sentence(call, language);
    if (sentence.empty()) continue;
    text += (text.empty() ? "" : " ") + sentence;
  }
  return text;
}

}  // namespace linnet::answer
