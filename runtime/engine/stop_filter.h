#ifndef LINNET_RUNTIME_ENGINE_STOP_FILTER_H_
#define LINNET_RUNTIME_ENGINE_STOP_FILTER_H_

#include <string>
#include <string_view>
#include <vector>

namespace linnet::engine {

// Lets text through until the first of some strings begins, and holds back what may still become one. Cuts
// only before the first byte of such a string, so valid UTF-8 stays valid.
class StopFilter {
 public:
  // None may be empty.
  explicit StopFilter(std::vector<std::string> stops) : stops_(std::move(stops)) {}

  // Returns what may be shown now; nothing more once stopped.
  std::string Push(std::string_view text);
  // Returns the rest.
  std::string Finish();
  bool stopped() const { return stopped_; }

 private:
  const std::vector<std::string> stops_;
  std::string held_;
  bool stopped_ = false;
};

}  // namespace linnet::engine

#endif  // LINNET_RUNTIME_ENGINE_STOP_FILTER_H_
