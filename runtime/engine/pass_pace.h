#ifndef LINNET_RUNTIME_ENGINE_PASS_PACE_H_
#define LINNET_RUNTIME_ENGINE_PASS_PACE_H_

#include <cstddef>

#include "absl/time/time.h"

namespace linnet::engine {

// Who comes while a pass over the weights is under way waits no longer than this for its end...
inline constexpr absl::Duration kLongestPass = absl::Milliseconds(30);

// ...so a pass takes as many tokens of prompts as this machine evaluates of this model in that time, as far
// as the passes before it tell. Results do not depend on it (runtime/NUMERICS.md). For one thread.
class PassPace {
 public:
  // Fewer than `fewest` (less than `most`) are no use: reading the weights takes the time then, and a pass
  // that takes longer for that is given up when somebody comes (Scheduler).
  static constexpr size_t kFewest = 4;
  // The first pass takes so many: time enough to tell, on a slow machine too.
  static constexpr size_t kFirst = 8;

  // `most` >= 1: whatever the machine, no more.
  explicit PassPace(size_t most);

  // How many the next pass takes at most.
  size_t tokens() const { return tokens_; }
  // A pass of so many tokens took so long. Those of fewer than half of tokens() tell nothing: they may have
  // spent their time on the weights.
  void Took(size_t tokens, absl::Duration time);

 private:
  const size_t most_;
  size_t tokens_;
};

}  // namespace linnet::engine

#endif  // LINNET_RUNTIME_ENGINE_PASS_PACE_H_
