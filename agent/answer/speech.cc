#include "agent/answer/speech.h"

#include <array>
#include <cstddef>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/answer/text.h"

namespace linnet::answer {
namespace {

constexpr std::array<const char*, 20> kEnglishSmall = {
    "zero",     "one",     "two",     "three",     "four",     "five",    "six",
    "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",  "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
constexpr std::array<const char*, 10> kEnglishTens = {"",      "",      "twenty",  "thirty", "forty",
                                                      "fifty", "sixty", "seventy", "eighty", "ninety"};
constexpr std::array<const char*, 20> kGermanSmall = {
    "null",     "eins",     "zwei",     "drei",     "vier",     "fünf",    "sechs",
    "sieben",   "acht",     "neun",     "zehn",     "elf",      "zwölf",   "dreizehn",
    "vierzehn", "fünfzehn", "sechzehn", "siebzehn", "achtzehn", "neunzehn"};
constexpr std::array<const char*, 10> kGermanTens = {"",        "",        "zwanzig", "dreißig", "vierzig",
                                                     "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"};

std::string EnglishBelowThousand(uint64_t n) {
  if (n < 20) return kEnglishSmall[n];
  if (n < 100)
    return absl::StrCat(kEnglishTens[n / 10], n % 10 == 0 ? "" : "-",
                        n % 10 == 0 ? "" : kEnglishSmall[n % 10]);
  const std::string head = absl::StrCat(kEnglishSmall[n / 100], " hundred");
  return n % 100 == 0 ? head : absl::StrCat(head, " and ", EnglishBelowThousand(n % 100));
}

// "ein" instead of "eins" where a word follows: "einhundert", "eine Million".
std::string GermanBelowThousand(uint64_t n, bool at_end) {
  if (n == 1 && !at_end) return "ein";
  if (n < 20) return kGermanSmall[n];
  if (n < 100) {
    const std::string one = n % 10 == 1 ? "ein" : kGermanSmall[n % 10];
    return n % 10 == 0 ? std::string(kGermanTens[n / 10]) : absl::StrCat(one, "und", kGermanTens[n / 10]);
  }
  return absl::StrCat(n / 100 == 1 ? "ein" : kGermanSmall[n / 100], "hundert",
                      n % 100 == 0 ? "" : GermanBelowThousand(n % 100, at_end));
}

struct Scale {
  uint64_t value;
  const char *english, *german_one, *german_many;
};
constexpr Scale kScales[] = {{1'000'000'000'000, " trillion", "eine Billion", " Billionen"},
                             {1'000'000'000, " billion", "eine Milliarde", " Milliarden"},
                             {1'000'000, " million", "eine Million", " Millionen"}};

// n < 1e15.
std::string Whole(uint64_t n, Language language) {
  const bool german = language == Language::kGerman;
  if (n == 0) return german ? kGermanSmall[0] : kEnglishSmall[0];
  std::string out;
  const auto add = [&](const std::string& words) { absl::StrAppend(&out, out.empty() ? "" : " ", words); };
  for (const Scale& scale : kScales) {
    const uint64_t count = n / scale.value;
    n %= scale.value;
    if (count == 0) continue;
    if (german) {
      add(count == 1 ? scale.german_one : GermanBelowThousand(count, true) + scale.german_many);
    } else {
      add(EnglishBelowThousand(count) + scale.english);
    }
  }
  const uint64_t thousands = n / 1000, rest = n % 1000;
  if (german) {
    std::string low = thousands == 0 ? "" : GermanBelowThousand(thousands, false) + "tausend";
    if (rest > 0) low += GermanBelowThousand(rest, true);
    if (!low.empty()) add(low);
    return out;
  }
  if (thousands > 0) add(EnglishBelowThousand(thousands) + " thousand");
  if (rest > 0)
    add(out.empty() || rest >= 100 ? EnglishBelowThousand(rest) : "and " + EnglishBelowThousand(rest));
  return out;
}

// Figures as FormatNumber writes them in English: "-12.05", "1e+18".
std::string Figures(std::string_view figures, Language language) {
  const bool german = language == Language::kGerman;
  if (figures == "inf" || figures == "-inf" || figures == "nan") {
    const std::string sign = figures[0] == '-' ? "minus " : "";
    if (figures == "nan") return german ? "keine Zahl" : "not a number";
    return sign + (german ? "unendlich" : "infinity");
  }
  std::string out;
  if (figures.starts_with('-')) {
    out = "minus ";
    figures.remove_prefix(1);
  }
  const size_t power = figures.find('e');
  const std::string_view mantissa = figures.substr(0, power);
  const size_t point = mantissa.find('.');
  uint64_t whole = 0;
  for (const char c : mantissa.substr(0, point)) whole = whole * 10 + static_cast<uint64_t>(c - '0');
  out += Whole(whole, language);
  if (point != std::string_view::npos) {
    out += german ? " Komma" : " point";
    for (const char c : mantissa.substr(point + 1)) {
      absl::StrAppend(&out, " ", (german ? kGermanSmall : kEnglishSmall)[static_cast<size_t>(c - '0')]);
    }
  }
  if (power != std::string_view::npos) {
    std::string_view exponent = figures.substr(power + 1);
    const bool negative = exponent.starts_with('-');
    if (negative || exponent.starts_with('+')) exponent.remove_prefix(1);
    while (exponent.size() > 1 && exponent[0] == '0') exponent.remove_prefix(1);
    absl::StrAppend(&out, german ? " mal zehn hoch " : " times ten to the power of ",
                    negative ? "minus " : "", Figures(exponent, language));
  }
  return out;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::string SpokenNumber(double value, Language language) {
  return Figures(FormatNumber(value, Language::kEnglish), language);
}

std::string SpokenDuration(absl::Duration duration, Language language) {
  // "1 Stunde 5 Minuten": a number, a word, and perhaps another pair.
  const bool german = language == Language::kGerman;
  const std::string formatted = FormatDuration(duration, language);
  std::string out;
  uint64_t count = 0;
  const std::vector<std::string> parts = absl::StrSplit(formatted, ' ');
  for (const std::string& word : parts) {
    if (IsDigit(word[0])) {
      count = 0;
      for (const char c : word) count = count * 10 + static_cast<uint64_t>(c - '0');
      if (!out.empty()) out += german ? " und " : " and ";
      continue;
    }
    const std::string one = german ? (word == "Tag" ? "einem" : "einer") : "one";
    absl::StrAppend(&out, count == 1 ? one : Whole(count, language), " ", word);
  }
  return out;
}

std::string SpokenTimeOfDay(absl::Time time, absl::TimeZone zone, Language language) {
  const absl::CivilMinute at = absl::ToCivilMinute(time, zone);
  const auto hour = static_cast<uint64_t>(at.hour()), minute = static_cast<uint64_t>(at.minute());
  if (language == Language::kGerman) {
    return absl::StrCat(GermanBelowThousand(hour, false), " Uhr", minute == 0 ? "" : " ",
                        minute == 0 ? "" : GermanBelowThousand(minute, true));
  }
  if (minute == 0 && hour % 12 == 0) return hour == 0 ? "midnight" : "noon";
  const char* part = hour < 5 || hour >= 22 ? " at night"
                     : hour < 12            ? " in the morning"
                     : hour < 18            ? " in the afternoon"
                                            : " in the evening";
  const std::string clock = EnglishBelowThousand(hour % 12 == 0 ? 12 : hour % 12);
  if (minute == 0) return absl::StrCat(clock, " o'clock", part);
  return absl::StrCat(clock, minute < 10 ? " oh " : " ", EnglishBelowThousand(minute), part);
}

std::string SpokenName(std::string_view name, Language language) {
  const bool german = language == Language::kGerman;
  std::string out;
  for (size_t at = 0; at < name.size();) {
    size_t end = at;
    if (IsDigit(name[at])) {
      while (end < name.size() && IsDigit(name[end])) ++end;
      const std::string_view digits = name.substr(at, end - at);
      absl::StrAppend(&out, " ");
      // Long numbers and those with a leading zero are names: figure by figure.
      if (digits.size() > 4 || (digits.size() > 1 && digits[0] == '0')) {
        for (const char c : digits) {
          absl::StrAppend(&out, (german ? kGermanSmall : kEnglishSmall)[static_cast<size_t>(c - '0')], " ");
        }
      } else {
        absl::StrAppend(&out, Figures(digits, language), " ");
      }
    } else {
      const char c = name[at];
      const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<uint8_t>(c) >= 0x80;
      out += letter || c == '\'' ? c : ' ';
      ++end;
    }
    at = end;
  }
  return OneLine(out, 400);
}

}  // namespace linnet::answer
