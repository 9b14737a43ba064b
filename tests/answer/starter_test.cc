// Answers of the starter model that this repository ships.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "agent/answer/dish.h"
#include "agent/answer/intent.h"
#include "agent/answer/recipe.h"
#include "agent/answer/report.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file_system.h"
#include "runtime/engine/engine.h"
#include "runtime/grammar/json_schema.h"
#include "tests/answer/utterances.h"
#include "tests/support/status_matchers.h"

namespace linnet::answer {
namespace {

using ::testing::HasSubstr;
using testing::IsOk;

class StarterTest : public ::testing::Test {
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
  static std::unique_ptr<engine::Engine> engine_;
  static std::unique_ptr<Model> model_;
};
std::unique_ptr<engine::Engine> StarterTest::engine_;
std::unique_ptr<Model> StarterTest::model_;

// Runs a list; returns how many are right. No question may act, ever.
int Score(const std::vector<Utterance>& list, Language language, Model& model) {
  int right = 0;
  for (const Utterance& utterance : list) {
    IntentOptions options;
    options.language = language;
    options.here = "Flur";
    const auto intent = FindIntent(utterance.said, kHome, options, &model);
    EXPECT_THAT(intent, IsOk()) << utterance.said;
    if (!intent.ok()) continue;
    EXPECT_FALSE(intent->from_template) << utterance.said << " " << Name(intent->why);
    const bool asks = std::string_view(utterance.calls).find("\"get\"") != std::string_view::npos;
    for (const Call& call : intent->calls)
      EXPECT_FALSE(asks && call.action) << utterance.said << " " << intent->json;
    if (intent->json == utterance.calls) {
      ++right;
    } else {
      std::printf("  %s\n    %s\n    expected %s\n", utterance.said, intent->json.c_str(), utterance.calls);
    }
  }
  return right;
}

TEST_F(StarterTest, UnderstandsEnglish) {
  ASSERT_GE(kEnglish.size(), 40u);
  const int right = Score(kEnglish, Language::kEnglish, *model_);
  std::printf("english: %d of %zu\n", right, kEnglish.size());
  EXPECT_GE(right * 10, static_cast<int>(kEnglish.size()) * 9);
}

TEST_F(StarterTest, UnderstandsGerman) {
  ASSERT_GE(kGerman.size(), 40u);
  const int right = Score(kGerman, Language::kGerman, *model_);
  std::printf("german: %d of %zu\n", right, kGerman.size());
  EXPECT_GE(right * 10, static_cast<int>(kGerman.size()) * 9);
}

TEST_F(StarterTest, NoQuestionEverActs) {
  for (const Language language : {Language::kEnglish, Language::kGerman}) {
    for (const char* question : language == Language::kEnglish ? kQuestionsEnglish : kQuestionsGerman) {
      IntentOptions options;
      options.language = language;
      options.here = "Flur";
      const auto intent = FindIntent(question, kHome, options, model_.get());
      ASSERT_THAT(intent, IsOk());
      EXPECT_FALSE(intent->calls.empty()) << question;
      for (const Call& call : intent->calls) EXPECT_FALSE(call.action) << question << " " << intent->json;
    }
  }
}

TEST_F(StarterTest, ReportsEveryStateInItsOwnWords) {
  int from_model = 0, all = 0;
  for (const Language language : {Language::kEnglish, Language::kGerman}) {
    for (int kind = 1; kind <= 10; ++kind) {
      for (const auto direction : {sensors::Direction::kHigh, sensors::Direction::kLow,
                                   sensors::Direction::kUnsteady, sensors::Direction::kStuck}) {
        sensors::Anomaly anomaly;
        anomaly.kind = static_cast<sensors::SensorKind>(kind);
        anomaly.direction = direction;
        anomaly.severity = static_cast<sensors::Severity>(kind % 3);
        anomaly.unit = "m/s²";
        anomaly.axis = kind % 2 == 0 ? "x" : "";
        anomaly.value = 12.5;
        anomaly.baseline = 3.5;
        anomaly.start = absl::FromUnixSeconds(1767225600);
        anomaly.duration = absl::Minutes(kind);
        ReportOptions options;
        options.language = language;
        const Report report = WriteReport(anomaly, "press-line-3", options, model_.get());
        ++all;
        from_model += report.from_template ? 0 : 1;
        EXPECT_THAT(report.text, HasSubstr("press-line-3"));
        EXPECT_THAT(report.text, HasSubstr(language == Language::kGerman ? "12,5 m/s²" : "12.5 m/s²"));
        EXPECT_THAT(report.text, HasSubstr(language == Language::kGerman ? "3,5 m/s²" : "3.5 m/s²"));
        if (kind <= 2) std::printf("  %s\n", report.text.c_str());
      }
    }
  }
  EXPECT_GE(from_model * 10, all * 9) << from_model << " of " << all;
}

// What a grammar forces is cut into tokens as the model was trained to see it: where the free answer is in
// the language, the constrained one is the same.
TEST_F(StarterTest, TheGrammarChangesNothingWhereTheModelIsRight) {
  int compared = 0, same = 0;
  const auto compare = [&](const std::string& prompt, const grammar::Grammar& rules) {
    const auto free = model_->Complete(prompt, nullptr, {});
    const auto held = model_->Complete(prompt, &rules, {});
    ASSERT_THAT(held, IsOk()) << prompt;
    EXPECT_TRUE(rules.Matches(*held)) << *held;
    if (!free.ok() || !rules.Matches(*free)) return;
    ++compared;
    same += *free == *held ? 1 : 0;
    if (*free != *held)
      std::printf("  %s\n    free %s\n    held %s\n", prompt.c_str(), free->c_str(), held->c_str());
  };
  for (const Language language : {Language::kEnglish, Language::kGerman}) {
    for (const Utterance& utterance : language == Language::kEnglish ? kEnglish : kGerman) {
      const Linked linked = Link(utterance.said, kHome, language);
      compare(IntentPrompt(linked, language), *IntentGrammar(linked, true));
    }
    for (const auto& stock : std::vector<std::vector<StockItem>>{
             {{"Hähnchenbrust", 1, "", {}},
              {"Paprika", 2, "", {}},
              {"Sahne", 200, "", {}},
              {"Reis", 1, "", {}}},
             {{"Lachs", 1, "", {}}, {"Spinat", 2, "", {}}},
             {{"Eier", 1, "", {}}},
             {{"Äpfel", 1, "", {}}, {"Joghurt", 2, "", {}}, {"Honig", 2, "", {}}}}) {
      const DishPlan plan = PlanDish(stock);
      compare(RecipePrompt(plan, language, 'a'), *RecipeGrammar(plan));
    }
  }
  std::printf("compared %d, same %d\n", compared, same);
  EXPECT_GE(compared, 80);
  EXPECT_GE(same * 100, compared * 98);
}

TEST_F(StarterTest, CooksFromStock) {
  const auto schema = grammar::CompileSchema(RecipeSchema());
  ASSERT_THAT(schema, IsOk());
  const std::vector<std::vector<StockItem>> kFridges = {
      {{"salmon", 250, "g", 1.0}, {"spinach", 300, "g", 2.0}, {"pasta", 500, "g", 100.0}},
      {{"Hähnchenbrust", 400, "g", 1.0},
       {"Paprika", 2, "", 3.0},
       {"Reis", 1, "kg", {}},
       {"Sahne", 200, "ml", 6.0}},
      {{"Eier", 6, "", 5.0}, {"Kartoffeln", 1, "kg", 9.0}},
      {{"strawberries", 300, "g", 1.0}, {"quark", 250, "g", 3.0}, {"honey", 1, "jar", {}}},
      {{"Linsen", 250, "g", {}}, {"Karotten", 4, "", 6.0}},
      {{"Tofu", 200, "g", 2.0}},
      {{"tomatoes", 4, "", 1.0},
       {"mozzarella", 1, "", 2.0},
       {"bread", 1, "", 1.0},
       {"basil", 1, "", 2.0},
       {"eggs", 4, "", 7.0},
       {"milk", 1, "l", 3.0}}};
  int from_model = 0, all = 0;
  for (const Language language : {Language::kEnglish, Language::kGerman}) {
    for (const auto& fridge : kFridges) {
      RecipeOptions options;
      options.language = language;
      const auto recipe = SuggestRecipe(fridge, options, model_.get());
      ASSERT_THAT(recipe, IsOk());
      ++all;
      from_model += recipe->from_template ? 0 : 1;
      if (recipe->from_template) std::printf("  template (%s)\n", std::string(Name(recipe->why)).c_str());
      std::printf("  %s\n", recipe->json.c_str());
      EXPECT_TRUE(schema->Matches(recipe->json)) << recipe->json;
      for (const RecipeUse& use : recipe->uses) {
        EXPECT_TRUE(std::any_of(fridge.begin(), fridge.end(), [&](const StockItem& item) {
          return item.name == use.name && item.quantity == use.quantity && item.unit == use.unit;
        })) << use.name;
      }
    }
  }
  EXPECT_GE(from_model * 10, all * 8) << from_model << " of " << all;
}

}  // namespace
}  // namespace linnet::answer
