#ifndef LINNET_AGENT_ANSWER_COMMAND_WORDS_H_
#define LINNET_AGENT_ANSWER_COMMAND_WORDS_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "agent/answer/catalog.h"

namespace linnet::answer {

// Whether a folded word is one of those that commands and questions are made of: verbs, what rooms have
// (lights, blinds, heating), amounts, times, politeness. With `slips`, also one slip of the pen away from
// such a word of four letters or more. Names of rooms and things never are.
bool IsCommandWord(std::string_view word, Language language, bool slips);

// A folded word that often names a room or thing ("cellar", "toaster"), of both languages. Not complete.
bool IsName(std::string_view word);

// How many of the folded words from `at` on are a remark that people make before a wish ("the guests are
// here"); 0 when there is none.
size_t RemarkAt(const std::vector<std::string>& words, size_t at);

}  // namespace linnet::answer

#endif  // LINNET_AGENT_ANSWER_COMMAND_WORDS_H_
