#include <string>

#include "agent/answer/report.h"

namespace linnet::answer {
namespace {

using sensors::Anomaly;
using sensors::Direction;
using sensors::Severity;

size_t At(Severity severity) { return static_cast<size_t>(severity); }

bool Has(const std::vector<Slot>& facts, std::string_view name) {
  for (const Slot& fact : facts) {
    if (fact.name == name) return true;
  }
  return false;
}

std::string English(const Anomaly& anomaly, const std::string& where, const std::string& when) {
  static constexpr const char* kLead[] = {"Note: ", "Warning: ", "Critical: "};
  static constexpr const char* kHow[] = {"slightly", "clearly", "far"};
  static constexpr const char* kAdvice[] = {"Keep an eye on it.", "Plan an inspection soon.",
                                            "Stop operation and inspect it now."};
  static constexpr const char* kSensorAdvice[] = {"Check the sensor on the next round.",
                                                  "Have the sensor and its cable checked soon.",
                                                  "Do not rely on it: check the sensor at once."};
  const size_t s = At(anomaly.severity);
  const std::string subject = kLead[s] + std::string("the {sensor} of {device}") + where;
  const std::string is = when.empty() ? " is" : " has been";  // what lasts until now is told in the perfect
  switch (anomaly.direction) {
    case Direction::kHigh:
    case Direction::kLow:
      return subject + is + " at {value}" + when + ", " + kHow[s] +
             (anomaly.direction == Direction::kHigh ? " above" : " below") + " the usual {baseline}. " +
             kAdvice[s];
    case Direction::kUnsteady:
      return subject + (when.empty() ? " varies" : " has been varying") + " by {value}" + when +
             "; the usual spread is {baseline}. " + kAdvice[s];
    case Direction::kStuck:
      return subject + is + " unchanged at {value}" + when + "; it usually varies by {baseline}. " +
             kSensorAdvice[s];
  }
  return subject + " {value} {baseline}";
}

std::string German(const Anomaly& anomaly, const std::string& where, const std::string& when) {
  static constexpr const char* kLead[] = {"Hinweis: ", "Warnung: ", "Kritisch: "};
  static constexpr const char* kHow[] = {"leicht", "deutlich", "weit"};
  static constexpr const char* kAdvice[] = {"Bitte im Auge behalten.", "Bald eine Wartung einplanen.",
                                            "Den Betrieb stoppen und sofort prüfen."};
  static constexpr const char* kSensorAdvice[] = {"Den Sensor beim nächsten Rundgang prüfen.",
                                                  "Sensor und Kabel bald prüfen lassen.",
                                                  "Nicht darauf verlassen: den Sensor sofort prüfen."};
  const size_t s = At(anomaly.severity);
  std::string article(SensorArticle(anomaly.kind));
  article[0] = 'D';
  const std::string subject = kLead[s] + article + " {sensor} von {device}" + where;
  switch (anomaly.direction) {
    case Direction::kHigh:
    case Direction::kLow:
      return subject + " liegt" + when + " bei {value}, " + kHow[s] +
             (anomaly.direction == Direction::kHigh ? " über" : " unter") +
             " dem üblichen Wert von {baseline}. " + kAdvice[s];
    case Direction::kUnsteady:
      return subject + " schwankt" + when + " um {value}; üblich sind Schwankungen von {baseline}. " +
             kAdvice[s];
    case Direction::kStuck:
      return subject + " steht" + when +
             " unverändert bei {value}; üblich sind Schwankungen von {baseline}. " + kSensorAdvice[s];
  }
  return subject + " {value} {baseline}";
}

}  // namespace

std::string ReportTemplate(const std::vector<Slot>& facts, const Anomaly& anomaly, Language language) {
  const bool duration = Has(facts, "duration"), since = Has(facts, "since");
  if (language == Language::kGerman) {
    const std::string when =
        since ? (duration ? " seit {since} Uhr, also seit {duration}," : " seit {since} Uhr")
              : (duration ? " seit {duration}" : "");
    return German(anomaly, Has(facts, "axis") ? " auf der {axis}-Achse" : "", when);
  }
  const std::string when = since ? (duration ? " for {duration}, since {since}" : " since {since}")
                                 : (duration ? " for {duration}" : "");
  return English(anomaly, Has(facts, "axis") ? " on the {axis} axis" : "", when);
}

}  // namespace linnet::answer
