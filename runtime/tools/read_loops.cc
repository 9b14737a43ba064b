#include "runtime/tools/read_loops.h"

#include <algorithm>

namespace linnet::tools {
namespace {

constexpr size_t kFarAhead = 16384 / sizeof(uint64_t), kNearAhead = 4096 / sizeof(uint64_t);
constexpr size_t kLine = 64 / sizeof(uint64_t);
// Several sums, so that additions never wait for one another.
constexpr size_t kSums = 16;

template <bool kAsk>
uint64_t Sum(const uint64_t* words, size_t n) {
  uint64_t sums[kSums] = {};
  for (size_t i = 0; i + kSums <= n; i += kSums) {
    for (size_t j = 0; kAsk && j < kSums; j += kLine) {
      __builtin_prefetch(words + std::min(i + kFarAhead + j, n - 1), 0, 2);
      __builtin_prefetch(words + std::min(i + kNearAhead + j, n - 1), 0, 3);
    }
    for (size_t j = 0; j < kSums; ++j) sums[j] += words[i + j];
  }
  uint64_t sum = 0;
  for (const uint64_t part : sums) sum += part;
  return sum;
}

}  // namespace

std::array<ReadLoop, 2> ReadLoops() { return {Sum<false>, Sum<true>}; }

}  // namespace linnet::tools
