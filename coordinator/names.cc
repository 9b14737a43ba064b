#include "coordinator/names.h"

#include "absl/strings/ascii.h"

namespace linnet::coordinator {

std::string NameOf(fleet::v1::UpdateState state) {
  if (state == fleet::v1::UPDATE_STATE_UNSPECIFIED) return "";
  return absl::AsciiStrToLower(fleet::v1::UpdateState_Name(state));
}

std::string NameOf(fleet::v1::InstructionSet set) {
  if (set == fleet::v1::INSTRUCTION_SET_UNSPECIFIED) return "";
  return absl::AsciiStrToLower(fleet::v1::InstructionSet_Name(set));
}

std::string NameOf(fleet::v1::Outcome outcome) {
  if (outcome == fleet::v1::OUTCOME_UNSPECIFIED) return "";
  return absl::AsciiStrToLower(fleet::v1::Outcome_Name(outcome));
}

std::string NameOf(fleet::v1::Reason reason) {
  if (reason == fleet::v1::REASON_UNSPECIFIED || reason == fleet::v1::REASON_NONE) return "";
  return absl::AsciiStrToLower(fleet::v1::Reason_Name(reason));
}

}  // namespace linnet::coordinator
