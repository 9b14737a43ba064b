#ifndef LINNET_AGENT_ANSWER_SLOTS_H_
#define LINNET_AGENT_ANSWER_SLOTS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace linnet::answer {

struct Slot {
  std::string name;   // "value" for {value}
  std::string value;  // what is put there; copied, never parsed again
  bool required = true;
};

// The names between braces, in order of appearance. InvalidArgument: a brace without its partner, an empty
// name.
absl::StatusOr<std::vector<std::string>> SlotNames(std::string_view text);

// Each required slot exactly once, the others at most once, no unknown slot, no digit outside slots (numbers
// come from code). InvalidArgument says which.
absl::Status CheckSlots(std::string_view text, const std::vector<Slot>& slots);

// No space at either end, none doubled, no words run together ("goldenBake", "the{1}", "{1}and").
bool IsTidy(std::string_view text);

// Puts the values in; one pass, so braces in a value stay text. InvalidArgument: an unknown slot.
absl::StatusOr<std::string> FillSlots(std::string_view text, const std::vector<Slot>& slots);

}  // namespace linnet::answer

#endif  // LINNET_AGENT_ANSWER_SLOTS_H_
