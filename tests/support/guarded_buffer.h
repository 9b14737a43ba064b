#ifndef LINNET_TESTS_SUPPORT_GUARDED_BUFFER_H_
#define LINNET_TESTS_SUPPORT_GUARDED_BUFFER_H_

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "runtime/base/status_macros.h"

namespace linnet::testing {

// `n` elements that end at a page nobody may touch: reading or writing one byte too far ends the test. Before
// them stand bytes of a pattern that Intact() looks at.
template <typename T>
class GuardedBuffer {
 public:
  explicit GuardedBuffer(size_t n) : n_(n) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t bytes = (n * sizeof(T) + kFront + page - 1) / page * page;
    size_ = bytes + page;
    void* memory = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    LINNET_CHECK(memory != MAP_FAILED);
    base_ = static_cast<uint8_t*>(memory);
    LINNET_CHECK(mprotect(base_ + bytes, page, PROT_NONE) == 0);
    data_ = reinterpret_cast<T*>(base_ + bytes - n * sizeof(T));
    std::memset(base_, kPattern, bytes - n * sizeof(T));
  }
  ~GuardedBuffer() { munmap(base_, size_); }
  GuardedBuffer(const GuardedBuffer&) = delete;
  GuardedBuffer& operator=(const GuardedBuffer&) = delete;

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return n_; }
  T& operator[](size_t i) { return data_[i]; }
  std::span<T> span() { return {data_, n_}; }
  bool Intact() const {
    for (const uint8_t* p = base_; p < reinterpret_cast<const uint8_t*>(data_); ++p) {
      if (*p != kPattern) return false;
    }
    return true;
  }

 private:
  static constexpr size_t kFront = 64;
  static constexpr uint8_t kPattern = 0xA5;
  size_t n_, size_;
  uint8_t* base_;
  T* data_;
};

}  // namespace linnet::testing

#endif  // LINNET_TESTS_SUPPORT_GUARDED_BUFFER_H_
