// Number words of both languages.
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "agent/answer/intent.h"
#include "agent/answer/text.h"

namespace linnet::answer {
namespace {

using Table = std::map<std::string_view, int>;

const Table& GermanSmall() {
  static const Table* const table =
      new Table{{"null", 0},      {"ein", 1},       {"eins", 1},       {"zwei", 2},      {"zwo", 2},
                {"drei", 3},      {"vier", 4},      {"fuenf", 5},      {"sechs", 6},     {"sieben", 7},
                {"acht", 8},      {"neun", 9},      {"zehn", 10},      {"elf", 11},      {"zwoelf", 12},
                {"dreizehn", 13}, {"vierzehn", 14}, {"fuenfzehn", 15}, {"sechzehn", 16}, {"siebzehn", 17},
                {"achtzehn", 18}, {"neunzehn", 19}};
  return *table;
}
const Table& GermanTens() {
  static const Table* const table =
      new Table{{"zwanzig", 20}, {"dreissig", 30}, {"vierzig", 40}, {"fuenfzig", 50},
                {"sechzig", 60}, {"siebzig", 70},  {"achtzig", 80}, {"neunzig", 90}};
  return *table;
}
const Table& EnglishSmall() {
  static const Table* const table =
      new Table{{"zero", 0},     {"one", 1},      {"two", 2},        {"three", 3},     {"four", 4},
                {"five", 5},     {"six", 6},      {"seven", 7},      {"eight", 8},     {"nine", 9},
                {"ten", 10},     {"eleven", 11},  {"twelve", 12},    {"thirteen", 13}, {"fourteen", 14},
                {"fifteen", 15}, {"sixteen", 16}, {"seventeen", 17}, {"eighteen", 18}, {"nineteen", 19}};
  return *table;
}
const Table& EnglishTens() {
  static const Table* const table =
      new Table{{"twenty", 20}, {"thirty", 30},  {"forty", 40},  {"fourty", 40}, {"fifty", 50},
                {"sixty", 60},  {"seventy", 70}, {"eighty", 80}, {"ninety", 90}};
  return *table;
}

std::optional<int> Find(const Table& table, std::string_view word) {
  const auto at = table.find(word);
  return at == table.end() ? std::nullopt : std::optional<int>(at->second);
}

// "einundzwanzig", "zwanzig", "sieben"; folded.
std::optional<int> GermanBelow100(std::string_view word) {
  if (const auto small = Find(GermanSmall(), word)) return small;
  if (const auto tens = Find(GermanTens(), word)) return tens;
  for (const auto& [ten, value] : GermanTens()) {
    if (!word.ends_with(ten)) continue;
    std::string_view front = word.substr(0, word.size() - ten.size());
    if (!front.ends_with("und")) return std::nullopt;
    front.remove_suffix(3);
    const auto unit = Find(GermanSmall(), front);
    if (unit.has_value() && *unit >= 1 && *unit <= 9 && front != "eins") return value + *unit;
    return std::nullopt;
  }
  return std::nullopt;
}

// Up to 999,999 as one word.
std::optional<int> German(std::string_view word) {
  const struct {
    std::string_view name;
    int value;
  } kSteps[] = {{"tausend", 1000}, {"hundert", 100}};
  for (const auto& step : kSteps) {
    const size_t at = word.find(step.name);
    if (at == std::string_view::npos) continue;
    std::string_view left = word.substr(0, at), right = word.substr(at + step.name.size());
    const std::optional<int> count = left.empty() ? std::optional<int>(1) : German(left);
    if (right == "und") return std::nullopt;
    if (right.starts_with("und")) right.remove_prefix(3);
    const std::optional<int> rest = right.empty() ? std::optional<int>(0) : German(right);
    if (!count.has_value() || !rest.has_value() || *count < 1 || *count > 999 || *rest >= step.value)
      return std::nullopt;
    return *count * step.value + *rest;
  }
  return GermanBelow100(word);
}

NumberWord ParseGerman(const std::vector<std::string>& words, size_t at) {
  const std::string word = Fold(words[at]);
  // "ein" is an article or a particle ("mach das licht ein"); Link decides by what follows.
  if (word == "ein") return {};
  // "eins noch": a remark.
  if (word == "eins" && at + 1 < words.size() && words[at + 1] == "noch") return {};
  if (word == "anderthalb" || word == "eineinhalb") return {1.5, 1};
  if (word.size() > 8 && word.ends_with("einhalb")) {
    const auto whole = GermanBelow100(std::string_view(word).substr(0, word.size() - 7));
    if (whole.has_value()) return {*whole + 0.5, 1};
  }
  const auto value = German(word);
  if (!value.has_value()) return {};
  // "einundzwanzig komma fünf"
  if (at + 2 < words.size() && Fold(words[at + 1]) == "komma") {
    const auto tenth = Find(GermanSmall(), Fold(words[at + 2]));
    if (tenth.has_value() && *tenth <= 9) return {*value + *tenth / 10.0, 3};
  }
  return {static_cast<double>(*value), 1};
}

NumberWord ParseEnglish(const std::vector<std::string>& words, size_t at) {
  size_t i = at;
  double total = 0;
  const auto word = [&](size_t k) {
    return k < words.size() ? std::string_view(words[k]) : std::string_view();
  };
  const auto below_100 = [&]() -> std::optional<int> {
    if (const auto tens = Find(EnglishTens(), word(i))) {
      ++i;
      const auto unit = Find(EnglishSmall(), word(i));
      if (unit.has_value() && *unit >= 1 && *unit <= 9) {
        ++i;
        return *tens + *unit;
      }
      return tens;
    }
    const auto small = Find(EnglishSmall(), word(i));
    if (small.has_value()) ++i;
    return small;
  };
  if ((word(i) == "a" || word(i) == "one") && word(i + 1) == "hundred") {
    i += 2;
    total = 100;
  } else if (word(i) == "hundred") {
    ++i;
    total = 100;
  } else {
    const auto first = below_100();
    if (!first.has_value()) return {};
    const bool and_a_half = word(i) == "and" && word(i + 1) == "a" && word(i + 2) == "half";
    // "one" is an article or a pronoun ("the blue one"); Link decides by what follows.
    if (*first == 1 && word(i) != "hundred" && word(i) != "point" && !and_a_half) return {};
    total = *first;
    if (word(i) == "hundred") {
      ++i;
      total *= 100;
    } else if (word(i) == "point") {
      const auto tenth = Find(EnglishSmall(), word(i + 1));
      if (tenth.has_value() && *tenth <= 9) return {total + *tenth / 10.0, i + 2 - at};
      return {total, i - at};
    } else {
      if (and_a_half) return {total + 0.5, i + 3 - at};
      return {total, i - at};
    }
  }
  const size_t before_and = i;
  if (word(i) == "and") ++i;
  const auto rest = below_100();
  if (!rest.has_value()) i = before_and;
  return {total + rest.value_or(0), i - at};
}

}  // namespace

NumberWord ParseNumberWords(const std::vector<std::string>& words, size_t at, Language language) {
  if (at >= words.size()) return {};
  return language == Language::kGerman ? ParseGerman(words, at) : ParseEnglish(words, at);
}

}  // namespace linnet::answer
