#ifndef LINNET_RUNTIME_KERNELS_FETCH_AHEAD_H_
#define LINNET_RUNTIME_KERNELS_FETCH_AHEAD_H_

#include <cstdint>

// How far ahead a product of one token asks for weights (x86-64; others leave that to the processor). Far: so
// far that memory has answered by then. Near: just ahead, so that the processor's own prefetchers see one
// stream, and run ahead of it; only where a matrix is so narrow that they do. Which is faster depends on the
// processor, the weights and who else uses the memory, by up to a fifth (tests/perf/RESULTS.md). What is
// computed does not.
namespace linnet::kernels {

enum class FetchAhead : uint8_t { kFar, kNear };

// Of the whole process, for products that begin from now on. kFar at first. For any thread.
void SetFetchAhead(FetchAhead ahead);

// What was set last, for kernels: they read it with __atomic_load_n, relaxed.
extern FetchAhead fetch_ahead;

}  // namespace linnet::kernels

#endif  // LINNET_RUNTIME_KERNELS_FETCH_AHEAD_H_
