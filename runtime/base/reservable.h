#ifndef LINNET_RUNTIME_BASE_RESERVABLE_H_
#define LINNET_RUNTIME_BASE_RESERVABLE_H_

#include <cstdint>

#include "absl/status/status.h"

namespace linnet::base {

// A WritableFile whose room on the disk can be claimed before it is written (dynamic_cast finds out: a file
// system of a test may not offer it, and some disks cannot).
class Reservable {
 public:
  virtual ~Reservable() = default;
  // When this returns OK, writes below `size_bytes` need no more room. Bytes and size of the file stay.
  // ResourceExhausted: the disk has no such room; some of it may have been claimed. Unimplemented: this disk
  // cannot.
  virtual absl::Status Reserve(uint64_t size_bytes) = 0;
  // Gives back what was claimed beyond the file's size.
  virtual absl::Status Release() = 0;
};

}  // namespace linnet::base

#endif  // LINNET_RUNTIME_BASE_RESERVABLE_H_
