#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/answer/speech.h"

namespace linnet::answer {
namespace {

// Square and cubic go before a length, "squared" after anything else.
enum class Kind : uint8_t { kPlain, kLength };

struct Base {
  std::string_view symbols;  // with spaces around each
  const char *english_one, *english_many;
  const char *german_one, *german_many, *german_dative;
  char gender;
  Kind kind = Kind::kPlain;
};
constexpr Base kBases[] = {
    {" m ", "meter", "meters", "Meter", "Meter", "Metern", 'm', Kind::kLength},
    {" mm ", "millimeter", "millimeters", "Millimeter", "Millimeter", "Millimetern", 'm', Kind::kLength},
    {" cm ", "centimeter", "centimeters", "Zentimeter", "Zentimeter", "Zentimetern", 'm', Kind::kLength},
    {" km ", "kilometer", "kilometers", "Kilometer", "Kilometer", "Kilometern", 'm', Kind::kLength},
    {" µm um ", "micrometer", "micrometers", "Mikrometer", "Mikrometer", "Mikrometern", 'm', Kind::kLength},
    {" s sec ", "second", "seconds", "Sekunde", "Sekunden", "Sekunden", 'f'},
    {" ms ", "millisecond", "milliseconds", "Millisekunde", "Millisekunden", "Millisekunden", 'f'},
    {" min ", "minute", "minutes", "Minute", "Minuten", "Minuten", 'f'},
    {" h ", "hour", "hours", "Stunde", "Stunden", "Stunden", 'f'},
    {" d ", "day", "days", "Tag", "Tage", "Tagen", 'm'},
    // Of an accelerometer: the free fall, not the gram.
    {" g ", "g", "g", "g", "g", "g", 'n'},
    {" mg ", "milli g", "milli g", "Milli-g", "Milli-g", "Milli-g", 'n'},
    {" kg ", "kilogram", "kilograms", "Kilogramm", "Kilogramm", "Kilogramm", 'n'},
    {" t ", "ton", "tons", "Tonne", "Tonnen", "Tonnen", 'f'},
    {" l L ", "liter", "liters", "Liter", "Liter", "Litern", 'm'},
    {" ml mL ", "milliliter", "milliliters", "Milliliter", "Milliliter", "Millilitern", 'm'},
    {" A ", "ampere", "amperes", "Ampere", "Ampere", "Ampere", 'n'},
    {" mA ", "milliampere", "milliamperes", "Milliampere", "Milliampere", "Milliampere", 'n'},
    {" V ", "volt", "volts", "Volt", "Volt", "Volt", 'n'},
    {" mV ", "millivolt", "millivolts", "Millivolt", "Millivolt", "Millivolt", 'n'},
    {" kV ", "kilovolt", "kilovolts", "Kilovolt", "Kilovolt", "Kilovolt", 'n'},
    {" W ", "watt", "watts", "Watt", "Watt", "Watt", 'n'},
    {" mW ", "milliwatt", "milliwatts", "Milliwatt", "Milliwatt", "Milliwatt", 'n'},
    {" kW ", "kilowatt", "kilowatts", "Kilowatt", "Kilowatt", "Kilowatt", 'n'},
    {" MW ", "megawatt", "megawatts", "Megawatt", "Megawatt", "Megawatt", 'n'},
    {" Wh ", "watt-hour", "watt-hours", "Wattstunde", "Wattstunden", "Wattstunden", 'f'},
    {" kWh ", "kilowatt-hour", "kilowatt-hours", "Kilowattstunde", "Kilowattstunden", "Kilowattstunden", 'f'},
    {" Hz ", "hertz", "hertz", "Hertz", "Hertz", "Hertz", 'n'},
    {" kHz ", "kilohertz", "kilohertz", "Kilohertz", "Kilohertz", "Kilohertz", 'n'},
    {" Pa ", "pascal", "pascals", "Pascal", "Pascal", "Pascal", 'n'},
    {" hPa ", "hectopascal", "hectopascals", "Hektopascal", "Hektopascal", "Hektopascal", 'n'},
    {" kPa ", "kilopascal", "kilopascals", "Kilopascal", "Kilopascal", "Kilopascal", 'n'},
    {" MPa ", "megapascal", "megapascals", "Megapascal", "Megapascal", "Megapascal", 'n'},
    {" bar ", "bar", "bar", "Bar", "Bar", "Bar", 'n'},
    {" mbar ", "millibar", "millibar", "Millibar", "Millibar", "Millibar", 'n'},
    {" K ", "kelvin", "kelvins", "Kelvin", "Kelvin", "Kelvin", 'n'},
    {" °C C degC celsius ", "degree Celsius", "degrees Celsius", "Grad Celsius", "Grad Celsius",
     "Grad Celsius", 'm'},
    {" °F F degF fahrenheit ", "degree Fahrenheit", "degrees Fahrenheit", "Grad Fahrenheit",
     "Grad Fahrenheit", "Grad Fahrenheit", 'm'},
    {" ° ", "degree", "degrees", "Grad", "Grad", "Grad", 'm'},
    {" % ", "percent", "percent", "Prozent", "Prozent", "Prozent", 'n'},
    {" %RH %rH ", "percent relative humidity", "percent relative humidity", "Prozent relative Luftfeuchte",
     "Prozent relative Luftfeuchte", "Prozent relativer Luftfeuchte", 'n'},
    {" N ", "newton", "newtons", "Newton", "Newton", "Newton", 'n'},
    {" kN ", "kilonewton", "kilonewtons", "Kilonewton", "Kilonewton", "Kilonewton", 'n'},
    {" Nm ", "newton meter", "newton meters", "Newtonmeter", "Newtonmeter", "Newtonmetern", 'm'},
    {" Ω Ohm ohm ", "ohm", "ohms", "Ohm", "Ohm", "Ohm", 'n'},
    {" dB ", "decibel", "decibels", "Dezibel", "Dezibel", "Dezibel", 'n'},
    {" lx ", "lux", "lux", "Lux", "Lux", "Lux", 'n'},
    {" ppm ", "part per million", "parts per million", "Teil pro Million", "Teile pro Million",
     "Teilen pro Million", 'm'},
    {" rpm 1/min U/min ", "revolution per minute", "revolutions per minute", "Umdrehung pro Minute",
     "Umdrehungen pro Minute", "Umdrehungen pro Minute", 'f'},
};

const Base* Find(std::string_view symbol) {
  const std::string padded = " " + std::string(symbol) + " ";
  for (const Base& base : kBases) {
    if (base.symbols.find(padded) != std::string_view::npos) return &base;
  }
  return nullptr;
}

// "s²" is s and 2.
int TakePower(std::string_view& symbol) {
  constexpr std::pair<std::string_view, int> kPowers[] = {{"²", 2}, {"^2", 2}, {"2", 2},
                                                          {"³", 3}, {"^3", 3}, {"3", 3}};
  for (const auto& [sign, power] : kPowers) {
    if (symbol.size() > sign.size() && symbol.ends_with(sign)) {
      symbol.remove_suffix(sign.size());
      return power;
    }
  }
  return 1;
}

std::string WithPower(std::string word, int power, bool length, Language language) {
  if (power == 1) return word;
  if (language == Language::kGerman) {
    if (length) return (power == 2 ? "Quadrat" : "Kubik") + absl::AsciiStrToLower(word);
    return word + (power == 2 ? " zum Quadrat" : " hoch drei");
  }
  if (length) return (power == 2 ? "square " : "cubic ") + word;
  return word + (power == 2 ? " squared" : " cubed");
}

struct Number {
  bool one = false;
  Case german_case = Case::kNominative;
};

std::string Part(std::string_view symbol, const Number& number, Language language) {
  const Base* whole = Find(symbol);
  const int power = whole != nullptr ? 1 : TakePower(symbol);
  const Base* base = whole != nullptr ? whole : Find(symbol);
  if (base == nullptr) return WithPower(SpokenName(symbol, language), power, false, language);
  const char* word = language == Language::kEnglish ? (number.one ? base->english_one : base->english_many)
                     : number.one                   ? base->german_one
                     : number.german_case == Case::kDative ? base->german_dative
                                                           : base->german_many;
  return WithPower(word, power, base->kind == Kind::kLength, language);
}

// "ein", "einer", "einen": one of a unit.
std::string GermanOne(char gender, Case german_case) {
  if (gender == 'f') return german_case == Case::kDative ? "einer" : "eine";
  if (german_case == Case::kDative) return "einem";
  return gender == 'm' && german_case == Case::kAccusative ? "einen" : "ein";
}

std::string FeatureName(std::string_view feature, Language language) {
  const bool german = language == Language::kGerman;
  if (feature == "kurtosis") return german ? " Kurtosis" : " kurtosis";
  if (feature == "crest") return german ? " Scheitelfaktor" : " crest factor";
  if (feature == "peak") return german ? " Spitze" : " peak";
  return "";
}

}  // namespace

std::string SpokenQuantity(double value, std::string_view unit, std::string_view feature, Language language,
                           Case german_case) {
  const bool german = language == Language::kGerman;
  std::string number = SpokenNumber(value, language);
  if (unit.empty()) return absl::StrCat(number, FeatureName(feature, language));
  const bool one = value == 1 || value == -1;
  // "1/min" is one unit, "l/min" are two.
  std::vector<std::string> parts = {std::string(unit)};
  if (Find(unit) == nullptr) parts = absl::StrSplit(parts[0], '/');
  std::string words = Part(parts[0], {one, german_case}, language);
  for (size_t i = 1; i < parts.size(); ++i) {
    absl::StrAppend(&words, german ? " pro " : " per ", Part(parts[i], {true, Case::kNominative}, language));
  }
  if (one && german) {
    std::string_view symbol = parts[0];
    const Base* base = Find(symbol);
    if (base == nullptr && TakePower(symbol) != 1) base = Find(symbol);
    if (base != nullptr) number = (value < 0 ? "minus " : "") + GermanOne(base->gender, german_case);
  }
  return absl::StrCat(number, words.empty() ? "" : " ", words, FeatureName(feature, language));
}

}  // namespace linnet::answer
