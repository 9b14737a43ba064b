#ifndef LINNET_RUNTIME_ENGINE_FETCH_CHOICE_H_
#define LINNET_RUNTIME_ENGINE_FETCH_CHOICE_H_

#include <array>
#include <cstdint>

#include "absl/time/time.h"
#include "runtime/kernels/fetch_ahead.h"

namespace linnet::engine {

// Which FetchAhead is faster for a model's tokens on this machine, as found out while it answers: a few
// tokens each way in turns, then the one whose fastest token was faster, until kOften tokens later both are
// tried again (threads, neighbours and the depth of the context change). For one thread.
class FetchChoice {
 public:
  // Tokens each way, after one that may have found its pages or caches cold.
  static constexpr uint32_t kTrials = 4;
  static constexpr uint32_t kOften = 1024;

  // For the next pass of one token.
  kernels::FetchAhead next() const;
  // That pass took so long.
  void Took(absl::Duration time);

 private:
  static constexpr uint32_t kTried = 1 + 2 * kTrials;
  bool trying() const { return at_ < kTried; }

  uint32_t at_ = 0;  // passes since the trials began
  kernels::FetchAhead best_ = kernels::FetchAhead::kByRequest;
  std::array<absl::Duration, 2> fastest_ = {absl::InfiniteDuration(),
                                            absl::InfiniteDuration()};  // by FetchAhead
};

}  // namespace linnet::engine

#endif  // LINNET_RUNTIME_ENGINE_FETCH_CHOICE_H_
