#ifndef LINNET_AGENT_ANSWER_QUESTION_WORDS_H_
#define LINNET_AGENT_ANSWER_QUESTION_WORDS_H_

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/answer/catalog.h"

namespace linnet::answer {

// Phrases of one or more folded words. A brace list or an array.
class Phrases {
 public:
  Phrases(std::initializer_list<std::string_view> list) : all_(list.begin(), list.size()) {}
  template <size_t kCount>
  Phrases(const std::string_view (&list)[kCount]) : all_(list, kCount) {}
  auto begin() const { return all_.begin(); }
  auto end() const { return all_.end(); }

 private:
  std::span<const std::string_view> all_;  // a brace list lives until the call ends
};

// The folded words of an utterance, with a place to read from. Phrases are whole words.
class WordReader {
 public:
  WordReader(std::string_view text, Language language);

  size_t size() const { return words_.size(); }
  size_t at() const { return at_; }
  bool AtEnd() const { return at_ >= words_.size(); }
  // A word from where the reader stands; empty beyond the end.
  std::string_view Word(size_t ahead = 0) const;
  std::string_view Last() const { return words_.empty() ? std::string_view() : words_.back(); }

  bool Begins(std::string_view phrase) const { return BeginsAt(at_, phrase); }
  bool BeginsAny(Phrases phrases) const;
  // Whether the rest has the phrase somewhere.
  bool Has(std::string_view phrase) const { return Find(phrase) < words_.size(); }
  bool HasAny(Phrases phrases) const;

  bool Skip(Phrases phrases);  // one, if it comes next
  void SkipAll(Phrases phrases);
  // Goes behind the first of the phrases in the rest; the earliest wins. False: there is none.
  bool GoBehind(Phrases phrases);
  // Drops a phrase at the end; false when it is not there or is all there is.
  bool DropLast(Phrases phrases);

 private:
  bool BeginsAt(size_t index, std::string_view phrase) const;
  size_t Find(std::string_view phrase) const;

  std::vector<std::string> words_;
  size_t at_ = 0;
};

}  // namespace linnet::answer

#endif  // LINNET_AGENT_ANSWER_QUESTION_WORDS_H_
