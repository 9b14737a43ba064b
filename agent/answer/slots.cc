#include "agent/answer/slots.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace linnet::answer {
namespace {

// Calls on_text(part) and on_slot(name) in order.
template <typename OnText, typename OnSlot>
absl::Status Scan(std::string_view text, const OnText& on_text, const OnSlot& on_slot) {
  while (!text.empty()) {
    const size_t brace = text.find_first_of("{}");
    on_text(text.substr(0, brace));
    if (brace == std::string_view::npos) break;
    const size_t end = text.find_first_of("{}", brace + 1);
    if (text[brace] == '}' || end == std::string_view::npos || text[end] == '{') {
      return absl::InvalidArgumentError("answer: a brace without its partner");
    }
    if (end == brace + 1) return absl::InvalidArgumentError("answer: a slot without a name");
    LINNET_RETURN_IF_ERROR(on_slot(text.substr(brace + 1, end - brace - 1)));
    text.remove_prefix(end + 1);
  }
  return absl::OkStatus();
}

const Slot* Find(const std::vector<Slot>& slots, std::string_view name) {
  const auto at =
      std::find_if(slots.begin(), slots.end(), [&](const Slot& slot) { return slot.name == name; });
  return at == slots.end() ? nullptr : &*at;
}

absl::Status Unknown(std::string_view name) {
  return absl::InvalidArgumentError(absl::StrCat("answer: unknown slot {", std::string(name), "}"));
}

}  // namespace

absl::StatusOr<std::vector<std::string>> SlotNames(std::string_view text) {
  std::vector<std::string> names;
  LINNET_RETURN_IF_ERROR(Scan(
      text, [](std::string_view) {},
      [&](std::string_view name) {
        names.emplace_back(name);
        return absl::OkStatus();
      }));
  return names;
}

absl::Status CheckSlots(std::string_view text, const std::vector<Slot>& slots) {
  std::vector<int> seen(slots.size(), 0);
  bool digit = false;
  LINNET_RETURN_IF_ERROR(Scan(
      text,
      [&](std::string_view part) { digit |= part.find_first_of("0123456789") != std::string_view::npos; },
      [&](std::string_view name) {
        const Slot* slot = Find(slots, name);
        if (slot == nullptr) return Unknown(name);
        ++seen[static_cast<size_t>(slot - slots.data())];
        return absl::OkStatus();
      }));
  if (digit) return absl::InvalidArgumentError("answer: a number that is not a slot");
  for (size_t i = 0; i < slots.size(); ++i) {
    if (seen[i] > 1 || (seen[i] == 0 && slots[i].required)) {
      return absl::InvalidArgumentError(absl::StrCat("answer: slot {", slots[i].name, "} stands ", seen[i],
                                                     " times, expected ",
                                                     slots[i].required ? "1" : "at most 1"));
    }
  }
  return absl::OkStatus();
}

bool IsTidy(std::string_view text) {
  if (text.empty() || text.front() == ' ' || text.back() == ' ') return false;
  const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  const auto letter = [&](char c) { return lower(c) || upper(c) || static_cast<unsigned char>(c) >= 0x80; };
  for (size_t i = 1; i < text.size(); ++i) {
    const char a = text[i - 1], b = text[i];
    if ((a == ' ' && b == ' ') || (lower(a) && upper(b)) || ((letter(a) || a == '}') && b == '{') ||
        (a == '}' && letter(b))) {
      return false;
    }
  }
  return true;
}

absl::StatusOr<std::string> FillSlots(std::string_view text, const std::vector<Slot>& slots) {
  std::string out;
  LINNET_RETURN_IF_ERROR(Scan(
      text, [&](std::string_view part) { out += part; },
      [&](std::string_view name) {
        const Slot* slot = Find(slots, name);
        if (slot == nullptr) return Unknown(name);
        out += slot->value;
        return absl::OkStatus();
      }));
  return out;
}

}  // namespace linnet::answer
