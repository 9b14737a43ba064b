#ifndef LINNET_RUNTIME_TOOLS_READ_LOOPS_H_
#define LINNET_RUNTIME_TOOLS_READ_LOOPS_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace linnet::tools {

// Adds up the n words at `words`, and does nothing else: as fast as memory gives them. The first leaves it to
// the processor to fetch what comes, the second asks for it 16 and 4 KiB ahead, as products of packed
// matrices do. Which is faster depends on the processor, and a product has the choice: so both are to be
// tried.
using ReadLoop = uint64_t (*)(const uint64_t* words, size_t n);
std::array<ReadLoop, 2> ReadLoops();

}  // namespace linnet::tools

#endif  // LINNET_RUNTIME_TOOLS_READ_LOOPS_H_
