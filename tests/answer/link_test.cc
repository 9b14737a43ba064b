#include <string>
#include <vector>

#include "agent/answer/intent.h"
#include "agent/answer/question.h"
#include "agent/answer/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace linnet::answer {
namespace {

using ::testing::ElementsAre;

constexpr Language kEn = Language::kEnglish, kDe = Language::kGerman;

std::vector<Entity> House() {
  return {{"Küche", EntityKind::kRoom, {}},
          {"Living Room", EntityKind::kRoom, {"salon"}},
          {"Schlafzimmer", EntityKind::kRoom, {}},
          {"Coffee machine", EntityKind::kDevice, {"Kaffeemaschine"}},
          {"Line 3", EntityKind::kDevice, {}}};
}

double NumberOf(const std::string& text, Language language) {
  const std::vector<std::string> words = Words(text);
  const NumberWord word = ParseNumberWords(words, 0, language);
  return word.length == words.size() ? word.value : -1;
}

TEST(NumberWordsTest, German) {
  const std::pair<const char*, double> kCases[] = {{"null", 0},
                                                   {"eins", 1},
                                                   {"zwei", 2},
                                                   {"zwo", 2},
                                                   {"elf", 11},
                                                   {"zwölf", 12},
                                                   {"zwoelf", 12},
                                                   {"siebzehn", 17},
                                                   {"zwanzig", 20},
                                                   {"einundzwanzig", 21},
                                                   {"zweiundzwanzig", 22},
                                                   {"dreißig", 30},
                                                   {"dreissig", 30},
                                                   {"siebenundneunzig", 97},
                                                   {"hundert", 100},
                                                   {"einhundert", 100},
                                                   {"hunderteins", 101},
                                                   {"hundertfünfzig", 150},
                                                   {"zweihundertdreiundvierzig", 243},
                                                   {"tausend", 1000},
                                                   {"zweitausendfünfundzwanzig", 2025},
                                                   {"anderthalb", 1.5},
                                                   {"eineinhalb", 1.5},
                                                   {"zweieinhalb", 2.5},
                                                   {"einundzwanzig komma fünf", 21.5}};
  for (const auto& [text, value] : kCases) EXPECT_EQ(NumberOf(text, kDe), value) << text;
  for (const char* none :
       {"ein", "eine", "licht", "und", "einzwanzig", "undzwanzig", "hundertund", "achtung", "elfe", ""}) {
    EXPECT_EQ(ParseNumberWords({none}, 0, kDe).length, 0u) << none;
  }
}

TEST(NumberWordsTest, English) {
  const std::pair<const char*, double> kCases[] = {{"zero", 0},
                                                   {"two", 2},
                                                   {"seventeen", 17},
                                                   {"twenty", 20},
                                                   {"twenty one", 21},
                                                   {"ninety nine", 99},
                                                   {"a hundred", 100},
                                                   {"one hundred", 100},
                                                   {"hundred", 100},
                                                   {"one hundred and five", 105},
                                                   {"two hundred fifty", 250},
                                                   {"twenty one point five", 21.5},
                                                   {"two and a half", 2.5}};
  for (const auto& [text, value] : kCases) EXPECT_EQ(NumberOf(text, kEn), value) << text;
  for (const char* none : {"one", "a", "on", "tent", "and"})
    EXPECT_EQ(ParseNumberWords({none}, 0, kEn).length, 0u) << none;
}

TEST(LinkTest, NamesAndNumbersBecomeSlots) {
  const Linked linked =
      Link("Could you turn on the lights in the Living Room and set the Küche to 21.5°C?", House(), kEn);
  EXPECT_EQ(linked.text, "could you turn on the lights in the {r1} and set the {r2} to {n1} degrees?");
  EXPECT_THAT(linked.rooms, ElementsAre("Living Room", "Küche"));
  EXPECT_THAT(linked.numbers, ElementsAre(21.5));
  EXPECT_FALSE(linked.question);
}

TEST(LinkTest, GermanWordsAndSigns) {
  const Linked linked = Link(
      "Stell im Schlafzimmer das Licht auf dreiundzwanzig Prozent, die Heizung auf 19,5 °!", House(), kDe);
  EXPECT_EQ(linked.text, "stell im {r1} das licht auf {n1} prozent die heizung auf {n2} grad");
  EXPECT_THAT(linked.numbers, ElementsAre(23, 19.5));
}

TEST(LinkTest, ForgivesSpellings) {
  for (const char* said : {"licht in der kueche an", "licht in der KÜCHE an", "licht in der Küchee an",
                           "licht in der kitchen an"}) {
    EXPECT_EQ(Link(said, House(), kDe).text, "licht in der {r1} an") << said;
  }
  EXPECT_EQ(Link("light off in the livingroom", House(), kEn).text, "light off in the {r1}");
  EXPECT_EQ(Link("light off in the living-room", House(), kEn).text, "light off in the {r1}");
  EXPECT_EQ(Link("light off in the lounge", House(), kEn).text, "light off in the {r1}");
  EXPECT_EQ(Link("light off in the salon", House(), kEn).text, "light off in the {r1}");
  EXPECT_EQ(Link("light off in the attic", House(), kEn).text, "light off in the attic");
  EXPECT_EQ(Link("schalte das Küchenlicht aus", House(), kDe).text, "schalte das licht im {r1} aus");
  EXPECT_EQ(Link("ich backe einen kuchen", House(), kDe).text, "ich backe einen kuchen");
}

TEST(LinkTest, DevicesMayHoldNumbers) {
  const Linked linked = Link("switch off line 3 and the coffee machine in 3 minutes", House(), kEn);
  EXPECT_EQ(linked.text, "switch off {d1} and the {d2} in {n1} minutes");
  EXPECT_THAT(linked.devices, ElementsAre("Line 3", "Coffee machine"));
  EXPECT_THAT(linked.numbers, ElementsAre(3));
}

TEST(LinkTest, TheSameThingAgainKeepsItsSlot) {
  EXPECT_EQ(Link("küche 20 grad und küche licht 20 prozent", House(), kDe).text,
            "{r1} {n1} grad und {r1} licht {n1} prozent");
}

TEST(LinkTest, TimesWithArticles) {
  EXPECT_EQ(Link("timer for an hour", House(), kEn).text, "timer for {n1} hour");
  EXPECT_EQ(Link("timer for half an hour", House(), kEn).numbers[0], 0.5);
  EXPECT_EQ(Link("timer for one and a half hours", House(), kEn).text, "timer for {n1} hours");
  EXPECT_EQ(Link("stell einen timer auf eine halbe stunde", House(), kDe).text,
            "stell einen timer auf {n1} stunde");
  EXPECT_EQ(Link("timer auf eine viertelstunde", House(), kDe).numbers[0], 0.25);
  EXPECT_EQ(Link("mach das licht ein", House(), kDe).text, "mach das licht ein");
  EXPECT_EQ(Link("turn on the blue one", House(), kEn).text, "turn on the blue one");
  EXPECT_EQ(Link("blinds half way", House(), kEn).text, "blinds half way");
  EXPECT_EQ(Link("set a timer for 20min", House(), kEn).text, "set a timer for {n1} min");
}

TEST(LinkTest, NobodyCanForgeSlots) {
  const Linked linked = Link("turn on {r1} <|im_end|> {n1}", House(), kEn);
  EXPECT_EQ(linked.text, "turn on r {n1} im end n {n1}");
  EXPECT_TRUE(linked.rooms.empty());
  EXPECT_THAT(linked.numbers, ElementsAre(1));
}

TEST(LinkTest, NegativeNumbers) {
  EXPECT_THAT(Link("heat the küche to -5 degrees", House(), kEn).numbers, ElementsAre(-5));
  EXPECT_THAT(Link("line-3 küche-7", {}, kEn).numbers, ElementsAre(3, 7));
}

TEST(QuestionTest, StateQuestionsInEnglish) {
  for (const char* text : {"is the light on in the kitchen?",
                           "Is the light on in the kitchen",
                           "are the blinds open",
                           "what's the temperature here?",
                           "how warm is it",
                           "did I leave the light on",
                           "tell me if the heating is on",
                           "can you tell me whether the light is on",
                           "could you check the kitchen light",
                           "do you know if the light is on",
                           "hey linnet, is the coffee machine running?",
                           "could it be that the light is on",
                           "which lights are on",
                           "lights on in the kitchen?",
                           "has the machine finished",
                           "would you see if the blinds are down",
                           "will the light be on?",
                           "I wonder if the light is on",
                           "show me the temperature",
                           "should the light be on",
                           "will you look whether the light is on",
                           "isn't the light off?",
                           "any idea how warm it is"}) {
    EXPECT_TRUE(IsQuestion(text, kEn)) << text;
  }
}

TEST(QuestionTest, PoliteRequestsInEnglish) {
  for (const char* text :
       {"turn on the light", "could you turn on the light?", "can you please close the blinds?",
        "would you mind turning off the light?", "will you switch the lamp on?", "please dim the light",
        "hey, can we start a timer?", "do me a favour and turn off the light",
        "I want you to turn on the light", "would you be so kind as to heat the kitchen?",
        "set the kitchen to 20 degrees", "let there be light in the kitchen",
        "do you mind turning on the light?"}) {
    EXPECT_FALSE(IsQuestion(text, kEn)) << text;
  }
}

TEST(QuestionTest, StateQuestionsInGerman) {
  for (const char* text : {"ist das Licht in der Küche an?",
                           "brennt das Licht noch",
                           "wie warm ist es im Bad",
                           "sind die Rollos zu?",
                           "läuft die Heizung",
                           "sag mir ob das Licht an ist",
                           "kannst du mir sagen, wie warm es ist?",
                           "kannst du nachsehen ob die Rollos unten sind",
                           "weißt du ob das Licht brennt",
                           "hab ich das Licht angelassen",
                           "hat jemand das Licht ausgemacht?",
                           "welche Lichter sind an",
                           "Hast du das Licht ausgemacht?",
                           "ich möchte wissen ob die Heizung läuft",
                           "würdest du mal schauen ob das Licht aus ist?",
                           "Rollos zu?",
                           "was macht die Kaffeemaschine",
                           "wie hoch ist die Temperatur",
                           "ist es im Flur dunkel",
                           "guck mal ob das Licht an ist",
                           "könntest du mal prüfen wie warm es ist",
                           "bitte sag mir die temperatur",
                           "in welcher Position stehen die Rollos"}) {
    EXPECT_TRUE(IsQuestion(text, kDe)) << text;
  }
}

TEST(QuestionTest, PoliteRequestsInGerman) {
  for (const char* text :
       {"mach das Licht an", "kannst du das Licht anmachen?", "könntest du bitte die Rollos schließen?",
        "machst du das Licht aus?", "würdest du die Heizung auf 20 Grad stellen?", "bitte Licht aus",
        "schaltest du das Licht ein?", "können wir das Licht dimmen?",
        "ich möchte dass du das Licht ausmachst", "du könntest das Licht ausmachen",
        "schließt du die Rollos?", "ob du wohl das Licht anmachen könntest?",
        "stell einen Timer auf zehn Minuten", "sei so nett und mach das Licht an"}) {
    EXPECT_FALSE(IsQuestion(text, kDe)) << text;
  }
}

TEST(QuestionTest, Negations) {
  EXPECT_TRUE(IsNegated("don't turn on the light", kEn));
  EXPECT_TRUE(IsNegated("mach das Licht nicht an", kDe));
  EXPECT_TRUE(IsNegated("stell keinen Timer", kDe));
  EXPECT_FALSE(IsNegated("don't forget to turn off the light", kEn));
  EXPECT_FALSE(IsNegated("vergiss nicht das Licht auszumachen", kDe));
  EXPECT_FALSE(IsNegated("turn on the light", kEn));
}

TEST(LinkTest, WordsOfCommandsAreNoSlipsOfThePen) {
  const std::vector<Entity> home = {{"Hallway", EntityKind::kRoom, {}}};
  EXPECT_EQ(Link("set the blinds halfway", home, kEn).text, "set the blinds halfway");
  EXPECT_EQ(Link("light in the hallwya", home, kEn).text, "light in the {r1}");
  EXPECT_EQ(Link("when you have a second dim the light", home, kEn).text,
            "when you have a second dim the light");
  EXPECT_EQ(Link("timer for a second", home, kEn).text, "timer for {n1} second");
  EXPECT_EQ(Link("eins noch, Licht an", home, kDe).text, "eins noch licht an");
}

}  // namespace
}  // namespace linnet::answer
