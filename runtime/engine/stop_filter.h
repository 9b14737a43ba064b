#ifndef LINNET_RUNTIME_ENGINE_STOP_FILTER_H_
#define LINNET_RUNTIME_ENGINE_STOP_FILTER_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace linnet::engine {

// Lets text through until the first of some strings begins, and holds back what may still become one. Cuts
// only before the first byte of such a string, so valid UTF-8 stays valid.
class StopFilter {
 public:
  // None may be empty.
  explicit StopFilter(std::vector<std::string> stops) : stops_(std::move(stops)) {
    if (!stops_.empty()) held_.reserve(kHeldBytes);
  }

  // Returns what may be shown now, or puts it into `shown`, which takes no memory where that has room;
  // nothing more once stopped.
  std::string Push(std::string_view text);
  void Push(std::string_view text, std::string& shown);
  // Returns the rest.
  std::string Finish();
  bool stopped() const { return stopped_; }

 private:
  static constexpr size_t kHeldBytes = 256;  // more than most pieces and stop strings together
  const std::vector<std::string> stops_;
  std::string held_;
  bool stopped_ = false;
};

}  // namespace linnet::engine

#endif  // LINNET_RUNTIME_ENGINE_STOP_FILTER_H_
