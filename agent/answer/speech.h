#ifndef LINNET_AGENT_ANSWER_SPEECH_H_
#define LINNET_AGENT_ANSWER_SPEECH_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "agent/answer/catalog.h"

namespace linnet::answer {

// Words for what FormatNumber and its neighbours write in figures, for a voice: letters, spaces and hyphens
// only ("twenty-one"). The same rounding as theirs.

// German puts a quantity into the case of its preposition: "um einen Meter", "bei einem Meter", "von zwei
// Metern". English takes no notice.
enum class Case : uint8_t { kNominative, kAccusative, kDative };

// "fifteen point six", "minus drei Komma null fünf"; a whole number is one number word ("two hundred and
// five"), decimals are said one by one. From 1e15 on "one point five times ten to the power of eighteen".
std::string SpokenNumber(double value, Language language);
// "fifteen point six meters per second squared", "ein Volt". An unknown unit is said as it is written, its
// signs as words ("per", "squared", "percent").
std::string SpokenQuantity(double value, std::string_view unit, std::string_view feature, Language language,
                           Case german_case);
// "one hour and five minutes"; German in the dative, as after "seit": "einer Stunde und fünf Minuten".
std::string SpokenDuration(absl::Duration duration, Language language);
// "five past four" is not tried: "four oh five in the afternoon", "vier Uhr fünf".
std::string SpokenTimeOfDay(absl::Time time, absl::TimeZone zone, Language language);
// A name in words: "press-line-3" is "press line three".
std::string SpokenName(std::string_view name, Language language);

}  // namespace linnet::answer

#endif  // LINNET_AGENT_ANSWER_SPEECH_H_
