#include "agent/answer/recipe.h"

#include <cmath>

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "agent/answer/dish.h"
#include "agent/answer/recipe_check.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/grammar/json_schema.h"
#include "tests/answer/scripted_engine.h"
#include "tests/support/status_matchers.h"

namespace linnet::answer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::StatusIs;

std::vector<std::string> NamesOf(const std::vector<StockItem>& items) {
  std::vector<std::string> names;
  for (const StockItem& item : items) names.push_back(item.name);
  return names;
}

const std::vector<StockItem> kFridge = {{"Nudeln", 500, "g", 300.0},  {"Lachs", 250, "g", 1.0},
                                        {"Spinat", 300, "g", 2.0},    {"Sahne", 1, "Becher", 5.0},
                                        {"Erdbeeren", 400, "g", 1.0}, {"Hähnchen", 1, "", 2.0}};

TEST(CategoryTest, KnowsBothLanguagesAndCompounds) {
  const std::pair<const char*, const char*> kCases[] = {{"Lachs", "fish"},
                                                        {"Räucherlachs", "fish"},
                                                        {"smoked salmon", "fish"},
                                                        {"Hähnchenbrust", "meat"},
                                                        {"Rinderhack", "meat"},
                                                        {"Bio-Eier", "egg"},
                                                        {"eggs", "egg"},
                                                        {"Sour cream", "dairy"},
                                                        {"Vollmilch", "dairy"},
                                                        {"coconut milk", "extra"},
                                                        {"Kokosmilch", "extra"},
                                                        {"Äpfel", "fruit"},
                                                        {"APPLES", "fruit"},
                                                        {"Kirschtomaten", "vegetable"},
                                                        {"Süßkartoffel", "vegetable"},
                                                        {"Vollkornnudeln", "grain"},
                                                        {"Cashewkerne", "nut"},
                                                        {"rote Linsen", "legume"},
                                                        {"Honig", "sweet"},
                                                        {"Salatgurke", "salad"},
                                                        {"Bergkäse", "cheese"},
                                                        {"Vollkornbrot", "bread"},
                                                        {"Dinkelmehl", "flour"},
                                                        {"parsley", "herb"},
                                                        {"Schrauben", "other"}};
  for (const auto& [name, category] : kCases) EXPECT_EQ(CategoryOf(name), category) << name;
}

TEST(ChooseStockTest, SoonestFirstAndOnlyWhatGoesTogether) {
  EXPECT_THAT(NamesOf(ChooseStock(kFridge)), ElementsAre("Lachs", "Spinat", "Sahne", "Nudeln"));
  EXPECT_THAT(NamesOf(ChooseStock({{"Erdbeeren", 1, "", 2.0}, {"Quark", 1, "", 1.0}, {"Brot", 1, "", 1.0}})),
              ElementsAre("Quark", "Erdbeeren"));
  EXPECT_THAT(NamesOf(ChooseStock({{"Milch", 1, "l", -3.0}, {"Eier", 6, "", 4.0}})), ElementsAre("Eier"));
  EXPECT_EQ(ChooseStock({{"a", 1, "", {}},
                         {"b", 1, "", {}},
                         {"c", 1, "", {}},
                         {"d", 1, "", {}},
                         {"e", 1, "", {}},
                         {"f", 1, "", {}}})
                .size(),
            5u);
}

TEST(ChooseStockTest, FlourAndFruitWaitForADessert) {
  EXPECT_THAT(NamesOf(ChooseStock({{"Mehl", 1, "kg", {}}, {"Nudeln", 1, "", {}}, {"Pesto", 1, "", 2.0}})),
              ElementsAre("Pesto", "Nudeln"));
  EXPECT_THAT(NamesOf(ChooseStock({{"Mehl", 1, "kg", {}}, {"Eier", 6, "", 4.0}})),
              ElementsAre("Eier", "Mehl"));
  EXPECT_THAT(NamesOf(ChooseStock({{"oats", 1, "kg", {}}})), ElementsAre("oats"));
}

std::string Roles(const DishPlan& plan) {
  std::string out(plan.dish);
  for (const DishRole& role : plan.roles) {
    out += " " + std::string(role.name) + ":";
    for (size_t i = role.first; i < role.first + role.count; ++i) {
      out += (i > role.first ? "," : "") + plan.items[i].name;
    }
  }
  return out;
}
std::vector<StockItem> Items(const std::vector<std::string>& names) {
  std::vector<StockItem> items;
  for (const std::string& name : names) items.push_back({name, 1, "", {}});
  return items;
}

// By hand from FORMAT.md.
TEST(DishTest, CodeChoosesTheDishTheRolesAndTheTime) {
  const struct {
    std::vector<std::string> names;
    const char* plan;
    int minutes;
  } kCases[] = {
      {{"rice", "basil", "chicken", "peppers"},
       "pan main:chicken vegetable:peppers grain:rice top:basil",
       12},
      {{"spinach", "cream", "salmon"}, "bake oven:salmon,spinach cover:cream", 30},
      {{"eggs", "bread", "mushrooms"}, "omelette vegetable:mushrooms egg:eggs side:bread", 10},
      {{"eggs"}, "omelette egg:eggs", 5},
      {{"carrots", "lentils"}, "stew add:carrots,lentils", 25},
      {{"lentils", "pork", "feta"}, "stew main:pork add:lentils stir:feta", 35},
      {{"pesto", "pasta", "walnuts"}, "pot grain:pasta stir:pesto top:walnuts", 0},
      {{"feta", "cucumber", "bread"}, "cold leaves:cucumber mix:feta side:bread", 0},
      {{"quark", "bread"}, "cold bowl:quark side:bread", 0},
      {{"feta"}, "cold plate:feta", 0},
      {{"bread"}, "cold plate:bread", 0},
      {{"honey", "quark", "apples"}, "bowl fruit:apples smooth:quark top:honey", 0},
      {{"milk", "flour", "eggs", "plums"}, "pancakes batter:flour,eggs,milk top:plums", 4},
      {{"oats", "plums", "almonds"}, "cake batter:oats fold:plums top:almonds", 30},
      {{"Schrauben", "carrots"}, "pan add:carrots,Schrauben", 15},
  };
  for (const auto& c : kCases) {
    const DishPlan plan = PlanDish(Items(c.names));
    EXPECT_EQ(Roles(plan), c.plan);
    EXPECT_EQ(plan.minutes, c.minutes) << c.plan;
  }
}

TEST(RecipeTest, PromptsFollowTheFormat) {
  EXPECT_EQ(
      RecipePrompt(PlanDish(ChooseStock(kFridge)), Language::kGerman, 'b'),
      "recipe de\ndish: bake\nform: b\noven {1} und {2}: fish Lachs, vegetable Spinat\ncover {3}: dairy "
      "Sahne\ngrain {4}: grain Nudeln");
  EXPECT_EQ(RecipePrompt(PlanDish({{"Salmon,\n{2}", 1, "", {}}}), Language::kEnglish, 'a'),
            "recipe en\ndish: pan\nform: a\nmain {1}: fish salmon 2");
  EXPECT_EQ(SlotList(2, 3, Language::kEnglish), "{2}, {3} and {4}");
}

TEST(RecipeTest, WithoutAModelATemplateUsesWhatIsThere) {
  const auto schema = grammar::CompileSchema(RecipeSchema());
  ASSERT_THAT(schema, IsOk());
  for (const Language language : {Language::kEnglish, Language::kGerman}) {
    for (const auto& stock :
         {kFridge, std::vector<StockItem>{{"Quark", 0.5, "kg", 1.0}, {"Kirschen", 200, "g", 2.0}},
          std::vector<StockItem>{{"say \"cheese\"", 1, "", {}}}}) {
      RecipeOptions options;
      options.language = language;
      const auto recipe = SuggestRecipe(stock, options, nullptr);
      ASSERT_THAT(recipe, IsOk());
      EXPECT_TRUE(recipe->from_template);
      EXPECT_EQ(recipe->why, Fallback::kNoModel);
      EXPECT_TRUE(schema->Matches(recipe->json)) << recipe->json;
      EXPECT_THAT(recipe->json, ::testing::Not(HasSubstr("{1}")));
    }
  }
}

TEST(RecipeTest, TheModelsAnswerIsFilledFromStock) {
  ScriptedEngine engine(
      R"({"title":"{1} und {2} aus dem Ofen","uses":[1,2,3,4],"steps":["{1} und {2} in eine Form geben, {3} darübergeben und {min} Minuten backen.","{4} in Salzwasser garen."]})");
  RecipeOptions options;
  options.language = Language::kGerman;
  std::vector<StockItem> fridge = kFridge;
  fridge[1].name = "wilder Lachs";
  const auto recipe = SuggestRecipe(fridge, options, Model::Of(&engine).get());
  ASSERT_THAT(recipe, IsOk());
  EXPECT_FALSE(recipe->from_template);
  EXPECT_TRUE(engine.constrained);
  // What begins a sentence gets a capital; names in lists stay as they are.
  EXPECT_EQ(recipe->title, "Wilder Lachs und Spinat aus dem Ofen");
  const auto json = nlohmann::json::parse(recipe->json);
  EXPECT_EQ(json["uses"][0]["name"], "wilder Lachs");
  EXPECT_EQ(json["uses"][0]["quantity"], 250);
  EXPECT_EQ(json["uses"][0]["unit"], "g");
  EXPECT_EQ(json["steps"][0],
            "Wilder Lachs und Spinat in eine Form geben, Sahne darübergeben und 30 Minuten backen.");
}

// salmon is the main thing (8 minutes), pasta cooks beside it.
TEST(RecipeTest, RefusesWhatIsNotInStockOrDoesNotFollowThePlan) {
  const std::vector<StockItem> two = {{"Lachs", 1, "", {}}, {"Nudeln", 1, "", {}}};
  const DishPlan plan = PlanDish(two);
  ASSERT_EQ(Roles(plan), "pan main:Lachs grain:Nudeln");
  const std::string good =
      R"({"title":"x","uses":[1,2],"steps":["Fry {1} for {min} minutes.","Cook {2} in salted water."]})";
  EXPECT_THAT(FillRecipe(good, plan, Language::kEnglish), IsOk());
  const char* const kBad[] = {
      R"({"title":"x","uses":[1,3],"steps":["Fry {1} for {min}.","Cook {3}."]})",  // not listed
      R"({"title":"x","uses":[1,1],"steps":["Fry {1} for {min}.","b"]})",          // twice
      R"({"title":"x","uses":[1,2],"steps":["Fry {1} for {min}.","b"]})",          // used, not cooked
      R"({"title":"x","uses":[1],"steps":["Fry {1} for {min}.","Cook {2}."]})",    // cooked, not used
      R"({"title":"{1} and {1}","uses":[1,2],"steps":["Fry {1} for {min}.","Cook {2}."]})",
      R"({"title":"{2}","uses":[1],"steps":["Fry {1} for {min}.","b"]})",                  // title
      R"({"title":"x","uses":[1,2],"steps":["Cook {2}.","Fry {1} for {min}."]})",          // another order
      R"({"title":"x","uses":[1,2],"steps":["Fry {1} for {min}.","Cook {1} and {2}."]})",  // again
      R"({"title":"x","uses":[1,2],"steps":["Fry {1} and {2} for {min}.","b"]})",    // two roles at once
      R"({"title":"x","uses":[1,2],"steps":["Serve {1}.","Cook {2} for {min}."]})",  // raw fish
      R"({"title":"x","uses":[1,2],"steps":["Fry {1}.","Cook {2}."]})",              // no time
      R"({"title":"x","uses":[1,2],"steps":["Fry {1} for {min}.","Cook {2} for {min}."]})",  // two times
      R"({"title":"{min}","uses":[1,2],"steps":["Fry {1} for {min}.","Cook {2}."]})",
      R"({"title":"x","uses":[1,2],"steps":["Fry {1} for {min}.","Cook {2} for 8."]})",  // an own number
      R"({"title":"x","uses":[],"steps":["a","b"]})",
      R"({"title":"x","uses":[1],"steps":["Fry {1} for {min}."]})",                    // too few steps
      R"({"title":"x","uses":[1],"steps":["Fry {1} for {min}.","Add the cheese."]})",  // not in stock
      R"({"title":"x","uses":[1],"steps":["Fry {1} for {min}.","Mit Käse überbacken."]})",
      R"({"title":"","uses":[1],"steps":["Fry {1} for {min}.","b"]})",
      R"({"title":"x","uses":["1"],"steps":["Fry {1} for {min}.","b"]})",
      R"({"title":"x","uses":[1],"steps":["Fry {1 for {min}.","b"]})",
      R"({"title":"x","uses":[1],"steps":[1,2]})",
      R"([1])",
      "",
      "{",
  };
  for (const char* bad : kBad) {
    EXPECT_THAT(FillRecipe(bad, plan, Language::kEnglish), StatusIs(absl::StatusCode::kInvalidArgument))
        << bad;
    ScriptedEngine engine{std::string(bad)};
    const auto recipe = SuggestRecipe(two, {}, Model::Of(&engine).get());
    ASSERT_THAT(recipe, IsOk());
    EXPECT_TRUE(recipe->from_template) << bad;
    EXPECT_EQ(recipe->why, Fallback::kRefused) << bad;
    EXPECT_EQ(engine.asked, 3);  // other words and fewer things were tried too
  }
}

TEST(RecipeTest, RefusesBadStock) {
  EXPECT_THAT(SuggestRecipe({}, {}, nullptr),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("nothing is in stock")));
  EXPECT_THAT(SuggestRecipe({{"Milch", 1, "l", -9.0}}, {}, nullptr),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("past its date")));
  EXPECT_THAT(SuggestRecipe({{"", 1, "", {}}}, {}, nullptr), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(SuggestRecipe({{"Milch", 0, "", {}}}, {}, nullptr),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("quantity of Milch")));
  EXPECT_THAT(SuggestRecipe({{"Milch", std::nan(""), "", {}}}, {}, nullptr),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(SuggestRecipe({{"\xC3", 1, "", {}}}, {}, nullptr),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(RecipeTest, StepsMustMakeSense) {
  const DishPlan pan = PlanDish(Items({"Lachs", "Karotten", "Nudeln", "Basilikum", "Brot"}));
  ASSERT_EQ(Roles(pan), "pan main:Lachs vegetable:Karotten grain:Nudeln top:Basilikum side:Brot");
  const std::set<std::string> all = {"1", "2", "3", "4", "5"};
  const auto wrong = [&](std::vector<std::string> steps) { return Implausible(steps, all, pan); };
  EXPECT_EQ(wrong({"Fry {1} for {min} minutes. Wash {2}, add and cook.", "Cook {3} in salted water.",
                   "Sprinkle with {4}. Serve {5} on the side."}),
            "");
  EXPECT_THAT(wrong({"Wash {1} and fry for {min}. Add {2}.", "Cook {3}.", "Top with {4}. Serve {5}."}),
              HasSubstr("main"));
  EXPECT_THAT(wrong({"Fry {1} for {min}. Cook {2} in salted water.", "Cook {3}.", "{4}.", "{5}."}),
              HasSubstr("vegetable"));
  EXPECT_THAT(wrong({"Fry {1} for {min}. Fry {2}.", "{3} darüberstreuen.", "{4}.", "{5}."}),
              HasSubstr("grain"));
  EXPECT_THAT(wrong({"Put {1} on a plate for {min}. Add {2}.", "Cook {3}.", "{4}.", "{5}."}),
              HasSubstr("does not heat {1}"));
  EXPECT_THAT(wrong({"Fry {1} for {min}. Fry {2}.", "Cook {3}.", "Serve with {4} and {5}."}),
              HasSubstr("to the top"));
  EXPECT_THAT(wrong({"Fry {1} for {min}. Fry {2}.", "Cook {3}.", "{4}."}), HasSubstr("different things"));
}

// Whatever stands in the kitchen, what is raw is heated, also in the fixed words.
TEST(RecipeTest, TheTemplateCooksEveryPlan) {
  const std::vector<std::string> foods = {"Hähnchen", "Lachs", "Spinat", "Linsen",    "Eier",  "Sahne",
                                          "Feta",     "Pesto", "Nudeln", "Basilikum", "Nüsse", "Salat",
                                          "Brot",     "Äpfel", "Honig",  "Mehl",      "Xyz"};
  int plans = 0;
  for (size_t a = 0; a < foods.size(); ++a) {
    for (size_t b = a; b < foods.size(); ++b) {
      for (size_t c = b; c < foods.size(); ++c) {
        for (const Language language : {Language::kEnglish, Language::kGerman}) {
          RecipeOptions options;
          options.language = language;
          const auto recipe = SuggestRecipe(Items({foods[a], foods[b], foods[c]}), options, nullptr);
          ASSERT_THAT(recipe, IsOk()) << foods[a] << foods[b] << foods[c];
          ++plans;
          for (const std::string& step : recipe->steps)
            EXPECT_THAT(step, ::testing::Not(HasSubstr("{"))) << step;
        }
      }
    }
  }
  EXPECT_GE(plans, 1900);
}

TEST(RecipeTest, TheGrammarTakesWhatFormatSays) {
  const auto rules = RecipeGrammar(PlanDish(Items({"salmon", "spinach", "pasta"})));
  ASSERT_THAT(rules, IsOk());
  EXPECT_TRUE(rules->Matches(
      R"({"title":"Pasta with {1} and {2}","uses":[1,2,3],"steps":["Fry {1} and {2} for {min} minutes.","Cook the {3}.","Season and serve hot."]})"));
  EXPECT_FALSE(rules->Matches(R"({"title":"x","uses":[4],"steps":["a","b"]})"));
  EXPECT_FALSE(rules->Matches(R"({"title":"{4}","uses":[1],"steps":["a","b"]})"));
  EXPECT_FALSE(rules->Matches(R"({"title":"x","uses":[1],"steps":["a"]})"));
  EXPECT_FALSE(rules->Matches(R"({"title":"x","uses":[1],"steps":["for 8 minutes","b"]})"));
  EXPECT_FALSE(rules->Matches(R"({"title":"{min}","uses":[1],"steps":["a","b"]})"));
}

}  // namespace
}  // namespace linnet::answer
