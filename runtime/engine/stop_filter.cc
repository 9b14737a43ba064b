#include "runtime/engine/stop_filter.h"

#include <algorithm>
#include <utility>

namespace linnet::engine {

std::string StopFilter::Push(std::string_view text) {
  if (stopped_) return "";
  held_ += text;
  size_t end = std::string::npos;
  for (const std::string& stop : stops_) end = std::min(end, held_.find(stop));
  if (end != std::string::npos) {
    stopped_ = true;
    held_.resize(end);
    return std::exchange(held_, "");
  }
  // The longest end of the text that is the beginning of a stop string has to wait.
  size_t keep = 0;
  for (const std::string& stop : stops_) {
    for (size_t n = std::min(stop.size() - 1, held_.size()); n > keep; --n) {
      if (std::string_view(held_).substr(held_.size() - n) == std::string_view(stop).substr(0, n)) keep = n;
    }
  }
  std::string shown = held_.substr(0, held_.size() - keep);
  held_.erase(0, shown.size());
  return shown;
}

std::string StopFilter::Finish() { return std::exchange(held_, ""); }

}  // namespace linnet::engine
