#ifndef LINNET_AGENT_ANSWER_TEXT_H_
#define LINNET_AGENT_ANSWER_TEXT_H_

#include <string>
#include <string_view>
#include <vector>

namespace linnet::answer {

bool IsUtf8(std::string_view text);
// ASCII and Latin-1 letters (Ä -> ä); the rest stays.
std::string LowerCase(std::string_view text);
// Lower case, and ä ö ü ß as ae oe ue ss, other accents dropped: how people type without the keys.
std::string Fold(std::string_view text);
// Runs of letters and digits, lower case, apostrophes dropped.
std::vector<std::string> Words(std::string_view text);
// Folded words, joined by single spaces with one at each end, so that " in the " finds whole words.
std::string FoldedPhrase(std::string_view text);
// Within one slip of the pen: a letter wrong, missing, too many, or two swapped (Damerau 1964), at most
// `slips` of them.
bool Resembles(std::string_view a, std::string_view b, int slips);
// A capital at the beginning and after each ". ": names are written as their owners wrote them, and may begin
// a sentence.
std::string CapitalSentences(std::string_view text);
// For a prompt line: control characters, braces and runs of spaces become one space; at most `max_bytes`,
// cut between characters.
std::string OneLine(std::string_view text, size_t max_bytes);

}  // namespace linnet::answer

#endif  // LINNET_AGENT_ANSWER_TEXT_H_
