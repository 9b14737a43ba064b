#ifndef LINNET_RUNTIME_TOOLS_INT8_PEAK_H_
#define LINNET_RUNTIME_TOOLS_INT8_PEAK_H_

#include <cstdint>
#include <string_view>
#include <vector>

namespace linnet::tools {

// Products of 8-bit numbers added into 32 bits, in registers alone: as fast as the multipliers go.
struct Int8Loop {
  std::string_view name;            // of the instructions: the kernel set's that multiplies with them
  uint32_t operations;              // of a round; a product and its addition are two
  int32_t (*run)(uint64_t rounds);  // what one lane of 32 bits comes to, modulo 2^32
};

// Those that this CPU can run, the widest first; at least one. One file for each architecture implements it.
std::vector<Int8Loop> Int8Loops();

}  // namespace linnet::tools

#endif  // LINNET_RUNTIME_TOOLS_INT8_PEAK_H_
