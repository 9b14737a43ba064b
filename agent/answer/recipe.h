#ifndef LINNET_AGENT_ANSWER_RECIPE_H_
#define LINNET_AGENT_ANSWER_RECIPE_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/answer/catalog.h"
#include "agent/answer/model.h"
#include "runtime/grammar/grammar.h"

namespace linnet::answer {

struct StockItem {
  std::string name;                 // as the owner wrote it, either language
  double quantity = 0;              // > 0
  std::string unit;                 // "g", "ml", "piece", ... or empty
  std::optional<double> days_left;  // until it should be used; negative: past
};

// "meat fish vegetable salad fruit dairy cheese egg grain bread flour legume nut sweet herb extra other";
// "other" when unknown. Looks for the whole name, then its words (English and German compounds:
// "Räucherlachs" is fish).
std::string_view CategoryOf(std::string_view name);

struct RecipeUse {
  std::string name;
  double quantity = 0;
  std::string unit;
};
struct Recipe {
  std::string title;
  std::vector<RecipeUse> uses;
  std::vector<std::string> steps;
  std::string json;  // {"title":"...","uses":[{"name":"...","quantity":2,"unit":"g"}],"steps":["..."]}
  bool from_template = false;
  Fallback why = Fallback::kNone;
};

struct RecipeOptions {
  Language language = Language::kEnglish;
  absl::Time deadline = absl::InfiniteFuture();
  Caller caller;
};

// At most five items, soonest first, that go together (sweet and savoury are not mixed; what is past its date
// by more than a day is left out).
std::vector<StockItem> ChooseStock(const std::vector<StockItem>& stock);

// What to cook from what is there. FailedPrecondition: nothing usable in stock. InvalidArgument: an item
// without a name or with a quantity that is not a positive number. Otherwise always an answer that uses only
// what is in stock; `from_template` says whose words. Blocks. `model` may be null.
absl::StatusOr<Recipe> SuggestRecipe(const std::vector<StockItem>& stock, const RecipeOptions& options,
                                     Model* model);

// The JSON schema that every Recipe::json satisfies.
std::string_view RecipeSchema();

// The parts, for tests and for scoring a model. A form is a letter of kRecipeForms: which of several ways of
// saying it the model shall take.
struct DishPlan;
inline constexpr std::string_view kRecipeForms = "abcdef";
// The first form that is tried: the same foods read the same, others differently.
char RecipeForm(const DishPlan& plan);
std::string RecipePrompt(const DishPlan& plan, Language language, char form);
absl::StatusOr<grammar::Grammar> RecipeGrammar(const DishPlan& plan);
// InvalidArgument: not the form that FORMAT.md gives, a slot that is not in `uses`, unused uses, a number
// that is no slot, or steps that do not follow the plan (recipe_check.h).
absl::StatusOr<Recipe> FillRecipe(std::string_view answer, const DishPlan& plan, Language language);

}  // namespace linnet::answer

#endif  // LINNET_AGENT_ANSWER_RECIPE_H_
