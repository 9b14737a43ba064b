#ifndef LINNET_TESTS_ANSWER_UTTERANCES_H_
#define LINNET_TESTS_ANSWER_UTTERANCES_H_

#include <vector>

#include "agent/answer/intent.h"

namespace linnet::answer {

// Written by hand, not drawn from the generators of the training data.
struct Utterance {
  const char* said;
  const char* calls;
};

extern const std::vector<Entity> kHome;
extern const std::vector<Utterance> kEnglish, kGerman;
extern const std::vector<const char*> kQuestionsEnglish, kQuestionsGerman;

}  // namespace linnet::answer

#endif  // LINNET_TESTS_ANSWER_UTTERANCES_H_
