#include "agent/answer/speech.h"

#include <string>

#include "agent/answer/report.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/answer/scripted_engine.h"

namespace linnet::answer {
namespace {

using ::testing::HasSubstr;
constexpr Language kEn = Language::kEnglish;
constexpr Language kDe = Language::kGerman;

TEST(SpeechTest, SaysNumbers) {
  const struct {
    double value;
    const char *english, *german;
  } kCases[] = {
      {0, "zero", "null"},
      {1, "one", "eins"},
      {-1, "minus one", "minus eins"},
      {12, "twelve", "zwölf"},
      {16, "sixteen", "sechzehn"},
      {17, "seventeen", "siebzehn"},
      {20, "twenty", "zwanzig"},
      {21, "twenty-one", "einundzwanzig"},
      {30, "thirty", "dreißig"},
      {99, "ninety-nine", "neunundneunzig"},
      {100, "one hundred", "einhundert"},
      {101, "one hundred and one", "einhunderteins"},
      {216, "two hundred and sixteen", "zweihundertsechzehn"},
      {1000, "one thousand", "eintausend"},
      {1001, "one thousand and one", "eintausendeins"},
      {1044, "one thousand and forty-four", "eintausendvierundvierzig"},
      {21000, "twenty-one thousand", "einundzwanzigtausend"},
      {101000, "one hundred and one thousand", "einhunderteintausend"},
      {999999, "nine hundred and ninety-nine thousand nine hundred and ninety-nine",
       "neunhundertneunundneunzigtausendneunhundertneunundneunzig"},
      {1000000, "one million", "eine Million"},
      {2000001, "two million and one", "zwei Millionen eins"},
      {1000000000, "one billion", "eine Milliarde"},
      {15.6, "fifteen point six", "fünfzehn Komma sechs"},
      {0.837, "zero point eight three seven", "null Komma acht drei sieben"},
      {-4.05, "minus four point zero five", "minus vier Komma null fünf"},
      {1e18, "one times ten to the power of eighteen", "eins mal zehn hoch achtzehn"},
      {-2.5e-12, "minus two point five times ten to the power of minus twelve",
       "minus zwei Komma fünf mal zehn hoch minus zwölf"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(SpokenNumber(c.value, kEn), c.english);
    EXPECT_EQ(SpokenNumber(c.value, kDe), c.german);
  }
}

TEST(SpeechTest, SaysUnits) {
  const struct {
    double value;
    const char *unit, *english, *german, *dative;
  } kCases[] = {
      {15.6, "m/s²", "fifteen point six meters per second squared",
       "fünfzehn Komma sechs Meter pro Sekunde zum Quadrat",
       "fünfzehn Komma sechs Metern pro Sekunde zum Quadrat"},
      {2, "m/s^2", "two meters per second squared", "zwei Meter pro Sekunde zum Quadrat",
       "zwei Metern pro Sekunde zum Quadrat"},
      {2, "m/s2", "two meters per second squared", "zwei Meter pro Sekunde zum Quadrat",
       "zwei Metern pro Sekunde zum Quadrat"},
      {7, "mm/s", "seven millimeters per second", "sieben Millimeter pro Sekunde",
       "sieben Millimetern pro Sekunde"},
      {1, "V", "one volt", "ein Volt", "einem Volt"},
      {-1, "V", "minus one volt", "minus ein Volt", "minus einem Volt"},
      {0, "V", "zero volts", "null Volt", "null Volt"},
      {1.5, "A", "one point five amperes", "eins Komma fünf Ampere", "eins Komma fünf Ampere"},
      {40, "°C", "forty degrees Celsius", "vierzig Grad Celsius", "vierzig Grad Celsius"},
      {-18, "C", "minus eighteen degrees Celsius", "minus achtzehn Grad Celsius",
       "minus achtzehn Grad Celsius"},
      {35, "%", "thirty-five percent", "fünfunddreißig Prozent", "fünfunddreißig Prozent"},
      {1, "rpm", "one revolution per minute", "eine Umdrehung pro Minute", "einer Umdrehung pro Minute"},
      {3000, "1/min", "three thousand revolutions per minute", "dreitausend Umdrehungen pro Minute",
       "dreitausend Umdrehungen pro Minute"},
      {12, "l/min", "twelve liters per minute", "zwölf Liter pro Minute", "zwölf Litern pro Minute"},
      {4, "m³/h", "four cubic meters per hour", "vier Kubikmeter pro Stunde", "vier Kubikmetern pro Stunde"},
      {2, "kg/m³", "two kilograms per cubic meter", "zwei Kilogramm pro Kubikmeter",
       "zwei Kilogramm pro Kubikmeter"},
      {1044, "hPa", "one thousand and forty-four hectopascals", "eintausendvierundvierzig Hektopascal",
       "eintausendvierundvierzig Hektopascal"},
      {3, "g", "three g", "drei g", "drei g"},
      {2, "blorps", "two blorps", "zwei blorps", "zwei blorps"},
      {2, "", "two", "zwei", "zwei"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(SpokenQuantity(c.value, c.unit, "rms", kEn, Case::kNominative), c.english);
    EXPECT_EQ(SpokenQuantity(c.value, c.unit, "rms", kDe, Case::kNominative), c.german);
    EXPECT_EQ(SpokenQuantity(c.value, c.unit, "rms", kDe, Case::kDative), c.dative);
  }
  EXPECT_EQ(SpokenQuantity(1, "m/s²", "", kDe, Case::kAccusative), "einen Meter pro Sekunde zum Quadrat");
  EXPECT_EQ(SpokenQuantity(8.1, "", "kurtosis", kDe, Case::kNominative), "acht Komma eins Kurtosis");
  EXPECT_EQ(SpokenQuantity(3, "V", "peak", kEn, Case::kNominative), "three volts peak");
}

// Each unit that the sensors convert has words in both languages: none is read as it is written.
TEST(SpeechTest, KnowsTheUnitsOfTheSensors) {
  for (const char* unit :
       {"°C",    "C",     "degC", "celsius", "°F", "F",   "degF", "fahrenheit", "K",     "m/s²",  "m/s2",
        "m/s^2", "mm/s²", "m/s",  "mm/s",    "Pa", "hPa", "mbar", "kPa",        "bar",   "MPa",   "A",
        "mA",    "V",     "mV",   "kV",      "W",  "kW",  "Hz",   "rpm",        "1/min", "U/min", "%"}) {
    for (const Language language : {kEn, kDe}) {
      const std::string said = SpokenQuantity(2, unit, "", language, Case::kNominative);
      EXPECT_EQ(said.find_first_of("0123456789/%^"), std::string::npos) << said;
      EXPECT_EQ(said.find("²"), std::string::npos) << said;
      EXPECT_EQ(said.find("°"), std::string::npos) << said;
      EXPECT_GT(said.size(), std::string(language == kEn ? "two bar" : "zwei K").size() - 1) << said;
    }
  }
}

TEST(SpeechTest, SaysTimesAndDurations) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  const auto at = [](int hour, int minute) { return absl::FromUnixSeconds(hour * 3600 + minute * 60); };
  const struct {
    int hour, minute;
    const char *english, *german;
  } kTimes[] = {{4, 5, "four oh five at night", "vier Uhr fünf"},
                {0, 0, "midnight", "null Uhr"},
                {0, 30, "twelve thirty at night", "null Uhr dreißig"},
                {1, 0, "one o'clock at night", "ein Uhr"},
                {9, 0, "nine o'clock in the morning", "neun Uhr"},
                {12, 0, "noon", "zwölf Uhr"},
                {12, 1, "twelve oh one in the afternoon", "zwölf Uhr eins"},
                {14, 5, "two oh five in the afternoon", "vierzehn Uhr fünf"},
                {18, 45, "six forty-five in the evening", "achtzehn Uhr fünfundvierzig"},
                {21, 21, "nine twenty-one in the evening", "einundzwanzig Uhr einundzwanzig"},
                {23, 59, "eleven fifty-nine at night", "dreiundzwanzig Uhr neunundfünfzig"}};
  for (const auto& t : kTimes) {
    EXPECT_EQ(SpokenTimeOfDay(at(t.hour, t.minute), utc, kEn), t.english);
    EXPECT_EQ(SpokenTimeOfDay(at(t.hour, t.minute), utc, kDe), t.german);
  }
  EXPECT_EQ(SpokenDuration(absl::Minutes(65), kEn), "one hour and five minutes");
  EXPECT_EQ(SpokenDuration(absl::Minutes(65), kDe), "einer Stunde und fünf Minuten");
  EXPECT_EQ(SpokenDuration(absl::Hours(25), kDe), "einem Tag und einer Stunde");
  EXPECT_EQ(SpokenDuration(absl::Hours(48), kDe), "zwei Tagen");
  EXPECT_EQ(SpokenDuration(absl::Seconds(1), kEn), "one second");
  EXPECT_EQ(SpokenDuration(absl::ZeroDuration(), kDe), "null Sekunden");
}

TEST(SpeechTest, SaysNames) {
  EXPECT_EQ(SpokenName("press-line-3", kEn), "press line three");
  EXPECT_EQ(SpokenName("Halle 21/Nord", kDe), "Halle einundzwanzig Nord");
  EXPECT_EQ(SpokenName("linnet_07", kEn), "linnet zero seven");
  EXPECT_EQ(SpokenName("SN123456", kDe), "SN eins zwei drei vier fünf sechs");
  EXPECT_EQ(SpokenName("Kühlraum", kDe), "Kühlraum");
  EXPECT_EQ(SpokenName("--", kEn), "");
}

sensors::Anomaly Shaking() {
  sensors::Anomaly anomaly;
  anomaly.kind = sensors::SensorKind::kVibration;
  anomaly.unit = "m/s²";
  anomaly.axis = "y";
  anomaly.feature = "rms";
  anomaly.severity = sensors::Severity::kCritical;
  anomaly.value = 15.6;
  anomaly.baseline = 1;
  anomaly.start = absl::FromUnixSeconds(4 * 3600 + 5 * 60);
  anomaly.duration = absl::Minutes(61);
  return anomaly;
}

TEST(SpeechTest, AReportForAVoiceHasTheSameFactsInWords) {
  ReportOptions options;
  const Report en = WriteReport(Shaking(), "press-line-3", options, nullptr);
  EXPECT_EQ(
      en.speech,
      "Critical: the vibration of press line three on the Y axis has been at fifteen point six meters per "
      "second squared for one hour and one minute, since four oh five at night, far above the usual one "
      "meter per second squared. Stop operation and inspect it now.");
  options.language = kDe;
  const Report de = WriteReport(Shaking(), "press-line-3", options, nullptr);
  EXPECT_EQ(
      de.speech,
      "Kritisch: Die Vibration von press line drei auf der Y-Achse liegt seit vier Uhr fünf, also seit "
      "einer Stunde und einer Minute, bei fünfzehn Komma sechs Metern pro Sekunde zum Quadrat, weit über "
      "dem üblichen Wert von einem Meter pro Sekunde zum Quadrat. Den Betrieb stoppen und sofort prüfen.");
  // The model's own words are said, too; "um" takes the accusative.
  ScriptedEngine engine(
      "Kritisch: Die {sensor} von {device} auf der {axis}-Achse schwankt seit {since} Uhr, also seit "
      "{duration}, um {baseline}, nicht um {value}.");
  const Report model = WriteReport(Shaking(), "press-line-3", options, Model::Of(&engine).get());
  EXPECT_FALSE(model.from_template);
  EXPECT_THAT(model.speech, HasSubstr("um einen Meter pro Sekunde zum Quadrat, nicht um fünfzehn Komma sechs "
                                      "Meter pro Sekunde zum Quadrat."));
}

// Any report in any words: no digit and no sign but those of writing.
TEST(SpeechTest, NoFiguresAndNoSymbols) {
  int reports = 0;
  for (const Language language : {kEn, kDe}) {
    for (int kind = 0; kind <= 10; ++kind) {
      for (int direction = 0; direction < 4; ++direction) {
        for (const char* unit : {"m/s²", "°C", "%", "1/min", "m³/h", "bar", ""}) {
          for (const double value : {-1.0, 0.0, 1.0, 0.5, 12345.678, 1e20}) {
            sensors::Anomaly anomaly = Shaking();
            anomaly.kind = static_cast<sensors::SensorKind>(kind);
            anomaly.direction = static_cast<sensors::Direction>(direction);
            anomaly.unit = unit;
            anomaly.feature = direction == 0 ? "kurtosis" : "";
            anomaly.value = value;
            anomaly.duration = absl::Minutes(reports % 3000);
            ReportOptions options;
            options.language = language;
            const std::string said = WriteReport(anomaly, "Presse 3/b #2", options, nullptr).speech;
            EXPECT_EQ(said.find_first_of("0123456789%/()[]{}+*=<>_#°²³"), std::string::npos) << said;
            ++reports;
          }
        }
      }
    }
  }
  EXPECT_GT(reports, 3000);
}

}  // namespace
}  // namespace linnet::answer
