#include "agent/answer/state_answer.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "agent/answer/text.h"

namespace linnet::answer {
namespace {

using Json = nlohmann::ordered_json;

// JSON of a text that may hold anything: what is not UTF-8 is replaced.
std::string Dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string AxisWords(const sensors::ChannelInfo& info, bool german) {
  if (info.axis.empty()) return "";
  const char axis = static_cast<char>(info.axis[0] - 'a' + 'A');
  return german ? std::string(" (") + axis + "-Achse)" : std::string(" (") + axis + " axis)";
}

bool Mentions(const std::string& phrase, std::string_view word) {
  // As the beginning of a word: "Temperaturen" asks for the temperature.
  return phrase.find(" " + Fold(word)) != std::string::npos;
}

std::string Quantity(const StockItem& item, Language language) {
  std::string text = FormatNumber(item.quantity, language);
  if (!item.unit.empty()) text += " " + item.unit;
  return text + " " + item.name;
}

std::string DaysLeft(double days, bool german) {
  const auto whole = static_cast<int64_t>(std::floor(days));
  if (whole < 0) return german ? "abgelaufen" : "past its date";
  if (whole == 0) return german ? "nur noch heute" : "use today";
  if (german) return "noch " + std::to_string(whole) + (whole == 1 ? " Tag" : " Tage");
  return std::to_string(whole) + (whole == 1 ? " day left" : " days left");
}

}  // namespace

Answer ChannelAnswer(std::string_view text, const DeviceState& state, Language language) {
  const bool german = language == Language::kGerman;
  const std::string phrase = FoldedPhrase(text);
  std::vector<const sensors::ChannelStatus*> named, all;
  for (const sensors::ChannelStatus& channel : state.channels) {
    all.push_back(&channel);
    const bool label = Mentions(phrase, SensorLabel(channel.info.kind, Language::kEnglish)) ||
                       Mentions(phrase, SensorLabel(channel.info.kind, Language::kGerman));
    const bool axis =
        channel.info.axis.empty() || phrase.find(" " + channel.info.axis + " ") != std::string::npos;
    const bool no_axis_asked = phrase.find(" x ") == std::string::npos &&
                               phrase.find(" y ") == std::string::npos &&
                               phrase.find(" z ") == std::string::npos;
    if (label && (axis || no_axis_asked)) named.push_back(&channel);
  }
  Answer answer;
  answer.kind = AskKind::kState;
  answer.language = language;
  Json json;
  json["channels"] = Json::array();
  for (const sensors::ChannelStatus* channel : named.empty() ? all : named) {
    const std::string value =
        FormatQuantity(channel->last.value, channel->last.unit, channel->info.feature, language);
    std::string line = std::string(SensorLabel(channel->info.kind, language)) +
                       AxisWords(channel->info, german) + ": " + value;
    if (channel->warmed_up) {
      line += german ? ", üblich " : ", usually ";
      line += FormatQuantity(channel->baseline, channel->unit, "", language);
      if (channel->abnormal) line += german ? ", auffällig" : ", abnormal";
    } else {
      line += german ? ", lernt noch" : ", still learning";
    }
    answer.text += (answer.text.empty() ? "" : "\n") + line + ".";
    Json entry;
    entry["channel"] = channel->channel;
    entry["value"] = channel->last.value;
    entry["unit"] = channel->last.unit;
    if (channel->warmed_up) entry["baseline"] = channel->baseline;
    entry["abnormal"] = channel->abnormal;
    json["channels"].push_back(std::move(entry));
  }
  answer.json = Dump(json);
  return answer;
}

Answer StockAnswer(std::string_view text, const DeviceState& state, Language language) {
  const bool german = language == Language::kGerman;
  const std::string phrase = FoldedPhrase(text);
  std::vector<const StockItem*> named, all;
  for (const StockItem& item : state.stock) {
    all.push_back(&item);
    for (const std::string& word : Words(item.name)) {
      if (word.size() >= 3 && phrase.find(" " + Fold(word)) != std::string::npos) {
        named.push_back(&item);
        break;
      }
    }
  }
  Answer answer;
  answer.kind = AskKind::kState;
  answer.language = language;
  Json json;
  json["stock"] = Json::array();
  for (const StockItem* item : named.empty() ? all : named) {
    std::string line = Quantity(*item, language);
    if (item->days_left.has_value()) line += " (" + DaysLeft(*item->days_left, german) + ")";
    answer.text += (answer.text.empty() ? "" : ", ") + line;
    Json entry;
    entry["name"] = item->name;
    entry["quantity"] = item->quantity;
    entry["unit"] = item->unit;
    if (item->days_left.has_value()) entry["days_left"] = *item->days_left;
    json["stock"].push_back(std::move(entry));
  }
  if (answer.text.empty()) {
    answer.text = german ? "Der Vorrat ist leer." : "The stock is empty.";
  } else {
    answer.text = (german ? "Vorrat: " : "In stock: ") + answer.text + ".";
  }
  answer.json = Dump(json);
  return answer;
}

std::string KnownText(const std::vector<Call>& calls, const DeviceState& state, Language language) {
  const bool german = language == Language::kGerman;
  std::string text;
  for (const Call& call : calls) {
    if (call.tool != "get") continue;
    const std::string& entity = call.device.empty() ? call.room : call.device;
    const std::string what = call.device.empty() ? call.what : "plug";
    const KnownState* found = nullptr;
    for (const KnownState& known : state.known) {
      if (known.entity == entity && known.what == what) found = &known;
    }
    std::string line = entity + ": ";
    const std::string label = what == "light"   ? (german ? "Licht" : "light")
                              : what == "blind" ? (german ? "Rollos" : "blinds")
                              : what == "plug"  ? ""
                                                : (german ? "Temperatur" : "temperature");
    if (!label.empty()) line += label + " ";
    if (found == nullptr) {
      line += german ? "nicht bekannt" : "not known";
    } else {
      std::string value = found->value;
      if (german && value == "on") value = "an";
      if (german && value == "off") value = "aus";
      if (german && value == "open") value = "offen";
      if (german && value == "closed") value = "zu";
      line += value + (found->unit.empty() ? "" : " " + found->unit);
    }
    text += (text.empty() ? "" : " ") + line + ".";
  }
  return text;
}

Answer AllQuiet(const DeviceState& state, Language language) {
  const bool german = language == Language::kGerman;
  Answer answer;
  answer.kind = AskKind::kState;
  answer.language = language;
  const std::string count = std::to_string(state.channels.size());
  if (state.channels.empty()) {
    answer.text = german ? "Es sind keine Sensoren angeschlossen." : "No sensors are connected.";
  } else {
    answer.text = german ? "Nichts Auffälliges; überwachte Messkanäle: " + count + "."
                         : "Nothing unusual; channels watched: " + count + ".";
  }
  answer.json = Dump(Json{{"anomalies", Json::array()}, {"channels", state.channels.size()}});
  return answer;
}

Answer NotUnderstood(const DeviceState& state, Language language) {
  const bool german = language == Language::kGerman;
  Answer answer;
  answer.kind = AskKind::kUnknown;
  answer.language = language;
  std::string can;
  const auto add = [&can](const char* what) { can += (can.empty() ? "" : ", ") + std::string(what); };
  if (!state.channels.empty() || !state.anomalies.empty())
    add(german ? "was auffällig ist" : "what is unusual");
  if (!state.stock.empty()) add(german ? "was man kochen kann" : "what can be cooked");
  if (!state.entities.empty())
    add(german ? "Licht, Rollos, Heizung, Timer" : "lights, blinds, heating, timers");
  if (can.empty()) {
    answer.text = german ? "Dieses Gerät hat noch keine Daten: weder Messwerte noch Vorrat noch Räume."
                         : "This device has no data yet: no readings, no stock, no rooms.";
  } else {
    answer.text = german ? "Das verstehe ich nicht. Hier kann man fragen: " + can + "."
                         : "I do not understand that. Here you can ask about: " + can + ".";
  }
  answer.json = Dump(Json{{"kind", "unknown"}});
  return answer;
}

}  // namespace linnet::answer
