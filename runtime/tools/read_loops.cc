#include "runtime/tools/read_loops.h"

namespace linnet::tools {
namespace {

// In bytes; and a line of memory.
constexpr size_t kFarAhead = 16384, kNearAhead = 4096, kLine = 64;

// Of what comes in `kBytes`. As a number: it may lie beyond the words, where it does nothing.
template <size_t kBytes>
inline void Ask(const uint64_t* words) {
  const auto at = reinterpret_cast<uintptr_t>(words);
  for (size_t i = 0; i < kBytes; i += kLine) {
    __builtin_prefetch(reinterpret_cast<const void*>(at + kFarAhead + i), 0, 2);
    __builtin_prefetch(reinterpret_cast<const void*>(at + kNearAhead + i), 0, 3);
  }
}

template <bool kAsk>
uint64_t Sum(const uint64_t* words, size_t n) {
  // Several sums, so that additions never wait for one another.
  constexpr size_t kSums = 16;
  uint64_t sums[kSums] = {};
  for (size_t i = 0; i + kSums <= n; i += kSums) {
    if constexpr (kAsk) Ask<kSums * sizeof(uint64_t)>(words + i);
    for (size_t j = 0; j < kSums; ++j) sums[j] += words[i + j];
  }
  uint64_t sum = 0;
  for (const uint64_t part : sums) sum += part;
  return sum;
}

}  // namespace

std::array<ReadLoop, 2> ReadLoops() { return {Sum<false>, Sum<true>}; }

}  // namespace linnet::tools
