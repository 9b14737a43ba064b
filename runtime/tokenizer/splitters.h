#ifndef LINNET_RUNTIME_TOKENIZER_SPLITTERS_H_
#define LINNET_RUNTIME_TOKENIZER_SPLITTERS_H_

#include <cstddef>
#include <vector>

#include "runtime/tokenizer/pretokenizer.h"
#include "runtime/tokenizer/range.h"

namespace linnet::tokenizer {

// Splitter by splitter, the expression that it is. \p{L} etc. as Unicode has them, \s is White_Space, [0-9]
// and
// \d are ASCII; [^...] includes marks. What no match covers is a piece of its own.
//   kGpt2 to kSpark: whole texts into words; word_rules.h
//   kEachNumber: \p{N}    kNumberRuns: \p{N}+    kUpToThreeNumbers: \p{N}{1,3}
//   kThreeDigits: [0-9][0-9][0-9]    kThousands: (?=(\d{3})+(?!\d))
//   kNumbersFromRight: runs of \p{N} in threes from the right, what is before a run together with its first
//   group kPunctuationRuns: [\p{P}$+<=>^~|]+    kPunctuationRunsBacktick: [\p{P}$+<=>^~|`]+
//   kPunctuationWords: \s?\p{P}+    kEachPunctuation: [\p{P}!-/:-@\[-`{-~]
//   kEachNewline: [\r\n]    kLines: [^\n]+|\n+    kTabsAndSpaces: [\t\n]|    |  (four, two spaces)
//   kTrailingSpaces: \s+$
//   kLetterRuns: \s?\p{L}+    kCasedLetterRuns: \s?[L]+, L as in deepseek-llm's tokenizer.json: cased letters
//   kPunctuationOrWide: \s?[!-/:-~！-／：-～‘-‟　-。]+
//   kCjkRuns: [一-龥ࠀ-一가-퟿]+    kHanKanaRuns: [一-龥぀-ゟ゠-ヿ]+    kAsianRuns: afmoe's list
//   of blocks kScriptRuns:
//   [가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥぀-ゟ゠-ヿ]+
//   kWordsAndMarks:  ?[^(\s|.,!?…。，、।۔،)]+
//   kSentinels: <sentinel:[0-9]+>    kImages: IMGIMG[A-I]{1,4}Z
//
// Appends the ends of the pieces of `text` to `ends`, ascending, the last one text.end(). A look-ahead sees
// nothing beyond that.
void SplitRange(Splitter splitter, const Range& text, std::vector<size_t>& ends);

}  // namespace linnet::tokenizer

#endif  // LINNET_RUNTIME_TOKENIZER_SPLITTERS_H_
