#include "runtime/tokenizer/splitters.h"

#include <string_view>

#include "runtime/tokenizer/scripts.h"
#include "runtime/tokenizer/word_rules.h"

namespace linnet::tokenizer {
namespace {

// For expressions that match everywhere: `next` gives the end of the match.
template <typename Next>
void SplitAll(const Range& text, std::vector<size_t>& ends, Next next) {
  for (size_t at = text.begin(); at < text.end();) {
    at = next(at);
    ends.push_back(at);
  }
}

// For the others: `match` gives the end of a match at a place, or the place.
template <typename Match>
void SplitMatches(const Range& text, std::vector<size_t>& ends, Match match) {
  size_t done = text.begin();
  for (size_t at = text.begin(); at < text.end();) {
    const size_t end = match(at);
    if (end == at) {
      ++at;
      continue;
    }
    if (at != done) ends.push_back(at);
    ends.push_back(end);
    at = done = end;
  }
  if (done != text.end()) ends.push_back(text.end());
}

// An optional leading character, then at least one of `body`.
template <typename Lead, typename Body>
size_t WithLead(const Range& text, size_t at, Lead lead, Body body) {
  const auto inside = [&](size_t i) { return i < text.end() && body(i); };
  const size_t word = lead(at) && inside(at + 1) ? at + 1 : at;
  return inside(word) ? text.SkipWhile(word, inside) : at;
}

bool IsDigit(const Range& text, size_t at) { return text.IsBetween(at, '0', '9'); }

WordRules RulesOf(Splitter splitter) {
  using Words = WordRules::Words;
  using Tail = WordRules::Tail;
  constexpr int kLettersAndMarks = kLetter | kMark;
  switch (splitter) {
    case Splitter::kLlama3:
      return {.most_numbers = 3};
    case Splitter::kQwen35:
      return {.letters = kLettersAndMarks, .not_others = kSpace | kLettersAndMarks | kNumber};
    case Splitter::kUfakzeka:
      return {.contractions = false};
    case Splitter::kSeedCoder:
      return {.tail = Tail::kNone};
    case Splitter::kMinicpm5:
      return {.most_numbers = ~size_t{0}};
    case Splitter::kJais2:
      return {.most_numbers = 3, .halving_spaces = true};
    case Splitter::kExaoneMoe:
      return {.words = Words::kPhrases, .tail = Tail::kOneNewline};
    case Splitter::kK2Horizon:
      return {.long_s = true, .letters = kLettersAndMarks, .joiners = true, .most_numbers = 3};
    case Splitter::kTekken:
      return {.contractions = false, .words = Words::kCased, .tail = Tail::kNewlinesAndSlashes};
    case Splitter::kGpt4o:
      return {.words = Words::kCased, .most_numbers = 3, .tail = Tail::kNewlinesAndSlashes};
    case Splitter::kGraniteEmbedding:
      return {.words = Words::kCased,
              .letters = kLettersAndMarks,
              .most_numbers = 3,
              .tail = Tail::kNewlinesAndSlashes};
    case Splitter::kTinyAya:
      return {.words = Words::kWhole,
              .letters = kLettersAndMarks,
              .most_numbers = 3,
              .tail = Tail::kNewlinesAndSlashes};
    case Splitter::kYoutu:
      return {.words = Words::kWhole, .letters = kLettersAndMarks, .tail = Tail::kNewlinesAndSlashes};
    case Splitter::kKimiK2:
      return {.words = Words::kCasedNotHan, .most_numbers = 3};
    default:
      return {};  // kQwen2
  }
}

// Source: llama.cpp, unicode_regex_split_custom_afmoe.
void SplitNumbersFromRight(const Range& text, std::vector<size_t>& ends) {
  size_t done = text.begin();
  for (size_t at = text.begin(); at < text.end(); ++at) {
    const size_t run_end = text.SkipClass(at, kNumber);
    if (run_end == at) continue;
    const size_t odd = (run_end - at) % 3;
    for (size_t end = at + (odd == 0 ? 3 : odd); end <= run_end; end += 3) ends.push_back(end);
    at = done = run_end;  // which is no number
  }
  if (done < text.end()) ends.push_back(text.end());
}

void SplitThousands(const Range& text, std::vector<size_t>& ends) {
  for (size_t at = text.begin(); at < text.end(); ++at) {
    const size_t run_end = text.SkipWhile(at, [&](size_t i) { return IsDigit(text, i); });
    if (run_end == at) continue;
    for (size_t cut = run_end - (run_end - at) / 3 * 3; cut < run_end; cut += 3) {
      if (cut > text.begin()) ends.push_back(cut);
    }
    at = run_end;
  }
  ends.push_back(text.end());
}

size_t Image(const Range& text, size_t at) {
  if (!text.Begins(at, "IMGIMG")) return at;
  size_t end = at + 6;
  while (end < at + 10 && text.IsBetween(end, 'A', 'I')) ++end;
  return end > at + 6 && text.Code(end) == 'Z' ? end + 1 : at;
}

size_t Sentinel(const Range& text, size_t at) {
  constexpr std::string_view kBegin = "<sentinel:";
  if (!text.Begins(at, kBegin)) return at;
  const size_t digits = at + kBegin.size();
  const size_t end = text.SkipWhile(digits, [&](size_t i) { return IsDigit(text, i); });
  return end > digits && text.Code(end) == '>' ? end + 1 : at;
}

size_t TabOrSpaces(const Range& text, size_t at) {
  if (text.Code(at) == '\t' || text.Code(at) == '\n') return at + 1;
  return text.Begins(at, "    ") ? at + 4 : text.Begins(at, "  ") ? at + 2 : at;
}

}  // namespace

void SplitRange(Splitter splitter, const Range& text, std::vector<size_t>& ends) {
  const auto is = [&](int classes) { return [&text, classes](size_t i) { return text.Is(i, classes); }; };
  const auto is_space = is(kSpace);
  const auto matches = [&](auto match) { SplitMatches(text, ends, match); };
  const auto each = [&](auto inside) { matches([&](size_t at) { return inside(at) ? at + 1 : at; }); };
  const auto runs = [&](auto inside) { matches([&](size_t at) { return text.SkipWhile(at, inside); }); };
  const auto in_script = [&](auto contains) {
    return [&text, contains](size_t i) { return i < text.end() && contains(text.Code(i)); };
  };
  const auto words = [&](auto body) {
    matches([&](size_t at) { return WithLead(text, at, is_space, body); });
  };
  switch (splitter) {
    case Splitter::kGpt2:
      return SplitAll(text, ends, [&](size_t at) { return NextGpt2(text, at); });
    case Splitter::kLlama3:
    case Splitter::kQwen2:
    case Splitter::kQwen35:
    case Splitter::kUfakzeka:
    case Splitter::kSeedCoder:
    case Splitter::kMinicpm5:
    case Splitter::kJais2:
    case Splitter::kExaoneMoe:
    case Splitter::kK2Horizon:
    case Splitter::kTekken:
    case Splitter::kGpt4o:
    case Splitter::kGraniteEmbedding:
    case Splitter::kTinyAya:
    case Splitter::kYoutu:
    case Splitter::kKimiK2:
      return SplitAll(text, ends,
                      [&, rules = RulesOf(splitter)](size_t at) { return NextWord(rules, text, at); });
    case Splitter::kDeepseek3:
      return matches([&](size_t at) { return NextDeepseek(text, at, false); });
    case Splitter::kSpark:
      return matches([&](size_t at) { return NextDeepseek(text, at, true); });
    case Splitter::kEachNumber:
      return each(is(kNumber));
    case Splitter::kNumberRuns:
      return runs(is(kNumber));
    case Splitter::kUpToThreeNumbers:
      return matches([&](size_t at) {
        size_t end = at;
        while (end < at + 3 && text.Is(end, kNumber)) ++end;
        return end;
      });
    case Splitter::kThreeDigits:
      return matches([&](size_t at) {
        return IsDigit(text, at) && IsDigit(text, at + 1) && IsDigit(text, at + 2) ? at + 3 : at;
      });
    case Splitter::kThousands:
      return SplitThousands(text, ends);
    case Splitter::kNumbersFromRight:
      return SplitNumbersFromRight(text, ends);
    case Splitter::kPunctuationRuns:
      return runs([&](size_t i) { return text.Is(i, kPunctuation) || text.IsOneOf(i, U"$+<=>^~|"); });
    case Splitter::kPunctuationRunsBacktick:
      return runs([&](size_t i) { return text.Is(i, kPunctuation) || text.IsOneOf(i, U"$+<=>^~|`"); });
    case Splitter::kPunctuationWords:
      return words(is(kPunctuation));
    case Splitter::kEachPunctuation:
      return each([&](size_t i) {
        return text.Is(i, kPunctuation) || (text.Is(i, kSymbol) && text.IsBetween(i, 0x21, 0x7e));
      });
    case Splitter::kEachNewline:
      return each([&](size_t i) { return text.IsNewline(i); });
    case Splitter::kLines:
      return SplitAll(text, ends, [&](size_t at) {
        const bool newline = text.Code(at) == '\n';
        return text.SkipWhile(at,
                              [&](size_t i) { return i < text.end() && (text.Code(i) == '\n') == newline; });
      });
    case Splitter::kTabsAndSpaces:
      return matches([&](size_t at) { return TabOrSpaces(text, at); });
    case Splitter::kTrailingSpaces: {
      size_t at = text.end();
      while (at > text.begin() && is_space(at - 1)) --at;
      if (at > text.begin()) ends.push_back(at);
      if (at < text.end()) ends.push_back(text.end());
      return;
    }
    case Splitter::kLetterRuns:
      return words(is(kLetter));
    case Splitter::kCasedLetterRuns:
      return words(in_script(IsDeepseekLetter));
    case Splitter::kPunctuationOrWide:
      return words(in_script(IsDeepseekPunctuation));
    case Splitter::kCjkRuns:
      return runs(in_script(IsDeepseekCjk));
    case Splitter::kHanKanaRuns:
      return runs(in_script(IsHanOrKana));
    case Splitter::kAsianRuns:
      return runs(in_script(IsAfmoeAsian));
    case Splitter::kScriptRuns:
      return matches([&](size_t at) {
        const auto skip = [&](auto inside) { return text.SkipWhile(at, inside); };
        size_t end = skip(
            [&](size_t i) { return text.IsBetween(i, 0xac00, 0xd7a3) || text.IsBetween(i, 0x3131, 0x318e); });
        if (end == at) end = skip(in_script(IsYoutuPunctuation));
        if (end == at) end = skip([&](size_t i) { return text.IsBetween(i, 0x3105, 0x312f); });
        return end == at ? skip(in_script(IsHanOrKana)) : end;
      });
    case Splitter::kWordsAndMarks:
      return matches([&](size_t at) {
        return WithLead(
            text, at, [&](size_t i) { return text.Code(i) == ' '; },
            [&](size_t i) {
              return !is_space(i) && !text.IsOneOf(i, U"(|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)");
            });
      });
    case Splitter::kSentinels:
      return matches([&](size_t at) { return Sentinel(text, at); });
    case Splitter::kImages:
      return matches([&](size_t at) { return Image(text, at); });
  }
}

}  // namespace linnet::tokenizer
