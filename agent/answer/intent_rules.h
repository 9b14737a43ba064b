#ifndef LINNET_AGENT_ANSWER_INTENT_RULES_H_
#define LINNET_AGENT_ANSWER_INTENT_RULES_H_

#include <string>

#include "agent/answer/intent.h"

namespace linnet::answer {

// A list of calls with slots, as the model writes it, by a few plain patterns of code: what a device without
// a model still understands. At most one call; `none` when in doubt.
std::string RuleIntent(const Linked& linked, const IntentOptions& options);

}  // namespace linnet::answer

#endif  // LINNET_AGENT_ANSWER_INTENT_RULES_H_
