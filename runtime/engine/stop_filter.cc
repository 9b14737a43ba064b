#include "runtime/engine/stop_filter.h"

#include <algorithm>
#include <utility>

namespace linnet::engine {

std::string StopFilter::Push(std::string_view text) {
  std::string shown;
  Push(text, shown);
  return shown;
}

void StopFilter::Push(std::string_view text, std::string& shown) {
  shown.clear();
  if (stopped_) return;
  if (stops_.empty()) {
    shown = text;
    return;
  }
  held_ += text;
  size_t end = std::string::npos;
  for (const std::string& stop : stops_) end = std::min(end, held_.find(stop));
  if (end != std::string::npos) {
    stopped_ = true;
    shown.assign(held_, 0, end);
    held_.clear();
    return;
  }
  // The longest end of the text that is the beginning of a stop string has to wait.
  size_t keep = 0;
  for (const std::string& stop : stops_) {
    for (size_t n = std::min(stop.size() - 1, held_.size()); n > keep; --n) {
      if (std::string_view(held_).substr(held_.size() - n) == std::string_view(stop).substr(0, n)) keep = n;
    }
  }
  shown.assign(held_, 0, held_.size() - keep);
  held_.erase(0, shown.size());
}

std::string StopFilter::Finish() { return std::exchange(held_, ""); }

}  // namespace linnet::engine
