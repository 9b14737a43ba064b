#include "agent/answer/report.h"

#include <algorithm>
#include <bitset>
#include <cmath>
#include <utility>

#include "agent/answer/text.h"
#include "runtime/base/status_macros.h"

namespace linnet::answer {
namespace {

using sensors::Anomaly;
using sensors::Direction;

constexpr uint32_t kMaxTokens = 160;
constexpr std::string_view kForms = "abcdef";  // ways of saying it that the model was taught

bool Has(const std::vector<Slot>& facts, std::string_view name) {
  for (const Slot& fact : facts) {
    if (fact.name == name) return true;
  }
  return false;
}

// Baselines and spreads are statistics: three significant digits, and the integer part never rounded away.
// Readings stay as they came.
double Statistic(double value) {
  if (value == 0 || !std::isfinite(value)) return value;
  const int decimals = std::clamp(2 - static_cast<int>(std::floor(std::log10(std::fabs(value)))), 0, 9);
  const double scale = std::pow(10.0, decimals);
  return std::round(value * scale) / scale;
}

// The article before {sensor}, and the pronoun for it, are those of its gender; `article` in the nominative.
bool ArticleFits(std::string_view words, std::string_view article) {
  const size_t slot = words.find("{sensor}");
  const std::vector<std::string> before = Words(words.substr(0, slot));
  const std::string last = before.empty() ? "" : before.back();
  const std::string second = before.size() < 2 ? "" : before[before.size() - 2];
  const bool after_bei = second == "bei", after_fuer = second == "für";
  bool fits = false;
  if (article == "die") fits = after_bei ? last == "der" : last == "die";
  if (article == "der") fits = after_fuer ? last == "den" : last == "beim" || (last == "der" && !after_bei);
  if (article == "das") fits = last == "beim" || (last == "das" && !after_bei);
  const std::string_view pronoun = article == "die" ? "sie" : article == "der" ? "er" : "es";
  for (const std::string& word : Words(words)) {
    if ((word == "sie" || word == "er" || word == "es") && word != pronoun) fits = false;
  }
  return fits;
}

// Words and the slots that these facts have; how often each stands is checked afterwards.
absl::StatusOr<grammar::Grammar> ReportGrammar(const std::vector<Slot>& facts) {
  using grammar::Expression;
  std::bitset<128> ascii;
  for (size_t b = 0x20; b < 0x7F; ++b) ascii.set(b);
  for (const char c : {'{', '}', '<', '>', '|', '\\'}) ascii.reset(static_cast<size_t>(c));
  for (char c = '0'; c <= '9'; ++c) ascii.reset(static_cast<size_t>(c));
  std::vector<Expression> parts = {Expression::Character(ascii, true)};
  for (const Slot& fact : facts) parts.push_back(Expression::Literal("{" + fact.name + "}"));
  return grammar::Grammar::Compile(Expression::Sequence(
      {Expression::Repeat(Expression::OneOf(std::move(parts)), 1, Expression::kUnbounded),
       Expression::OneOfTexts({".", "!"})}));
}

absl::StatusOr<std::string> AskModel(const Anomaly& anomaly, const std::vector<Slot>& facts,
                                     const ReportOptions& options, uint64_t attempt, Model& model) {
  LINNET_ASSIGN_OR_RETURN(const grammar::Grammar rules, ReportGrammar(facts));
  CompleteOptions complete;
  complete.max_tokens = kMaxTokens;
  complete.deadline = options.deadline;
  complete.caller = options.caller;
  LINNET_ASSIGN_OR_RETURN(std::string words,
                          model.Complete(ReportPrompt(anomaly, options, attempt), &rules, complete));
  const absl::Status checked = CheckSlots(words, facts);
  if (!checked.ok()) return absl::DataLossError(checked.message());
  if (!IsTidy(words) || !ForeignWord(words, options.language).empty()) {
    return absl::DataLossError("answer: words run together, or one of the other language");
  }
  if (options.language == Language::kGerman && !ArticleFits(words, SensorArticle(anomaly.kind))) {
    return absl::DataLossError("answer: an article or pronoun that does not fit the sensor");
  }
  return words;
}

}  // namespace

double ReportedValue(const Anomaly& anomaly) {
  return anomaly.direction == Direction::kUnsteady ? Statistic(anomaly.value) : anomaly.value;
}
double ReportedBaseline(const Anomaly& anomaly) { return Statistic(anomaly.baseline); }

std::vector<Slot> ReportFacts(const Anomaly& anomaly, const std::string& device,
                              const ReportOptions& options) {
  const Language language = options.language;
  std::string label(SensorLabel(anomaly.kind, language));
  std::string axis = anomaly.axis;
  for (char& c : axis) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  std::vector<Slot> facts;
  facts.push_back({"device", OneLine(device, 64).empty() ? std::string("linnet") : OneLine(device, 64)});
  facts.push_back({"sensor", std::move(label)});
  facts.push_back({"value", FormatQuantity(ReportedValue(anomaly), anomaly.unit, anomaly.feature, language)});
  facts.push_back({"baseline", FormatQuantity(ReportedBaseline(anomaly), anomaly.unit, "", language)});
  if (!axis.empty()) facts.push_back({"axis", axis});
  const bool lasts = anomaly.duration >= absl::Minutes(1);
  // A time of day says nothing about yesterday.
  const bool today = anomaly.duration < absl::Hours(20);
  if (lasts || !today) facts.push_back({"duration", FormatDuration(anomaly.duration, language)});
  if (today) facts.push_back({"since", FormatTimeOfDay(anomaly.start, options.zone)});
  return facts;
}

std::string ReportPrompt(const Anomaly& anomaly, const ReportOptions& options, uint64_t attempt) {
  const std::vector<Slot> facts = ReportFacts(anomaly, "device", options);
  std::string listed;
  for (const std::string name : {"axis", "duration", "since"}) {
    if (Has(facts, name)) listed += (listed.empty() ? "{" : " {") + name + "}";
  }
  std::string label(SensorLabel(anomaly.kind, options.language));
  if (options.language == Language::kGerman) label = std::string(SensorArticle(anomaly.kind)) + " " + label;
  // Alerts that follow each other do not read alike; the same one always does.
  const char form = kForms[(anomaly.sequence + attempt) % kForms.size()];
  return "report " + std::string(Code(options.language)) + "\nsensor: " + label +
         "\nstate: " + std::string(Name(anomaly.direction)) + ", " + std::string(Name(anomaly.severity)) +
         "\nform: " + form + "\nfacts: " + (listed.empty() ? std::string("none") : listed);
}

Report WriteReport(const Anomaly& anomaly, const std::string& device, const ReportOptions& options,
                   Model* model) {
  Report report;
  report.facts = ReportFacts(anomaly, device, options);
  std::string words;
  if (model != nullptr) {
    absl::StatusOr<std::string> written = AskModel(anomaly, report.facts, options, 0, *model);
    if (absl::IsDataLoss(written.status())) written = AskModel(anomaly, report.facts, options, 1, *model);
    report.why = written.ok() ? Fallback::kNone : FallbackFor(written.status());
    if (written.ok()) words = *std::move(written);
  } else {
    report.why = Fallback::kNoModel;
  }
  report.from_template = report.why != Fallback::kNone;
  if (report.from_template) words = ReportTemplate(report.facts, anomaly, options.language);
  // The model's words were checked, and our own template has the slots that ReportFacts gives.
  absl::StatusOr<std::string> filled = FillSlots(words, report.facts);
  absl::StatusOr<std::string> spoken = SpeakReport(words, anomaly, device, options);
  LINNET_CHECK(filled.ok() && spoken.ok());
  report.text = *std::move(filled);
  report.speech = *std::move(spoken);
  if (report.why == Fallback::kDeadline) {
    const std::string note = " " + std::string(TooLateNote(options.language));
    report.text += note;
    report.speech += note;
  }
  return report;
}

}  // namespace linnet::answer
