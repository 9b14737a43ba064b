#include "agent/answer/recipe_template.h"

#include <nlohmann/json.hpp>
#include <string_view>

#include "agent/answer/recipe_check.h"

namespace linnet::answer {
namespace {

// A sentence for each role; X stands for its foods. Nothing agrees with them, and in German nothing puts them
// into the dative.
struct Words {
  std::string_view role, english, german;
};
constexpr Words kWords[] = {
    {"main", "Fry X in oil for {min} minutes.", "X in Öl {min} Minuten braten."},
    {"vegetable", "Cut up X and cook until done.", "X klein schneiden und garen."},
    {"add", "Add X and cook until done.", "X hinzufügen und garen."},
    {"egg", "Add X and cook until set.", "X verquirlen und stocken lassen."},
    {"oven", "Put X into an oven dish and bake for {min} minutes.",
     "X in eine Auflaufform geben und {min} Minuten backen."},
    {"cover", "Put X on top and bake until golden.", "X darübergeben und goldbraun backen."},
    {"stir", "Stir in X.", "X unterrühren."},
    {"grain", "Cook X in salted water.", "X in Salzwasser garen."},
    {"top", "Top with X.", "X darübergeben."},
    {"side", "Serve with X.", "Dazu X reichen."},
    {"leaves", "Wash and chop X.", "X waschen und klein schneiden."},
    {"mix", "Add X and mix well.", "X hinzufügen und mischen."},
    {"bowl", "Put X into a bowl and mix well.", "X in einer Schüssel mischen."},
    {"plate", "Arrange X on a plate.", "X auf einem Teller anrichten."},
    {"fruit", "Wash X and cut into pieces.", "X waschen und klein schneiden."},
    {"smooth", "Stir X until smooth.", "X glatt rühren."},
    {"batter", "Mix X with a little water into a batter and bake for {min} minutes.",
     "X mit etwas Wasser zu einem Teig rühren und {min} Minuten backen."},
    {"pancakes", "Mix X with a little water into a batter and fry in portions for {min} minutes.",
     "X mit etwas Wasser zu einem Teig rühren und in Portionen {min} Minuten braten."},
    {"fold", "Serve with X.", "Dazu X servieren."},
};
// Where nothing else says the time.
constexpr std::string_view kEnglishTime = "Heat everything for {min} minutes.";
constexpr std::string_view kGermanTime = "Alles {min} Minuten erhitzen.";

std::string Sentence(std::string_view dish, const DishRole& role, Language language) {
  const std::string_view name = dish == "pancakes" && role.name == "batter" ? dish : role.name;
  for (const Words& words : kWords) {
    if (words.role != name) continue;
    std::string text(language == Language::kGerman ? words.german : words.english);
    const std::string foods = SlotList(role.first + 1, role.count, language);
    return text.replace(text.find('X'), 1, language == Language::kGerman ? foods : "the " + foods);
  }
  return "";
}

bool Hot(std::string_view role) {
  return role == "main" || role == "vegetable" || role == "add" || role == "egg" || role == "oven" ||
         role == "cover" || role == "batter" || role == "fold";
}

}  // namespace

std::string RecipeTemplate(const DishPlan& plan, Language language) {
  const bool german = language == Language::kGerman;
  // Everything hot is one step, what is put on and beside it another.
  std::string hot, last;
  std::vector<std::string> middle, steps;
  const auto join = [](std::string& to, const std::string& sentence) {
    to += (to.empty() ? "" : " ") + sentence;
  };
  for (const DishRole& role : plan.roles) {
    const std::string sentence = Sentence(plan.dish, role, language);
    if (Hot(role.name)) {
      join(hot, sentence);
    } else if (role.name == "top" || role.name == "side") {
      join(last, sentence);
    } else {
      middle.push_back(sentence);
    }
  }
  if (plan.minutes > 0 && hot.find("{min}") == std::string::npos) {
    join(hot, std::string(german ? kGermanTime : kEnglishTime));
  }
  if (!hot.empty()) steps.push_back(hot);
  steps.insert(steps.end(), middle.begin(), middle.end());
  if (!last.empty()) steps.push_back(last);
  if (steps.size() < 4) steps.push_back(german ? "Abschmecken und servieren." : "Taste and serve.");
  nlohmann::ordered_json json;
  json["title"] =
      (german ? "Aus dem Vorrat: " : "Made from what you have: ") + SlotList(1, plan.items.size(), language);
  json["uses"] = nlohmann::ordered_json::array();
  for (size_t i = 1; i <= plan.items.size(); ++i) json["uses"].push_back(i);
  json["steps"] = steps;
  return json.dump();
}

}  // namespace linnet::answer
