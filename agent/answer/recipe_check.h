#ifndef LINNET_AGENT_ANSWER_RECIPE_CHECK_H_
#define LINNET_AGENT_ANSWER_RECIPE_CHECK_H_

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/answer/dish.h"

namespace linnet::answer {

// Why steps (with slots) do not cook this plan; empty when nothing is wrong with them. What must hold: the
// foods of `used` stand in the steps once each, in the order of the plan; those of one role in one sentence,
// other roles not in it (but "oven" and "cover"); what is raw (meat, fish, eggs, unknown food) in a step that
// heats; {min} once where the plan has a time; nothing done to foods that are not for it, no digit of the
// model's own. A small model writes good sentences and sometimes puts the wrong number into them.
std::string Implausible(const std::vector<std::string>& steps, const std::set<std::string>& used,
                        const DishPlan& plan);

// "{2}, {3} and {4}".
std::string SlotList(size_t first, size_t count, Language language);

}  // namespace linnet::answer

#endif  // LINNET_AGENT_ANSWER_RECIPE_CHECK_H_
