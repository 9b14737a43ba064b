#ifndef LINNET_AGENT_ANSWER_INGREDIENTS_H_
#define LINNET_AGENT_ANSWER_INGREDIENTS_H_

#include <cstdint>
#include <string_view>
#include <vector>

namespace linnet::answer {

// What a food is in a kitchen; kOther is what the table does not know.
enum class Food : uint8_t {
  kMeat,
  kFish,
  kVegetable,  // to be cooked
  kSalad,      // eaten raw
  kFruit,
  kDairy,
  kCheese,
  kEgg,
  kGrain,  // cooked in salted water
  kBread,
  kFlour,  // for batter
  kLegume,
  kNut,
  kSweet,
  kHerb,
  kExtra,  // what seasons a dish: olives, pesto, coconut milk
  kOther
};
std::string_view Name(Food food);

struct Ingredient {
  std::string_view folded;  // lower case, umlauts folded
  Food food;
  bool sweet_dishes;    // may stand in a dessert
  bool savoury_dishes;  // may stand in a meal
};

// English and German, singular and plural where they differ.
const std::vector<Ingredient>& Ingredients();
// The entry for a name as a person wrote it: the whole name, one of its words, or the end (German compounds:
// "Vollmilch") or beginning ("Rinderhack") of one; null when unknown.
const Ingredient* FindIngredient(std::string_view name);

}  // namespace linnet::answer

#endif  // LINNET_AGENT_ANSWER_INGREDIENTS_H_
