#ifndef LINNET_RUNTIME_SAMPLER_PHILOX_H_
#define LINNET_RUNTIME_SAMPLER_PHILOX_H_

#include <array>
#include <cstdint>

namespace linnet::sampler {

// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11).
std::array<uint32_t, 4> Philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

// What a random number is for; the numbers are part of "same seed, same text" and never change.
enum class Purpose : uint32_t { kDraw = 0, kXtc = 1 };

// In [0, 1): the upper 53 bits of the first two words at counter = (position, purpose, 0), key = seed.
double Uniform(uint64_t seed, uint64_t position, Purpose purpose);

}  // namespace linnet::sampler

#endif  // LINNET_RUNTIME_SAMPLER_PHILOX_H_
