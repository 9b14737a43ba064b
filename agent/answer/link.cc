// Entity linking: names and numbers of an utterance become slots.
#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "agent/answer/command_words.h"
#include "agent/answer/intent.h"
#include "agent/answer/question.h"
#include "agent/answer/text.h"

namespace linnet::answer {
namespace {

struct Token {
  std::string text;              // lower case
  std::optional<double> number;  // written in digits
};

// Rooms that people call by either language's word whatever the owner wrote. Folded.
constexpr std::array<std::array<std::string_view, 4>, 15> kRoomGroups = {{
    {"kitchen", "kueche", "", ""},
    {"livingroom", "wohnzimmer", "lounge", "stube"},
    {"bedroom", "schlafzimmer", "", ""},
    {"bathroom", "badezimmer", "bad", ""},
    {"hall", "flur", "hallway", "diele"},
    {"office", "buero", "", "arbeitszimmer"},
    {"garden", "garten", "", ""},
    {"cellar", "keller", "basement", ""},
    {"garage", "garage", "", ""},
    {"kidsroom", "kinderzimmer", "nursery", "childrensroom"},
    {"guestroom", "gaestezimmer", "", ""},
    {"diningroom", "esszimmer", "", ""},
    {"balcony", "balkon", "", ""},
    {"terrace", "terrasse", "patio", ""},
    {"attic", "dachboden", "loft", ""},
}};
// German compounds whose first part is a room: "kuechenlicht" is the light in the kitchen.
constexpr std::string_view kHeads[] = {"licht",    "lampe",     "lampen",     "lichter",
                                       "rollo",    "rollos",    "heizung",    "beleuchtung",
                                       "jalousie", "jalousien", "temperatur", "deckenlampe"};

std::vector<Token> Lex(std::string_view utterance, Language language) {
  const bool german = language == Language::kGerman;
  const std::string lower = LowerCase(utterance);
  std::vector<Token> tokens;
  std::string word;
  const auto flush = [&] {
    if (!word.empty()) tokens.push_back({word, std::nullopt});
    word.clear();
  };
  for (size_t i = 0; i < lower.size();) {
    const auto byte = static_cast<uint8_t>(lower[i]);
    const std::string_view rest = std::string_view(lower).substr(i);
    if (byte == '\'' || byte == '`') {
      ++i;
    } else if (rest.starts_with("’") || rest.starts_with("‘")) {
      i += 3;
    } else if (byte == '%') {
      flush();
      tokens.push_back({german ? "prozent" : "percent", std::nullopt});
      ++i;
    } else if (rest.starts_with("°")) {
      flush();
      tokens.push_back({german ? "grad" : "degrees", std::nullopt});
      i += 2;
      // "°C" and "° C" are one word.
      const size_t c = i < lower.size() && lower[i] == ' ' ? i + 1 : i;
      if (c < lower.size() && lower[c] == 'c' &&
          (c + 1 == lower.size() || !std::isalpha(static_cast<uint8_t>(lower[c + 1])))) {
        i = c + 1;
      }
    } else if (std::isdigit(byte)) {
      const bool negative = word.empty() && i > 0 && lower[i - 1] == '-' && (i == 1 || lower[i - 2] == ' ');
      flush();
      size_t end = i;
      while (end < lower.size() && std::isdigit(static_cast<uint8_t>(lower[end]))) ++end;
      std::string digits = lower.substr(i, end - i);
      if (end + 1 < lower.size() && (lower[end] == '.' || lower[end] == ',') &&
          std::isdigit(static_cast<uint8_t>(lower[end + 1]))) {
        size_t more = end + 1;
        while (more < lower.size() && std::isdigit(static_cast<uint8_t>(lower[more]))) ++more;
        digits += "." + lower.substr(end + 1, more - end - 1);
        end = more;
      }
      if (digits.size() > 15) digits.resize(15);
      const double value = std::strtod(digits.c_str(), nullptr);
      tokens.push_back({lower.substr(i, end - i), negative ? -value : value});
      i = end;
    } else {
      const bool letter =
          byte < 0x80 ? std::isalpha(byte) != 0 : byte != 0xC2 && !rest.starts_with("\xE2\x80");
      if (letter) {
        word += lower[i++];
      } else {
        flush();
        i += byte == 0xC2 ? 2 : byte == 0xE2 ? 3 : 1;
        i = std::min(i, lower.size());
      }
    }
  }
  flush();
  return tokens;
}

// A way to say an entity: its words folded and joined.
struct Saying {
  std::string joined;
  size_t words = 0;
  size_t entity = 0;
};

std::vector<Saying> NamesOf(const std::vector<Entity>& entities, Language language) {
  std::vector<Saying> names;
  const auto add = [&](std::string_view text, size_t entity) {
    Saying name;
    name.entity = entity;
    for (const Token& token : Lex(text, language)) {
      const std::string folded = Fold(token.text);
      const bool article = folded == "the" || folded == "der" || folded == "die" || folded == "das";
      if (article && name.words == 0) continue;
      name.joined += folded;
      ++name.words;
    }
    if (!name.joined.empty()) names.push_back(name);
  };
  for (size_t e = 0; e < entities.size(); ++e) {
    add(entities[e].name, e);
    for (const std::string& alias : entities[e].aliases) add(alias, e);
  }
  // Synonyms last: a name that the owner gave wins.
  const size_t given = names.size();
  for (size_t n = 0; n < given; ++n) {
    if (entities[names[n].entity].kind != EntityKind::kRoom) continue;
    for (const auto& group : kRoomGroups) {
      if (std::find(group.begin(), group.end(), names[n].joined) == group.end()) continue;
      for (const std::string_view synonym : group) {
        // "bad" is a word of English.
        if (synonym == "bad" && language == Language::kEnglish) continue;
        if (!synonym.empty()) names.push_back({std::string(synonym), 1, names[n].entity});
      }
    }
  }
  return names;
}

struct Found {
  size_t entity = 0;
  size_t tokens = 0;      // taken
  std::string_view head;  // of a compound: "licht"
};

std::optional<Found> FindEntity(const std::vector<Token>& tokens, size_t at, const std::vector<Saying>& names,
                                Language language) {
  std::string joined;
  std::optional<Found> best;
  // Exact, the longest.
  std::vector<std::string> prefixes;
  for (size_t n = 0; n < 5 && at + n < tokens.size(); ++n) {
    joined += Fold(tokens[at + n].text);
    prefixes.push_back(joined);
    for (const Saying& name : names) {
      if (name.joined == joined && (!best.has_value() || n + 1 > best->tokens))
        best = Found{name.entity, n + 1, {}};
    }
  }
  if (best.has_value()) return best;
  for (const Saying& name : names) {
    if (name.words > prefixes.size() || name.joined.size() < 5) continue;
    const std::string& said = prefixes[name.words - 1];
    const int slips = name.joined.size() >= 10 ? 2 : 1;
    // "halfway" is no slip for "hallway".
    if (name.words == 1 && IsCommandWord(said, language, false)) continue;
    if (said.size() >= 4 && said[0] == name.joined[0] && Resembles(said, name.joined, slips)) {
      return Found{name.entity, name.words, {}};
    }
  }
  for (const Saying& name : names) {
    const std::string& said = prefixes[0];
    if (name.words != 1 || name.joined.size() < 3 || !said.starts_with(name.joined)) continue;
    std::string_view tail = std::string_view(said).substr(name.joined.size());
    if (tail.starts_with("n") || tail.starts_with("s")) {
      const std::string_view shorter = tail.substr(1);
      if (std::find(std::begin(kHeads), std::end(kHeads), shorter) != std::end(kHeads)) tail = shorter;
    }
    const auto head = std::find(std::begin(kHeads), std::end(kHeads), tail);
    if (head != std::end(kHeads)) return Found{name.entity, 1, *head};
  }
  return std::nullopt;
}

bool IsOneOf(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool IsUnit(const std::string& word) {
  return IsOneOf(Fold(word),
                 {"hour", "hours", "minute", "minutes", "min", "second", "seconds", "percent", "degree",
                  "degrees", "stunde", "stunden", "minuten", "sekunde", "sekunden", "prozent", "grad"});
}

// Numbers that are said with an article or "half": value, words taken, and the unit that stays a word.
struct Measure {
  double value = 0;
  size_t length = 0;
  std::string unit;
};

Measure FindMeasure(const std::vector<std::string>& words, size_t at, Language language) {
  const auto word = [&](size_t i) { return i < words.size() ? Fold(words[i]) : std::string(); };
  const std::string first = word(at);
  if (language == Language::kEnglish) {
    if (first == "half") {
      const size_t unit = IsOneOf(word(at + 1), {"a", "an"}) ? at + 2 : at + 1;
      if (IsOneOf(word(unit), {"hour", "minute"})) return {0.5, unit + 1 - at, word(unit)};
    }
    if (first == "quarter" && word(at + 1) == "of" && word(at + 2) == "an" && word(at + 3) == "hour") {
      return {0.25, 4, "hour"};
    }
    // "when you have a second" is no time.
    const bool idiom = at > 0 && IsOneOf(word(at - 1), {"have", "got", "take", "wait", "just"});
    if (!idiom && IsOneOf(first, {"a", "an", "one"}) && IsOneOf(word(at + 1), {"hour", "minute", "second"})) {
      if (word(at + 2) == "and" && word(at + 3) == "a" && word(at + 4) == "half")
        return {1.5, 5, word(at + 1)};
      return {1, 2, word(at + 1)};
    }
    if (IsOneOf(first, {"one"}) && IsUnit(word(at + 1))) return {1, 2, word(at + 1)};
    return {};
  }
  if (first == "viertelstunde") return {0.25, 1, "stunde"};
  if (first == "dreiviertelstunde") return {0.75, 1, "stunde"};
  const bool article = IsOneOf(first, {"ein", "eine", "einer", "einen"});
  const size_t next = article ? at + 1 : at;
  if (article && IsOneOf(word(next), {"viertelstunde", "dreiviertelstunde"})) {
    return {word(next)[0] == 'v' ? 0.25 : 0.75, 2, "stunde"};
  }
  if (IsOneOf(word(next), {"halbe", "halben", "halbes"}) && IsOneOf(word(next + 1), {"stunde", "minute"})) {
    return {0.5, next + 2 - at, word(next + 1)};
  }
  if (article && IsOneOf(word(next), {"stunde", "minute", "sekunde", "prozent", "grad"}))
    return {1, 2, word(next)};
  return {};
}

template <typename T>
size_t SlotOf(std::vector<T>& known, const T& value) {
  const auto at = std::find(known.begin(), known.end(), value);
  if (at != known.end()) return static_cast<size_t>(at - known.begin()) + 1;
  known.push_back(value);
  return known.size();
}

}  // namespace

Linked Link(std::string_view utterance, const std::vector<Entity>& entities, Language language) {
  Linked linked;
  linked.question = IsQuestion(utterance, language);
  const std::vector<Token> tokens = Lex(utterance, language);
  const std::vector<Saying> names = NamesOf(entities, language);
  std::vector<std::string> words;
  for (const Token& token : tokens) words.push_back(token.text);

  std::vector<std::string> out;
  const auto number = [&](double value) {
    out.push_back("{n" + std::to_string(SlotOf(linked.numbers, value)) + "}");
  };
  for (size_t at = 0; at < tokens.size();) {
    if (const std::optional<Found> found = FindEntity(tokens, at, names, language)) {
      const Entity& entity = entities[found->entity];
      const bool room = entity.kind == EntityKind::kRoom;
      const size_t slot = SlotOf(room ? linked.rooms : linked.devices, entity.name);
      if (!found->head.empty()) {
        out.emplace_back(found->head);
        out.emplace_back("im");
      }
      out.push_back((room ? "{r" : "{d") + std::to_string(slot) + "}");
      at += found->tokens;
      continue;
    }
    if (tokens[at].number.has_value()) {
      number(*tokens[at].number);
      ++at;
      continue;
    }
    if (const Measure measure = FindMeasure(words, at, language); measure.length > 0) {
      number(measure.value);
      out.push_back(measure.unit);
      at += measure.length;
      continue;
    }
    if (const NumberWord said = ParseNumberWords(words, at, language); said.length > 0) {
      number(said.value);
      at += said.length;
      continue;
    }
    out.push_back(tokens[at].text);
    ++at;
  }
  for (const std::string& word : out) linked.text += (linked.text.empty() ? "" : " ") + word;
  const size_t last = utterance.find_last_not_of(" \t\r\n.!");
  if (last != std::string_view::npos && utterance[last] == '?' && !linked.text.empty()) linked.text += "?";
  return linked;
}

}  // namespace linnet::answer
