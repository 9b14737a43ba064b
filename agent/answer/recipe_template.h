#ifndef LINNET_AGENT_ANSWER_RECIPE_TEMPLATE_H_
#define LINNET_AGENT_ANSWER_RECIPE_TEMPLATE_H_

#include <string>

#include "agent/answer/dish.h"

namespace linnet::answer {

// A plain recipe for the plan in the form that the model writes, so that it is checked and filled in
// the same way. Uses every item.
std::string RecipeTemplate(const DishPlan& plan, Language language);

}  // namespace linnet::answer

#endif  // LINNET_AGENT_ANSWER_RECIPE_TEMPLATE_H_
