#ifndef LINNET_RUNTIME_KERNELS_FETCH_AHEAD_H_
#define LINNET_RUNTIME_KERNELS_FETCH_AHEAD_H_

#include <cstdint>

// Who sees to it that weights are there when a product of one token, or two, comes to them (x86-64; elsewhere
// always the processor). By request: prefetches, so far ahead that memory has answered by then. By the
// processor: no prefetches, and weights are read in the order of memory, so that its own prefetchers see one
// stream. Which is faster depends on the processor, the weights and who else uses the memory, by up to a
// third (tests/perf/RESULTS.md). What is computed does not.
namespace linnet::kernels {

enum class FetchAhead : uint8_t { kByRequest, kByProcessor };

// Of the whole process, for products that begin from now on. kByRequest at first. For any thread.
void SetFetchAhead(FetchAhead ahead);

// What was set last, as a number: kernels read it with __atomic_load_n, relaxed.
extern uint8_t fetch_ahead;

}  // namespace linnet::kernels

#endif  // LINNET_RUNTIME_KERNELS_FETCH_AHEAD_H_
