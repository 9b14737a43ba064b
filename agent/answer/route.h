#ifndef LINNET_AGENT_ANSWER_ROUTE_H_
#define LINNET_AGENT_ANSWER_ROUTE_H_

#include <string_view>

#include "agent/answer/ask.h"

namespace linnet::answer {

// Whether a text asks what is in stock.
bool AsksForStock(std::string_view text, const DeviceState& state);

}  // namespace linnet::answer

#endif  // LINNET_AGENT_ANSWER_ROUTE_H_
