#ifndef LINNET_AGENT_ANSWER_QUESTION_H_
#define LINNET_AGENT_ANSWER_QUESTION_H_

#include <string_view>

#include "agent/answer/catalog.h"

namespace linnet::answer {

// Whether an utterance asks about state, so that only read-only tools may answer it. A polite request in
// question form ("could you turn on ...?") is not a question. Looks at the words only and errs towards
// read-only. The model has no say in this.
bool IsQuestion(std::string_view utterance, Language language);

// Whether it says that something shall not be done ("don't turn on the light").
bool IsNegated(std::string_view utterance, Language language);

}  // namespace linnet::answer

#endif  // LINNET_AGENT_ANSWER_QUESTION_H_
