#ifndef LINNET_RUNTIME_ENGINE_PASS_PACE_H_
#define LINNET_RUNTIME_ENGINE_PASS_PACE_H_

#include <cstddef>

#include "absl/time/time.h"

namespace linnet::engine {

// Who is more urgent waits no longer than kLongestWait for a pass over the weights that is under way: it is
// given up between two layers. What it did is done again later, so it takes kLongestPass at most; where
// others get on by a token in each pass, kLongestShared. A model whose layers keep a state cannot give up:
// there no pass takes longer than the wait. Few tokens in a pass are slow: each pass reads all weights.
inline constexpr absl::Duration kLongestWait = absl::Milliseconds(30);
inline constexpr absl::Duration kLongestShared = absl::Milliseconds(100);
inline constexpr absl::Duration kLongestPass = absl::Milliseconds(300);

// How many tokens of prompts a pass takes: as many as this machine evaluates of this model in a given time,
// as far as the passes before it tell. Results do not depend on it (runtime/NUMERICS.md). For one thread.
class PassPace {
 public:
  // Fewer than so many (and than `most`) are no use: reading the weights takes the time then.
  static constexpr size_t kFewest = 4;
  // So many, or several times as many, are what products of several tokens are best at (kernels/README.md);
  // of a few, several times kFewest.
  static constexpr size_t kGroup = 12;
  // The first pass takes so many: enough to tell, and soon done on a slow machine, too.
  static constexpr size_t kFirst = kGroup;

  // `most` >= 1: whatever the machine, no more.
  PassPace(size_t most, absl::Duration longest);

  // How many the next pass takes at most.
  size_t tokens() const { return tokens_; }
  // A pass of so many tokens took so long. Those of fewer than half of tokens() tell nothing: they may have
  // spent their time on the weights.
  void Took(size_t tokens, absl::Duration time);

 private:
  const size_t most_;
  const absl::Duration longest_;
  size_t tokens_;
};

}  // namespace linnet::engine

#endif  // LINNET_RUNTIME_ENGINE_PASS_PACE_H_
