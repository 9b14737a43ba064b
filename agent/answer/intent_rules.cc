#include "agent/answer/intent_rules.h"

#include <initializer_list>
#include <string_view>

#include "agent/answer/text.h"

namespace linnet::answer {
namespace {

constexpr char kNone[] = R"([{"name":"none"}])";

}  // namespace

std::string RuleIntent(const Linked& linked, const IntentOptions& options) {
  // Folded words with spaces around; the slots' braces are gone, which is fine here.
  const std::string said = FoldedPhrase(linked.text);
  const auto has = [&](std::initializer_list<std::string_view> words) {
    for (const std::string_view word : words) {
      if (said.find(" " + std::string(word) + " ") != std::string::npos) return true;
    }
    return false;
  };
  const std::string room = !linked.rooms.empty() ? "{r1}" : options.here.empty() ? "" : "here";
  const bool light =
      has({"light", "lights", "lamp", "lamps", "licht", "lichter", "lampe", "lampen", "beleuchtung"});
  const bool blind = has({"blind", "blinds", "shutters", "shades", "curtains", "rollo", "rollos",
                          "rolllaeden", "rollladen", "jalousie", "jalousien", "vorhaenge"});
  const bool heat = has({"heating", "heat", "temperature", "degrees", "heizung", "heiz", "heize",
                         "temperatur", "grad", "warm", "cold", "kalt"});
  const bool on = has({"on", "an", "ein", "einschalten", "anmachen", "anschalten", "start", "starte"});
  const bool off = has({"off", "aus", "ausschalten", "ausmachen", "stop", "stopp"});
  const bool open = has({"open", "up", "auf", "hoch", "oeffne", "oeffnen", "aufmachen", "raise"});
  const bool close = has(
      {"close", "shut", "down", "zu", "runter", "schliesse", "schliess", "schliessen", "zumachen", "lower"});
  const bool number = linked.numbers.size() == 1;
  // More than one of anything is more than these patterns understand.
  if (linked.rooms.size() > 1 || linked.devices.size() > 1 || linked.numbers.size() > 1) return kNone;
  const auto with_room = [&](const std::string& begin, const std::string& end) {
    return room.empty() ? std::string(kNone) : "[{" + begin + "\"room\":\"" + room + "\"," + end + "}]";
  };
  if (linked.question) {
    if (!linked.devices.empty()) return R"([{"name":"get","device":"{d1}"}])";
    const char* what = blind ? "blind" : light ? "light" : heat ? "temperature" : nullptr;
    if (what == nullptr) return kNone;
    return with_room(R"("name":"get",)", std::string("\"what\":\"") + what + "\"");
  }
  if (!linked.devices.empty()) {
    if (on == off || number) return kNone;
    return std::string(R"([{"name":"plug.set","device":"{d1}","on":)") + (on ? "true}]" : "false}]");
  }
  if (number && has({"timer", "wecker", "alarm"})) {
    const char* unit = has({"hour", "hours", "stunde", "stunden"})         ? "hours"
                       : has({"minute", "minutes", "min", "minuten"})      ? "minutes"
                       : has({"second", "seconds", "sekunde", "sekunden"}) ? "seconds"
                                                                           : nullptr;
    return unit == nullptr ? kNone : std::string(R"([{"name":"timer.start",")") + unit + R"(":"{n1}"}])";
  }
  if (light && blind) return kNone;
  if (light) {
    if (number) return with_room(R"("name":"light.set",)", R"("brightness":"{n1}")");
    if (on != off) return with_room(R"("name":"light.set",)", on ? R"("on":true)" : R"("on":false)");
    return kNone;
  }
  if (blind) {
    if (number) return with_room(R"("name":"blind.set",)", R"("position":"{n1}")");
    if (open != close)
      return with_room(R"("name":"blind.set",)", open ? R"("position":0)" : R"("position":100)");
    return kNone;
  }
  if (heat && number) return with_room(R"("name":"heat.set",)", R"("temp":"{n1}")");
  return kNone;
}

}  // namespace linnet::answer
