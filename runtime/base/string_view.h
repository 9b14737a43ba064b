#ifndef LINNET_RUNTIME_BASE_STRING_VIEW_H_
#define LINNET_RUNTIME_BASE_STRING_VIEW_H_

#include <string>
#include <string_view>

#include "absl/strings/string_view.h"

namespace linnet::base {

// Debian 12's absl::string_view is a type of its own; these two cross the border, and also compile where it
// is std's.
inline std::string_view ToStd(absl::string_view s) { return {s.data(), s.size()}; }
inline absl::string_view ToAbsl(std::string_view s) { return {s.data(), s.size()}; }

// The message of a status as a std::string (for our own APIs and for printing).
template <typename StatusT>
std::string Message(const StatusT& status) {
  return std::string(status.message().data(), status.message().size());
}

}  // namespace linnet::base

#endif  // LINNET_RUNTIME_BASE_STRING_VIEW_H_
