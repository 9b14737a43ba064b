#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <string>

#include "agent/answer/ingredients.h"
#include "agent/answer/recipe.h"
#include "agent/answer/text.h"

namespace linnet::answer {
namespace {

constexpr size_t kMaxItems = 5;  // as the model is trained

Food FoodOf(const StockItem& item) {
  const Ingredient* found = FindIngredient(item.name);
  return found == nullptr ? Food::kOther : found->food;
}

bool Fits(const StockItem& item, bool sweet) {
  const Ingredient* found = FindIngredient(item.name);
  if (found == nullptr) return !sweet;
  return sweet ? found->sweet_dishes : found->savoury_dishes;
}

// The first of `sorted` that go together.
std::vector<StockItem> Fitting(const std::vector<StockItem>& sorted, bool sweet) {
  std::vector<StockItem> chosen;
  bool main = false, egg = false;
  for (const StockItem& item : sorted) {
    const Food food = FoodOf(item);
    if (!Fits(item, sweet)) continue;
    const bool is_main = food == Food::kMeat || food == Food::kFish;
    if ((is_main && main) || (food == Food::kEgg && egg)) continue;
    const bool again = std::any_of(chosen.begin(), chosen.end(), [&](const StockItem& other) {
      return Fold(other.name) == Fold(item.name);
    });
    if (again) continue;
    main |= is_main;
    egg |= food == Food::kEgg;
    chosen.push_back(item);
    if (chosen.size() == kMaxItems) break;
  }
  return chosen;
}

}  // namespace

std::string_view CategoryOf(std::string_view name) {
  const Ingredient* found = FindIngredient(name);
  return Name(found == nullptr ? Food::kOther : found->food);
}

std::vector<StockItem> ChooseStock(const std::vector<StockItem>& stock) {
  std::vector<StockItem> sorted;
  for (const StockItem& item : stock) {
    if (!item.days_left.has_value() || *item.days_left >= -1) sorted.push_back(item);
  }
  // What has no date keeps.
  std::stable_sort(sorted.begin(), sorted.end(), [](const StockItem& a, const StockItem& b) {
    return a.days_left.value_or(INFINITY) < b.days_left.value_or(INFINITY);
  });
  const auto any = [&](std::initializer_list<Food> foods) {
    return std::any_of(sorted.begin(), sorted.end(), [&](const StockItem& item) {
      return std::find(foods.begin(), foods.end(), FoodOf(item)) != foods.end();
    });
  };
  const bool meal = any({Food::kMeat, Food::kFish, Food::kVegetable, Food::kLegume, Food::kSalad});
  const bool batter = any({Food::kFlour}) && any({Food::kEgg});
  const bool sweet = !meal && (any({Food::kFruit, Food::kSweet}) || batter);
  std::vector<StockItem> chosen = Fitting(sorted, sweet);
  return chosen.empty() ? Fitting(sorted, !sweet) : chosen;
}

}  // namespace linnet::answer
