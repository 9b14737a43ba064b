#ifndef LINNET_TESTS_SUPPORT_COUNT_ALLOCATIONS_H_
#define LINNET_TESTS_SUPPORT_COUNT_ALLOCATIONS_H_

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

// Counts what a whole program takes from the heap: it replaces operator new, so one file of a program, and no
// library, includes it.
namespace linnet::testing {

inline std::atomic<uint64_t> allocations{0};

}  // namespace linnet::testing

// The other forms of new end up here.
void* operator new(std::size_t size) {
  linnet::testing::allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  linnet::testing::allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size == 0 ? 1 : size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }

#endif  // LINNET_TESTS_SUPPORT_COUNT_ALLOCATIONS_H_
