#include "agent/answer/recipe.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "agent/answer/dish.h"
#include "agent/answer/ingredients.h"
#include "agent/answer/recipe_check.h"
#include "agent/answer/recipe_template.h"
#include "agent/answer/slots.h"
#include "agent/answer/text.h"
#include "runtime/base/status_macros.h"

namespace linnet::answer {
namespace {

using Json = nlohmann::ordered_json;
using grammar::Expression;

constexpr uint32_t kMaxTokens = 320;
constexpr size_t kMaxNameBytes = 40;
constexpr size_t kMaxTextBytes = 300;

// What every kitchen has; steps may name it although it is in no list.
constexpr std::string_view kPantry = " salt pepper oil water salz pfeffer oel wasser sugar zucker ";

absl::Status Refuse(const std::string& why) { return absl::InvalidArgumentError("recipe: " + why); }

// A word that names food which is not among `allowed` (folded phrases); empty when there is none.
std::string ForeignFood(std::string_view text, const std::string& allowed) {
  for (const std::string& word : Words(text)) {
    const std::string folded = " " + Fold(word) + " ";
    if (kPantry.find(folded) != std::string_view::npos || allowed.find(folded) != std::string::npos) continue;
    for (const Ingredient& entry : Ingredients()) {
      if (entry.folded == std::string_view(folded).substr(1, folded.size() - 2)) return word;
    }
  }
  return "";
}

bool HasOwnNumber(std::string_view words) {
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] >= '0' && words[i] <= '9' && (i == 0 || words[i - 1] != '{')) return true;
  }
  return false;
}

std::string JsonOf(const Recipe& recipe) {
  Json json;
  json["title"] = recipe.title;
  json["uses"] = Json::array();
  for (const RecipeUse& use : recipe.uses) {
    Json entry;
    entry["name"] = use.name;
    // Whole amounts without ".0".
    if (use.quantity == std::floor(use.quantity) && use.quantity < 1e15) {
      entry["quantity"] = static_cast<int64_t>(use.quantity);
    } else {
      entry["quantity"] = use.quantity;
    }
    entry["unit"] = use.unit;
    json["uses"].push_back(std::move(entry));
  }
  json["steps"] = recipe.steps;
  return json.dump();
}

// FNV-1a.
size_t FormOf(const DishPlan& plan) {
  uint32_t hash = 2166136261u;
  for (const StockItem& item : plan.items) {
    for (const char c : item.name) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619u;
  }
  return hash % kRecipeForms.size();
}

// One try: ask, check, fill.
absl::StatusOr<Recipe> AskModel(const DishPlan& plan, size_t form, const RecipeOptions& options,
                                Model& model) {
  LINNET_ASSIGN_OR_RETURN(const grammar::Grammar rules, RecipeGrammar(plan));
  CompleteOptions complete;
  complete.max_tokens = kMaxTokens;
  complete.deadline = options.deadline;
  complete.caller = options.caller;
  const char letter = kRecipeForms[form % kRecipeForms.size()];
  LINNET_ASSIGN_OR_RETURN(const std::string answer,
                          model.Complete(RecipePrompt(plan, options.language, letter), &rules, complete));
  absl::StatusOr<Recipe> recipe = FillRecipe(answer, plan, options.language);
  if (!recipe.ok()) return absl::DataLossError(recipe.status().message());
  return recipe;
}

}  // namespace

std::string_view RecipeSchema() {
  return R"({"type":"object","properties":{"title":{"type":"string","minLength":1},)"
         R"("uses":{"type":"array","minItems":1,"maxItems":5,"items":{"type":"object","properties":)"
         R"({"name":{"type":"string","minLength":1},"quantity":{"type":"number","minimum":0},"unit":{"type":"string"}},)"
         R"("required":["name","quantity","unit"],"additionalProperties":false}},)"
         R"("steps":{"type":"array","minItems":2,"maxItems":4,"items":{"type":"string","minLength":1}}},)"
         R"("required":["title","uses","steps"],"additionalProperties":false})";
}

char RecipeForm(const DishPlan& plan) { return kRecipeForms[FormOf(plan)]; }

std::string RecipePrompt(const DishPlan& plan, Language language, char form) {
  std::string prompt =
      "recipe " + std::string(Code(language)) + "\ndish: " + std::string(plan.dish) + "\nform: " + form;
  for (const DishRole& role : plan.roles) {
    prompt += "\n" + std::string(role.name) + " " + SlotList(role.first + 1, role.count, language) + ":";
    for (size_t i = role.first; i < role.first + role.count; ++i) {
      // Commas part the foods of a line.
      std::string name = plan.items[i].name;
      std::replace(name.begin(), name.end(), ',', ' ');
      name = OneLine(name, kMaxNameBytes);
      if (language == Language::kEnglish) name = LowerCase(name);
      prompt += (i > role.first ? ", " : " ") + std::string(CategoryOf(plan.items[i].name)) + " " + name;
    }
  }
  return prompt;
}

absl::StatusOr<grammar::Grammar> RecipeGrammar(const DishPlan& plan) {
  std::vector<std::string> numbers, slots;
  for (size_t i = 1; i <= plan.items.size(); ++i) {
    numbers.push_back(std::to_string(i));
    slots.push_back("{" + numbers.back() + "}");
  }
  // The time and the foods are slots, so that no text needs a digit.
  const auto text = [](const std::vector<std::string>& allowed) {
    const Expression words = Expression::Repeat(
        Expression::OneOf({Expression::JsonCharacter("{}<>|0123456789"), Expression::OneOfTexts(allowed)}), 1,
        Expression::kUnbounded);
    return Expression::Sequence({Expression::Literal("\""), words, Expression::Literal("\"")});
  };
  std::vector<std::string> in_steps = slots;
  if (plan.minutes > 0) in_steps.emplace_back("{min}");
  return grammar::Grammar::Compile(Expression::Sequence(
      {Expression::Literal("{\"title\":"), text(slots), Expression::Literal(",\"uses\":["),
       Expression::List(Expression::OneOfTexts(numbers), ",", 1, static_cast<uint32_t>(numbers.size())),
       Expression::Literal("],\"steps\":["), Expression::List(text(in_steps), ",", 2, 4),
       Expression::Literal("]}")}));
}

absl::StatusOr<Recipe> FillRecipe(std::string_view answer, const DishPlan& plan, Language language) {
  const Json json = Json::parse(answer, nullptr, false);
  if (!json.is_object() || json.size() != 3 || !json.contains("title") || !json["title"].is_string() ||
      !json.contains("uses") || !json["uses"].is_array() || !json.contains("steps") ||
      !json["steps"].is_array()) {
    return Refuse("is not {\"title\":...,\"uses\":[...],\"steps\":[...]}");
  }
  std::vector<Slot> slots;
  std::set<std::string> used;
  std::string own_words;
  Recipe recipe;
  for (const Json& use : json["uses"]) {
    if (!use.is_number_integer()) return Refuse("\"uses\" holds something that is not a number");
    const auto number = use.get<int64_t>();
    if (number < 1 || number > static_cast<int64_t>(plan.items.size())) {
      return Refuse(absl::StrCat("uses number ", number, " of ", plan.items.size(), " listed"));
    }
    const StockItem& item = plan.items[static_cast<size_t>(number - 1)];
    if (!used.insert(std::to_string(number)).second)
      return Refuse(absl::StrCat("uses number ", number, " twice"));
    slots.push_back({std::to_string(number), OneLine(item.name, kMaxNameBytes)});
    recipe.uses.push_back({slots.back().value, item.quantity, OneLine(item.unit, kMaxNameBytes)});
    own_words += FoldedPhrase(item.name);
  }
  if (used.empty()) return Refuse("uses nothing");
  const size_t count = json["steps"].size();
  if (count < 2 || count > 4) return Refuse(absl::StrCat("has ", count, " steps, expected 2 to 4"));

  std::vector<std::string> steps;
  for (const Json& step : json["steps"]) {
    if (!step.is_string()) return Refuse("a step is not a text");
    steps.push_back(step.get<std::string>());
  }
  const auto fill = [&](const std::string& words) -> absl::StatusOr<std::string> {
    if (words.empty() || words.size() > kMaxTextBytes) {
      return Refuse("a text is empty or longer than 300 bytes");
    }
    if (!IsTidy(words)) return Refuse("words run together, or a space too many");
    if (HasOwnNumber(words)) return Refuse("a number that is not a slot");
    const std::string foreign = ForeignFood(words, own_words);
    if (!foreign.empty()) return Refuse(absl::StrCat("names \"", foreign, "\", which is not in the list"));
    const std::string other = ForeignWord(words, language);
    if (!other.empty()) return Refuse(absl::StrCat("\"", other, "\" is of the other language"));
    LINNET_ASSIGN_OR_RETURN(const std::string filled, FillSlots(words, slots));
    return CapitalSentences(filled);
  };
  LINNET_ASSIGN_OR_RETURN(const std::vector<std::string> in_title,
                          SlotNames(json["title"].get<std::string>()));
  if (std::adjacent_find(in_title.begin(), in_title.end(), std::greater_equal<>()) != in_title.end()) {
    return Refuse("the title names a food twice or out of order");
  }
  LINNET_ASSIGN_OR_RETURN(recipe.title, fill(json["title"].get<std::string>()));
  const std::string wrong = Implausible(steps, used, plan);
  if (!wrong.empty()) return Refuse(wrong);
  slots.push_back({"min", std::to_string(plan.minutes)});
  for (const std::string& step : steps) {
    LINNET_ASSIGN_OR_RETURN(std::string text, fill(step));
    recipe.steps.push_back(std::move(text));
  }
  recipe.json = JsonOf(recipe);
  return recipe;
}

absl::StatusOr<Recipe> SuggestRecipe(const std::vector<StockItem>& stock, const RecipeOptions& options,
                                     Model* model) {
  for (const StockItem& item : stock) {
    if (OneLine(item.name, kMaxNameBytes).empty() || !IsUtf8(item.name)) {
      return absl::InvalidArgumentError("recipe: an item of the stock has no readable name");
    }
    if (!(item.quantity > 0) || !std::isfinite(item.quantity)) {
      return absl::InvalidArgumentError(
          absl::StrCat("recipe: quantity of ", item.name, " is ", item.quantity, ", expected more than 0"));
    }
  }
  const std::vector<StockItem> chosen = ChooseStock(stock);
  if (chosen.empty()) {
    return absl::FailedPreconditionError(
        stock.empty() ? "recipe: nothing is in stock; set the inventory first"
                      : "recipe: nothing in stock can be used; everything is past its date");
  }
  Fallback why = Fallback::kNoModel;
  const DishPlan plan = PlanDish(chosen);
  if (model != nullptr) {
    // Other words for the same dish are another chance, and fewer foods an easier dish.
    const size_t fewer = std::min<size_t>(chosen.size(), 3);
    const DishPlan easier = PlanDish({chosen.begin(), chosen.begin() + static_cast<std::ptrdiff_t>(fewer)});
    const std::pair<const DishPlan*, size_t> tries[] = {
        {&plan, FormOf(plan)}, {&plan, FormOf(plan) + 1}, {&easier, FormOf(easier) + 2}};
    absl::StatusOr<Recipe> recipe = absl::DataLossError("not asked");
    for (const auto& [dish, form] : tries) {
      recipe = AskModel(*dish, form, options, *model);
      if (!absl::IsDataLoss(recipe.status())) break;
    }
    if (recipe.ok()) return recipe;
    why = FallbackFor(recipe.status());
  }
  LINNET_ASSIGN_OR_RETURN(Recipe recipe,
                          FillRecipe(RecipeTemplate(plan, options.language), plan, options.language));
  recipe.from_template = true;
  recipe.why = why;
  return recipe;
}

}  // namespace linnet::answer
