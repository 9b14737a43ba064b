#include "agent/answer/dish.h"

#include <algorithm>
#include <initializer_list>
#include <vector>

#include "agent/answer/ingredients.h"

namespace linnet::answer {
namespace {

using Foods = std::initializer_list<Food>;

struct Part {
  std::string_view role;
  std::vector<Food> foods;  // in this order; within a food the order of expiry stays
};

Food FoodOf(const StockItem& item) {
  const Ingredient* found = FindIngredient(item.name);
  return found == nullptr ? Food::kOther : found->food;
}

class Kitchen {
 public:
  explicit Kitchen(const std::vector<StockItem>& items) {
    for (const StockItem& item : items) foods_.push_back(FoodOf(item));
  }
  bool any(Foods foods) const {
    return std::any_of(foods_.begin(), foods_.end(), [&](Food food) { return Holds(foods, food); });
  }
  static bool Holds(Foods foods, Food food) {
    return std::find(foods.begin(), foods.end(), food) != foods.end();
  }
  const std::vector<Food>& foods() const { return foods_; }

 private:
  std::vector<Food> foods_;
};

std::string_view DishOf(const Kitchen& has) {
  // Sweet foods never stand beside savoury ones: ChooseStock.
  if (has.any({Food::kFruit, Food::kSweet, Food::kFlour})) {
    if (has.any({Food::kFlour}) && has.any({Food::kEgg})) return "pancakes";
    return has.any({Food::kFlour, Food::kEgg}) ? "cake" : "bowl";
  }
  if (!has.any({Food::kMeat, Food::kFish, Food::kVegetable, Food::kLegume, Food::kOther, Food::kEgg})) {
    return has.any({Food::kGrain}) ? "pot" : "cold";
  }
  if (has.any({Food::kEgg})) return "omelette";
  if (has.any({Food::kLegume})) return "stew";
  return has.any({Food::kVegetable}) && has.any({Food::kDairy, Food::kCheese}) ? "bake" : "pan";
}

std::vector<Part> PartsOf(std::string_view dish) {
  const Part stir = {"stir", {Food::kDairy, Food::kCheese, Food::kExtra}};
  const Part grain = {"grain", {Food::kGrain}};
  const Part top = {"top", {Food::kHerb, Food::kNut}};
  const Part side = {"side", {Food::kSalad, Food::kBread}};
  if (dish == "pot") return {grain, stir, top, side};
  if (dish == "cold") {
    return {{"leaves", {Food::kSalad}},
            {"mix", {Food::kDairy, Food::kCheese, Food::kExtra, Food::kHerb, Food::kNut}},
            {"side", {Food::kBread}}};
  }
  if (dish == "bowl") {
    return {{"fruit", {Food::kFruit}}, {"smooth", {Food::kDairy}}, {"top", {Food::kSweet, Food::kNut}}};
  }
  const Part batter = {"batter", {Food::kFlour, Food::kEgg, Food::kDairy}};
  if (dish == "pancakes") return {batter, {"top", {Food::kFruit, Food::kSweet, Food::kNut}}};
  if (dish == "cake") return {batter, {"fold", {Food::kFruit, Food::kSweet}}, {"top", {Food::kNut}}};
  if (dish == "bake") {
    return {{"oven", {Food::kMeat, Food::kFish, Food::kVegetable, Food::kOther}},
            {"cover", {Food::kDairy, Food::kCheese}},
            {"stir", {Food::kExtra}},
            grain,
            top,
            side};
  }
  return {{"main", {Food::kMeat, Food::kFish}},
          {"add", {Food::kVegetable, Food::kLegume, Food::kOther}},
          {"egg", {Food::kEgg}},
          stir,
          grain,
          top,
          side};
}

// A role as the model is told it: whole vegetables are cut, lentils and what nobody knows are not; what is
// poured needs a bowl.
std::string_view RoleName(std::string_view role, const Kitchen& has, const DishPlan& plan) {
  if (role == "add" && !has.any({Food::kLegume, Food::kOther})) return "vegetable";
  if (role == "mix" && plan.roles.empty()) {
    return has.any({Food::kDairy, Food::kExtra}) ? "bowl" : "plate";
  }
  return role == "side" && plan.roles.empty() ? "plate" : role;
}

// What nobody knows is cooked as long as raw meat would be.
int MinutesOf(std::string_view dish, const Kitchen& has) {
  if (dish == "pan" || dish == "omelette") {
    if (has.any({Food::kOther})) return 15;
    if (has.any({Food::kMeat})) return 12;
    if (has.any({Food::kVegetable, Food::kLegume})) return 10;
    return has.any({Food::kFish}) ? 8 : 5;
  }
  const bool long_cooked = has.any({Food::kMeat, Food::kOther});
  if (dish == "stew") return long_cooked ? 35 : 25;
  if (dish == "bake") return long_cooked ? 40 : 30;
  if (dish == "pancakes") return 4;
  return dish == "cake" ? 30 : 0;
}

}  // namespace

DishPlan PlanDish(const std::vector<StockItem>& chosen) {
  const Kitchen has(chosen);
  DishPlan plan;
  plan.dish = DishOf(has);
  plan.minutes = MinutesOf(plan.dish, has);
  for (const Part& part : PartsOf(plan.dish)) {
    const size_t first = plan.items.size();
    for (const Food food : part.foods) {
      for (size_t i = 0; i < chosen.size(); ++i) {
        if (has.foods()[i] == food) plan.items.push_back(chosen[i]);
      }
    }
    const size_t count = plan.items.size() - first;
    if (count > 0) plan.roles.push_back({RoleName(part.role, has, plan), first, count});
  }
  return plan;
}

}  // namespace linnet::answer
