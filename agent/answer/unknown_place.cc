#include "agent/answer/unknown_place.h"

#include <algorithm>

#include "agent/answer/text.h"
#include "agent/answer/utterance_reading.h"

namespace linnet::answer {
namespace {

constexpr size_t kMaxNamesSaid = 12;

// How it was written.
std::string AsWritten(std::string_view utterance, const std::string& name) {
  const size_t at = LowerCase(utterance).find(name);
  return at == std::string::npos ? name : std::string(utterance.substr(at, name.size()));
}

void Refuse(const std::string& why, Intent& intent) {
  Call none;
  none.tool = "none";
  none.json = R"({"name":"none"})";
  intent.calls = {none};
  intent.json = "[" + none.json + "]";
  intent.refusal = why;
  intent.text = why;
}

std::string Refusal(const std::string& name, const std::vector<Entity>& entities,
                    const IntentOptions& options) {
  const bool german = options.language == Language::kGerman;
  std::vector<std::string> names;
  if (!options.here.empty()) names.push_back(options.here);
  for (const Entity& entity : entities) {
    if (entity.kind == EntityKind::kRoom && entity.name != options.here) names.push_back(entity.name);
  }
  std::string rooms;
  for (size_t i = 0; i < names.size() && i < kMaxNamesSaid; ++i) rooms += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kMaxNamesSaid) rooms += ", ...";
  if (german) {
    return "Ich kenne keinen Raum und kein Gerät namens „" + name + "“" +
           (rooms.empty() ? "." : "; ich kenne " + rooms + ".");
  }
  return "I know no room or device called \"" + name + "\"" +
         (rooms.empty() ? "." : "; I know " + rooms + ".");
}

// An own room that was not said, although another room or a thing was.
bool IsElsewhere(const Intent& intent, const Linked& linked, const UtteranceReading& reading) {
  bool here = false;
  std::vector<std::string> devices;
  for (const Call& call : intent.calls) {
    here |= call.here && call.action;
    if (!call.device.empty()) devices.push_back(call.device);
  }
  if (!here || reading.SaysHere()) return false;
  return !linked.rooms.empty() || linked.devices.size() > devices.size();
}

enum class Care : uint8_t { kNone, kPlace, kPlaced, kStrict };

Care CareOf(const Intent& intent, const UtteranceReading& reading) {
  bool here = false, acts = false, timers = true;
  for (const Call& call : intent.calls) {
    if (call.tool == "none") return reading.IsCommand() ? Care::kPlaced : Care::kNone;
    here |= call.here;
    acts |= call.action;
    timers &= call.tool == "timer.start";
  }
  if (timers) return reading.SaysTimer() ? Care::kPlace : Care::kStrict;
  return here && acts ? Care::kStrict : Care::kPlaced;
}

// The name that the refusal says; empty when nothing is unknown that matters.
std::string WhatIsUnknown(const Intent& intent, const Linked& linked, const IntentOptions& options,
                          const UtteranceReading& reading) {
  if (!reading.AnyUnknown()) return "";
  const Care care = CareOf(intent, reading);
  if (care == Care::kNone) return "";
  // The language of a few words may be guessed wrong: those of the other one are known too, if all are.
  const Language other = options.language == Language::kGerman ? Language::kEnglish : Language::kGerman;
  if (!UtteranceReading(linked, options.here, other).AnyUnknown()) return "";
  std::string name;
  for (size_t i = 0; i < reading.size(); ++i) {
    if (!reading.unknown(i)) continue;
    const bool placed = reading.Placed(i);
    const bool refuse = care == Care::kStrict || (care == Care::kPlaced && placed) ||
                        (care == Care::kPlace && reading.IsPlace(i));
    if (!refuse) continue;
    name = reading.Name(i);
    if (placed) break;  // a place is a better answer than an odd word before it
  }
  return name;
}

}  // namespace

void RefuseUnknownPlaces(std::string_view utterance, const Linked& linked,
                         const std::vector<Entity>& entities, const IntentOptions& options, Intent& intent) {
  if (intent.calls.empty()) return;
  const UtteranceReading reading(linked, options.here, options.language);
  const std::string name = WhatIsUnknown(intent, linked, options, reading);
  if (!name.empty()) {
    Refuse(Refusal(AsWritten(utterance, name), entities, options), intent);
  } else if (IsElsewhere(intent, linked, reading)) {
    Refuse(options.language == Language::kGerman ? "Welcher Raum ist gemeint? Bitte zu jedem Wunsch sagen."
                                                 : "Which room is meant? Please say it with every wish.",
           intent);
  }
}

std::string UnknownPlace(const Linked& linked, std::string_view here, Language language) {
  const UtteranceReading reading(linked, here, language);
  for (size_t i = 0; i < reading.size(); ++i) {
    if (reading.unknown(i) && reading.IsPlace(i)) return reading.Name(i);
  }
  return "";
}

}  // namespace linnet::answer
