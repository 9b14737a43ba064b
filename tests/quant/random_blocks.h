#ifndef LINNET_TESTS_QUANT_RANDOM_BLOCKS_H_
#define LINNET_TESTS_QUANT_RANDOM_BLOCKS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/kernels/types.h"

namespace linnet::quant {

// splitmix64 (Steele, Lea, Flood 2014): the same numbers everywhere, unlike std distributions.
class SplitMix {
 public:
  explicit SplitMix(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // Uniform in [-1, 1), in steps of 2^-23.
  float Uniform() { return static_cast<float>(static_cast<int64_t>(Next()) >> 40) * 0x1p-23F; }
  // Mean 0, deviation 1: the sum of twelve uniform numbers, so that no library's logarithm is in it.
  float Gaussian() {
    float sum = 0;
    for (int i = 0; i < 12; ++i) sum += Uniform();
    return sum * 0.5F;
  }

 private:
  uint64_t state_;
};

inline uint64_t Fnv1a(const void* data, size_t size) {
  uint64_t digest = 0xcbf29ce484222325;
  for (size_t i = 0; i < size; ++i) digest = (digest ^ static_cast<const uint8_t*>(data)[i]) * 0x100000001b3;
  return digest;
}

// The blocks of make_vectors.py: any bytes, but scales are finite.
std::string RandomBlocks(kernels::WeightType type, size_t count);

}  // namespace linnet::quant

#endif  // LINNET_TESTS_QUANT_RANDOM_BLOCKS_H_
