#ifndef LINNET_AGENT_ANSWER_STATE_ANSWER_H_
#define LINNET_AGENT_ANSWER_STATE_ANSWER_H_

#include <string>
#include <string_view>
#include <vector>

#include "agent/answer/ask.h"

namespace linnet::answer {

// Answers from what is known, by code alone: numbers are copied, nothing is guessed.

// Sensors: the channels that the text names, else all of them.
Answer ChannelAnswer(std::string_view text, const DeviceState& state, Language language);
// Stock: the item that the text names, else all.
Answer StockAnswer(std::string_view text, const DeviceState& state, Language language);
// `get` calls: the known values; says so where nothing is known.
std::string KnownText(const std::vector<Call>& calls, const DeviceState& state, Language language);
// No anomaly: says so, with the channels that are watched.
Answer AllQuiet(const DeviceState& state, Language language);
// Nothing here can answer: says what can be asked.
Answer NotUnderstood(const DeviceState& state, Language language);

}  // namespace linnet::answer

#endif  // LINNET_AGENT_ANSWER_STATE_ANSWER_H_
