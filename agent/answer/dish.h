#ifndef LINNET_AGENT_ANSWER_DISH_H_
#define LINNET_AGENT_ANSWER_DISH_H_

#include <string>
#include <string_view>
#include <vector>

#include "agent/answer/recipe.h"

namespace linnet::answer {

// What is done with some of the foods: one line of the prompt, one sentence of the recipe.
struct DishRole {
  std::string_view name;        // "main", "vegetable", "batter", ...: FORMAT.md
  size_t first = 0, count = 0;  // of DishPlan::items
};

// What code decides before the model is asked.
struct DishPlan {
  std::string_view dish;         // "pan", "stew", ...
  std::vector<StockItem> items;  // in the order in which the sentences name them
  std::vector<DishRole> roles;   // cover `items` from first to last
  int minutes = 0;               // {min}; 0 where no time is said
};

// `chosen`: what ChooseStock gave, not empty. The same rules train the model: deploy/starter/data/dish.py.
DishPlan PlanDish(const std::vector<StockItem>& chosen);

}  // namespace linnet::answer

#endif  // LINNET_AGENT_ANSWER_DISH_H_
