#include "agent/answer/question_words.h"

#include <algorithm>

#include "agent/answer/command_words.h"
#include "agent/answer/text.h"

namespace linnet::answer {
namespace {

size_t CountWords(std::string_view phrase) {
  return static_cast<size_t>(std::count(phrase.begin(), phrase.end(), ' ')) + 1;
}

// Words that make a question; one slip of the pen must not turn it into a wish.
constexpr std::string_view kAsking[] = {
    "tell",    "whether", "check",  "please",       "could",  "would",     "know",        "what",
    "which",   "where",   "sagen",  "nachsehen",    "wissen", "schauen",   "nachschauen", "pruefe",
    "pruefen", "wieviel", "welche", "herausfinden", "kannst", "koenntest", "wuerdest",    "weisst"};

std::string Mended(std::string word, Language language) {
  if (word.size() < 3 || IsCommandWord(word, language, false)) return word;
  for (const std::string_view asking : kAsking) {
    if (asking[0] == word[0] && Resembles(word, asking, 1)) return std::string(asking);
  }
  return word;
}

}  // namespace

WordReader::WordReader(std::string_view text, Language language) {
  for (const std::string& word : Words(text)) words_.push_back(Mended(Fold(word), language));
}

std::string_view WordReader::Word(size_t ahead) const {
  return at_ + ahead < words_.size() ? std::string_view(words_[at_ + ahead]) : std::string_view();
}

bool WordReader::BeginsAt(size_t index, std::string_view phrase) const {
  while (!phrase.empty()) {
    const size_t end = std::min(phrase.find(' '), phrase.size());
    if (index >= words_.size() || words_[index] != phrase.substr(0, end)) return false;
    phrase.remove_prefix(std::min(end + 1, phrase.size()));
    ++index;
  }
  return true;
}

size_t WordReader::Find(std::string_view phrase) const {
  for (size_t i = at_; i < words_.size(); ++i) {
    if (BeginsAt(i, phrase)) return i;
  }
  return words_.size();
}

bool WordReader::BeginsAny(Phrases phrases) const {
  return std::any_of(phrases.begin(), phrases.end(), [&](std::string_view phrase) { return Begins(phrase); });
}

bool WordReader::HasAny(Phrases phrases) const {
  return std::any_of(phrases.begin(), phrases.end(), [&](std::string_view phrase) { return Has(phrase); });
}

bool WordReader::Skip(Phrases phrases) {
  for (const std::string_view phrase : phrases) {
    if (!Begins(phrase)) continue;
    at_ += CountWords(phrase);
    return true;
  }
  return false;
}

void WordReader::SkipAll(Phrases phrases) {
  while (Skip(phrases)) {
  }
}

bool WordReader::GoBehind(Phrases phrases) {
  size_t best = words_.size(), behind = 0;
  for (const std::string_view phrase : phrases) {
    const size_t found = Find(phrase);
    if (found >= best) continue;
    best = found;
    behind = found + CountWords(phrase);
  }
  if (best == words_.size()) return false;
  at_ = behind;
  return true;
}

bool WordReader::DropLast(Phrases phrases) {
  for (const std::string_view phrase : phrases) {
    const size_t count = CountWords(phrase);
    if (words_.size() <= at_ + count || !BeginsAt(words_.size() - count, phrase)) continue;
    words_.resize(words_.size() - count);
    return true;
  }
  return false;
}

}  // namespace linnet::answer
