#ifndef LINNET_DEPLOY_PROBE_PROGRESS_H_
#define LINNET_DEPLOY_PROBE_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <string_view>

#include "runtime/tools/progress.h"

namespace linnet::probe {

// A line on standard error that is drawn over itself and vanishes at the end; nothing when standard error is
// no terminal.
class ProgressBar {
 public:
  ProgressBar();
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // Null when nothing would be drawn. Valid as long as the bar is.
  tools::Progress Listener();
  // Before something is printed; more progress draws it again.
  void Clear();

 private:
  void Draw(uint64_t done, uint64_t total, std::string_view what);

  const bool terminal_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace linnet::probe

#endif  // LINNET_DEPLOY_PROBE_PROGRESS_H_
