#ifndef LINNET_RUNTIME_TOOLS_PROGRESS_H_
#define LINNET_RUNTIME_TOOLS_PROGRESS_H_

#include <cstdint>
#include <functional>
#include <string_view>

namespace linnet::tools {

// Hears of long work as it goes on: `done` of `total` units, and what is in hand. Often called, so cheap. May
// be null.
using Progress = std::function<void(uint64_t done, uint64_t total, std::string_view what)>;

}  // namespace linnet::tools

#endif  // LINNET_RUNTIME_TOOLS_PROGRESS_H_
