#ifndef LINNET_RUNTIME_TOKENIZER_WORD_RULES_H_
#define LINNET_RUNTIME_TOKENIZER_WORD_RULES_H_

#include <cstddef>
#include <cstdint>

#include "runtime/tokenizer/range.h"

namespace linnet::tokenizer {

// The expressions that cut a whole text into words are variations of one: in this order, the first that
// matches where the last word ended,
//   a contraction: 's 't 'm 'd 're 've 'll, in any case
//   letters, with at most one character before them that is no line end, letter or number
//   numbers, at most so many
//   other characters, with at most one space before them, and a tail
//   \s*[\r\n]+
//   \s+(?!\S)|\s+: spaces, of which one is left for the word that follows
struct WordRules {
  enum class Words : uint8_t {
    kRuns,     // L+, where L is `letters`
    kPhrases,  // (L\p{M}*( L\p{M}*)*)+: words with one space between them
    // U*W+|U+W*, where U is a letter but a-z, W one but A-Z, and a contraction after it: llama.cpp's reading
    // of
    // [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+: case counts in ASCII alone
    kCased,
    kCasedNotHan,  // [\p{Han}]+, and else the runs of L without them, with a contraction after it
    kWhole,        // L+ with a contraction after it
  };
  enum class Tail : uint8_t { kNone, kNewlines, kNewlinesAndSlashes, kOneNewline };

  bool contractions = true;
  bool long_s = false;  // U+017F is an s in a contraction
  Words words = Words::kRuns;
  int letters = kLetter;
  bool joiners = false;  // U+200C and U+200D are letters
  size_t most_numbers = 1;
  int not_others = kSpace | kLetter | kNumber;
  Tail tail = Tail::kNewlines;
  bool halving_spaces = false;  // \s{512}(?!\S)|\s{256}(?!\S)|...|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1}
};

// The end of the word that begins at `at`, which is before the end of `text`; always beyond `at`.
size_t NextWord(const WordRules& rules, const Range& text, size_t at);

// GPT-2's: 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
size_t NextGpt2(const Range& text, size_t at);

// DeepSeek V3's, which leaves gaps: `at` where nothing matches.
//   [!-/:-@\[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|
//   ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
// "~" is no \p{S} here, as in llama.cpp's reading. single_newlines (Spark): [\r\n] instead of \s*[\r\n]+, and
// no tail.
size_t NextDeepseek(const Range& text, size_t at, bool single_newlines);

}  // namespace linnet::tokenizer

#endif  // LINNET_RUNTIME_TOKENIZER_WORD_RULES_H_
