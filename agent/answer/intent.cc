#include "agent/answer/intent.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "agent/answer/intent_rules.h"
#include "agent/answer/intent_text.h"
#include "agent/answer/question.h"
#include "agent/answer/text.h"
#include "agent/answer/unknown_place.h"
#include "runtime/base/status_macros.h"

namespace linnet::answer {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxUtteranceBytes = 500;
constexpr uint32_t kMaxTokens = 160;

absl::Status Refuse(const std::string& why) { return absl::InvalidArgumentError("intent: " + why); }

// What stands where a slot "{r2}" stands: index 1 of r; nullopt otherwise.
std::optional<size_t> SlotIndex(const Json& value, char letter, size_t count) {
  if (!value.is_string()) return std::nullopt;
  const std::string text = value.get<std::string>();
  if (text.size() < 4 || text[0] != '{' || text[1] != letter || text.back() != '}') return std::nullopt;
  size_t index = 0;
  for (size_t i = 2; i + 1 < text.size(); ++i) {
    if (text[i] < '0' || text[i] > '9' || index > 1000) return std::nullopt;
    index = index * 10 + static_cast<size_t>(text[i] - '0');
  }
  if (index < 1 || index > count) return std::nullopt;
  return index - 1;
}

Json NumberJson(double value) {
  if (value == std::floor(value) && std::fabs(value) < 1e15) return static_cast<int64_t>(value);
  return value;
}

// Fills one call of the model's list.
class Filler {
 public:
  Filler(const Linked& linked, const IntentOptions& options) : linked_(linked), options_(options) {}

  absl::StatusOr<Call> Fill(const Json& json) {
    if (!json.is_object() || !json.contains("name") || !json["name"].is_string())
      return Refuse("a call without a name");
    in_ = &json;
    taken_ = 1;
    out_ = Json();
    call_ = Call();
    call_.tool = json["name"].get<std::string>();
    out_["name"] = call_.tool;
    LINNET_RETURN_IF_ERROR(Arguments());
    if (taken_ != json.size()) return Refuse("a call of " + call_.tool + " has an unknown argument");
    call_.json = out_.dump();
    return std::move(call_);
  }

 private:
  absl::Status Arguments() {
    const std::string& tool = call_.tool;
    call_.action = tool != "get" && tool != "none";
    if (tool == "none") return absl::OkStatus();
    if (tool == "light.set") {
      LINNET_RETURN_IF_ERROR(Room());
      return in_->contains("on") ? On() : Number("brightness", true);
    }
    if (tool == "blind.set") {
      LINNET_RETURN_IF_ERROR(Room());
      return Number("position", true);
    }
    if (tool == "heat.set") {
      LINNET_RETURN_IF_ERROR(Room());
      return Number("temp", false);
    }
    if (tool == "plug.set") {
      LINNET_RETURN_IF_ERROR(Device());
      return On();
    }
    if (tool == "timer.start") {
      for (const char* unit : {"seconds", "minutes", "hours"}) {
        if (!in_->contains(unit)) continue;
        call_.what = unit;
        return Number(unit, false);
      }
      return Refuse("timer.start without a time");
    }
    if (tool == "get") {
      if (in_->contains("device")) return Device();
      LINNET_RETURN_IF_ERROR(Room());
      return What();
    }
    return Refuse("unknown tool " + tool);
  }

  absl::Status Room() {
    if (!in_->contains("room")) return Refuse(call_.tool + " without a room");
    const Json& value = (*in_)["room"];
    if (value == "here" && !options_.here.empty()) {
      call_.room = options_.here;
      call_.here = true;
    } else if (const auto index = SlotIndex(value, 'r', linked_.rooms.size())) {
      call_.room = linked_.rooms[*index];
    } else {
      return Refuse("a room that was not said");
    }
    out_["room"] = call_.room;
    ++taken_;
    return absl::OkStatus();
  }

  absl::Status Device() {
    if (!in_->contains("device")) return Refuse(call_.tool + " without a device");
    const auto index = SlotIndex((*in_)["device"], 'd', linked_.devices.size());
    if (!index.has_value()) return Refuse("a device that was not said");
    call_.device = linked_.devices[*index];
    out_["device"] = call_.device;
    ++taken_;
    return absl::OkStatus();
  }

  absl::Status On() {
    if (!in_->contains("on") || !(*in_)["on"].is_boolean()) return Refuse(call_.tool + " without on or off");
    call_.on = (*in_)["on"].get<bool>();
    out_["on"] = *call_.on;
    ++taken_;
    return absl::OkStatus();
  }

  absl::Status What() {
    if (!in_->contains("what") || !(*in_)["what"].is_string()) return Refuse("get without what");
    call_.what = (*in_)["what"].get<std::string>();
    if (call_.what != "light" && call_.what != "blind" && call_.what != "temperature")
      return Refuse("get of " + call_.what);
    out_["what"] = call_.what;
    ++taken_;
    return absl::OkStatus();
  }

  absl::Status Number(const char* name, bool constants) {
    if (!in_->contains(name)) return Refuse(absl::StrCat(call_.tool, " without ", name));
    const Json& value = (*in_)[name];
    if (const auto index = SlotIndex(value, 'n', linked_.numbers.size())) {
      call_.number = linked_.numbers[*index];
    } else if (constants && value.is_number_integer() && (value == 0 || value == 50 || value == 100)) {
      call_.number = value.get<double>();
    } else {
      return Refuse("a number that was not said");
    }
    out_[name] = NumberJson(*call_.number);
    ++taken_;
    return absl::OkStatus();
  }

  const Linked& linked_;
  const IntentOptions& options_;
  const Json* in_ = nullptr;
  size_t taken_ = 0;  // arguments understood, the name included
  Json out_;
  Call call_;
};

Call NoneCall() {
  Call call;
  call.tool = "none";
  call.json = R"({"name":"none"})";
  return call;
}

// What the whole intent says: list, text, refusal.
void Conclude(Intent& intent, const IntentOptions& options) {
  if (intent.calls.empty()) intent.calls.push_back(NoneCall());
  for (const Call& call : intent.calls) {
    const std::string refusal = RangeRefusal(call, options.language);
    if (refusal.empty()) continue;
    // All or nothing: half of what was said is not what was meant.
    intent.refusal = refusal;
    intent.calls.clear();
    break;
  }
  std::string json;
  for (const Call& call : intent.calls) json += (json.empty() ? "" : ",") + call.json;
  intent.json = "[" + json + "]";
  intent.text = intent.refusal.empty() ? IntentText(intent.calls, options.language) : intent.refusal;
}

absl::StatusOr<std::string> AskModel(const Linked& linked, const IntentOptions& options, Model& model) {
  LINNET_ASSIGN_OR_RETURN(const grammar::Grammar rules, IntentGrammar(linked, !options.here.empty()));
  CompleteOptions complete;
  complete.max_tokens = kMaxTokens;
  complete.priority = engine::Priority::kUrgent;
  complete.deadline = options.deadline;
  complete.caller = options.caller;
  return model.Complete(IntentPrompt(linked, options.language), &rules, complete);
}

}  // namespace

std::string IntentPrompt(const Linked& linked, Language language) {
  return "intent " + std::string(Code(language)) + "\nsay: " + linked.text;
}

absl::StatusOr<Intent> FillIntent(std::string_view answer, const Linked& linked,
                                  const IntentOptions& options) {
  const Json json = Json::parse(answer, nullptr, false);
  if (!json.is_array() || json.empty() || json.size() > 3)
    return Refuse("is not a list of one to three calls");
  Intent intent;
  intent.question = linked.question;
  Filler filler(linked, options);
  for (const Json& entry : json) {
    LINNET_ASSIGN_OR_RETURN(Call call, filler.Fill(entry));
    if (call.tool == "none" && json.size() > 1) return Refuse("\"none\" beside other calls");
    if (call.action && linked.question) return Refuse("an action for a question");
    // The same call twice is one.
    const bool again = std::any_of(intent.calls.begin(), intent.calls.end(),
                                   [&](const Call& other) { return other.json == call.json; });
    if (!again) intent.calls.push_back(std::move(call));
  }
  Conclude(intent, options);
  return intent;
}

absl::StatusOr<Intent> FindIntent(std::string_view utterance, const std::vector<Entity>& entities,
                                  const IntentOptions& options, Model* model) {
  if (utterance.size() > kMaxUtteranceBytes) {
    return Refuse(absl::StrCat("an utterance of ", utterance.size(), " bytes, at most ", kMaxUtteranceBytes));
  }
  if (!IsUtf8(utterance)) return Refuse("the utterance is not UTF-8");
  const Linked linked = Link(utterance, entities, options.language);
  if (linked.text.empty() || linked.text == "?") return Refuse("the utterance has no words");

  Fallback why = Fallback::kNoModel;
  absl::StatusOr<Intent> intent = absl::UnavailableError("no model");
  if (model != nullptr) {
    const absl::StatusOr<std::string> answer = AskModel(linked, options, *model);
    if (answer.ok()) intent = FillIntent(*answer, linked, options);
    why = answer.ok() ? Fallback::kRefused : FallbackFor(answer.status());
  }
  if (!intent.ok()) {
    intent = FillIntent(RuleIntent(linked, options), linked, options);
    if (!intent.ok()) intent = FillIntent(R"([{"name":"none"}])", linked, options);
    LINNET_RETURN_IF_ERROR(intent.status());
    intent->from_template = true;
    intent->why = why;
  }
  RefuseUnknownPlaces(utterance, linked, entities, options, *intent);
  const bool acts =
      std::any_of(intent->calls.begin(), intent->calls.end(), [](const Call& c) { return c.action; });
  if (acts && IsNegated(utterance, options.language)) {
    intent->calls = {NoneCall()};
    Conclude(*intent, options);
  }
  return intent;
}

}  // namespace linnet::answer
