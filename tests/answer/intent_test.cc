#include "agent/answer/intent.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/answer/scripted_engine.h"
#include "tests/support/status_matchers.h"

namespace linnet::answer {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::StatusIs;

constexpr Language kEn = Language::kEnglish, kDe = Language::kGerman;

const std::vector<Entity> kHouse = {{"Küche", EntityKind::kRoom, {}},
                                    {"Living Room", EntityKind::kRoom, {}},
                                    {"Toaster", EntityKind::kDevice, {}}};

IntentOptions In(Language language, std::string here = "Flur") {
  IntentOptions options;
  options.language = language;
  options.here = std::move(here);
  return options;
}

TEST(IntentGrammarTest, HoldsOnlyWhatExists) {
  const Linked linked = Link("licht in der küche auf 40", kHouse, kDe);
  const auto rules = IntentGrammar(linked, true);
  ASSERT_THAT(rules, IsOk());
  for (
      const char* good :
      {R"([{"name":"light.set","room":"{r1}","brightness":"{n1}"}])",
       R"([{"name":"light.set","room":"here","on":true}])",
       R"([{"name":"blind.set","room":"{r1}","position":50},{"name":"heat.set","room":"here","temp":"{n1}"}])",
       R"([{"name":"none"}])", R"([{"name":"timer.start","minutes":"{n1}"}])",
       R"([{"name":"get","room":"{r1}","what":"light"}])"}) {
    EXPECT_TRUE(rules->Matches(good)) << good;
  }
  for (const char* bad :
       {R"([{"name":"light.set","room":"{r2}","on":true}])",
        R"([{"name":"plug.set","device":"{d1}","on":true}])",
        R"([{"name":"light.set","room":"{r1}","brightness":"{n2}"}])",
        R"([{"name":"light.set","room":"{r1}","brightness":70}])", R"([{"name":"none"},{"name":"none"}])",
        R"([{"name":"none"},{"name":"light.set","room":"{r1}","on":true}])", "[]",
        R"([{"name":"heat.set","room":"{r1}","temp":50}])", R"([{"name":"door.open","room":"{r1}"}])"}) {
    EXPECT_FALSE(rules->Matches(bad)) << bad;
  }
  EXPECT_FALSE(IntentGrammar(linked, false)->Matches(R"([{"name":"light.set","room":"here","on":true}])"));
}

TEST(IntentGrammarTest, ANumberCountsWhatItsUnitSays) {
  const Linked linked =
      Link("light in the küche to 40%, heat it to 21 degrees, timer ten minutes, and 5 more", kHouse, kEn);
  ASSERT_EQ(linked.numbers.size(), 4u) << linked.text;
  const auto rules = IntentGrammar(linked, true);
  ASSERT_THAT(rules, IsOk());
  for (const char* good :
       {R"([{"name":"light.set","room":"{r1}","brightness":"{n1}"}])",
        R"([{"name":"blind.set","room":"{r1}","position":"{n1}"}])",
        R"([{"name":"heat.set","room":"{r1}","temp":"{n2}"}])",
        R"([{"name":"timer.start","minutes":"{n3}"}])", R"([{"name":"timer.start","hours":"{n4}"}])",
        R"([{"name":"heat.set","room":"{r1}","temp":"{n4}"}])"}) {
    EXPECT_TRUE(rules->Matches(good)) << good;
  }
  for (const char* bad :
       {R"([{"name":"light.set","room":"{r1}","brightness":"{n2}"}])",
        R"([{"name":"heat.set","room":"{r1}","temp":"{n1}"}])",
        R"([{"name":"heat.set","room":"{r1}","temp":"{n3}"}])", R"([{"name":"timer.start","hours":"{n3}"}])",
        R"([{"name":"timer.start","minutes":"{n2}"}])"}) {
    EXPECT_FALSE(rules->Matches(bad)) << bad;
  }
}

TEST(IntentGrammarTest, AQuestionHasNoActions) {
  const Linked linked = Link("ist das licht in der küche auf 40 prozent und der toaster an?", kHouse, kDe);
  ASSERT_TRUE(linked.question);
  const auto rules = IntentGrammar(linked, true);
  ASSERT_THAT(rules, IsOk());
  EXPECT_TRUE(rules->Matches(R"([{"name":"get","device":"{d1}"}])"));
  EXPECT_TRUE(rules->Matches(R"([{"name":"none"}])"));
  for (const char* action :
       {R"([{"name":"light.s)", R"([{"name":"b)", R"([{"name":"h)", R"([{"name":"p)", R"([{"name":"t)"}) {
    EXPECT_FALSE(rules->MatchesPrefix(action)) << action;
  }
}

TEST(IntentGrammarTest, NothingLinkedLeavesOnlyNone) {
  const auto rules = IntentGrammar(Link("hello there", {}, kEn), false);
  ASSERT_THAT(rules, IsOk());
  EXPECT_TRUE(rules->Matches(R"([{"name":"none"}])"));
  EXPECT_FALSE(rules->MatchesPrefix(R"([{"name":"g)"));
}

TEST(FillIntentTest, PutsInRealNamesAndNumbers) {
  const Linked linked = Link("licht in der küche auf 40,5 prozent und toaster an", kHouse, kDe);
  const auto intent = FillIntent(
      R"([{"name":"light.set","room":"{r1}","brightness":"{n1}"},{"name":"plug.set","device":"{d1}","on":true},{"name":"blind.set","room":"here","position":100}])",
      linked, In(kDe));
  ASSERT_THAT(intent, IsOk());
  EXPECT_EQ(
      intent->json,
      R"([{"name":"light.set","room":"Küche","brightness":40.5},{"name":"plug.set","device":"Toaster","on":true},{"name":"blind.set","room":"Flur","position":100}])");
  EXPECT_EQ(intent->text, "Küche: Licht auf 40,5 %. Toaster: an. Flur: Rollos zu.");
  EXPECT_TRUE(intent->calls[0].action);
}

TEST(FillIntentTest, RefusesWhatTheUtteranceDoesNotHave) {
  const Linked linked = Link("licht in der küche auf 40", kHouse, kDe);
  for (const char* bad :
       {"", "{}", "[]", R"([{"name":"light.set","room":"{r2}","on":true}])",
        R"([{"name":"light.set","room":"{r0}","on":true}])",
        R"([{"name":"light.set","room":"Küche","on":true}])", R"([{"name":"light.set","on":true}])",
        R"([{"name":"light.set","room":"{r1}"}])", R"([{"name":"light.set","room":"{r1}","on":"yes"}])",
        R"([{"name":"light.set","room":"{r1}","brightness":70}])",
        R"([{"name":"light.set","room":"{r1}","on":true,"extra":1}])",
        R"([{"name":"heat.set","room":"{r1}","temp":50}])", R"([{"name":"timer.start"}])",
        R"([{"name":"format.disk"}])", R"([{"name":"none"},{"name":"none"}])", R"([1])",
        R"([{"name":"get","room":"{r1}","what":"passwords"}])"}) {
    EXPECT_THAT(FillIntent(bad, linked, In(kDe)), StatusIs(absl::StatusCode::kInvalidArgument)) << bad;
  }
  EXPECT_THAT(FillIntent(R"([{"name":"light.set","room":"here","on":true}])", linked, In(kDe, "")),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(FillIntentTest, ValuesOutOfRangeAreRefusedWithAReason) {
  const struct {
    const char* said;
    const char* calls;
    Language language;
    const char* reason;
  } kCases[] = {
      {"licht in der küche auf 150 prozent", R"([{"name":"light.set","room":"{r1}","brightness":"{n1}"}])",
       kDe, "Eine Helligkeit von 150 % geht nicht: möglich sind 0 bis 100 %."},
      {"heat the küche to 45 degrees", R"([{"name":"heat.set","room":"{r1}","temp":"{n1}"}])", kEn,
       "A temperature of 45 °C is not possible: 5 to 35 °C."},
      {"heat the küche to -5 degrees", R"([{"name":"heat.set","room":"{r1}","temp":"{n1}"}])", kEn,
       "-5 °C is not possible"},
      {"rollos in der küche auf 101", R"([{"name":"blind.set","room":"{r1}","position":"{n1}"}])", kDe,
       "Eine Rollostellung von 101"},
      {"timer 0 minutes", R"([{"name":"timer.start","minutes":"{n1}"}])", kEn,
       "A timer of 0 minutes is not possible"},
      {"timer 25 stunden", R"([{"name":"timer.start","hours":"{n1}"}])", kDe,
       "Ein Timer von 25 Stunden geht nicht"},
  };
  for (const auto& c : kCases) {
    const auto intent = FillIntent(c.calls, Link(c.said, kHouse, c.language), In(c.language));
    ASSERT_THAT(intent, IsOk()) << c.said;
    EXPECT_THAT(intent->refusal, HasSubstr(c.reason));
    EXPECT_THAT(intent->calls, IsEmpty());
    EXPECT_EQ(intent->json, "[]");
  }
}

TEST(FindIntentTest, AQuestionNeverActsWhateverTheModelSays) {
  for (const char* text : {"is the light on in the küche?", "tell me whether the light in the küche is on",
                           "did I leave the light on in the küche"}) {
    ScriptedEngine engine(R"([{"name":"light.set","room":"{r1}","on":false}])");
    const auto intent = FindIntent(text, kHouse, In(kEn), Model::Of(&engine).get());
    ASSERT_THAT(intent, IsOk());
    EXPECT_TRUE(intent->question);
    for (const Call& call : intent->calls) EXPECT_FALSE(call.action) << text;
    EXPECT_TRUE(intent->from_template);
    EXPECT_EQ(intent->why, Fallback::kRefused);
  }
}

TEST(FindIntentTest, WhatShallNotBeDoneIsNotDone) {
  ScriptedEngine engine(R"([{"name":"light.set","room":"{r1}","on":true}])");
  const auto no =
      FindIntent("don't turn on the light in the küche", kHouse, In(kEn), Model::Of(&engine).get());
  ASSERT_THAT(no, IsOk());
  EXPECT_EQ(no->json, R"([{"name":"none"}])");
  const auto yes =
      FindIntent("don't forget to turn on the light in the küche", kHouse, In(kEn), Model::Of(&engine).get());
  EXPECT_EQ(yes->json, R"([{"name":"light.set","room":"Küche","on":true}])");
}

TEST(FindIntentTest, WithoutAModelPlainPatternsAnswer) {
  const struct {
    const char* said;
    Language language;
    const char* json;
  } kCases[] = {
      {"turn on the light in the living room", kEn,
       R"([{"name":"light.set","room":"Living Room","on":true}])"},
      {"mach das licht in der küche aus", kDe, R"([{"name":"light.set","room":"Küche","on":false}])"},
      {"licht in der küche auf dreißig prozent", kDe,
       R"([{"name":"light.set","room":"Küche","brightness":30}])"},
      {"open the blinds", kEn, R"([{"name":"blind.set","room":"Flur","position":0}])"},
      {"heizung in der küche auf 21 grad", kDe, R"([{"name":"heat.set","room":"Küche","temp":21}])"},
      {"toaster aus", kDe, R"([{"name":"plug.set","device":"Toaster","on":false}])"},
      {"set a timer for ten minutes", kEn, R"([{"name":"timer.start","minutes":10}])"},
      {"is the light on in the küche?", kEn, R"([{"name":"get","room":"Küche","what":"light"}])"},
      {"läuft der toaster noch?", kDe, R"([{"name":"get","device":"Toaster"}])"},
      {"tell me a joke", kEn, R"([{"name":"none"}])"},
  };
  for (const auto& c : kCases) {
    const auto intent = FindIntent(c.said, kHouse, In(c.language), nullptr);
    ASSERT_THAT(intent, IsOk());
    EXPECT_EQ(intent->json, c.json) << c.said;
    EXPECT_TRUE(intent->from_template);
    EXPECT_EQ(intent->why, Fallback::kNoModel);
  }
}

TEST(FindIntentTest, RefusesWhatIsNoUtterance) {
  for (const std::string& bad :
       {std::string(), std::string("  ?! "), std::string("\xC3"), std::string(501, 'a')}) {
    EXPECT_THAT(FindIntent(bad, kHouse, In(kEn), nullptr), StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

}  // namespace
}  // namespace linnet::answer
