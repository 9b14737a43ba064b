#include <string>
#include <string_view>
#include <vector>

#include "agent/answer/report.h"
#include "agent/answer/speech.h"
#include "agent/answer/text.h"

namespace linnet::answer {
namespace {

// The case that the word before a slot asks for.
Case CaseAt(std::string_view words, std::string_view slot) {
  const std::vector<std::string> before = Words(words.substr(0, words.find(slot)));
  if (before.empty()) return Case::kNominative;
  const std::string& last = before.back();
  if (last == "bei" || last == "von" || last == "mit" || last == "auf") return Case::kDative;
  return last == "um" ? Case::kAccusative : Case::kNominative;
}

}  // namespace

absl::StatusOr<std::string> SpeakReport(std::string_view words, const sensors::Anomaly& anomaly,
                                        const std::string& device, const ReportOptions& options) {
  const Language language = options.language;
  std::vector<Slot> facts = ReportFacts(anomaly, device, options);
  for (Slot& fact : facts) {
    const Case german_case = CaseAt(words, "{" + fact.name + "}");
    if (fact.name == "device") {
      const std::string name = SpokenName(fact.value, language);
      if (!name.empty()) fact.value = name;
    } else if (fact.name == "value") {
      fact.value =
          SpokenQuantity(ReportedValue(anomaly), anomaly.unit, anomaly.feature, language, german_case);
    } else if (fact.name == "baseline") {
      fact.value = SpokenQuantity(ReportedBaseline(anomaly), anomaly.unit, "", language, german_case);
    } else if (fact.name == "duration") {
      fact.value = SpokenDuration(anomaly.duration, language);
    } else if (fact.name == "since") {
      fact.value = SpokenTimeOfDay(anomaly.start, options.zone, language);
    }
  }
  std::string said(words);
  // "{since} Uhr": the spoken time has its own.
  constexpr std::string_view kUhr = "{since} Uhr";
  const size_t at = said.find(kUhr);
  if (language == Language::kGerman && at != std::string::npos) said.erase(at + kUhr.size() - 4, 4);
  return FillSlots(said, facts);
}

}  // namespace linnet::answer
