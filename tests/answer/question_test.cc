#include "agent/answer/question.h"

#include "gtest/gtest.h"

namespace linnet::answer {
namespace {

constexpr Language kEn = Language::kEnglish, kDe = Language::kGerman;

TEST(QuestionTest, StateIsAskedForInManyWays) {
  for (const char* said :
       {"is the light on", "Is the light on in the kitchen?", "tell us what the heating is set to",
        "can you say how the blinds stand", "could you look which lights are on",
        "it's too bright, could you tell me how bright the lamp is", "I'm back, does the fan have power",
        "give me the current temperature in the kitchen", "any idea whether the fan is on",
        "the blinds are open, right?", "lights on in the kitchen?", "see you, how warm is it in the bathroom",
        "how about the lights?", "could you please tell me if the fan runs, ok?",
        "telll me if the fan has stopped", "should the fan be on if you can",
        "can you say wheether the blinds are shut?"}) {
    EXPECT_TRUE(IsQuestion(said, kEn)) << said;
  }
  for (const char* said :
       {"ist das Licht an", "sagst du mir, wie warm es im Bad ist", "überprüf mal den Stand vom Licht",
        "ich wüsste gern, wo die Jalousien stehen", "mir ist kalt, wie warm ist es im Bad",
        "gib mir Bescheid, ob die Rollos offen sind", "das Licht ist aus, oder?", "ging das Licht aus",
        "kannst du mal schauen, wann der Ventilator fertig ist?", "kannst du nachsehn die Temperatur hier?",
        "ich wollte gerade los, schau mal wo die Jalousien stehen", "Licht in der Küche an?",
        "ist das Licht an, wenn du kannst"}) {
    EXPECT_TRUE(IsQuestion(said, kDe)) << said;
  }
}

TEST(QuestionTest, APoliteRequestIsNoQuestion) {
  for (const char* said :
       {"could you turn on the light?", "turn on the light, could you?", "lights off in the kitchen, ok?",
        "do you think you could close the blinds?", "are you able to dim the lights?",
        "shall we turn off the fan?", "is it ok to open the blinds?", "how about closing the blinds?",
        "thanks a lot, what about heating the bathroom to 20 degrees?",
        "I wonder if you could start the fan?", "it's late, could I get you to turn off the lights?",
        "were watching a film, dim the lights", "have the lights off please",
        "tell me when ten minutes are over", "let me know in 5 minutes"}) {
    EXPECT_FALSE(IsQuestion(said, kEn)) << said;
  }
  for (const char* said :
       {"kannst du das Licht anmachen?", "machst du bitte das Licht an?", "Licht an, ja?",
        "wollen wir die Rollos hochfahren?", "wäre es möglich, dass du das Licht ausmachst?",
        "ich gehe schlafen, könntest du die Rollos schließen?", "kann jemand den Ventilator ausmachen?",
        "kannst du schauen, dass du das Licht ausmachst?", "sag mir in zehn Minuten Bescheid",
        "es ist dunkel, schaltest du das Licht an?"}) {
    EXPECT_FALSE(IsQuestion(said, kDe)) << said;
  }
}

TEST(QuestionTest, WhatIsNotNeededAnyMoreIsNoNegation) {
  for (const char* said : {"I don't need the light any more", "dim the light if you don't mind",
                           "please don't forget to close the blinds"}) {
    EXPECT_FALSE(IsNegated(said, kEn)) << said;
  }
  for (const char* said :
       {"don't close the blinds", "never turn on the fan", "I do not want you to dim the light"}) {
    EXPECT_TRUE(IsNegated(said, kEn)) << said;
  }
  for (const char* said : {"ich brauche kein Licht mehr", "vergiss bitte nicht das Licht auszumachen"})
    EXPECT_FALSE(IsNegated(said, kDe)) << said;
  for (const char* said : {"mach das Licht nicht an", "schalte den Ventilator niemals aus",
                           "mach auf keinen Fall die Rollos zu"}) {
    EXPECT_TRUE(IsNegated(said, kDe)) << said;
  }
}

}  // namespace
}  // namespace linnet::answer
