#include "agent/answer/route.h"

#include <initializer_list>
#include <string>

#include "agent/answer/question.h"
#include "agent/answer/text.h"
#include "agent/answer/unknown_place.h"

namespace linnet::answer {
namespace {

// One of the words stands in the phrase; those that end in "*" as the beginning of a word.
bool HasAny(const std::string& phrase, std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words) {
    const std::string sought = word.back() == '*' ? " " + std::string(word.substr(0, word.size() - 1))
                                                  : " " + std::string(word) + " ";
    if (phrase.find(sought) != std::string::npos) return true;
  }
  return false;
}

bool NamesStock(const std::string& phrase, const DeviceState& state) {
  for (const StockItem& item : state.stock) {
    for (const std::string& word : Words(item.name)) {
      if (word.size() >= 3 && phrase.find(" " + Fold(word)) != std::string::npos) return true;
    }
  }
  return false;
}

bool NamesSensor(const std::string& phrase, const DeviceState& state) {
  for (const sensors::ChannelStatus& channel : state.channels) {
    for (const Language language : {Language::kEnglish, Language::kGerman}) {
      if (phrase.find(" " + Fold(SensorLabel(channel.info.kind, language))) != std::string::npos) return true;
    }
  }
  return HasAny(phrase, {"sensor*", "reading*", "messwert*", "channel*", "messkanal*", "kanaele"});
}

}  // namespace

bool AsksForStock(std::string_view text, const DeviceState& state) {
  const std::string phrase = FoldedPhrase(text);
  if (HasAny(phrase,
             {"fridge", "stock", "inventory", "pantry", "kuehlschrank", "vorrat", "vorraete", "bestand"}))
    return true;
  return NamesStock(phrase, state) &&
         HasAny(phrase, {"how much", "how many", "do we have", "do i have", "is there", "are there", "left",
                         "wie viel", "wieviel", "wie viele", "haben wir", "habe ich", "gibt es", "noch"});
}

AskKind RouteOf(std::string_view text, const DeviceState& state, Language language) {
  const std::string phrase = FoldedPhrase(text);
  const bool machine = !state.channels.empty() || !state.anomalies.empty();
  const bool kitchen = !state.stock.empty();
  const bool home = !state.entities.empty() || !state.here.empty();
  const bool cook = HasAny(phrase, {"cook*", "recipe*", "eat", "dinner", "lunch", "supper", "meal", "dish",
                                    "bake", "menu", "koch*", "rezept*", "essen", "abendessen", "mittagessen",
                                    "gericht", "backen", "zubereiten", "gekocht"});
  const bool trouble =
      HasAny(phrase, {"anomal*",        "alarm*",   "wrong",     "problem*",  "report*",   "warning*",
                      "fault*",         "unusual",  "abnormal",  "happened",  "happening", "trouble",
                      "failure*",       "status",   "condition", "stoerung*", "bericht*",  "auffaellig*",
                      "meldung*",       "melde",    "warnung*",  "fehler*",   "probleme",  "was ist los",
                      "ungewoehnlich*", "passiert", "zustand",   "defekt*",   "kaputt"});
  // A home says what it has by its names; what they do not explain may be for the other parts.
  bool linked = false, elsewhere = false;
  if (home) {
    const Linked found = Link(text, state.entities, language);
    linked = !found.rooms.empty() || !found.devices.empty();
    elsewhere = !UnknownPlace(found, state.here, language).empty();
  }
  if (kitchen && AsksForStock(text, state) && !cook) return AskKind::kState;
  if (kitchen && cook) return AskKind::kRecipe;
  if (machine && !linked && trouble) return AskKind::kReport;
  // The temperature of a place that does not exist is not that of this device.
  if (machine && !linked && !elsewhere && NamesSensor(phrase, state)) return AskKind::kState;
  if (home) return AskKind::kIntent;
  if (machine && IsQuestion(text, language))
    return state.anomalies.empty() ? AskKind::kState : AskKind::kReport;
  if (trouble && !kitchen) return AskKind::kReport;
  return AskKind::kUnknown;
}

}  // namespace linnet::answer
