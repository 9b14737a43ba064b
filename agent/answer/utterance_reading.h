#ifndef LINNET_AGENT_ANSWER_UTTERANCE_READING_H_
#define LINNET_AGENT_ANSWER_UTTERANCE_READING_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "agent/answer/intent.h"

namespace linnet::answer {

// The words of a linked utterance, and which of them are unknown: neither a word of commands, nor a verb by
// where it stands, nor part of a remark.
class UtteranceReading {
 public:
  UtteranceReading(const Linked& linked, std::string_view here, Language language);

  size_t size() const { return words_.size(); }
  bool unknown(size_t i) const { return unknown_[i]; }
  bool AnyUnknown() const;
  // Whether the own room was said: "here", "bei mir", "das Zimmer".
  bool SaysHere() const;
  // Whether it is about what rooms and devices do.
  bool IsCommand() const;
  bool SaysTimer() const;
  // Whether an unknown word stands where a place or thing can.
  bool Placed(size_t i) const;
  // Whether it stands where only a place can: "in the dungeon".
  bool IsPlace(size_t i) const;
  // The unknown words from i on, as they were said.
  std::string Name(size_t i) const;

 private:
  bool Has(std::string_view list) const;
  // Indices wrap below zero to beyond the end, where the word is empty.
  std::string_view Word(size_t i) const {
    return i < size() ? std::string_view(words_[i]) : std::string_view();
  }
  bool IsSlot(size_t i) const { return Word(i).starts_with("{"); }
  bool IsNumber(size_t i) const { return Word(i).starts_with("{n"); }
  bool IsEntity(size_t i) const { return Word(i).starts_with("{r") || Word(i).starts_with("{d"); }
  bool IsSide(size_t i) const;
  bool IsRoomWord(size_t i) const;
  size_t Before(size_t i) const;
  // Length of the head of a compound that is unknown; 0: no compound.
  size_t Head(size_t i) const;
  bool BehindPlaceWord(size_t i) const;
  bool Known(size_t i, Language language) const;
  // Verbs that nobody listed, by their place and form: "zap the light off", "das Licht anschmeißen".
  bool IsEnglishVerb(size_t i) const;
  bool IsGermanVerb(size_t i) const;

  const Linked& linked_;
  std::vector<std::string> words_, said_;  // folded; as said
  std::string here_;
  std::vector<bool> unknown_;
};

}  // namespace linnet::answer

#endif  // LINNET_AGENT_ANSWER_UTTERANCE_READING_H_
