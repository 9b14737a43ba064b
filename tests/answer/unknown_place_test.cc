#include "agent/answer/unknown_place.h"

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "agent/answer/ask.h"
#include "agent/answer/command_words.h"
#include "agent/answer/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file_system.h"
#include "runtime/engine/engine.h"
#include "tests/answer/scripted_engine.h"
#include "tests/answer/utterances.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace linnet::answer {
namespace {

using ::testing::HasSubstr;
using testing::IsOk;
using ::testing::Not;

constexpr Language kEn = Language::kEnglish, kDe = Language::kGerman;

// Each names a place or thing that kHome does not have, and the name that the refusal must say.
struct Unknown {
  const char* said;
  const char* name;
};
const std::vector<Unknown> kUnknownEnglish = {
    {"Turn on the light in the dungeon", "dungeon"},
    {"Set the attic to 20 degrees", "attic"},
    {"switch the sauna light off", "sauna"},
    {"turn off the light in the tower", "tower"},
    {"lights on in the closet", "closet"},
    {"closet lights off", "closet"},
    {"heat the cellar to 22 degrees", "cellar"},
    {"open the blinds in my study", "study"},
    {"could you please close the shutters in the wine cellar?", "wine cellar"},
    {"dim the garage lights to 30 percent", "garage"},
    {"make it 21 degrees in the greenhouse", "greenhouse"},
    {"set the temperature in Anna's bedroom closet to 19 degrees", "annas"},
    {"turn off the light in the kitchen and the dungeon", "dungeon"},
    {"turn on the lights in the dungeon and the kitchen", "dungeon"},
    {"turn on the light in the boiler room", "boiler room"},
    {"turn on the lights in all rooms", "rooms"},
    {"turn off all lights upstairs", "upstairs"},
    {"turn on the light outside", "outside"},
    {"turn off every light in the house", "house"},
    {"light on over there", "there"},
    {"turn on the desk lamp", "desk"},
    {"dungeon light on", "dungeon"},
    {"turn on the toaster", "toaster"},
    {"close the windows", "windows"},
    {"turn on the light in the guest bathroom", "guest"},
    {"turn on the fan in the dungeon", "dungeon"},
    {"lights on kitchen dungeon hall", "dungeon"},
    {"set the thermostat on the old north wing to 25", "old north wing"},
    {"turn on the light in the den", "den"},
    {"full brightness at the bar please", "bar"},
    {"turn on the light in the next room", "next room"},
    {"turn on sauna", "sauna"},
    {"lights on in Paris", "Paris"},
    {"turn on the reading light", "reading"},
    {"put the tower on 20 degrees", "tower"},
    {"set study to 19", "study"},
};
const std::vector<Unknown> kUnknownGerman = {
    {"Mach das Licht im Verlies an", "Verlies"},
    {"Heize den Keller auf 22 Grad", "Keller"},
    {"Mach das Kellerlicht aus", "Keller"},
    {"Schalte das Licht in der Halle ein", "Halle"},
    {"Licht Keller an", "Keller"},
    {"Dachboden Licht an", "Dachboden"},
    {"stell den Dachboden auf 20 Grad", "Dachboden"},
    {"mach die Rollos im Gästezimmer zu", "Gästezimmer"},
    {"Öffne die Jalousien in meinem Arbeitszimmer", "Arbeitszimmer"},
    {"könntest du bitte das Licht in der Kammer anmachen?", "Kammer"},
    {"dimme das Licht im Stall auf 30 Prozent", "Stall"},
    {"mach das Licht in der Küche und im Verlies aus", "Verlies"},
    {"mach das Licht im Verlies und in der Küche an", "Verlies"},
    {"Licht oben an", "oben"},
    {"mach draußen das Licht aus", "draußen"},
    {"mach das Licht im ganzen Haus aus", "ganzen Haus"},
    {"mach in allen Zimmern das Licht aus", "allen Zimmern"},
    {"Gästebadlicht an", "gästebad"},
    {"Saunaheizung auf 80 Prozent", "sauna"},
    {"Schalte die Stehlampe ein", "Steh"},
    {"mach die Fenster zu", "Fenster"},
    {"schalte den Toaster ein", "Toaster"},
    {"heiz die Sauna auf 30 Grad", "Sauna"},
    {"22 Grad im Hobbyraum", "Hobbyraum"},
    {"fahr die Rollläden bei Oma runter", "Oma"},
    {"mach den Ventilator im Keller an", "Keller"},
    {"mach das Licht im anderen Zimmer an", "anderen Zimmer"},
    {"ich hätte gern 21 Grad in der Werkstatt", "Werkstatt"},
    {"mach dort das Licht an", "dort"},
    {"stell die Heizung im Büro auf 21 Grad", "Büro"},
    {"mach im Keller hell", "Keller"},
    {"Licht im Nebenzimmer an", "Nebenzimmer"},
    {"mach das Licht nebenan aus", "nebenan"},
    {"Nachttischlampe an", "Nachttisch"},
    {"Halle auf 20 Grad", "Halle"},
    {"mach in der Küche das Licht an und drüben aus", "drüben"},
};
const std::vector<Unknown> kAskedEnglish = {
    {"is the light on in the dungeon?", "dungeon"},
    {"how warm is it in the attic?", "attic"},
    {"are the blinds in the study closed?", "study"},
    {"is the sauna light on?", "sauna"},
    {"tell me the temperature in the wine cellar", "wine cellar"},
    {"is the light on upstairs?", "upstairs"},
    {"find out if gate is still running", "gate"},
};
const std::vector<Unknown> kAskedGerman = {
    {"Ist das Licht im Verlies an?", "Verlies"},
    {"Wie warm ist es im Keller?", "Keller"},
    {"sind die Rollos im Büro zu?", "Büro"},
    {"brennt das Kellerlicht noch?", "Keller"},
    {"sag mir die Temperatur auf dem Dachboden", "Dachboden"},
    {"wie warm ist es draußen?", "draußen"},
};
// Must still be done in the own room.
const std::vector<const char*> kHereEnglish = {
    "lights on",
    "turn the lights off please",
    "hey Linnet could you turn on the light here",
    "turn on the ligth",
    "swich off the lights",
    "open the blidns",
    "set the temperatur to 21 degrees",
    "turn on the light in this room",
    "it's too dark in here, turn a light on",
    "make it 22 degrees",
    "set the room temperature to twenty degrees",
    "lights on in the hall",
    "good night, close the blinds",
    "please dim the lights to 30%",
    "kill the lights",
    "turn off everything",
    "Turn on the light in the Flur",
};
const std::vector<const char*> kHereGerman = {
    "Licht an",
    "mach bitte das Licht aus",
    "hey Linnet mach mal hier das Licht an",
    "mach das Lciht an",
    "schlate das Licht aus",
    "Rolos zu",
    "stell die Heizng auf 21 Grad",
    "mach das Licht in diesem Raum an",
    "es ist so dunkel hier, mach bitte Licht",
    "stell die Raumtemperatur auf zwanzig Grad",
    "Licht im Flur an",
    "gute Nacht, mach die Rollos runter",
    "dimm das Licht auf 30 Prozent",
    "Deckenlicht an",
    "zieh bitte die Jalousien nach oben",
};

IntentOptions InHall(Language language) {
  IntentOptions options;
  options.language = language;
  options.here = "Flur";
  return options;
}

class UnknownPlaceTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    engine::EngineOptions options;
    options.threads = 1;
    auto loaded = engine::Engine::Load(base::FileSystem::Real(),
                                       LINNET_SOURCE_DIR "/deploy/starter/linnet-starter.gguf", options);
    ASSERT_THAT(loaded, IsOk());
    engine_ = *std::move(loaded);
    model_ = Model::Of(engine_.get());
  }
  static void TearDownTestSuite() {
    model_.reset();
    engine_.reset();
  }

  static void Refuses(const Unknown& unknown, Language language, Model* model) {
    const auto intent = FindIntent(unknown.said, kHome, InHall(language), model);
    ASSERT_THAT(intent, IsOk()) << unknown.said;
    EXPECT_EQ(intent->json, R"([{"name":"none"}])") << unknown.said;
    EXPECT_THAT(LowerCase(intent->refusal), HasSubstr(LowerCase(unknown.name))) << unknown.said;
    EXPECT_EQ(intent->text, intent->refusal);
    EXPECT_THAT(intent->text, HasSubstr(language == kDe ? "ich kenne Flur, Küche" : "I know Flur, Küche"));
  }

  static std::unique_ptr<engine::Engine> engine_;
  static std::unique_ptr<Model> model_;
};
std::unique_ptr<engine::Engine> UnknownPlaceTest::engine_;
std::unique_ptr<Model> UnknownPlaceTest::model_;

TEST_F(UnknownPlaceTest, NeitherTheModelNorThePatternsActInAPlaceThatDoesNotExist) {
  ASSERT_GE(kUnknownEnglish.size(), 20u);
  ASSERT_GE(kUnknownGerman.size(), 20u);
  for (Model* model : {model_.get(), static_cast<Model*>(nullptr)}) {
    for (const Unknown& unknown : kUnknownEnglish) Refuses(unknown, kEn, model);
    for (const Unknown& unknown : kUnknownGerman) Refuses(unknown, kDe, model);
  }
}

TEST_F(UnknownPlaceTest, QuestionsAboutThemAreNotAnsweredWithTheOwnRoom) {
  for (Model* model : {model_.get(), static_cast<Model*>(nullptr)}) {
    for (const Unknown& unknown : kAskedEnglish) Refuses(unknown, kEn, model);
    for (const Unknown& unknown : kAskedGerman) Refuses(unknown, kDe, model);
  }
}

TEST_F(UnknownPlaceTest, HoldsWhateverTheModelSays) {
  for (const char* answer : {R"([{"name":"light.set","room":"here","on":true}])",
                             R"([{"name":"blind.set","room":"here","position":0}])",
                             R"([{"name":"light.set","room":"{r1}","on":true}])",
                             R"([{"name":"plug.set","device":"{d1}","on":true}])",
                             R"([{"name":"get","room":"here","what":"temperature"}])"}) {
    ScriptedEngine engine(answer);
    const std::unique_ptr<Model> model = Model::Of(&engine);
    for (const Unknown& unknown : kUnknownEnglish) Refuses(unknown, kEn, model.get());
    for (const Unknown& unknown : kUnknownGerman) Refuses(unknown, kDe, model.get());
    for (const Unknown& unknown : kAskedEnglish) Refuses(unknown, kEn, model.get());
    for (const Unknown& unknown : kAskedGerman) Refuses(unknown, kDe, model.get());
  }
}

TEST_F(UnknownPlaceTest, TheOwnRoomIsServedWhenNothingElseIsNamed) {
  for (const Language language : {kEn, kDe}) {
    for (const char* said : language == kDe ? kHereGerman : kHereEnglish) {
      ScriptedEngine engine(std::string_view(said).find("Flur") == std::string_view::npos &&
                                    std::string_view(said).find("hall") == std::string_view::npos
                                ? R"([{"name":"light.set","room":"here","on":true}])"
                                : R"([{"name":"light.set","room":"{r1}","on":true}])");
      const auto intent = FindIntent(said, kHome, InHall(language), Model::Of(&engine).get());
      ASSERT_THAT(intent, IsOk());
      EXPECT_EQ(intent->json, R"([{"name":"light.set","room":"Flur","on":true}])")
          << said << ": " << intent->text;
    }
  }
}

TEST_F(UnknownPlaceTest, TheOwnRoomIsNotGuessedWhenAnotherIsNamed) {
  ScriptedEngine engine(R"([{"name":"light.set","room":"here","on":true}])");
  for (const char* said : {"turn on the light in the kitchen", "turn on the light of the coffee machine"}) {
    const auto intent = FindIntent(said, kHome, InHall(kEn), Model::Of(&engine).get());
    ASSERT_THAT(intent, IsOk());
    EXPECT_EQ(intent->json, R"([{"name":"none"}])") << said;
    EXPECT_THAT(intent->text, HasSubstr("Which room")) << said;
  }
}

TEST_F(UnknownPlaceTest, WhatIsNeitherPlaceNorThingDoesNotStopAKnownRoom) {
  ScriptedEngine engine(R"([{"name":"light.set","room":"{r1}","on":true}])");
  for (const char* said :
       {"flerm the light in the kitchen on", "turn on the light in the kitchen please darling",
        "turn on the lihgt in the kitchen", "unten in the kitchen light on"}) {
    const auto intent = FindIntent(said, kHome, InHall(kEn), Model::Of(&engine).get());
    ASSERT_THAT(intent, IsOk());
    EXPECT_EQ(intent->json, R"([{"name":"light.set","room":"Küche","on":true}])")
        << said << ": " << intent->text;
  }
}

// What it does is the model's to say; that it is no place is seen by where it stands.
TEST_F(UnknownPlaceTest, AVerbThatNobodyListedIsNoPlace) {
  ScriptedEngine engine(R"([{"name":"light.set","room":"here","on":true}])");
  const std::unique_ptr<Model> model = Model::Of(&engine);
  for (const char* said :
       {"zork the lights on", "please zork on all the lights", "you should zork light here",
        "turn on the light and zork up the blinds", "the guests are here, lights on"}) {
    EXPECT_EQ(FindIntent(said, kHome, InHall(kEn), model.get())->refusal, "") << said;
  }
  for (const char* said :
       {"zork bitte das Licht an", "zorkst du das Licht an?", "bitte das Licht anzorken",
        "könntest du hier das Licht anzuzorken versuchen", "das Licht heller zorken bitte"}) {
    EXPECT_EQ(FindIntent(said, kHome, InHall(kDe), model.get())->refusal, "") << said;
  }
  for (const char* said : {"zork lights on", "lights on in the zork", "zork light on"})
    EXPECT_NE(FindIntent(said, kHome, InHall(kEn), model.get())->refusal, "") << said;
}

TEST_F(UnknownPlaceTest, AKnownDeviceIsAnsweredFor) {
  const auto intent = FindIntent("did the coffee machine finish yet?", kHome, InHall(kEn), nullptr);
  ASSERT_THAT(intent, IsOk());
  EXPECT_EQ(intent->json, R"([{"name":"get","device":"Kaffeemaschine"}])") << intent->text;
}

TEST_F(UnknownPlaceTest, TimersNeedNoPlace) {
  for (const char* said : {"set a pizza timer for ten minutes", "set a timer for ten minutes for the eggs"}) {
    const auto intent = FindIntent(said, kHome, InHall(kEn), nullptr);
    ASSERT_THAT(intent, IsOk());
    EXPECT_EQ(intent->json, R"([{"name":"timer.start","minutes":10}])") << said;
  }
  ScriptedEngine engine(R"([{"name":"timer.start","minutes":"{n1}"}])");
  for (const char* said :
       {"turn on the sauna for 30 minutes", "set the timer in the dungeon to 10 minutes"}) {
    const auto intent = FindIntent(said, kHome, InHall(kEn), Model::Of(&engine).get());
    ASSERT_THAT(intent, IsOk());
    EXPECT_EQ(intent->json, R"([{"name":"none"}])") << said;
  }
}

TEST_F(UnknownPlaceTest, SaysItInTheLanguageOfTheUtterance) {
  EXPECT_EQ(
      FindIntent("Turn on the light in the Dungeon", kHome, InHall(kEn), nullptr)->text,
      "I know no room or device called \"Dungeon\"; I know Flur, Küche, Wohnzimmer, Schlafzimmer, Bad.");
  EXPECT_EQ(FindIntent("Mach das Licht im Verlies an", kHome, InHall(kDe), nullptr)->text,
            "Ich kenne keinen Raum und kein Gerät namens „Verlies“; ich kenne Flur, Küche, Wohnzimmer, "
            "Schlafzimmer, Bad.");
}

TEST_F(UnknownPlaceTest, ADeviceWithSensorsDoesNotAnswerForAnotherPlace) {
  testing::FakeClock clock;
  Asker asker(nullptr, clock);
  DeviceState state;
  state.here = "Flur";
  state.entities = kHome;
  sensors::ChannelStatus channel;
  channel.channel = "temperature";
  channel.info = sensors::ParseChannel("temperature");
  channel.last = {"temperature", absl::FromUnixSeconds(1), 19.5, "°C"};
  state.channels = {channel};
  AskRequest request;
  request.text = "What is the temperature in the dungeon?";
  auto answer = asker.Ask(request, state);
  ASSERT_THAT(answer, IsOk());
  EXPECT_THAT(answer->text, HasSubstr("no room or device called \"dungeon\""));
  EXPECT_THAT(answer->text, Not(HasSubstr("19.5")));
  request.text = "What is the temperature?";
  EXPECT_THAT(asker.Ask(request, state)->text, HasSubstr("19.5"));
}

TEST(CommandWordsTest, SlipsOfThePenAreForgivenButNoNames) {
  EXPECT_TRUE(IsCommandWord("light", kEn, false));
  EXPECT_FALSE(IsCommandWord("ligth", kEn, false));
  EXPECT_TRUE(IsCommandWord("ligth", kEn, true));
  EXPECT_TRUE(IsCommandWord("schlate", kDe, true));
  for (const char* name : {"tower", "closet", "dungeon", "attic", "study", "garage", ""})
    EXPECT_FALSE(IsCommandWord(name, kEn, true)) << name;
  for (const char* name : {"keller", "halle", "stall", "stube", "diele", "verlies", "kammer", "den licht"})
    EXPECT_FALSE(IsCommandWord(name, kDe, true)) << name;
}

}  // namespace
}  // namespace linnet::answer
