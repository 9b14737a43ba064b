#ifndef LINNET_AGENT_ANSWER_INTENT_TEXT_H_
#define LINNET_AGENT_ANSWER_INTENT_TEXT_H_

#include <string>
#include <vector>

#include "agent/answer/catalog.h"
#include "agent/answer/intent.h"

namespace linnet::answer {

// Why a call cannot be done because of its value; empty when it can. Brightness and position 0 to 100,
// temperature 5 to 35 °C, timers more than 0 seconds and at most 24 hours.
std::string RangeRefusal(const Call& call, Language language);

// What the calls do, a short sentence each: "Küche: Licht an." Empty when all are `get`.
std::string IntentText(const std::vector<Call>& calls, Language language);

}  // namespace linnet::answer

#endif  // LINNET_AGENT_ANSWER_INTENT_TEXT_H_
