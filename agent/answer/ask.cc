#include "agent/answer/ask.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "agent/answer/route.h"
#include "agent/answer/speech.h"
#include "agent/answer/state_answer.h"
#include "agent/answer/text.h"
#include "runtime/base/status_macros.h"

namespace linnet::answer {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxTextBytes = 500;

std::string Dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string AnomalyJson(const sensors::Anomaly& anomaly, const Report& report) {
  Json json;
  json["channel"] = anomaly.channel;
  json["sensor"] = std::string(Name(anomaly.kind));
  if (!anomaly.axis.empty()) json["axis"] = anomaly.axis;
  if (!anomaly.feature.empty()) json["feature"] = anomaly.feature;
  json["direction"] = std::string(Name(anomaly.direction));
  json["severity"] = std::string(Name(anomaly.severity));
  json["value"] = anomaly.value;
  json["baseline"] = anomaly.baseline;
  json["unit"] = anomaly.unit;
  json["z"] = anomaly.z;
  json["start"] = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", anomaly.start, absl::UTCTimeZone());
  json["duration_seconds"] = absl::ToDoubleSeconds(anomaly.duration);
  json["ongoing"] = anomaly.ongoing;
  json["text"] = report.text;
  return Dump(json);
}

// What to report on: the most severe that lasts, the most unusual of those; else the newest.
const sensors::Anomaly* MostUrgent(const DeviceState& state) {
  const sensors::Anomaly* best = nullptr;
  for (const sensors::Anomaly& anomaly : state.anomalies) {
    const auto rank = [](const sensors::Anomaly& a) {
      return std::tuple(a.ongoing, a.ongoing ? a.severity : sensors::Severity::kInfo,
                        a.ongoing ? std::fabs(a.z) : 0.0);
    };
    if (best == nullptr || rank(anomaly) > rank(*best)) best = &anomaly;
  }
  return best;
}

// One fault shows in many channels; the report describes the worst, and counts the others. Empty when there
// is none.
std::string OthersNote(const DeviceState& state, const sensors::Anomaly& reported, Language language,
                       bool speech) {
  std::set<std::string> channels;
  for (const sensors::Anomaly& anomaly : state.anomalies) {
    if (anomaly.ongoing && anomaly.channel != reported.channel) channels.insert(anomaly.channel);
  }
  if (channels.empty()) return "";
  const bool one = channels.size() == 1;
  const std::string count =
      speech ? SpokenNumber(static_cast<double>(channels.size()), language) : std::to_string(channels.size());
  if (language == Language::kGerman) {
    return one ? " Ein weiterer Messkanal ist ebenfalls auffällig."
               : absl::StrCat(" ", count, " weitere Messkanäle sind ebenfalls auffällig.");
  }
  return one ? " One more channel is unusual as well."
             : absl::StrCat(" ", count, " more channels are unusual as well.");
}

std::string RecipeText(const Recipe& recipe, Language language) {
  std::string text = recipe.title + "\n";
  std::string uses;
  for (const RecipeUse& use : recipe.uses) {
    uses += (uses.empty() ? "" : ", ") + FormatNumber(use.quantity, language) +
            (use.unit.empty() ? "" : " " + use.unit) + " " + use.name;
  }
  text += (language == Language::kGerman ? "Aus dem Vorrat: " : "From stock: ") + uses;
  for (size_t i = 0; i < recipe.steps.size(); ++i) text += absl::StrCat("\n", i + 1, ". ", recipe.steps[i]);
  return text;
}

Answer OfReport(const sensors::Anomaly& anomaly, Report report, Language language, bool speech) {
  Answer answer;
  answer.kind = AskKind::kReport;
  answer.language = language;
  answer.json = AnomalyJson(anomaly, report);
  answer.text = std::move(speech ? report.speech : report.text);
  answer.from_template = report.from_template;
  answer.why = report.why;
  return answer;
}

Answer OfRecipe(Recipe recipe, Language language) {
  Answer answer;
  answer.kind = AskKind::kRecipe;
  answer.language = language;
  answer.text = RecipeText(recipe, language);
  if (recipe.why == Fallback::kDeadline) answer.text += "\n" + std::string(TooLateNote(language));
  answer.json = std::move(recipe.json);
  answer.from_template = recipe.from_template;
  answer.why = recipe.why;
  return answer;
}

Answer OfIntent(Intent intent, const DeviceState& state, Language language) {
  Answer answer;
  answer.kind = AskKind::kIntent;
  answer.language = language;
  answer.json = std::move(intent.json);
  answer.text = std::move(intent.text);
  const std::string known = KnownText(intent.calls, state, language);
  if (!known.empty()) answer.text += (answer.text.empty() ? "" : " ") + known;
  answer.from_template = intent.from_template;
  answer.why = intent.why;
  if (intent.why == Fallback::kDeadline) answer.text += " " + std::string(TooLateNote(language));
  return answer;
}

}  // namespace

std::string_view Name(AskKind kind) {
  static constexpr std::string_view kNames[] = {"auto", "report", "recipe", "intent", "state", "unknown"};
  return kNames[static_cast<size_t>(kind)];
}

std::optional<AskKind> AskKindFromName(std::string_view name) {
  for (const AskKind kind :
       {AskKind::kAuto, AskKind::kReport, AskKind::kRecipe, AskKind::kIntent, AskKind::kState}) {
    if (Name(kind) == name) return kind;
  }
  return std::nullopt;
}

Asker::Asker(EngineSource source, const base::Clock& clock) : model_(std::move(source)), clock_(clock) {}

absl::StatusOr<Answer> Asker::Ask(const AskRequest& request, const DeviceState& state) {
  if (request.text.size() > kMaxTextBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("ask: a text of ", request.text.size(), " bytes, at most ", kMaxTextBytes));
  }
  if (!IsUtf8(request.text)) return absl::InvalidArgumentError("ask: the text is not UTF-8");
  if (Words(request.text).empty()) return absl::InvalidArgumentError("ask: the text has no words");
  const absl::Time begun = clock_.Now();
  const Language language = request.language.value_or(DetectLanguage(request.text, Language::kEnglish));
  ++asked_;
  ModelUse use;
  const Caller caller = {request.cancellation, &use};
  LINNET_ASSIGN_OR_RETURN(Answer answer, Route(request, language, caller, state));
  // What is there by now is a template's words, for nobody.
  if (caller.Gone()) return absl::CancelledError("ask: cancelled");
  answer.use = use;
  answer.took = clock_.Now() - begun;
  return answer;
}

absl::StatusOr<Answer> Asker::Route(const AskRequest& request, Language language, const Caller& caller,
                                    const DeviceState& state) {
  AskKind kind = request.kind;
  if (kind == AskKind::kAuto) kind = RouteOf(request.text, state, language);
  switch (kind) {
    case AskKind::kReport: {
      const sensors::Anomaly* anomaly = MostUrgent(state);
      if (anomaly == nullptr) {
        if (request.kind == AskKind::kAuto) return AllQuiet(state, language);
        return absl::FailedPreconditionError("ask: there is no anomaly to report on");
      }
      ReportOptions options;
      options.language = language;
      options.zone = state.zone;
      options.deadline = request.deadline;
      options.caller = caller;
      Report report = ReportOn(*anomaly, state.device_name, options);
      report.text += OthersNote(state, *anomaly, language, false);
      report.speech = CapitalSentences(report.speech + OthersNote(state, *anomaly, language, true));
      return OfReport(*anomaly, std::move(report), language, request.speech);
    }
    case AskKind::kRecipe: {
      RecipeOptions options;
      options.language = language;
      options.deadline = request.deadline;
      options.caller = caller;
      absl::StatusOr<Recipe> recipe = SuggestRecipe(state.stock, options, &model_);
      if (!recipe.ok()) {
        if (request.kind == AskKind::kAuto && absl::IsFailedPrecondition(recipe.status())) {
          return StockAnswer("", state, language);
        }
        return recipe.status();
      }
      Count(recipe->why);
      return OfRecipe(*std::move(recipe), language);
    }
    case AskKind::kIntent: {
      IntentOptions options;
      options.language = language;
      options.here = state.here;
      options.deadline = request.deadline;
      options.caller = caller;
      LINNET_ASSIGN_OR_RETURN(Intent intent, FindIntent(request.text, state.entities, options, &model_));
      Count(intent.why);
      return OfIntent(std::move(intent), state, language);
    }
    case AskKind::kState:
      // Sensors first: a device that has both is a machine.
      return state.channels.empty() || AsksForStock(request.text, state)
                 ? StockAnswer(request.text, state, language)
                 : ChannelAnswer(request.text, state, language);
    case AskKind::kAuto:
    case AskKind::kUnknown:
      break;
  }
  return NotUnderstood(state, language);
}

Report Asker::ReportOn(const sensors::Anomaly& anomaly, const std::string& device,
                       const ReportOptions& options) {
  Report report = WriteReport(anomaly, device, options, &model_);
  Count(report.why);
  return report;
}

void Asker::Count(Fallback why) {
  if (why == Fallback::kNone) {
    ++from_model_;
    return;
  }
  ++from_template_;
  if (why == Fallback::kRefused) ++refused_;
  if (why == Fallback::kDeadline) ++late_;
}

AskCounters Asker::counters() const {
  AskCounters counters;
  counters.asked = asked_;
  counters.from_model = from_model_;
  counters.from_template = from_template_;
  counters.refused_by_check = refused_;
  counters.late = late_;
  return counters;
}

}  // namespace linnet::answer
