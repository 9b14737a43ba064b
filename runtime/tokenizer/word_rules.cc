#include "runtime/tokenizer/word_rules.h"

#include <algorithm>

namespace linnet::tokenizer {
namespace {

constexpr uint32_t kLongS = 0x17f;

uint32_t AsciiLower(uint32_t code) { return code >= 'A' && code <= 'Z' ? code + 32 : code; }

// Length of the contraction at `at`, or 0.
size_t Contraction(const Range& text, size_t at, bool any_case, bool long_s = false) {
  if (text.Code(at) != '\'') return 0;
  const auto code = [&](size_t i) {
    if (long_s && i == at + 1 && text.Code(i) == kLongS) return uint32_t{'s'};
    return any_case ? AsciiLower(text.Code(i)) : text.Code(i);
  };
  const uint32_t first = code(at + 1);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
  const uint32_t second = code(at + 2);
  const bool three =
      (first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l');
  return three ? 3 : 0;
}

// \s+(?!\S)|\s+ with at least one space at `at`.
size_t Spaces(const Range& text, size_t at) {
  const size_t end = text.SkipClass(at, kSpace);
  return end - at > 1 && end < text.end() ? end - 1 : end;
}

size_t HalvingSpaces(const Range& text, size_t at) {
  const auto run = [&](size_t most) {
    size_t size = 0;
    while (size < most && text.Is(at + size, kSpace)) ++size;
    return size;
  };
  const auto before_space = [&](size_t size) {
    return at + size >= text.end() || text.Is(at + size, kSpace);
  };
  const size_t have = run(512);
  for (size_t size = 512; size > 1; size /= 2) {
    if (have >= size && before_space(size)) return at + size;
  }
  return at + 1;
}

// \s*[\r\n]+ takes everything up to the last line end of the run; `at` when there is none.
size_t SpacesAndNewlines(const Range& text, size_t at) {
  for (size_t i = text.SkipClass(at, kSpace); i > at; --i) {
    if (text.IsNewline(i - 1)) return i;
  }
  return at;
}

// Source: llama.cpp, unicode_cpt_is_han: the blocks, not the script.
bool IsHan(const Range& text, size_t at) {
  return text.IsBetween(at, 0x4e00, 0x9fff) || text.IsBetween(at, 0x3400, 0x4dbf) ||
         text.IsBetween(at, 0x20000, 0x2a6df) || text.IsBetween(at, 0x2a700, 0x2ebef) ||
         text.IsBetween(at, 0xf900, 0xfaff) || text.IsBetween(at, 0x2f800, 0x2fa1f);
}

// [^\r\n\p{L}\p{N}]: what may stand before letters.
bool IsLead(const Range& text, size_t at) { return text.IsNot(at, kLetter | kNumber) && !text.IsNewline(at); }

// U*W+ from `at`, or `at`.
size_t UpperThenLower(const Range& text, size_t at, int letters) {
  const auto lower = [&](size_t i) { return text.Is(i, letters) && !text.IsBetween(i, 'A', 'Z'); };
  const size_t upper_end =
      text.SkipWhile(at, [&](size_t i) { return text.Is(i, letters) && !text.IsBetween(i, 'a', 'z'); });
  if (lower(upper_end)) return text.SkipWhile(upper_end, lower);
  // U* gives back until a W is left.
  for (size_t i = upper_end; i > at; --i) {
    if (lower(i - 1)) return i;
  }
  return at;
}

size_t UpperRun(const Range& text, size_t at, int letters) {
  return text.SkipWhile(at, [&](size_t i) { return text.Is(i, letters) && !text.IsBetween(i, 'a', 'z'); });
}

size_t Cased(const Range& text, size_t at, int letters) {
  const bool lead = IsLead(text, at);
  if (lead) {
    if (const size_t end = UpperThenLower(text, at + 1, letters); end > at + 1) return end;
  }
  if (const size_t end = UpperThenLower(text, at, letters); end > at) return end;
  // Where U*W+ does not match, U+W* is U+.
  if (lead) {
    if (const size_t end = UpperRun(text, at + 1, letters); end > at + 1) return end;
  }
  return UpperRun(text, at, letters);
}

// The words' end, or `at`.
size_t Letters(const WordRules& rules, const Range& text, size_t at) {
  using Words = WordRules::Words;
  if (rules.words == Words::kCased) return Cased(text, at, rules.letters);
  if (rules.words == Words::kCasedNotHan && IsHan(text, at)) {
    return text.SkipWhile(at, [&](size_t i) { return IsHan(text, i); });
  }
  const auto letter = [&](size_t i) {
    if (rules.words == Words::kCasedNotHan && IsHan(text, i)) return false;
    return text.Is(i, rules.letters) || (rules.joiners && text.IsBetween(i, 0x200c, 0x200d));
  };
  size_t i = at;
  if (IsLead(text, at) && letter(at + 1)) {
    ++i;
  } else if (!letter(at)) {
    return at;
  }
  if (rules.words != Words::kPhrases) return text.SkipWhile(i, letter);
  while (letter(i)) {
    i = text.SkipClass(i + 1, kMark);
    if (text.Code(i) == ' ' && letter(i + 1)) ++i;
  }
  return i;
}

size_t Tail(WordRules::Tail tail, const Range& text, size_t at) {
  switch (tail) {
    case WordRules::Tail::kNone:
      return at;
    case WordRules::Tail::kNewlines:
      return text.SkipNewlines(at);
    case WordRules::Tail::kNewlinesAndSlashes:
      return text.SkipWhile(at, [&](size_t i) { return text.IsNewline(i) || text.Code(i) == '/'; });
    case WordRules::Tail::kOneNewline:
      return text.IsNewline(at) ? at + 1 : at;
  }
  return at;
}

}  // namespace

size_t NextWord(const WordRules& rules, const Range& text, size_t at) {
  using Words = WordRules::Words;
  const bool after = rules.words != Words::kRuns && rules.words != Words::kPhrases;
  if (rules.contractions && !after) {
    if (const size_t size = Contraction(text, at, true, rules.long_s)) return at + size;
  }
  if (const size_t end = Letters(rules, text, at); end > at) {
    const bool han = rules.words == Words::kCasedNotHan && IsHan(text, at);
    return after && rules.contractions && !han ? end + Contraction(text, end, true) : end;
  }
  if (text.Is(at, kNumber)) {
    size_t end = at + 1;
    while (end - at < rules.most_numbers && text.Is(end, kNumber)) ++end;
    return end;
  }
  const size_t word = text.Code(at) == ' ' ? at + 1 : at;
  const size_t end = text.SkipWhile(word, [&](size_t i) { return text.IsNot(i, rules.not_others); });
  if (end > word) return Tail(rules.tail, text, end);
  if (!text.Is(at, kSpace)) return at + 1;
  if (const size_t newlines = SpacesAndNewlines(text, at); newlines > at) return newlines;
  return rules.halving_spaces ? HalvingSpaces(text, at) : Spaces(text, at);
}

size_t NextGpt2(const Range& text, size_t at) {
  if (const size_t size = Contraction(text, at, false)) return at + size;
  const size_t word = text.Code(at) == ' ' ? at + 1 : at;
  if (text.Is(word, kLetter)) return text.SkipClass(word, kLetter);
  if (text.Is(word, kNumber)) return text.SkipClass(word, kNumber);
  const auto other = [&](size_t i) { return text.IsNot(i, kSpace | kLetter | kNumber); };
  if (other(word)) return text.SkipWhile(word, other);
  return Spaces(text, at);
}

size_t NextDeepseek(const Range& text, size_t at, bool single_newlines) {
  const auto is_symbol = [&](size_t i) { return text.Is(i, kPunctuation | kSymbol) && text.Code(i) != '~'; };
  const bool ascii_sign = text.IsBetween(at, 0x21, 0x7e) && !text.Is(at, kLetter | kNumber);
  if (ascii_sign && text.IsAsciiLetter(at + 1)) {
    return text.SkipWhile(at + 1, [&](size_t i) { return text.IsAsciiLetter(i); });
  }
  const bool lead = text.IsNot(at, kLetter) && !is_symbol(at) && !text.IsNewline(at);
  if (lead && text.Is(at + 1, kLetter | kMark)) return text.SkipClass(at + 1, kLetter | kMark);
  if (text.Is(at, kLetter | kMark)) return text.SkipClass(at, kLetter | kMark);
  const size_t word = text.Code(at) == ' ' ? at + 1 : at;
  if (is_symbol(word)) {
    const size_t end = text.SkipWhile(word, is_symbol);
    return single_newlines ? end : text.SkipNewlines(end);
  }
  if (!text.Is(at, kSpace)) return at;
  if (single_newlines) return text.IsNewline(at) ? at + 1 : Spaces(text, at);
  const size_t newlines = SpacesAndNewlines(text, at);
  return newlines > at ? newlines : Spaces(text, at);
}

}  // namespace linnet::tokenizer
